/* test_keys.c - WHO on keys-socket: is the key that is offered bound to the certificate? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "addr.h"
#include "child.h"
#include "tests/unit/help/sshkeys.h"
#include "tests/unit/help/stage.h"

enum { ACCOUNT = 2, KEYS = 4 };

static const char map[] = "email {user}@corp.example {user} bind=same-key\n"
			  "email {user}@corp.example shared\n";

/* alice's connection; her certificate's key is sshkeys[0]. */
struct bench {
	struct stage p;
	struct settings s;
	struct stage_sock sock, keys;
	int listener, gate, fd, far;
	uint64_t conn;
};

static void
take_map(struct bench *b, uint64_t number, const char *text)
{
	static const uint8_t anchor = STAGE_ANCHOR;
	char why[512];

	stage_generation(&b->p, number, &b->s, &anchor, 1, text);
	if (!stage_ready(&b->p, number, why, sizeof(why)))
		fail_msg("generation refused: %s", why);
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct stage_open a = stage_open(1);
	char own[1200];
	uint16_t port;

	assert_non_null(b);
	b->listener = stage_listener(&port);
	stage_start(&b->p, "ident");
	stage_settings(&b->s, port);
	b->s.keys_gid = 77777;
	b->gate = stage_peer(&b->p, PEER_GATE, 0);
	stage_listen(&b->p, &b->sock);
	stage_listen_index(&b->p, &b->keys, 1);
	take_map(b, 1, map);
	(void)snprintf(own, sizeof(own), "%s %s", sshkeys[0].type, sshkeys[0].base64);
	a.ssh_key = own;
	stage_open_send(b->gate, &a);
	b->fd = stage_opened(b->gate, 1, &b->conn);
	b->far = accept(b->listener, NULL, NULL);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	if (b->fd != -1)
		close(b->fd);
	close(b->far);
	close(b->gate);
	close(b->listener);
	stage_listen_done(&b->sock);
	stage_listen_done(&b->keys);
	stage_end(&b->p);
	free(b);
	return 0;
}

enum ends {
	CLIENT_FIRST, /* as sshd_config(5) has it */
	SERVER_FIRST, /* as OpenSSH 10 has it */
	UNKNOWN,      /* of no connection */
};

/* As mtls-keys puts it. */
static void
put(struct bench *b, struct msg_out *o, uint8_t *buf, size_t size, const char *account, int key,
    enum ends ends)
{
	struct sockaddr_storage near = { 0 }, far = { 0 };
	socklen_t n = sizeof(near), m = sizeof(far);
	char info[1300];

	assert_int_equal(0, getpeername(b->far, (struct sockaddr *)&far, &m));
	assert_int_equal(0, getsockname(b->far, (struct sockaddr *)&near, &n));
	(void)snprintf(
	    info, sizeof(info), "publickey %s %s\n", sshkeys[key].type, sshkeys[key].base64);
	msg_start(o, buf, size, MSG_WHO, 0);
	msg_put_u32(o, KEYS);
	msg_put_str(o, "sshd");
	msg_put_str(o, account);
	msg_put_u32(o, 1);
	msg_put_u32(o, 1001);
	msg_put_str(o, info);
	msg_put_u32(o, 0);
	if (ends == UNKNOWN)
		addr_set_port(&far, 1);
	addr_put(ends == SERVER_FIRST ? &near : &far, o);
	addr_put(ends == SERVER_FIRST ? &far : &near, o);
}

