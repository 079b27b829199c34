/* test_hold.c - on-loss = "require": nobody gets in before the record of it is written */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "child.h"
#include "tests/unit/help/stage.h"

enum { ACCOUNT = 2, CAUSE = 2 };

struct bench {
	struct stage p;
	struct settings s;
	struct stage_sock sock;
	int listener, gate;
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	uint16_t port;

	assert_non_null(b);
	b->listener = stage_listener(&port);
	stage_start(&b->p, "ident");
	stage_settings(&b->s, port);
	b->s.audit_require = 1;
	b->gate = stage_peer(&b->p, PEER_GATE, 0);
	stage_listen(&b->p, &b->sock);
	stage_in_force(&b->p, 1, &b->s);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	close(b->gate);
	close(b->listener);
	stage_listen_done(&b->sock);
	stage_end(&b->p);
	free(b);
	return 0;
}

static bool
quiet(int fd, int ms)
{
	struct pollfd pf = { .fd = fd, .events = POLLIN };

	return poll(&pf, 1, ms) == 0;
}

/* The number under which the record that begins with this word wants its answer. */
static uint64_t
record(struct bench *b, const char *word)
{
	(void)stage_log(&b->p, word);
	return b->p.audit.number;
}

/* OPEN, and the record of it; OPENED is owed. */
static uint64_t
begin(struct bench *b, uint32_t number)
{
	struct stage_open a = stage_open(number);
	uint64_t n;

	stage_open_send(b->gate, &a);
	n = record(b, "opened");
	assert_true(n != 0);
	return n;
}

struct login {
	int fd, far;
	uint64_t conn;
};

static struct login
connected(struct bench *b, uint32_t number)
{
	struct login l;

	stage_audited(&b->p, begin(b, number), 1);
	l.fd = stage_opened(b->gate, number, &l.conn);
	l.far = accept(b->listener, NULL, NULL);
	return l;
}

static void
hang_up(struct login *l)
{
	close(l->fd);
	close(l->far);
}

/* NO and its sentence. */
static void
expect_no(int fd, const char *sentence)
{
	struct got *g = malloc(sizeof(*g));
	char text[200];
	uint32_t kind;

	assert_non_null(g);
	stage_expect(fd, g, MSG_NO);
	assert_int_equal(0, msg_get_u32(&g->m, &kind));
	assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
	assert_int_equal(CAUSE, kind);
	assert_string_equal(sentence, text);
	free(g);
}

static void
opened_waits_for_its_record(void **state)
{
	struct bench *b = *state;
	uint64_t number = begin(b, 1), conn;
	int fd;

	assert_true(quiet(b->gate, 200));
	stage_audited(&b->p, number + 1, 1); /* of another: it is nobody's */
	assert_true(quiet(b->gate, 100));
	stage_audited(&b->p, number, 1);
	fd = stage_opened(b->gate, 1, &conn);
	close(fd);
}

static void
opened_is_refused_when_the_record_is_not_written(void **state)
{
	struct bench *b = *state;
	uint64_t number = begin(b, 1);
	int far = accept(b->listener, NULL, NULL);
	char byte;

	stage_audited(&b->p, number, 0);
	assert_int_equal(5, stage_refused(b->gate, 1));
	assert_non_null(strstr(stage_log(&b->p, "refused"), "the audit log cannot be written"));
	assert_int_equal(0, b->p.audit.number); /* a no needs no answer */
	assert_int_equal(0, recv(far, &byte, 1, 0));
	close(far);
	stage_audited(&b->p, number, 1); /* too late, and ignored */
	number = begin(b, 1);
	stage_audited(&b->p, number, 1);
	close(stage_opened(b->gate, 1, &number));
}

static void
opened_is_refused_without_a_word_in_time(void **state)
{
	struct bench *b = *state;

	(void)begin(b, 1);
	(void)begin(b, 2);
	assert_int_equal(5, stage_refused(b->gate, 1));
	assert_int_equal(5, stage_refused(b->gate, 2));
}

