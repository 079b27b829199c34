/* test_who.c - WHO on ident.sock: who is behind this socket, and may it use that account? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "child.h"
#include "tests/unit/help/stage.h"

enum { AUTH = 1, ACCOUNT = 2, OPEN_SESSION = 3, NO_ENTRY = 1, CAUSE = 2 };

/* One connection of alice's through the bridge: `fd` is the gate's, `far` is sshd's. */
struct bench {
	struct stage p;
	struct settings s;
	struct stage_sock sock;
	int listener, gate, fd, far;
	uint64_t conn;
	unsigned kind;
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct stage_open a = stage_open(1);
	uint16_t port;

	assert_non_null(b);
	b->listener = stage_listener(&port);
	stage_start(&b->p, "ident");
	stage_settings(&b->s, port);
	b->gate = stage_peer(&b->p, PEER_GATE, 0);
	stage_listen(&b->p, &b->sock);
	stage_in_force(&b->p, 1, &b->s);
	stage_open_send(b->gate, &a);
	b->fd = stage_opened(b->gate, 1, &b->conn);
	b->far = accept(b->listener, NULL, NULL);
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

static unsigned
ask(struct bench *b, unsigned hook, const char *account)
{
	return stage_ask(&b->sock, hook, account, b->far, &b->kind);
}

static void
mapped_account_is_granted_and_told(void **state)
{
	struct bench *b = *state;
	struct got *g = malloc(sizeof(*g));
	char identity[1024], address[80], subject[1024], issuer[1024], serial[160], fp[64],
	    rule[64], id[40];
	uint32_t port;
	uint64_t not_after;
	struct err e = { 0 };
	const char *line;
	int fd = stage_ask_connect(&b->sock);

	assert_non_null(g);
	stage_who(fd, ACCOUNT, "alice", &b->far, 1);
	stage_expect(fd, g, MSG_IS);
	assert_true(g->m.conn == b->conn);
	assert_int_equal(0, msg_get_str(&g->m, identity, sizeof(identity)));
	assert_int_equal(0, msg_get_str(&g->m, address, sizeof(address)));
	assert_int_equal(0, msg_get_u32(&g->m, &port));
	assert_int_equal(0, msg_get_str(&g->m, subject, sizeof(subject)));
	assert_int_equal(0, msg_get_str(&g->m, issuer, sizeof(issuer)));
	assert_int_equal(0, msg_get_str(&g->m, serial, sizeof(serial)));
	assert_int_equal(0, msg_get_str(&g->m, fp, sizeof(fp)));
	assert_int_equal(0, msg_get_u64(&g->m, &not_after));
	assert_int_equal(0, msg_get_str(&g->m, rule, sizeof(rule)));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_string_equal("corp/email:alice@corp.example", identity);
	assert_string_equal("192.0.2.7", address);
	assert_int_equal(50000, port);
	assert_string_equal("1a2b", serial);
	assert_int_equal(0, strncmp(fp, "SHA256:AQEB", 11));
	assert_true((int64_t)not_after > time(NULL));
	assert_string_equal("map:1", rule);
	stage_expect_end(fd);
	close(fd);
	free(g);
	line = stage_log(&b->p, "granted");
	(void)snprintf(id, sizeof(id), "conn=%016llx", (unsigned long long)b->conn);
	assert_non_null(strstr(line, id));
	assert_non_null(strstr(line, "service=sshd account=alice hook=account"));
	assert_non_null(strstr(line, "rule=map:1"));
	assert_non_null(strstr(line, "from=192.0.2.7:50000"));
}

static void
other_account_is_denied_for_cause(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "bob"));
	assert_int_equal(CAUSE, b->kind);
	(void)stage_log(&b->p, "denied");
	assert_int_equal(MSG_NO, ask(b, ACCOUNT, ""));
	assert_int_equal(CAUSE, b->kind);
	assert_int_equal(MSG_IS, ask(b, AUTH, "alice"));
	assert_int_equal(MSG_IS, ask(b, OPEN_SESSION, "alice"));
}

