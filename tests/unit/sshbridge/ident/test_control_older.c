/* test_control_older.c - the operator's questions over several instances, and a hostile older one
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "child.h"
#include "conninfo.h"
#include "lockset.h"
#include "sealed.h"
#include "tests/unit/help/stage.h"

#define NAME "corp/email:"
enum { CHAIN = 3, BY_ID = 1, BY_IDENTITY = 2 };

/* p[0] is the newest; each serves one connection of alice's. */
struct bench {
	struct stage p[CHAIN];
	int listener, gate[CHAIN], fd[CHAIN], far[CHAIN], ctl;
	uint64_t conn[CHAIN];
	struct got g;
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
	struct bench *b = calloc(1, sizeof(*b));
	struct settings s;
	uint16_t port;

	assert_non_null(b);
	b->listener = stage_listener(&port);
	stage_settings(&s, port);
	for (int i = 0; i < CHAIN; i++) {
		struct stage_open a = stage_open(1);

		stage_start(&b->p[i], "ident");
		b->gate[i] = stage_peer(&b->p[i], PEER_GATE, 0);
		if (i > 0)
			give_peer(&b->p[i - 1], PEER_OLDER, stage_peer(&b->p[i], PEER_NEWER, 0));
		stage_in_force(&b->p[i], 1, &s);
		stage_open_send(b->gate[i], &a);
		b->fd[i] = stage_opened(b->gate[i], 1, &b->conn[i]);
		b->far[i] = accept(b->listener, NULL, NULL);
	}
	b->ctl = stage_peer(&b->p[0], PEER_CONTROL, 0);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	close(b->ctl);
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
ask(int fd, enum msg_type type, uint64_t number, uint32_t hop, uint64_t id)
{
	uint8_t buf[64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), type, number);
	if (type != MSG_SHOW)
		msg_put_u32(&o, hop);
	if (type != MSG_STATS)
		msg_put_u64(&o, id);
	stage_send(fd, &o, NULL, 0);
}

static void
ask_cuts(int fd, uint32_t by, uint64_t id, const char *value)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_CUTS, 0);
	msg_put_u32(&o, by);
	msg_put_u64(&o, id);
	msg_put_str(&o, value);
	stage_send(fd, &o, NULL, 0);
}

static uint32_t
take_u32(struct bench *b, int fd, enum msg_type type)
{
	uint32_t v;

	stage_expect(fd, &b->g, type);
	assert_int_equal(0, msg_get_u32(&b->g.m, &v));
	return v;
}

/* A page of one connection, whose id is returned; *older as the answer says. */
static uint64_t
take_one(struct bench *b, int fd, uint32_t *older)
{
	struct conninfo c = { .id = 0 };
	uint64_t cursor;
	uint32_t n;
	struct err e;

	stage_expect(fd, &b->g, MSG_LIST);
	assert_int_equal(0, msg_get_u64(&b->g.m, &cursor));
	assert_int_equal(0, msg_get_u32(&b->g.m, older));
	assert_int_equal(0, msg_get_u32(&b->g.m, &n));
	assert_true(n <= 1 && cursor == 0);
	if (n == 1)
		assert_int_equal(0, conninfo_get(&b->g.m, &c));
	assert_int_equal(0, msg_end(&b->g.m, &e));
	return c.id;
}

static void
send_locks(int fd, uint64_t header, uint64_t number, const char *identity)
{
	struct lockset s = { 0 };
	uint8_t buf[64];
	struct msg_out o;
	struct err e;
	size_t n;
	char *text;
	int memfd;

	if (identity != NULL)
		assert_int_equal(1, lockset_add(&s, identity, "", 1, &e));
	text = lockset_text(&s, &n, &e);
	memfd = sealed_new("locks", text, n, &e);
	msg_start(&o, buf, sizeof(buf), MSG_LOCKS, header);
	msg_put_u64(&o, number);
	stage_send(fd, &o, &memfd, 1);
	close(memfd);
	free(text);
	lockset_done(&s);
}