static void
a_client_that_leaves_meanwhile_is_no_longer_owed_anything(void **state)
{
	struct bench *b = *state;
	uint64_t number = begin(b, 1);

	stage_closed(b->gate, 0, 1);
	(void)stage_log(&b->p, "closed");
	stage_audited(&b->p, number, 1);
	assert_true(quiet(b->gate, 200));
	number = begin(b, 1);
	stage_audited(&b->p, number, 1);
	close(stage_opened(b->gate, 1, &number));
}

static void
a_yes_waits_for_its_record(void **state)
{
	struct bench *b = *state;
	struct login l = connected(b, 1);
	struct got *g = malloc(sizeof(*g));
	int fd = stage_ask_connect(&b->sock);
	uint64_t number;

	assert_non_null(g);
	stage_who(fd, ACCOUNT, "alice", &l.far, 1);
	number = record(b, "granted");
	assert_true(number != 0);
	assert_true(quiet(fd, 200));
	stage_audited(&b->p, number, 1);
	stage_expect(fd, g, MSG_IS);
	assert_true(g->m.conn == l.conn);
	stage_expect_end(fd);
	close(fd);
	free(g);
	hang_up(&l);
}

/* Not even one that would be cut for the wrong key: the gate is owed its answer all the same. */
static void
nobody_is_through_before_opened(void **state)
{
	static const uint8_t anchor = STAGE_ANCHOR;
	struct bench *b = *state;
	char why[512];
	uint64_t number, conn;
	unsigned kind;
	int far;

	stage_generation(
	    &b->p, 2, &b->s, &anchor, 1, "email {user}@corp.example {user} bind=extension\n");
	assert_true(stage_ready(&b->p, 2, why, sizeof(why)));
	number = begin(b, 1);
	far = accept(b->listener, NULL, NULL);
	for (unsigned hook = 1; hook <= 3; hook++) {
		assert_int_equal(MSG_NO, stage_ask(&b->sock, hook, "alice", far, &kind));
		assert_non_null(strstr(stage_log(&b->p, "denied"), "not written yet"));
	}
	stage_audited(&b->p, number, 1);
	close(stage_opened(b->gate, 1, &conn));
	close(far);
}

static void
a_no_waits_for_nothing(void **state)
{
	struct bench *b = *state;
	struct login l = connected(b, 1);
	unsigned kind;

	assert_int_equal(MSG_NO, stage_ask(&b->sock, ACCOUNT, "bob", l.far, &kind));
	assert_int_equal(0, record(b, "denied"));
	hang_up(&l);
}

static void
a_yes_that_is_not_written_is_a_no(void **state)
{
	struct bench *b = *state;
	struct login l = connected(b, 1);
	int fd = stage_ask_connect(&b->sock);

	stage_who(fd, ACCOUNT, "alice", &l.far, 1);
	stage_audited(&b->p, record(b, "granted"), 0);
	expect_no(fd, "the audit log cannot be written");
	assert_non_null(strstr(stage_log(&b->p, "denied"),
	    "service=sshd account=alice hook=account identity=corp/email:alice@corp.example"));
	assert_non_null(strstr(b->p.last, "why=\"the audit log cannot be written\""));
	close(fd);
	hang_up(&l);
}

static void
a_yes_without_a_word_in_time_is_a_no(void **state)
{
	struct bench *b = *state;
	struct login l = connected(b, 1);
	int fd = stage_ask_connect(&b->sock);

	stage_who(fd, ACCOUNT, "alice", &l.far, 1);
	(void)record(b, "granted");
	expect_no(fd, "the audit log cannot be written");
	close(fd);
	/* the connection itself goes on */
	assert_int_equal(1, send(l.fd, "x", 1, 0));
	hang_up(&l);
}

