/* test_ports.c - the local port stays ours until CLOSED, whatever TCP and the gate do */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "child.h"
#include "sshbridge/ident/who.h"
#include "tests/unit/help/stage.h"

enum { ACCOUNT = 2 };

struct bench {
	struct stage p;
	struct stage_sock sock;
	int listener, gate, fd, far;
	struct sockaddr_in source;
	uint64_t conn;
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct stage_open a = stage_open(1);
	struct settings s;
	socklen_t n = sizeof(b->source);
	uint16_t port;

	assert_non_null(b);
	b->listener = stage_listener(&port);
	stage_start(&b->p, "ident");
	stage_settings(&s, port);
	b->gate = stage_peer(&b->p, PEER_GATE, 0);
	stage_listen(&b->p, &b->sock);
	stage_in_force(&b->p, 1, &s);
	stage_open_send(b->gate, &a);
	b->fd = stage_opened(b->gate, 1, &b->conn);
	b->far = accept(b->listener, NULL, NULL);
	assert_int_equal(0, getpeername(b->far, (struct sockaddr *)&b->source, &n));
	*state = b;
	return 0;
}

static void
shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	shut(&b->fd);
	shut(&b->far);
	shut(&b->gate);
	shut(&b->listener);
	stage_listen_done(&b->sock);
	stage_end(&b->p);
	free(b);
	return 0;
}

/* Bind the connection's source address and port, as a local thief would. 0 or errno. */
static int
steal(const struct bench *b, int option)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, r = 0;

	if (option != 0)
		assert_int_equal(0, setsockopt(fd, SOL_SOCKET, option, &on, sizeof(on)));
	if (bind(fd, (const struct sockaddr *)&b->source, sizeof(b->source)) == -1)
		r = errno;
	close(fd);
	return r;
}

/* Nobody can take the port, in any of the ways there are to bind it. */
static void
port_is_held(const struct bench *b, const char *when)
{
	struct err e = { 0 };

	if (b->fd != -1)
		print_message(
		    "# note: %s: TCP state %s\n", when, who_state_name(who_tcp_state(b->fd, &e)));
	assert_int_equal(EADDRINUSE, steal(b, 0));
	assert_int_equal(EADDRINUSE, steal(b, SO_REUSEADDR));
	assert_int_equal(EADDRINUSE, steal(b, SO_REUSEPORT));
}

/* Until CLOSED; then it is free (no TIME_WAIT where the target went first). */
static void
port_is_free_after_closed(struct bench *b)
{
	shut(&b->fd);
	port_is_held(b, "");
	stage_closed(b->gate, b->conn, 1);
	(void)stage_log(&b->p, "closed");
	assert_int_equal(0, steal(b, SO_REUSEADDR));
}

static void
wait_state(int fd, int state)
{
	struct err e = { 0 };

	while (who_tcp_state(fd, &e) != state)
		(void)usleep(1000);
}

static void
held_while_open_and_after_a_reset(void **state)
{
	struct bench *b = *state;
	const struct linger now = { .l_onoff = 1 };
	unsigned kind;

	port_is_held(b, "open");
	assert_int_equal(0, setsockopt(b->far, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	shut(&b->far);
	wait_state(b->fd, TCP_CLOSE);
	port_is_held(b, "target reset");
	assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "alice", b->listener, &kind));
	port_is_free_after_closed(b);
}

static void
held_after_the_target_closed_with_data_unread(void **state)
{
	struct bench *b = *state;

	assert_int_equal(4, send(b->fd, "data", 4, 0));
	shut(&b->far);
	wait_state(b->fd, TCP_CLOSE);
	port_is_held(b, "target closed with data unread");
	port_is_free_after_closed(b);
}

static void
held_after_the_last_acknowledgement(void **state)
{
	struct bench *b = *state;

	assert_int_equal(3, send(b->far, "bye", 3, 0));
	shut(&b->far);
	wait_state(b->fd, TCP_CLOSE_WAIT);
	port_is_held(b, "target closed, the gate owes its client three bytes");
	assert_int_equal(0, shutdown(b->fd, SHUT_WR));
	wait_state(b->fd, TCP_CLOSE);
	port_is_held(b, "both closed, last ACK");
	port_is_free_after_closed(b);
}

static void
held_after_the_gate_closed_its_descriptor(void **state)
{
	struct bench *b = *state;

	shut(&b->fd);
	port_is_held(b, "");
	/* the bridge's FIN goes out with CLOSED, not before */
	struct pollfd pf = { .fd = b->far, .events = POLLIN };

	assert_int_equal(0, poll(&pf, 1, 100));
	stage_closed(b->gate, b->conn, 1);
	assert_int_equal(1, poll(&pf, 1, 60000));
}