static void
expression_of_the_map_grants(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(2);
	uint64_t conn;
	int fd, far;

	a.cn = "deploy-web";
	stage_open_send(b->gate, &a);
	fd = stage_opened(b->gate, 2, &conn);
	far = accept(b->listener, NULL, NULL);
	assert_int_equal(MSG_IS, stage_ask(&b->sock, ACCOUNT, "deploy-web", far, &b->kind));
	assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "deploy-db", far, &b->kind));
	close(fd);
	close(far);
}

static void
connection_past_the_bridge_has_no_entry(void **state)
{
	struct bench *b = *state;
	struct sockaddr_in in;
	socklen_t n = sizeof(in);
	int direct = socket(AF_INET, SOCK_STREAM, 0), far;

	assert_int_equal(0, getsockname(b->listener, (struct sockaddr *)&in, &n));
	assert_int_equal(0, connect(direct, (struct sockaddr *)&in, sizeof(in)));
	far = accept(b->listener, NULL, NULL);
	assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "alice", far, &b->kind));
	assert_int_equal(NO_ENTRY, b->kind);
	/* the gate's end of alice's connection is not the server's */
	assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "alice", b->fd, &b->kind));
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice"));
	close(direct);
	close(far);
}

static void
what_is_no_tcp_connection_is_denied(void **state)
{
	struct bench *b = *state;
	int pair[2], udp = socket(AF_INET, SOCK_DGRAM, 0), fresh = socket(AF_INET, SOCK_STREAM, 0);
	int pipes[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	assert_int_equal(0, pipe(pipes));
	const int wrong[] = { pair[0], udp, fresh, b->listener, pipes[0] };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "alice", wrong[i], &b->kind));
		assert_int_equal(CAUSE, b->kind);
	}
	assert_non_null(strstr(stage_log(&b->p, "denied"), "not a TCP socket"));
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice"));
	close(pair[0]);
	close(pair[1]);
	close(pipes[0]);
	close(pipes[1]);
	close(udp);
	close(fresh);
}

static void
question_needs_exactly_one_socket_and_comes_once(void **state)
{
	struct bench *b = *state;
	struct got *g = malloc(sizeof(*g));
	int two[2] = { b->far, b->far }, fd;

	assert_non_null(g);
	fd = stage_ask_connect(&b->sock);
	stage_who(fd, ACCOUNT, "alice", NULL, 0);
	stage_expect_end(fd);
	close(fd);
	fd = stage_ask_connect(&b->sock);
	stage_who(fd, ACCOUNT, "alice", two, 2);
	stage_expect_end(fd);
	close(fd);
	fd = stage_ask_connect(&b->sock);
	stage_who(fd, 4, "alice", &b->far, 1);
	stage_expect_end(fd);
	close(fd);
	fd = stage_ask_connect(&b->sock);
	stage_who(fd, ACCOUNT, "alice", &b->far, 1);
	stage_expect(fd, g, MSG_IS);
	stage_expect_end(fd); /* a second one would find nobody */
	close(fd);
	free(g);
}

static void
malformed_questions_drop_the_asker(void **state)
{
	struct bench *b = *state;
	uint8_t buf[1024];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_WHO, 0);
	msg_put_u32(&o, ACCOUNT);
	msg_put_str(&o, "sshd");
	msg_put_str(&o, "alice");
	msg_put_u32(&o, 1);
	msg_put_u32(&o, 1001);
	msg_put_str(&o, "");
	msg_put_u32(&o, 0);
	msg_put_u32(&o, 0); /* a field too many: all of it is the last case */
	for (size_t n = 1; n <= o.len; n++) {
		struct msg_out part = { .buf = buf, .size = n, .len = n };
		int fd;

		if (n == o.len - 5)
			continue; /* the well-formed one */
		fd = stage_ask_connect(&b->sock);
		stage_send(fd, &part, &b->far, 1);
		stage_expect_end(fd);
		close(fd);
	}
	for (unsigned type = 1; type < 60; type++) {
		int fd = stage_ask_connect(&b->sock);

		if (type != MSG_WHO) {
			msg_start(&o, buf, sizeof(buf), (enum msg_type)type, 0);
			stage_send(fd, &o, &b->far, 1);
			stage_expect_end(fd);
		}
		close(fd);
	}
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice"));
}