static void
a_yes_that_ended_meanwhile_is_a_no(void **state)
{
	struct bench *b = *state;
	struct login l = connected(b, 1);
	int fd = stage_ask_connect(&b->sock);
	uint64_t number;

	stage_who(fd, ACCOUNT, "alice", &l.far, 1);
	number = record(b, "granted");
	stage_closed(b->gate, l.conn, 1);
	(void)stage_log(&b->p, "closed");
	stage_audited(&b->p, number, 1);
	expect_no(fd, "the connection has ended");
	close(fd);
	hang_up(&l);
}

static void
an_asker_that_leaves_meanwhile_is_forgotten(void **state)
{
	struct bench *b = *state;
	struct login l = connected(b, 1);
	struct got *g = malloc(sizeof(*g));
	int fd = stage_ask_connect(&b->sock);
	uint64_t number;

	assert_non_null(g);
	stage_who(fd, ACCOUNT, "alice", &l.far, 1);
	number = record(b, "granted");
	close(fd);
	fd = stage_ask_connect(&b->sock);
	stage_who(fd, ACCOUNT, "alice", &l.far, 1);
	stage_audited(&b->p, number, 1);
	assert_true(quiet(fd, 100)); /* not for the one that was written for another */
	stage_audited(&b->p, record(b, "granted"), 1);
	stage_expect(fd, g, MSG_IS);
	free(g);
	close(fd);
	hang_up(&l);
}

static void
count_waits_for_nothing(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);
	uint64_t conn;

	b->s.audit_require = 0;
	stage_in_force(&b->p, 2, &b->s);
	stage_open_send(b->gate, &a);
	close(stage_opened(b->gate, 1, &conn));
	assert_int_equal(0, record(b, "opened"));
}

/* Nobody reads the records: where they must be written, that is a no, at once. */
static void
what_cannot_be_sent_is_refused(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(0), good = stage_open(7000);

	a.email = "mallory@corp.example";
	for (a.number = 0; a.number < 6000; a.number++) {
		stage_open_send(b->gate, &a);
		(void)stage_refused(b->gate, a.number);
	}
	stage_open_send(b->gate, &good);
	assert_int_equal(5, stage_refused(b->gate, 7000));
	/* each that was lost is told: those that came and the count add up */
	for (uint64_t came = 0, lost = 0; came + lost < 6001;) {
		(void)stage_log(&b->p, "");
		if (b->p.audit.event != NULL) {
			came++;
			lost += b->p.audit.lost;
			b->p.audit.event = NULL;
		}
		if (came + lost < 6001 && quiet(b->p.monitor, 0)) {
			a.number = 0;
			stage_open_send(b->gate, &a); /* and one more, which tells */
			(void)stage_refused(b->gate, 0);
			lost--;
		}
	}
}

static void
malformed_audited_ends_it(void **state)
{
	static const struct {
		int numbers, words;
		size_t extra;
	} rows[] = { { 0, 0, 0 }, { 1, 0, 0 }, { 1, 1, 1 }, { 0, 1, 0 } };
	uint8_t buf[64];
	struct msg_out o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stage p;

		stage_start(&p, "ident");
		msg_start(&o, buf, sizeof(buf), MSG_AUDITED, 0);
		if (rows[i].numbers > 0)
			msg_put_u64(&o, 1);
		if (rows[i].words > 0)
			msg_put_u32(&o, 1);
		o.len += rows[i].extra;
		stage_send(p.monitor, &o, NULL, 0);
		assert_int_equal(0, stage_wait(&p));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opened_waits_for_its_record, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    opened_is_refused_when_the_record_is_not_written, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    opened_is_refused_without_a_word_in_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_client_that_leaves_meanwhile_is_no_longer_owed_anything, setup, teardown),
		cmocka_unit_test_setup_teardown(a_yes_waits_for_its_record, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_is_through_before_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(a_no_waits_for_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_yes_that_is_not_written_is_a_no, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_yes_without_a_word_in_time_is_a_no, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_yes_that_ended_meanwhile_is_a_no, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    an_asker_that_leaves_meanwhile_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(count_waits_for_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_sent_is_refused, setup, teardown),
		cmocka_unit_test(malformed_audited_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