static void
take_locks(struct bench *b, int fd, uint64_t number, uint32_t complete, uint32_t cut)
{
	uint64_t got;
	uint32_t v[2];

	do
		stage_recv(fd, &b->g);
	while (!b->g.end &&
	       (b->g.m.type == MSG_LOG || b->g.m.type == MSG_AUDIT || b->g.m.type == MSG_ALONE));
	assert_int_equal(MSG_LOCKS, b->g.m.type);
	assert_int_equal(0, msg_get_u64(&b->g.m, &got));
	assert_int_equal(0, msg_get_u32(&b->g.m, &v[0]));
	assert_int_equal(0, msg_get_u32(&b->g.m, &v[1]));
	assert_true(got == number);
	assert_int_equal(complete, v[0]);
	assert_int_equal(cut, v[1]);
}

/* ---- three that work ------------------------------------------------------------------------ */

static void
each_is_listed_shown_counted_and_cut_through_the_newest(void **state)
{
	struct bench *b = *state;
	uint32_t older;

	for (uint32_t i = 0; i < CHAIN; i++) {
		ask(b->ctl, MSG_LIST, 0, i, 0);
		assert_true(take_one(b, b->ctl, &older) == b->conn[i]);
		assert_int_equal(i < CHAIN - 1, older);
		ask(b->ctl, MSG_SHOW, 0, 0, b->conn[i]);
		assert_int_equal(1, take_u32(b, b->ctl, MSG_SHOW));
		ask(b->ctl, MSG_STATS, 0, i, 0);
		assert_int_equal(i < CHAIN - 1, take_u32(b, b->ctl, MSG_STATS));
	}
	ask(b->ctl, MSG_LIST, 0, CHAIN, 0);
	assert_true(take_one(b, b->ctl, &older) == 0 && older == 0);
	ask_cuts(b->ctl, BY_ID, b->conn[2], "");
	assert_int_equal(1, take_u32(b, b->ctl, MSG_CUTS));
	(void)stage_cut(b->gate[2], 1, b->conn[2]);
	ask_cuts(b->ctl, BY_IDENTITY, 0, NAME "alice@corp.example");
	assert_int_equal(2, take_u32(b, b->ctl, MSG_CUTS));
	(void)stage_cut(b->gate[0], 1, b->conn[0]);
	(void)stage_cut(b->gate[1], 1, b->conn[1]);
	ask(b->ctl, MSG_SHOW, 0, 0, 12345);
	assert_int_equal(0, take_u32(b, b->ctl, MSG_SHOW));
}

static void
a_lock_is_answered_when_all_have_it(void **state)
{
	struct bench *b = *state;

	send_locks(b->p[0].monitor, 0, 9, NAME "alice@corp.example");
	take_locks(b, b->p[0].monitor, 9, 1, CHAIN);
	for (int i = 0; i < CHAIN; i++)
		(void)stage_cut(b->gate[i], 1, b->conn[i]);
	send_locks(b->p[0].monitor, 0, 10, NULL);
	take_locks(b, b->p[0].monitor, 10, 1, 0);
}

static void
one_that_comes_later_gets_the_locks_too(void **state)
{
	struct bench *b = *state;
	int pair[2];

	send_locks(b->p[0].monitor, 0, 9, NAME "nobody@corp.example");
	take_locks(b, b->p[0].monitor, 9, 1, 0);
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	give_peer(&b->p[0], PEER_OLDER, pair[1]);
	stage_expect(pair[0], &b->g, MSG_LOCKS);
	assert_int_equal(1, b->g.nfds);
	close(b->g.fds[0]);
	close(pair[0]);
}

static void
an_older_one_that_ends_leaves_empty_answers(void **state)
{
	struct bench *b = *state;
	uint32_t older;
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	give_peer(&b->p[0], PEER_OLDER, pair[1]);
	ask(b->ctl, MSG_LIST, 0, 1, 0);
	stage_expect(pair[0], &b->g, MSG_LIST);
	send_locks(b->p[0].monitor, 0, 4, NAME "nobody@corp.example");
	close(pair[0]);
	assert_true(take_one(b, b->ctl, &older) == 0 && older == 0);
	take_locks(b, b->p[0].monitor, 4, 1, 0);
	ask_cuts(b->ctl, BY_IDENTITY, 0, NAME "alice@corp.example");
	assert_int_equal(1, take_u32(b, b->ctl, MSG_CUTS));
}

/* The monitor of the middle one hears it too: it may drain, and waits for the oldest. */
static void
the_end_of_the_older_one_is_told(void **state)
{
	struct bench *b = *state;

	stage_end(&b->p[2]);
	b->p[2].monitor = -1;
	do
		stage_recv(b->p[1].monitor, &b->g);
	while (!b->g.end && b->g.m.type != MSG_ALONE);
	assert_false(b->g.end);
}