/* True for a yes; neither answer says anything else. */
static bool
bound_as(struct bench *b, const char *account, int key, enum ends ends)
{
	struct got *g = malloc(sizeof(*g));
	int fd = stage_ask_connect(&b->keys);
	uint8_t buf[4096];
	struct msg_out o;
	char text[64];
	uint32_t v;
	uint64_t w;
	bool yes;

	assert_non_null(g);
	put(b, &o, buf, sizeof(buf), account, key, ends);
	stage_send(fd, &o, NULL, 0);
	stage_recv(fd, g);
	assert_false(g->end);
	assert_true(g->m.conn == 0);
	yes = g->m.type == MSG_IS;
	if (yes) {
		for (int i = 0; i < 9; i++) {
			if (i == 2) {
				assert_int_equal(0, msg_get_u32(&g->m, &v));
				assert_int_equal(0, v);
			} else if (i == 7) {
				assert_int_equal(0, msg_get_u64(&g->m, &w));
				assert_true(w == 0);
			} else {
				assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
				assert_string_equal("", text);
			}
		}
	} else {
		assert_int_equal(MSG_NO, g->m.type);
		assert_int_equal(0, msg_get_u32(&g->m, &v));
		assert_int_equal(2, v);
		assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
		assert_string_equal("", text);
	}
	assert_int_equal(0, g->m.left);
	stage_expect_end(fd);
	close(fd);
	free(g);
	return yes;
}

static bool
bound(struct bench *b, const char *account, int key)
{
	return bound_as(b, account, key, CLIENT_FIRST);
}

static void
the_bound_key_is_a_yes_and_another_is_a_no(void **state)
{
	struct bench *b = *state;

	assert_true(bound(b, "alice", 0));
	assert_false(bound(b, "alice", 1));
	assert_false(bound(b, "bob", 0));
	assert_false(bound(b, "", 0));
	assert_true(bound(b, "alice", 0)); /* sshd asks twice for a key that it takes */
	assert_true(bound_as(b, "alice", 0, SERVER_FIRST));
	assert_false(bound_as(b, "alice", 1, SERVER_FIRST));
}

/* sshd would let in whoever offers any key at all. */
static void
an_account_that_takes_any_key_is_a_no(void **state)
{
	struct bench *b = *state;

	assert_false(bound(b, "shared", 0));
	assert_false(bound(b, "shared", 1));
	take_map(b, 2, "email {user}@corp.example {user}\n");
	assert_false(bound(b, "alice", 0));
}

static void
another_connection_or_one_that_has_ended_is_a_no(void **state)
{
	struct bench *b = *state;

	assert_false(bound_as(b, "alice", 0, UNKNOWN));
	assert_int_equal(0, shutdown(b->fd, SHUT_WR));
	assert_false(bound_as(b, "alice", 0, SERVER_FIRST));
	assert_false(bound(b, "alice", 0));
	stage_closed(b->gate, b->conn, 1);
	assert_false(bound(b, "alice", 0));
}

static void
an_identity_that_is_denied_is_a_no(void **state)
{
	struct bench *b = *state;

	take_map(b, 2,
	    "email {user}@corp.example {user} bind=same-key\n"
	    "email alice@corp.example deny\n");
	assert_false(bound(b, "alice", 0));
}

/* It neither pins the connection to anything nor lets anybody in: account has the word. */
static void
asking_changes_nothing_for_the_login(void **state)
{
	struct bench *b = *state;
	unsigned kind;

	assert_true(bound(b, "alice", 0));
	assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "alice", b->far, &kind));
	assert_false(bound(b, "alice", 1));
	assert_int_equal(MSG_IS, stage_ask(&b->sock, ACCOUNT, "shared", b->far, &kind));
}

static void
each_socket_takes_its_own_questions_only(void **state)
{
	struct bench *b = *state;
	uint8_t buf[4096];
	struct msg_out o;
	int fd;

	for (unsigned hook = 1; hook <= 3; hook++) {
		fd = stage_ask_connect(&b->keys);
		stage_who(fd, hook, "alice", NULL, 0);
		stage_expect_end(fd);
		close(fd);
	}
	fd = stage_ask_connect(&b->keys); /* with a socket */
	put(b, &o, buf, sizeof(buf), "alice", 0, CLIENT_FIRST);
	stage_send(fd, &o, &b->far, 1);
	stage_expect_end(fd);
	close(fd);
	for (size_t nfds = 0; nfds < 2; nfds++) {
		fd = stage_ask_connect(&b->sock);
		stage_send(fd, &o, &b->far, nfds);
		stage_expect_end(fd);
		close(fd);
	}
	assert_true(bound(b, "alice", 0));
}

