/* gateplay_ident.c - what the test says and hears as ident */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "tests/unit/help/gateplay.h"

static void
start_reading(struct msg_in *m, const uint8_t *buf, size_t n)
{
	struct err e;

	assert_int_equal(0, msg_parse(m, buf, n, &e));
}

uint32_t
gateplay_open(struct gateplay *p, char *name, size_t name_size, char *from, size_t from_size)
{
	static uint8_t buf[GATEPLAY_MESSAGE];
	char text[ADDR_TEXT_SIZE], host[256];
	struct sockaddr_storage ss;
	struct msg_in m;
	uint64_t generation;
	uint32_t number;

	start_reading(&m, buf, gateplay_recv(p->ident, MSG_OPEN, buf));
	assert_int_equal(0, m.conn);
	assert_int_equal(0, msg_get_u32(&m, &number));
	assert_int_equal(0, msg_get_u64(&m, &generation));
	assert_int_equal(0, msg_get_str(&m, host, sizeof(host)));
	assert_int_equal(0, addr_get(&m, &ss));
	p->generation = generation;
	if (name != NULL)
		(void)snprintf(name, name_size, "%s", host);
	if (from != NULL)
		(void)snprintf(from, from_size, "%s", addr_text_port(&ss, text));
	return number;
}

int
gateplay_opened(struct gateplay *p, uint32_t number, uint64_t id, uint32_t idle)
{
	return gateplay_opened_until(p, number, id, idle, 0);
}

int
gateplay_opened_until(
    struct gateplay *p, uint32_t number, uint64_t id, uint32_t idle, uint64_t renew_at)
{
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	gateplay_opened_with(p, number, id, idle, renew_at, pair[1]);
	close(pair[1]);
	return pair[0];
}

void
gateplay_opened_with(
    struct gateplay *p, uint32_t number, uint64_t id, uint32_t idle, uint64_t renew_at, int fd)
{
	uint8_t buf[128];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_OPENED, id);
	msg_put_u32(&o, number);
	msg_put_u32(&o, idle);
	msg_put_str(&o, "login");
	msg_put_u64(&o, renew_at);
	gateplay_send(p->ident, &o, &fd, 1);
}

void
gateplay_renewed(struct gateplay *p, uint32_t number, uint64_t id, uint64_t renew_at)
{
	uint8_t buf[64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_RENEWED, id);
	msg_put_u32(&o, number);
	msg_put_u64(&o, renew_at);
	gateplay_send(p->ident, &o, NULL, 0);
}

void
gateplay_cut(struct gateplay *p, uint32_t number, uint64_t id, const char *text)
{
	uint8_t buf[512];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_CUT, id);
	msg_put_u32(&o, number);
	msg_put_u32(&o, 1);
	msg_put_str(&o, text);
	gateplay_send(p->ident, &o, NULL, 0);
}

void
gateplay_refused(struct gateplay *p, uint32_t number, uint64_t id, const char *text)
{
	uint8_t buf[512];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_REFUSED, id);
	msg_put_u32(&o, number);
	msg_put_u32(&o, 1);
	msg_put_str(&o, text);
	gateplay_send(p->ident, &o, NULL, 0);
}

void
gateplay_closed(struct gateplay *p, struct gateplay_closed *c)
{
	static uint8_t buf[GATEPLAY_MESSAGE];
	struct msg_in m;
	struct err e;

	start_reading(&m, buf, gateplay_recv(p->ident, MSG_CLOSED, buf));
	c->id = m.conn;
	assert_int_equal(0, msg_get_u32(&m, &c->number));
	assert_int_equal(0, msg_get_u64(&m, &c->up));
	assert_int_equal(0, msg_get_u64(&m, &c->down));
	assert_int_equal(0, msg_get_str(&m, c->why, sizeof(c->why)));
	assert_int_equal(0, msg_end(&m, &e));
}
