/* test_restart.c - several idents after restarts: a newer one passes on what it does not know */
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

#include "child.h"
#include "tests/unit/help/stage.h"

enum { ACCOUNT = 2, NO_ENTRY = 1, CAUSE = 2, CHAIN = 3 };

/* p[0] is the newest and has ident.sock; each serves one connection of its own. */
struct bench {
	struct stage p[CHAIN];
	struct stage_sock sock;
	int listener, gate[CHAIN], fd[CHAIN], far[CHAIN];
	uint64_t conn[CHAIN];
	unsigned kind;
};

static void
give_peer(struct stage *p, unsigned kind, int fd)
{
	uint8_t buf[64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
	msg_put_u32(&o, kind);
	msg_put_u32(&o, 0);
	stage_send(p->monitor, &o, &fd, 1);
	close(fd);
}

static int
setup(void **state)
{
	static const char *const emails[CHAIN] = { "anna@corp.example", "bert@corp.example",
		"carl@corp.example" };
	struct bench *b = calloc(1, sizeof(*b));
	struct settings s;
	uint16_t port;

	assert_non_null(b);
	b->listener = stage_listener(&port);
	stage_settings(&s, port);
	for (int i = 0; i < CHAIN; i++) {
		struct stage_open a = stage_open(1);

		a.email = emails[i];
		stage_start(&b->p[i], "ident");
		b->gate[i] = stage_peer(&b->p[i], PEER_GATE, 0);
		if (i > 0)
			give_peer(&b->p[i - 1], PEER_OLDER, stage_peer(&b->p[i], PEER_NEWER, 0));
		stage_in_force(&b->p[i], 1, &s);
		stage_open_send(b->gate[i], &a);
		b->fd[i] = stage_opened(b->gate[i], 1, &b->conn[i]);
		b->far[i] = accept(b->listener, NULL, NULL);
	}
	stage_listen(&b->p[0], &b->sock);
	stage_in_force(&b->p[0], 2, &s);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	stage_listen_done(&b->sock);
	for (int i = 0; i < CHAIN; i++) {
		close(b->fd[i]);
		close(b->far[i]);
		close(b->gate[i]);
		if (b->p[i].monitor != -1)
			stage_end(&b->p[i]);
	}
	close(b->listener);
	free(b);
	return 0;
}

static void
each_of_three_answers_for_its_own(void **state)
{
	static const char *const accounts[CHAIN] = { "anna", "bert", "carl" };
	struct bench *b = *state;
	struct got *g = malloc(sizeof(*g));
	char identity[1024];

	assert_non_null(g);
	for (int i = 0; i < CHAIN; i++) {
		int fd = stage_ask_connect(&b->sock);

		stage_who(fd, ACCOUNT, accounts[i], &b->far[i], 1);
		stage_expect(fd, g, MSG_IS);
		assert_true(g->m.conn == b->conn[i]);
		assert_int_equal(0, msg_get_str(&g->m, identity, sizeof(identity)));
		assert_non_null(strstr(identity, accounts[i]));
		stage_expect_end(fd);
		close(fd);
		/* the one that knows it writes the line */
		(void)stage_log(&b->p[i], "granted");
		assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "dora", b->far[i], &b->kind));
		assert_int_equal(CAUSE, b->kind);
	}
	/* known nowhere: the far end of nothing of ours */
	assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "anna", b->fd[0], &b->kind));
	assert_int_equal(NO_ENTRY, b->kind);
	free(g);
}

static void
older_one_that_ends_leaves_no_entry(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_IS, stage_ask(&b->sock, ACCOUNT, "bert", b->far[1], &b->kind));
	stage_end(&b->p[1]);
	(void)stage_log(&b->p[0], "the older ident has ended");
	assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "bert", b->far[1], &b->kind));
	assert_int_equal(NO_ENTRY, b->kind);
	assert_int_equal(MSG_IS, stage_ask(&b->sock, ACCOUNT, "anna", b->far[0], &b->kind));
}