static void
malformed_questions_are_dropped(void **state)
{
	struct bench *b = *state;
	uint8_t buf[4096];
	struct msg_out o;

	put(b, &o, buf, sizeof(buf), "alice", 0, CLIENT_FIRST);
	msg_put_u32(&o, 0); /* a field too many: all of it is the last case */
	for (size_t n = 1; n <= o.len; n++) {
		struct msg_out part = { .buf = buf, .size = n, .len = n };
		int fd;

		if (n == o.len - 5)
			continue;
		fd = stage_ask_connect(&b->keys);
		stage_send(fd, &part, NULL, 0);
		stage_expect_end(fd);
		close(fd);
	}
	for (unsigned type = 1; type < 80; type++) {
		int fd = stage_ask_connect(&b->keys);

		if (type != MSG_WHO) {
			msg_start(&o, buf, sizeof(buf), (enum msg_type)type, 0);
			stage_send(fd, &o, NULL, 0);
			stage_expect_end(fd);
		}
		close(fd);
	}
	assert_true(bound(b, "alice", 0));
}

/* Connections that say nothing, and questions without a pause: the logins are answered. */
static void
a_flood_does_not_reach_those_who_log_in(void **state)
{
	enum { SILENT = 100, FLOOD = 200 };
	struct bench *b = *state;
	int silent[SILENT], fd[FLOOD];
	uint8_t buf[4096];
	struct msg_out o;
	unsigned kind;

	put(b, &o, buf, sizeof(buf), "alice", 0, CLIENT_FIRST);
	for (int i = 0; i < SILENT; i++)
		silent[i] = stage_ask_connect(&b->keys);
	assert_int_equal(MSG_IS, stage_ask(&b->sock, ACCOUNT, "shared", b->far, &kind));
	assert_true(bound(b, "alice", 0));
	for (int i = 0; i < FLOOD; i++) {
		fd[i] = stage_ask_connect(&b->keys);
		/* refused where so many wait already that it was dropped as silent */
		(void)send(fd[i], o.buf, o.len, MSG_NOSIGNAL);
		if (i % 20 == 0)
			assert_int_equal(
			    MSG_IS, stage_ask(&b->sock, ACCOUNT, "shared", b->far, &kind));
	}
	for (int i = 0; i < FLOOD; i++)
		close(fd[i]);
	for (int i = 0; i < SILENT; i++)
		close(silent[i]);
	assert_true(bound(b, "alice", 0));
}

/* All places taken by questions that the older ident has: who comes then waits, or is sent away. */
static void
an_older_ident_that_does_not_answer_breaks_nothing(void **state)
{
	enum { WAITING = 32, MORE = 40 };
	struct bench *b = *state;
	struct got *g = malloc(sizeof(*g));
	int older = stage_peer(&b->p, PEER_OLDER, 0), fd[WAITING], more[MORE];
	uint8_t buf[4096];
	struct msg_out o;
	unsigned kind;

	assert_non_null(g);
	put(b, &o, buf, sizeof(buf), "alice", 0, UNKNOWN);
	for (int i = 0; i < WAITING; i++) {
		fd[i] = stage_ask_connect(&b->keys);
		stage_send(fd[i], &o, NULL, 0);
		stage_expect(older, g, MSG_WHO);
	}
	for (int i = 0; i < MORE; i++)
		more[i] = stage_ask_connect(&b->keys);
	assert_int_equal(MSG_IS, stage_ask(&b->sock, ACCOUNT, "shared", b->far, &kind));
	close(older);
	for (int i = 0; i < WAITING; i++) {
		stage_expect(fd[i], g, MSG_NO);
		close(fd[i]);
	}
	for (int i = 0; i < MORE; i++)
		close(more[i]);
	assert_true(bound(b, "alice", 0));
	free(g);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_bound_key_is_a_yes_and_another_is_a_no),
		T(an_account_that_takes_any_key_is_a_no),
		T(another_connection_or_one_that_has_ended_is_a_no),
		T(an_identity_that_is_denied_is_a_no),
		T(asking_changes_nothing_for_the_login),
		T(each_socket_takes_its_own_questions_only),
		T(malformed_questions_are_dropped),
		T(a_flood_does_not_reach_those_who_log_in),
		T(an_older_ident_that_does_not_answer_breaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
