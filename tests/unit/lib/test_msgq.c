/* test_msgq.c - queued messages: order, limits, ends */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "msgio.h"
#include "msgq.h"

struct side {
	struct msgq *q;
	unsigned got, ended;
	uint64_t last;
	int fd;
	bool free_in_msg, bad;
	enum err_kind why;
};

static int
on_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct side *s = arg;
	struct msg_in m;

	if (msg_parse(&m, buf, n, e) == -1)
		return -1;
	s->got++;
	s->last = m.conn;
	if (nfds == 1 && s->fd == -1) {
		s->fd = fds[0];
		fds[0] = -1;
	}
	if (s->free_in_msg) {
		msgq_free(s->q);
		s->q = NULL;
		return 0;
	}
	return s->bad ? err_set(e, ERR_PEER, "not wanted") : 0;
}

static void
on_end(void *arg, const struct err *why)
{
	struct side *s = arg;

	s->ended++;
	s->why = why->kind;
}

struct fixture {
	struct event_base *base;
	struct side a;
	int fd; /* the other end, raw */
};

static int
setup(void **state)
{
	static struct fixture f;
	struct err e;
	int pair[2];

	memset(&f, 0, sizeof(f));
	f.base = event_base_new();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	f.a.fd = -1;
	f.fd = pair[1];
	f.a.q = msgq_new(f.base, pair[0], 200000, on_msg, on_end, &f.a, &e);
	*state = &f;
	return f.a.q == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	msgq_free(f->a.q);
	if (f->fd != -1)
		close(f->fd);
	if (f->a.fd != -1)
		close(f->a.fd);
	event_base_free(f->base);
	return 0;
}

static void
send_raw(int fd, uint64_t conn, const int *fds, size_t nfds)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e;

	msg_start(&o, buf, sizeof(buf), MSG_IDLE, conn);
	assert_int_equal(0, msgio_send(fd, &o, fds, nfds, &e));
}

static void
messages_wait_in_order_for_a_slow_peer(void **state)
{
	struct fixture *f = *state;
	static uint8_t buf[1000], in[MSG_MAX];
	struct msg_out o;
	struct err e;
	int fds[MSG_FDS_MAX];
	size_t nfds;
	uint64_t sent = 0, got = 0;
	int r = 0;

	while (r == 0) {
		msg_start(&o, buf, sizeof(buf), MSG_LOG, sent);
		while (o.len < 900)
			msg_put_u64(&o, 1);
		if ((r = msgq_send(f->a.q, &o, NULL, 0, &e)) == 0)
			sent++;
		assert_true(sent < 100000);
	}
	assert_int_equal(ERR_NOMEM, e.kind); /* the bound is told, not crossed */
	assert_true(msgq_waiting(f->a.q) <= 200000);
	while (got < sent) {
		struct msg_in m;
		ssize_t n = msgio_recv(f->fd, in, sizeof(in), fds, &nfds, &e);

		if (n == -1) {
			assert_int_equal(
			    0, event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK));
			continue;
		}
		assert_int_equal(0, msg_parse(&m, in, (size_t)n, &e));
		assert_int_equal(got, m.conn);
		got++;
	}
	assert_int_equal(0, msgq_waiting(f->a.q));
}

static void
descriptors_pass_and_are_closed_here(void **state)
{
	struct fixture *f = *state;
	uint8_t buf[64], in[128];
	struct msg_out o;
	struct err e;
	int p[2], fds[MSG_FDS_MAX];
	size_t nfds;

	assert_int_equal(0, pipe(p));
	msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
	assert_int_equal(0, msgq_send(f->a.q, &o, &p[1], 1, &e));
	assert_int_equal(-1, write(p[1], "x", 1)); /* no longer ours */
	assert_true(msgio_recv(f->fd, in, sizeof(in), fds, &nfds, &e) > 0);
	assert_int_equal(1, nfds);
	assert_int_equal(1, write(fds[0], "x", 1));
	close(fds[0]);
	close(p[0]);
}

static void
end_of_the_peer_is_told_once_after_its_last_words(void **state)
{
	struct fixture *f = *state;

	send_raw(f->fd, 1, NULL, 0);
	send_raw(f->fd, 2, NULL, 0);
	close(f->fd);
	f->fd = -1;
	for (int i = 0; i < 5; i++)
		(void)event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(2, f->a.got);
	assert_int_equal(1, f->a.ended);
	assert_int_equal(ERR_NONE, f->a.why);
}

/* What the peer did not read before it ended does not take its own last words away. */
static void
last_words_of_a_peer_that_left_something_unread_are_told(void **state)
{
	struct fixture *f = *state;
	uint8_t buf[64];
	struct msg_out o;
	struct err e;

	send_raw(f->fd, 7, NULL, 0);
	msg_start(&o, buf, sizeof(buf), MSG_IDLE, 0);
	assert_int_equal(0, msgq_send(f->a.q, &o, NULL, 0, &e));
	close(f->fd);
	f->fd = -1;
	while (f->a.ended == 0)
		assert_int_equal(0, event_base_loop(f->base, EVLOOP_ONCE));
	assert_int_equal(1, f->a.got);
	assert_true(f->a.last == 7);
	assert_int_equal(ERR_NONE, f->a.why);
}

static void
a_refused_message_ends_the_queue(void **state)
{
	struct fixture *f = *state;

	f->a.bad = true;
	send_raw(f->fd, 1, NULL, 0);
	send_raw(f->fd, 2, NULL, 0);
	(void)event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(1, f->a.got);
	assert_int_equal(1, f->a.ended);
	assert_int_equal(ERR_PEER, f->a.why);
}

static void
a_handler_may_free_its_queue(void **state)
{
	struct fixture *f = *state;

	f->a.free_in_msg = true;
	send_raw(f->fd, 1, NULL, 0);
	send_raw(f->fd, 2, NULL, 0);
	(void)event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(1, f->a.got);
	assert_int_equal(0, f->a.ended);
}

static void
a_paused_queue_reads_nothing(void **state)
{
	struct fixture *f = *state;

	msgq_pause(f->a.q, true);
	send_raw(f->fd, 1, NULL, 0);
	(void)event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(0, f->a.got);
	msgq_pause(f->a.q, false);
	(void)event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(1, f->a.got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
		T(messages_wait_in_order_for_a_slow_peer),
		T(descriptors_pass_and_are_closed_here),
		T(end_of_the_peer_is_told_once_after_its_last_words),
		T(last_words_of_a_peer_that_left_something_unread_are_told),
		T(a_refused_message_ends_the_queue),
		T(a_handler_may_free_its_queue),
		T(a_paused_queue_reads_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