static void
auth_info_is_logged_and_must_be_well_formed(void **state)
{
	static const char key[] =
	    "publickey ssh-ed25519 "
	    "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n";
	struct bench *b = *state;
	struct got *g = malloc(sizeof(*g));
	int fd = stage_ask_connect(&b->sock);

	assert_non_null(g);
	stage_who_info(fd, OPEN_SESSION, "alice", key, b->far);
	stage_expect(fd, g, MSG_IS);
	assert_non_null(strstr(stage_log(&b->p, "granted"), "key=SHA256:"));
	close(fd);
	fd = stage_ask_connect(&b->sock);
	stage_who_info(fd, OPEN_SESSION, "alice", "publickey ssh-ed25519 AAAA\n", b->far);
	stage_expect(fd, g, MSG_NO);
	close(fd);
	free(g);
}

/* A socket of another namespace with the very same two ends. */
static void
other_network_namespace_is_denied(void **state)
{
	struct bench *b = *state;
	struct sockaddr_in server, client;
	socklen_t n = sizeof(server);
	pid_t pid;
	int status;

	if (geteuid() != 0)
		skip();
	assert_int_equal(0, getsockname(b->far, (struct sockaddr *)&server, &n));
	assert_int_equal(0, getpeername(b->far, (struct sockaddr *)&client, &n));
	pid = fork();
	if (pid == 0) {
		struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
		int l, c, far;
		unsigned kind;

		if (unshare(CLONE_NEWNET) == -1)
			_exit(77);
		l = socket(AF_INET, SOCK_STREAM, 0);
		c = socket(AF_INET, SOCK_STREAM, 0);
		if (ioctl(l, SIOCSIFFLAGS, &ifr) == -1 ||
		    bind(l, (struct sockaddr *)&server, sizeof(server)) == -1 ||
		    listen(l, 1) == -1 ||
		    bind(c, (struct sockaddr *)&client, sizeof(client)) == -1 ||
		    connect(c, (struct sockaddr *)&server, sizeof(server)) == -1)
			_exit(76);
		far = accept(l, NULL, NULL);
		_exit(stage_ask(&b->sock, ACCOUNT, "alice", far, &kind) == MSG_NO && kind == CAUSE
			  ? 0
			  : 1);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(0, status);
	assert_non_null(strstr(stage_log(&b->p, "denied"), "another network namespace"));
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice"));
}

/* A server that listens on [::] sees an IPv4 client as ::ffff:a.b.c.d; and one over IPv6. */
static void
both_families_are_found(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "::1", "::ffff:127.0.0.1" };
	struct bench *b = *state;
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	socklen_t n = sizeof(in6);
	int l = socket(AF_INET6, SOCK_STREAM, 0), off = 0;

	(void)setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(l, (struct sockaddr *)&in6, sizeof(in6)) == -1)
		skip(); /* no IPv6 here */
	assert_int_equal(0, listen(l, 8));
	assert_int_equal(0, getsockname(l, (struct sockaddr *)&in6, &n));
	for (unsigned i = 0; i < 3; i++) {
		struct stage_open a = stage_open(10 + i);
		uint64_t conn;
		int fd, far;

		(void)snprintf(b->s.targets[0].host, sizeof(b->s.targets[0].host), "%s", hosts[i]);
		b->s.targets[0].port = ntohs(in6.sin6_port);
		stage_in_force(&b->p, 2 + i, &b->s);
		stage_open_send(b->gate, &a);
		fd = stage_opened(b->gate, 10 + i, &conn);
		far = accept(l, (struct sockaddr *)&in6, &n);
		assert_int_equal(AF_INET6, in6.sin6_family);
		assert_int_equal(MSG_IS, stage_ask(&b->sock, ACCOUNT, "alice", far, &b->kind));
		n = sizeof(in6);
		assert_int_equal(0, getsockname(l, (struct sockaddr *)&in6, &n));
		close(fd);
		close(far);
	}
	close(l);
}