static void
answer_of_the_older_one_reaches_its_asker_only(void **state)
{
	struct bench *b = *state;
	struct got *g = malloc(sizeof(*g));
	uint8_t buf[256];
	struct msg_out o;
	uint64_t number[2];
	int pair[2], asker[2];
	uint32_t kind;

	assert_non_null(g);
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	give_peer(&b->p[0], PEER_OLDER, pair[1]);
	for (int i = 0; i < 2; i++) {
		asker[i] = stage_ask_connect(&b->sock);
		stage_who(asker[i], ACCOUNT, "zoe", &b->far[1], 1);
		stage_expect(pair[0], g, MSG_WHO);
		assert_int_equal(1, g->nfds);
		close(g->fds[0]);
		number[i] = g->m.conn;
	}
	assert_true(number[0] != number[1]);
	/* the second question is answered first */
	for (int i = 1; i >= 0; i--) {
		msg_start(&o, buf, sizeof(buf), MSG_NO, number[i]);
		msg_put_u32(&o, CAUSE);
		msg_put_str(&o, i == 1 ? "second" : "first");
		msg_put_u64(&o, 0x1234 + (uint64_t)i);
		stage_send(pair[0], &o, NULL, 0);
		stage_expect(asker[i], g, MSG_NO);
		assert_true(g->m.conn == 0x1234 + (uint64_t)i);
		assert_int_equal(0, msg_get_u32(&g->m, &kind));
		assert_int_equal(CAUSE, kind);
		stage_expect_end(asker[i]);
		close(asker[i]);
		stage_send(pair[0], &o, NULL, 0); /* twice: nobody waits for it any more */
	}
	assert_int_equal(MSG_IS, stage_ask(&b->sock, ACCOUNT, "anna", b->far[0], &b->kind));
	close(pair[0]);
	free(g);
}

static void
older_one_that_breaks_the_protocol_is_dropped(void **state)
{
	struct bench *b = *state;
	uint8_t buf[256];
	struct msg_out o;

	for (int i = 0; i < 5; i++) {
		int pair[2], extra = dup(0);

		assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
		give_peer(&b->p[0], PEER_OLDER, pair[1]);
		msg_start(&o, buf, sizeof(buf), i == 0 ? MSG_WHO : MSG_NO, i == 1 ? 0 : 999999);
		msg_put_u32(&o, i == 3 ? 3 : CAUSE);
		msg_put_str(&o, "no");
		if (i != 2)
			msg_put_u64(&o, 0); /* short without it */
		stage_send(pair[0], &o, &extra, i == 4 ? 1 : 0);
		stage_expect_end(pair[0]);
		close(pair[0]);
		close(extra);
	}
}

static void
newer_one_that_breaks_the_protocol_is_dropped(void **state)
{
	struct bench *b = *state;
	uint8_t buf[256];
	struct msg_out o;

	for (int i = 0; i < 5; i++) {
		int fd = stage_peer(&b->p[2], PEER_NEWER, 0);

		msg_start(&o, buf, sizeof(buf), i == 0 ? MSG_IS : MSG_WHO, i == 1 ? 0 : 5);
		msg_put_u32(&o, i == 2 ? 9 : ACCOUNT);
		msg_put_str(&o, "sshd");
		msg_put_str(&o, "carl");
		msg_put_u32(&o, 0);
		msg_put_u32(&o, 0);
		msg_put_str(&o, "");
		if (i != 3)
			msg_put_u32(&o, 0);
		stage_send(fd, &o, &b->far[2], i == 4 ? 0 : 1);
		stage_expect_end(fd);
		close(fd);
	}
	/* its nearest neighbour is answered, under the number of the question */
	struct got *g = malloc(sizeof(*g));
	int fd = stage_peer(&b->p[2], PEER_NEWER, 0);

	assert_non_null(g);
	msg_start(&o, buf, sizeof(buf), MSG_WHO, 5);
	msg_put_u32(&o, ACCOUNT);
	msg_put_str(&o, "sshd");
	msg_put_str(&o, "carl");
	msg_put_u32(&o, 1);
	msg_put_u32(&o, 1001);
	msg_put_str(&o, "");
	msg_put_u32(&o, 0);
	stage_send(fd, &o, &b->far[2], 1);
	stage_expect(fd, g, MSG_IS);
	assert_true(g->m.conn == 5);
	close(fd);
	free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_of_three_answers_for_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    older_one_that_ends_leaves_no_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    answer_of_the_older_one_reaches_its_asker_only, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    older_one_that_breaks_the_protocol_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    newer_one_that_breaks_the_protocol_is_dropped, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
