/* stage_jump.c - a test plays the jump processes of ident */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sshkey.h"
#include "tests/unit/help/sshkeys.h"
#include "tests/unit/help/stage_jump.h"

void
stage_settings_jump(struct settings *s, unsigned ssh_keys)
{
	struct settings_target *t = &s->targets[s->ntargets++];

	(void)snprintf(t->name, sizeof(t->name), "jump");
	(void)snprintf(t->names[0], sizeof(t->names[0]), "jump.example");
	t->nnames = 1;
	t->mode = TARGET_JUMP;
	t->source = SOURCE_PER_IDENTITY;
	t->nhost_keys = 1;
	t->ssh_keys = ssh_keys;
	s->login_timeout = 30;
	s->channels = 8;
}

void
stage_monitor_expect(struct stage *p, struct got *g, unsigned type)
{
	do {
		stage_recv(p->monitor, g);
		if (g->end)
			fail_msg("it ended before %s", msg_name(type));
	} while (g->m.type == MSG_LOG || g->m.type == MSG_AUDIT);
	if (g->m.type != type)
		fail_msg("%s came, %s was expected", msg_name(g->m.type), msg_name(type));
}

int
stage_jump(struct stage *p, uint64_t generation, uint32_t number)
{
	uint8_t buf[64];
	struct msg_out o;
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	msg_start(&o, buf, sizeof(buf), MSG_JUMP, 0);
	msg_put_u64(&o, generation);
	msg_put_u32(&o, number);
	stage_send(p->monitor, &o, &pair[1], 1);
	close(pair[1]);
	return pair[0];
}

static struct got *
got_new(void)
{
	struct got *g = malloc(sizeof(*g));

	assert_non_null(g);
	return g;
}

uint32_t
stage_taken(struct stage *p)
{
	struct got *g = got_new();
	struct err e = { 0 };
	uint32_t number;

	stage_monitor_expect(p, g, MSG_TAKEN);
	assert_int_equal(0, msg_get_u32(&g->m, &number));
	assert_int_equal(0, msg_end(&g->m, &e));
	free(g);
	return number;
}

int
stage_started(int jump, uint32_t target, uint64_t *conn)
{
	struct got *g = got_new();
	struct err e = { 0 };
	char from[80];
	uint32_t index;
	int fd;

	stage_expect(jump, g, MSG_START);
	assert_int_equal(0, msg_get_u32(&g->m, &index));
	assert_int_equal(0, msg_get_str(&g->m, from, sizeof(from)));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_int_equal(target, index);
	assert_string_equal("192.0.2.7:50000", from);
	assert_int_equal(1, g->nfds);
	assert_true(g->m.conn != 0);
	*conn = g->m.conn;
	fd = g->fds[0];
	free(g);
	return fd;
}

void
stage_login_send(
    int jump, uint64_t conn, uint32_t number, const char *account, unsigned key, unsigned proven)
{
	static struct sshkey k;
	char line[SSHKEY_TEXT_MAX];
	uint8_t buf[8192];
	struct msg_out o;
	struct err e = { 0 };

	(void)snprintf(line, sizeof(line), "%s %s", sshkeys[key].type, sshkeys[key].base64);
	assert_int_equal(0, sshkey_parse_text(line, strlen(line), &k, &e));
	msg_start(&o, buf, sizeof(buf), MSG_LOGIN, conn);
	msg_put_u32(&o, number);
	msg_put_str(&o, account);
	msg_put_bytes(&o, k.blob, k.blob_len);
	msg_put_u32(&o, proven & 1);
	msg_put_u32(&o, proven >> 8);
	stage_send(jump, &o, NULL, 0);
}

unsigned
stage_logged(int jump, uint32_t number, int *fd)
{
	struct got *g = got_new();
	struct err e = { 0 };
	char text[512];
	uint32_t n, verdict;

	stage_expect(jump, g, MSG_LOGGED);
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	assert_int_equal(0, msg_get_u32(&g->m, &verdict));
	assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_int_equal(number, n);
	assert_int_equal(verdict == 2, g->nfds);
	if (verdict == 2)
		*fd = g->fds[0];
	free(g);
	return verdict;
}

unsigned
stage_login(int jump, uint64_t conn, const char *account, unsigned key, unsigned proven)
{
	static uint32_t number = 100;
	int fd = -1;

	stage_login_send(jump, conn, ++number, account, key, proven);
	return stage_logged(jump, number, &fd);
}

void
stage_dial(int jump, uint64_t conn, uint32_t channel, const char *host, uint32_t port)
{
	uint8_t buf[1024];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_DIAL, conn);
	msg_put_u32(&o, channel);
	msg_put_str(&o, host);
	msg_put_u32(&o, port);
	msg_put_str(&o, "127.0.0.1");
	msg_put_u32(&o, 65535);
	stage_send(jump, &o, NULL, 0);
}

int
stage_channel(int jump, uint64_t conn, uint32_t channel)
{
	struct got *g = got_new();
	struct err e = { 0 };
	uint32_t n;
	int fd;

	stage_expect(jump, g, MSG_OPENED);
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_int_equal(channel, n);
	assert_int_equal(1, g->nfds);
	assert_true(g->m.conn == conn);
	fd = g->fds[0];
	free(g);
	return fd;
}

unsigned
stage_channel_refused(int jump, uint64_t conn, uint32_t channel)
{
	struct got *g = got_new();
	struct err e = { 0 };
	char text[256];
	uint32_t n, code;

	stage_expect(jump, g, MSG_REFUSED);
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	assert_int_equal(0, msg_get_u32(&g->m, &code));
	assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_int_equal(channel, n);
	assert_int_equal(0, g->nfds);
	assert_true(g->m.conn == conn);
	assert_true(strlen(text) > 0);
	free(g);
	return code;
}

void
stage_channel_closed(int jump, uint64_t conn, uint32_t channel)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_CLOSED, conn);
	msg_put_u32(&o, channel);
	msg_put_u64(&o, 33);
	msg_put_u64(&o, 44);
	msg_put_str(&o, "client closed");
	stage_send(jump, &o, NULL, 0);
}

unsigned
stage_jump_cut(int jump, uint64_t conn, char *text, size_t size)
{
	struct got *g = got_new();
	struct err e = { 0 };
	uint32_t code;

	stage_expect(jump, g, MSG_CUT);
	assert_int_equal(0, msg_get_u32(&g->m, &code));
	assert_int_equal(0, msg_get_str(&g->m, text, size));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_true(g->m.conn == conn);
	free(g);
	return code;
}