static void
listener_may_be_replaced_and_taken_away(void **state)
{
	struct bench *b = *state;
	struct stage_sock second;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	uint8_t buf[64];
	struct msg_out o;
	int fd;

	stage_listen(&b->p, &second);
	assert_int_equal(MSG_IS, stage_ask(&second, ACCOUNT, "alice", b->far, &b->kind));
	msg_start(&o, buf, sizeof(buf), MSG_LISTEN, 0);
	msg_put_u64(&o, 0);
	msg_put_u32(&o, 0);
	stage_send(b->p.monitor, &o, NULL, 0);
	stage_in_force(&b->p, 2, &b->s);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	memcpy(un.sun_path, second.path, strlen(second.path) + 1);
	assert_int_equal(-1, connect(fd, (struct sockaddr *)&un, sizeof(un)));
	close(fd);
	stage_listen_done(&second);
}

static void
other_uid_may_not_ask(void **state)
{
	struct bench *b = *state;
	pid_t pid;
	int status;

	if (geteuid() != 0)
		skip();
	/* no permission of the file system stands in the way: what counts is SO_PEERCRED */
	assert_int_equal(0, chown(b->sock.dir, 65532, 65532));
	assert_int_equal(0, chown(b->sock.path, 65532, 65532));
	pid = fork();
	if (pid == 0) {
		struct got *g = malloc(sizeof(*g));
		uint8_t byte;
		int fd;

		if (g == NULL || setresgid(65532, 65532, 65532) == -1 ||
		    setresuid(65532, 65532, 65532) == -1)
			_exit(2);
		fd = stage_ask_connect(&b->sock);
		/* dropped, perhaps before the question could be sent; never an answer */
		_exit(recv(fd, &byte, 1, 0) <= 0 ? 0 : 1);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
	assert_non_null(strstr(stage_log(&b->p, "asker dropped"), "uid 65532 may not ask"));
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice"));
}

static void
expired_and_distrusted_certificates_are_denied_later(void **state)
{
	struct bench *b = *state;
	static const uint8_t other = 0xa1;
	struct stage_open a = stage_open(2);
	char why[256];
	uint64_t conn;
	int fd, far, unasked, unasked_far;

	/* kept beyond its end, a connection still lets nobody log in */
	b->s.targets[0].keep_expired = 1;
	stage_in_force(&b->p, 2, &b->s);
	a.not_after = time(NULL) + 1;
	stage_open_send(b->gate, &a);
	fd = stage_opened(b->gate, 2, &conn);
	far = accept(b->listener, NULL, NULL);
	a = stage_open(3);
	stage_open_send(b->gate, &a);
	unasked = stage_opened(b->gate, 3, &conn);
	unasked_far = accept(b->listener, NULL, NULL);
	a.not_after = time(NULL) + 1;
	while (time(NULL) <= a.not_after)
		(void)usleep(50000);
	assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "alice", far, &b->kind));
	assert_int_equal(CAUSE, b->kind);
	assert_non_null(strstr(stage_log(&b->p, "denied"), "expired"));
	/* nobody has logged in through it: the new map still lets it be */
	stage_generation(&b->p, 3, &b->s, (const uint8_t[]){ STAGE_ANCHOR }, 1,
	    "email alice@corp.example ops trust=corp\n");
	assert_true(stage_ready(&b->p, 3, why, sizeof(why)));
	assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "alice", unasked_far, &b->kind));
	assert_int_equal(MSG_IS, stage_ask(&b->sock, ACCOUNT, "ops", unasked_far, &b->kind));
	stage_generation(&b->p, 4, &b->s, &other, 1, stage_map);
	assert_true(stage_ready(&b->p, 4, why, sizeof(why)));
	assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "ops", unasked_far, &b->kind));
	close(unasked);
	close(unasked_far);
	close(fd);
	close(far);
}