/* Whether the one between two ends by itself or not: who is before it is not reached any more. */
static void
a_lock_is_not_complete_when_the_one_between_has_gone(void **state)
{
	struct bench *b = *state;

	stage_end(&b->p[1]);
	b->p[1].monitor = -1;
	(void)stage_log(&b->p[0], "an instance before it");
	send_locks(b->p[0].monitor, 0, 9, NAME "alice@corp.example");
	take_locks(b, b->p[0].monitor, 9, 0, 1);
	ask_cuts(b->ctl, BY_IDENTITY, 0, NAME "alice@corp.example");
	(void)take_u32(b, b->ctl, MSG_CUTS);
	(void)stage_log(&b->p[0], "cut: not in");
}

/* Also where that ends while the answer is waited for. */
static void
nor_when_it_goes_meanwhile(void **state)
{
	struct bench *b = *state;
	uint32_t older;
	int status;

	/* an answer through it: it knows the oldest, and has said so before */
	ask(b->ctl, MSG_LIST, 0, 2, 0);
	assert_true(take_one(b, b->ctl, &older) == b->conn[2]);
	assert_int_equal(0, kill(b->p[1].pid, SIGSTOP));
	assert_int_equal(b->p[1].pid, waitpid(b->p[1].pid, &status, WUNTRACED));
	send_locks(b->p[0].monitor, 0, 9, NAME "nobody@corp.example");
	assert_int_equal(0, kill(b->p[1].pid, SIGKILL));
	(void)waitpid(b->p[1].pid, &status, 0);
	close(b->p[1].monitor);
	b->p[1].monitor = -1;
	take_locks(b, b->p[0].monitor, 9, 0, 0);
}

static void
but_it_is_when_the_oldest_had_ended_before(void **state)
{
	struct bench *b = *state;

	for (int i = 2; i > 0; i--) {
		stage_end(&b->p[i]);
		b->p[i].monitor = -1;
		/* until the next one knows it */
		do
			stage_recv(b->p[i - 1].monitor, &b->g);
		while (!b->g.end && b->g.m.type != MSG_ALONE);
	}
	send_locks(b->p[0].monitor, 0, 9, NAME "nobody@corp.example");
	take_locks(b, b->p[0].monitor, 9, 1, 0);
}

/* Nor does it wait for one that could not be taken: what comes is no channel. */
static void
an_older_one_that_is_not_to_be_had_is_told(void **state)
{
	struct bench *b = *state;

	give_peer(&b->p[2], PEER_OLDER, open("/", O_PATH | O_CLOEXEC));
	do
		stage_recv(b->p[2].monitor, &b->g);
	while (!b->g.end && b->g.m.type != MSG_ALONE);
	assert_false(b->g.end);
}

/* Its last session may be among what it has just cut: then it ends before all of it is done. */
static void
one_that_ends_answers_before(void **state)
{
	struct bench *b = *state;
	int fd = stage_peer(&b->p[2], PEER_NEWER, 0), status;

	send_locks(fd, 1, 1, NULL);
	take_locks(b, fd, 1, 1, 0);
	/* while it stands still both come in, its monitor's end behind the question */
	assert_int_equal(0, kill(b->p[2].pid, SIGSTOP));
	assert_int_equal(b->p[2].pid, waitpid(b->p[2].pid, &status, WUNTRACED));
	send_locks(fd, 2, 8, NAME "alice@corp.example");
	close(b->p[2].monitor);
	b->p[2].monitor = -1;
	assert_int_equal(0, kill(b->p[2].pid, SIGCONT));
	take_locks(b, fd, 8, 1, 0);
	assert_int_equal(0, stage_wait(&b->p[2]));
	close(fd);
}

static void
a_second_question_before_the_answer_drops_the_client(void **state)
{
	struct bench *b = *state;
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	give_peer(&b->p[0], PEER_OLDER, pair[1]);
	ask(b->ctl, MSG_LIST, 0, 1, 0);
	stage_expect(pair[0], &b->g, MSG_LIST);
	ask(b->ctl, MSG_STATS, 0, 0, 0);
	stage_expect_end(b->ctl);
	/* its answer, when it comes, is nobody's */
	ask(pair[0], MSG_STATS, b->g.m.conn, 0, 0);
	close(pair[0]);
}