/* A second connection of the same two ends, made by a thief who had the port: another socket. */
static void
other_socket_with_the_same_ends_is_denied(void **state)
{
	struct bench *b = *state;
	struct sockaddr_in server;
	socklen_t n = sizeof(server);
	unsigned kind;
	int thief, far;

	assert_int_equal(MSG_IS, stage_ask(&b->sock, ACCOUNT, "alice", b->far, &kind));
	assert_int_equal(0, getsockname(b->far, (struct sockaddr *)&server, &n));
	/* the connection is over for the kernel, not for the gate: the entry is still there */
	shut(&b->far);
	wait_state(b->fd, TCP_CLOSE_WAIT);
	assert_int_equal(0, shutdown(b->fd, SHUT_WR));
	wait_state(b->fd, TCP_CLOSE);
	/* repair mode is what root has to force the tuple: then still nothing is granted */
	thief = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;

	(void)setsockopt(thief, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (setsockopt(thief, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) == -1 ||
	    bind(thief, (struct sockaddr *)&b->source, sizeof(b->source)) == -1) {
		close(thief);
		skip();
	}
	on = 0;
	assert_int_equal(0, setsockopt(thief, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)));
	if (connect(thief, (struct sockaddr *)&server, sizeof(server)) == -1) {
		close(thief);
		skip();
	}
	far = accept(b->listener, NULL, NULL);
	assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "alice", far, &kind));
	close(thief);
	close(far);
}

static long
switches(const struct stage *p)
{
	char path[64], line[256];
	long n = -1;
	FILE *fp;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)p->pid);
	assert_non_null(fp = fopen(path, "re"));
	while (fgets(line, sizeof(line), fp) != NULL)
		if (strncmp(line, "voluntary_ctxt_switches:", 24) == 0)
			n = strtol(line + 24, NULL, 10);
	(void)fclose(fp);
	return n;
}

/* CPU time in clock ticks. */
static long
ticks(const struct stage *p)
{
	char path[64], line[512], *at;
	unsigned long user = 0, sys = 0;
	FILE *fp;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)p->pid);
	assert_non_null(fp = fopen(path, "re"));
	assert_non_null(fgets(line, sizeof(line), fp));
	(void)fclose(fp);
	assert_non_null(at = strrchr(line, ')'));
	assert_int_equal(
	    2, sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys));
	return (long)(user + sys);
}

static void
an_end_that_stays_does_not_spin(void **state)
{
	struct bench *b = *state;
	const struct linger now = { .l_onoff = 1 };
	long before;

	assert_int_equal(0, shutdown(b->far, SHUT_WR));
	(void)usleep(20000);
	before = ticks(&b->p);
	(void)usleep(400000);
	assert_in_range(ticks(&b->p) - before, 0, 3);
	assert_int_equal(0, setsockopt(b->far, SOL_SOCKET, SO_LINGER, &now, sizeof(now)));
	shut(&b->far);
	before = ticks(&b->p);
	(void)usleep(400000);
	assert_in_range(ticks(&b->p) - before, 0, 3);
}

/* Bytes from one end to the other, slowly, so that each would be a wake-up of its own. */
static void
trickle(int from, int to)
{
	char byte;

	for (int i = 0; i < 100; i++) {
		assert_int_equal(1, send(from, "x", 1, 0));
		assert_int_equal(1, recv(to, &byte, 1, 0));
		(void)usleep(1000);
	}
}

static void
data_wakes_nobody(void **state)
{
	struct bench *b = *state;
	long before;

	(void)usleep(50000);
	before = switches(&b->p);
	trickle(b->far, b->fd);
	trickle(b->fd, b->far);
	assert_in_range(switches(&b->p) - before, 0, 20);
	assert_int_equal(0, shutdown(b->far, SHUT_WR)); /* an end that stays */
	before = switches(&b->p);
	trickle(b->fd, b->far);
	assert_in_range(switches(&b->p) - before, 0, 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(held_while_open_and_after_a_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    held_after_the_target_closed_with_data_unread, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    held_after_the_last_acknowledgement, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    held_after_the_gate_closed_its_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    other_socket_with_the_same_ends_is_denied, setup, teardown),
		cmocka_unit_test_setup_teardown(data_wakes_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(an_end_that_stays_does_not_spin, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