static void
client_that_left_ends_the_right_to_log_in(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_IS, ask(b, AUTH, "alice"));
	/* the gate passes the client's end on: our side is FIN_WAIT1 or 2, the server's CLOSE_WAIT
	 */
	assert_int_equal(0, shutdown(b->fd, SHUT_WR));
	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "alice"));
	assert_int_equal(CAUSE, b->kind);
	assert_non_null(
	    strstr(stage_log(&b->p, "denied"), "at the bridge, CLOSE_WAIT at the server"));
	assert_int_equal(MSG_NO, ask(b, OPEN_SESSION, "alice"));
	/* nothing was cut: what the server still sends arrives */
	char byte;

	assert_int_equal(1, send(b->far, "x", 1, 0));
	assert_int_equal(1, recv(b->fd, &byte, 1, 0));
}

static void
server_that_left_ends_the_right_to_log_in(void **state)
{
	struct bench *b = *state;

	assert_int_equal(0, shutdown(b->far, SHUT_WR));
	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "alice"));
	assert_int_equal(CAUSE, b->kind);
	assert_int_equal(MSG_NO, ask(b, AUTH, "alice"));
}

static void
closed_connection_is_denied(void **state)
{
	struct bench *b = *state;

	stage_closed(b->gate, b->conn, 1);
	(void)stage_log(&b->p, "closed");
	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "alice"));
}

static void
asker_that_says_nothing_does_not_hold_up_others(void **state)
{
	struct bench *b = *state;
	int idle[20];

	for (int i = 0; i < 20; i++)
		idle[i] = stage_ask_connect(&b->sock);
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice"));
	stage_expect_end(idle[0]); /* its five seconds are over */
	for (int i = 0; i < 20; i++)
		close(idle[i]);
}

static void
silent_askers_give_way_to_one_that_asks(void **state)
{
	struct bench *b = *state;
	int idle[300];
	size_t n = 0;

	/* more than are taken at once */
	for (; n < 300; n++)
		idle[n] = stage_ask_connect(&b->sock);
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice"));
	for (size_t i = 0; i < n; i++)
		close(idle[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    mapped_account_is_granted_and_told, setup, teardown),
		cmocka_unit_test_setup_teardown(other_account_is_denied_for_cause, setup, teardown),
		cmocka_unit_test_setup_teardown(expression_of_the_map_grants, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    connection_past_the_bridge_has_no_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_is_no_tcp_connection_is_denied, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    question_needs_exactly_one_socket_and_comes_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    malformed_questions_drop_the_asker, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    auth_info_is_logged_and_must_be_well_formed, setup, teardown),
		cmocka_unit_test_setup_teardown(other_network_namespace_is_denied, setup, teardown),
		cmocka_unit_test_setup_teardown(both_families_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    listener_may_be_replaced_and_taken_away, setup, teardown),
		cmocka_unit_test_setup_teardown(other_uid_may_not_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    expired_and_distrusted_certificates_are_denied_later, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    client_that_left_ends_the_right_to_log_in, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    server_that_left_ends_the_right_to_log_in, setup, teardown),
		cmocka_unit_test_setup_teardown(closed_connection_is_denied, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    asker_that_says_nothing_does_not_hold_up_others, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    silent_askers_give_way_to_one_that_asks, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