/* ---- one that is hostile -------------------------------------------------------------------- */

static void
put_page(struct msg_out *o, uint32_t older, uint32_t n, uint32_t entries)
{
	struct conninfo c = { .id = 77, .since = 1 };
	struct err e;

	assert_int_equal(0, addr_parse("192.0.2.1", &c.from, &e));
	msg_put_u64(o, 0);
	msg_put_u32(o, older);
	msg_put_u32(o, n);
	while (entries-- > 0)
		conninfo_put(&c, o);
}

/* Its answer to a LIST, row `i`; false: there is no such row. */
static bool
put_answer(int i, uint64_t number, struct msg_out *o, uint8_t *buf, size_t size)
{
	msg_start(o, buf, size,
	    i == 1   ? MSG_STATS
	    : i == 2 ? MSG_WHO
		     : MSG_LIST,
	    i == 3   ? 0
	    : i == 4 ? number + 1
		     : number);
	put_page(o, i == 5 ? 2 : 0, i == 6 ? 17 : i == 7 ? 2 : i == 8 ? 0 : 1, i == 6 ? 17 : 1);
	if (i == 9)
		msg_put_u32(o, 0);
	if (i == 10)
		o->len -= 2;
	return i <= 10;
}

static void
answers_that_are_none_drop_the_older_one(void **state)
{
	struct bench *b = *state;
	static uint8_t buf[MSG_MAX];
	struct msg_out o;
	uint32_t older;
	int pair[2];

	for (int i = 0; i <= 10; i++) {
		assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
		give_peer(&b->p[0], PEER_OLDER, pair[1]);
		ask(b->ctl, MSG_LIST, 0, 1, 0);
		stage_expect(pair[0], &b->g, MSG_LIST);
		assert_true(put_answer(i, b->g.m.conn, &o, buf, sizeof(buf)));
		stage_send(pair[0], &o, NULL, 0);
		if (i == 0) { /* the neighbour that is right */
			assert_true(take_one(b, b->ctl, &older) == 77);
			/* the same again is nobody's, and no harm */
			stage_send(pair[0], &o, NULL, 0);
			ask(b->ctl, MSG_LIST, 0, 1, 0);
			stage_expect(pair[0], &b->g, MSG_LIST);
			close(pair[0]);
			assert_true(take_one(b, b->ctl, &older) == 0);
			continue;
		}
		stage_expect_end(pair[0]);
		close(pair[0]);
		/* the operator gets an empty page, as if there were no older one */
		assert_true(take_one(b, b->ctl, &older) == 0 && older == 0);
	}
}

static void
a_newer_one_that_breaks_the_protocol_is_dropped(void **state)
{
	struct bench *b = *state;
	int fd;

	for (int i = 0; i < 3; i++) {
		fd = stage_peer(&b->p[2], PEER_NEWER, 0);
		if (i == 0)
			ask(fd, MSG_LIST, 0, 0, 0); /* no number */
		else if (i == 1)
			ask(fd, MSG_LIST, 5, 17, 0);
		else
			send_locks(fd, 0, 1, NULL);
		stage_expect_end(fd);
		close(fd);
	}
	fd = stage_peer(&b->p[2], PEER_NEWER, 0);
	ask(fd, MSG_SHOW, 5, 0, b->conn[2]);
	assert_int_equal(1, take_u32(b, fd, MSG_SHOW));
	assert_true(b->g.m.conn == 5);
	send_locks(fd, 6, 1, NULL);
	take_locks(b, fd, 1, 1, 0);
	assert_true(b->g.m.conn == 6);
	close(fd);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(each_is_listed_shown_counted_and_cut_through_the_newest),
		T(a_lock_is_answered_when_all_have_it),
		T(one_that_comes_later_gets_the_locks_too),
		T(an_older_one_that_ends_leaves_empty_answers),
		T(the_end_of_the_older_one_is_told),
		T(a_lock_is_not_complete_when_the_one_between_has_gone),
		T(nor_when_it_goes_meanwhile),
		T(but_it_is_when_the_oldest_had_ended_before),
		T(an_older_one_that_is_not_to_be_had_is_told),
		T(one_that_ends_answers_before),
		T(a_second_question_before_the_answer_drops_the_client),
		T(answers_that_are_none_drop_the_older_one),
		T(a_newer_one_that_breaks_the_protocol_is_dropped),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
