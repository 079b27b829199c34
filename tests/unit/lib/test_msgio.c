/* test_msgio.c - messages on a socket: descriptors travel, what does not fit is refused */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "msgio.h"

static uint8_t packet[MSG_MAX + 1];

static int pair[2];

static int
pair_setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
}

static int
pair_teardown(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		if (pair[i] != -1)
			close(pair[i]);
	return 0;
}

static int
count_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* Send raw bytes and descriptors past msgio_send(), as a peer of ill will can. */
static void
send_raw(const void *p, size_t n, size_t nfds)
{
	char control[CMSG_SPACE(sizeof(int) * 64)] __attribute__((aligned(16))) = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nfds > 0) {
		struct cmsghdr *h = (struct cmsghdr *)(void *)control;

		mh.msg_control = control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		for (size_t i = 0; i < nfds; i++)
			memcpy(CMSG_DATA(h) + i * sizeof(int), &pair[0], sizeof(int));
	}
	assert_int_equal(n, sendmsg(pair[0], &mh, MSG_NOSIGNAL));
}

static void
descriptors_travel_with_their_message(void **state)
{
	int fds[MSG_FDS_MAX], pipes[2], before = count_open();
	struct msg_out o;
	struct err e;
	size_t nfds;
	char c = 0;

	(void)state;
	assert_int_equal(0, pipe2(pipes, O_CLOEXEC));
	msg_start(&o, packet, sizeof(packet), MSG_OPENED, 9);
	msg_put_u32(&o, 3);
	assert_int_equal(0, msgio_send(pair[0], &o, &pipes[1], 1, &e));
	assert_int_equal(0, msgio_send(pair[0], &o, NULL, 0, &e));
	close(pipes[1]);
	memset(packet, 0, 100);
	assert_int_equal(
	    MSG_HEADER + 5, msgio_recv(pair[1], packet, sizeof(packet), fds, &nfds, &e));
	assert_int_equal(1, nfds);
	assert_int_equal(FD_CLOEXEC, fcntl(fds[0], F_GETFD));
	assert_int_equal(1, write(fds[0], "x", 1));
	assert_int_equal(1, read(pipes[0], &c, 1));
	assert_int_equal('x', c);
	close(fds[0]);
	assert_int_equal(
	    MSG_HEADER + 5, msgio_recv(pair[1], packet, sizeof(packet), fds, &nfds, &e));
	assert_int_equal(0, nfds);
	close(pipes[0]);
	assert_int_equal(before, count_open());
}

static void
as_many_descriptors_as_allowed_pass_and_more_are_all_closed(void **state)
{
	int fds[MSG_FDS_MAX], before = count_open();
	struct err e;
	size_t nfds;

	(void)state;
	for (size_t n = 1; n <= 40; n++) {
		ssize_t got;

		send_raw("0123456789ab", 12, n);
		got = msgio_recv(pair[1], packet, sizeof(packet), fds, &nfds, &e);
		if (n <= MSG_FDS_MAX) {
			assert_int_equal(12, got);
			assert_int_equal(n, nfds);
			while (nfds > 0)
				close(fds[--nfds]);
		} else {
			assert_int_equal(-1, got);
			assert_int_equal(ERR_PEER, e.kind);
			assert_int_equal(0, nfds);
		}
		assert_int_equal(before, count_open());
	}
}

static void
a_packet_longer_than_the_buffer_is_refused(void **state)
{
	int fds[MSG_FDS_MAX], before = count_open();
	struct err e;
	size_t nfds;

	(void)state;
	send_raw("0123456789abcdef", 16, 0);
	assert_int_equal(16, msgio_recv(pair[1], packet, 16, fds, &nfds, &e));
	send_raw("0123456789abcdefg", 17, 2);
	assert_int_equal(-1, msgio_recv(pair[1], packet, 16, fds, &nfds, &e));
	assert_int_equal(ERR_PEER, e.kind);
	assert_int_equal(0, nfds);
	assert_int_equal(before, count_open());
}

static void
the_longest_message_passes(void **state)
{
	static uint8_t body[MSG_MAX];
	int fds[MSG_FDS_MAX];
	struct msg_out o;
	struct err e;
	size_t nfds;

	(void)state;
	msg_start(&o, packet, sizeof(packet), MSG_LOG, 0);
	msg_put_bytes(&o, body, MSG_MAX - MSG_HEADER - 5);
	assert_int_equal(0, msgio_send(pair[0], &o, NULL, 0, &e));
	assert_int_equal(MSG_MAX, msgio_recv(pair[1], packet, MSG_MAX, fds, &nfds, &e));
}

static void
what_cannot_be_sent_is_told(void **state)
{
	static uint8_t body[30000];
	int many[MSG_FDS_MAX + 1], r = 0;
	struct msg_out o;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i <= MSG_FDS_MAX; i++)
		many[i] = pair[0];
	msg_start(&o, packet, sizeof(packet), MSG_LOG, 0);
	assert_int_equal(-1, msgio_send(pair[0], &o, many, MSG_FDS_MAX + 1, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_int_equal(0, msgio_send(pair[0], &o, many, MSG_FDS_MAX, &e));
	msg_start(&o, packet, MSG_HEADER, MSG_LOG, 0);
	msg_put_u32(&o, 1);
	assert_int_equal(-1, msgio_send(pair[0], &o, NULL, 0, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	/* full: the caller keeps the message */
	msg_start(&o, packet, sizeof(packet), MSG_LOG, 0);
	msg_put_bytes(&o, body, sizeof(body));
	for (int i = 0; i < 10000 && r == 0; i++)
		r = msgio_send(pair[0], &o, NULL, 0, &e);
	assert_int_equal(-1, r);
	assert_int_equal(ERR_SYS, e.kind);
	assert_int_equal(EAGAIN, e.detail);
	/* nobody there: an error, no signal; the first one tells of what was never read */
	close(pair[1]);
	pair[1] = -1;
	assert_int_equal(-1, msgio_send(pair[0], &o, NULL, 0, &e));
	assert_int_equal(ECONNRESET, e.detail);
	assert_int_equal(-1, msgio_send(pair[0], &o, NULL, 0, &e));
	assert_int_equal(ERR_SYS, e.kind);
	assert_int_equal(EPIPE, e.detail);
}

static void
nothing_there_and_the_end_are_told_apart(void **state)
{
	int fds[MSG_FDS_MAX];
	struct err e = { 0 };
	size_t nfds = 99;

	(void)state;
	assert_int_equal(-1, msgio_recv(pair[1], packet, sizeof(packet), fds, &nfds, &e));
	assert_int_equal(ERR_SYS, e.kind);
	assert_int_equal(EAGAIN, e.detail);
	assert_int_equal(0, nfds);
	close(pair[0]);
	pair[0] = -1;
	assert_int_equal(0, msgio_recv(pair[1], packet, sizeof(packet), fds, &nfds, &e));
	assert_int_equal(0, nfds);
}

#define with_pair(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_pair(descriptors_travel_with_their_message),
		with_pair(as_many_descriptors_as_allowed_pass_and_more_are_all_closed),
		with_pair(a_packet_longer_than_the_buffer_is_refused),
		with_pair(the_longest_message_passes),
		with_pair(what_cannot_be_sent_is_told),
		with_pair(nothing_there_and_the_end_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
