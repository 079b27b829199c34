/* test_candidate.c - a map that would cut most of what is live is not taken unless it is forced */
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
#include "sshbridge/ident/judge.h"
#include "tests/unit/help/stage.h"

enum { LINES = 12 };

/* user0 to user11 may connect, `n` of them are. */
struct bench {
	struct stage p;
	struct settings s;
	int listener, gate, fd[LINES], far[LINES];
	uint64_t conn[LINES], generation;
	uint32_t n;
	char why[512];
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
	b->gate = stage_peer(&b->p, PEER_GATE, 0);
	stage_in_force(&b->p, ++b->generation, &b->s);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	for (uint32_t i = 0; i < b->n; i++) {
		close(b->fd[i]);
		close(b->far[i]);
	}
	close(b->gate);
	close(b->listener);
	stage_end(&b->p);
	free(b);
	return 0;
}

static void
open_until(struct bench *b, uint32_t n)
{
	char email[64];

	for (; b->n < n; b->n++) {
		struct stage_open a = stage_open(b->n);

		(void)snprintf(email, sizeof(email), "user%u@corp.example", b->n);
		a.email = email;
		stage_open_send(b->gate, &a);
		b->fd[b->n] = stage_opened(b->gate, b->n, &b->conn[b->n]);
		b->far[b->n] = accept(b->listener, NULL, NULL);
	}
}

/* A map without the first `gone` users; false: it is not taken, b->why. */
static bool
offer(struct bench *b, uint32_t gone, uint8_t anchor)
{
	char map[2000];
	size_t n = (size_t)snprintf(map, sizeof(map), "cn nobody nobody trust=corp\n");

	for (uint32_t i = gone; i < LINES; i++)
		n += (size_t)snprintf(map + n, sizeof(map) - n,
		    "email user%u@corp.example user%u trust=corp\n", i, i);
	stage_generation(&b->p, ++b->generation, &b->s, &anchor, 1, map);
	return stage_ready(&b->p, b->generation, b->why, sizeof(b->why));
}

static void
expect_cuts(struct bench *b, uint32_t n, unsigned code)
{
	struct got *g = malloc(sizeof(*g));
	uint32_t number, got;
	bool seen[LINES] = { false };

	assert_non_null(g);
	for (uint32_t i = 0; i < n; i++) {
		stage_expect(b->gate, g, MSG_CUT);
		assert_int_equal(0, msg_get_u32(&g->m, &number));
		assert_int_equal(0, msg_get_u32(&g->m, &got));
		assert_int_equal(code, got);
		assert_in_range(number, 0, n - 1);
		assert_false(seen[number]);
		seen[number] = true;
	}
	free(g);
}

static void
half_of_ten_is_cut_and_more_is_not(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(0);

	a.email = "user0@corp.example";
	open_until(b, 10);
	assert_false(offer(b, 6, STAGE_ANCHOR));
	assert_non_null(strstr(b->why, "would cut 6 of 10 live connections"));
	assert_non_null(strstr(b->why, "reload --force"));
	/* the old one stays in force: who is not on the new one may still connect */
	stage_closed(b->gate, b->conn[0], 0);
	close(b->fd[0]);
	close(b->far[0]);
	(void)stage_log(&b->p, "closed");
	stage_open_send(b->gate, &a);
	b->fd[0] = stage_opened(b->gate, 0, &b->conn[0]);
	b->far[0] = accept(b->listener, NULL, NULL);
	assert_true(offer(b, 5, STAGE_ANCHOR));
	expect_cuts(b, 5, CUT_MAP);
}

static void
forced_one_is_taken_whatever_it_cuts(void **state)
{
	struct bench *b = *state;

	open_until(b, 11);
	assert_false(offer(b, 11, STAGE_ANCHOR));
	assert_non_null(strstr(b->why, "would cut 11 of 11"));
	b->p.force = true;
	assert_true(offer(b, 11, STAGE_ANCHOR));
	expect_cuts(b, 11, CUT_MAP);
}

static void
few_may_all_be_cut(void **state)
{
	struct bench *b = *state;

	open_until(b, 9);
	assert_true(offer(b, 9, STAGE_ANCHOR));
	expect_cuts(b, 9, CUT_MAP);
}

/* What was cut already does not count any more. */
static void
those_that_are_cut_are_not_live(void **state)
{
	struct bench *b = *state;

	open_until(b, 12);
	assert_true(offer(b, 5, STAGE_ANCHOR));
	expect_cuts(b, 5, CUT_MAP);
	/* seven are left, none of them closed by the gate */
	assert_true(offer(b, 12, STAGE_ANCHOR));
}

static void
change_of_trust_always_takes_effect(void **state)
{
	struct bench *b = *state;

	open_until(b, 12);
	assert_true(offer(b, 0, STAGE_ANCHOR));
	assert_true(offer(b, 0, STAGE_ANCHOR + 1));
	expect_cuts(b, 12, CUT_DISTRUSTED);
}

/* The new map takes nothing from those whom the new trust takes away. */
static void
what_the_trust_takes_is_not_laid_to_the_map(void **state)
{
	struct bench *b = *state;

	open_until(b, 12);
	assert_true(offer(b, 12, STAGE_ANCHOR + 1));
	expect_cuts(b, 12, CUT_DISTRUSTED);
}

/* After a refusal the monitor sends what is in force again. */
static void
what_is_in_force_may_come_again(void **state)
{
	struct bench *b = *state;

	open_until(b, 12);
	assert_true(offer(b, 1, STAGE_ANCHOR));
	expect_cuts(b, 1, CUT_MAP);
	stage_closed(b->gate, b->conn[0], 0);
	assert_false(offer(b, 12, STAGE_ANCHOR));
	assert_true(offer(b, 1, STAGE_ANCHOR));
}

/* The monitor gives one at a time; a second replaces the first, and one READY comes. */
static void
later_one_takes_the_place_of_what_is_counted(void **state)
{
	struct bench *b = *state;
	uint8_t anchor = STAGE_ANCHOR;

	open_until(b, 10);
	stage_generation(&b->p, ++b->generation, &b->s, &anchor, 1, "email x@y z trust=corp\n");
	stage_generation(&b->p, ++b->generation, &b->s, &anchor, 1, stage_map);
	/* whether the first was through is a question of time: then it was refused */
	for (;;) {
		struct got *g = malloc(sizeof(*g));
		uint64_t number;
		uint32_t ok;

		assert_non_null(g);
		stage_recv(b->p.monitor, g);
		assert_false(g->end);
		if (g->m.type != MSG_READY) {
			free(g);
			continue;
		}
		assert_int_equal(0, msg_get_u64(&g->m, &number));
		assert_int_equal(0, msg_get_u32(&g->m, &ok));
		free(g);
		assert_int_equal(number == b->generation, ok);
		if (ok == 1)
			break;
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(half_of_ten_is_cut_and_more_is_not),
		TEST(forced_one_is_taken_whatever_it_cuts),
		TEST(few_may_all_be_cut),
		TEST(those_that_are_cut_are_not_live),
		TEST(change_of_trust_always_takes_effect),
		TEST(what_the_trust_takes_is_not_laid_to_the_map),
		TEST(what_is_in_force_may_come_again),
		TEST(later_one_takes_the_place_of_what_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
