/* test_jumps.c - the pool of jump processes: filled, taken from, and kept full */
#include "jumps_help.h"

static void
as_many_as_the_pool_holds_are_ready_and_each_answers(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	for (int i = 0; i < JUMPS_READY; i++) {
		assert_true(answers(p.fds[i]));
		for (int k = 0; k < i; k++)
			assert_int_not_equal(p.numbers[i], p.numbers[k]);
	}
	assert_int_equal(JUMPS_READY, count(&m.jumps.pool));
	empty(&p, JUMPS_READY);
}

static void
without_a_jump_target_there_is_none(void **state)
{
	(void)state;
	m.current->conf->settings.targets[1].mode = TARGET_FORWARD;
	monitor_advance(&m);
	assert_int_equal(0, m.jumps.last);
}

static void
one_that_is_taken_is_made_up_for(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(0, say_taken(p.numbers[i]));
		p.numbers[JUMPS_READY + i] = take_jump(1, &p.fds[JUMPS_READY + i]);
	}
	assert_int_equal(20, count(&m.jumps.taken));
	assert_int_equal(JUMPS_READY, m.jumps.npool);
	assert_int_equal(JUMPS_READY, count(&m.jumps.pool));
	for (int i = 0; i < JUMPS_READY + 20; i++)
		assert_true(answers(p.fds[i]));
	empty(&p, JUMPS_READY + 20);
}

static void
a_crash_is_told_and_takes_nobody_along(void **state)
{
	struct pool p;
	char word[64];

	(void)state;
	fill(&p);
	assert_int_equal(0, say_taken(p.numbers[0]));
	p.numbers[JUMPS_READY] = take_jump(1, &p.fds[JUMPS_READY]);
	tell(p.fds[0], MSG_CUT);
	(void)snprintf(word, sizeof(word), "jump-%u (pid ", p.numbers[0]);
	wait_log(word);
	assert_non_null(strstr(line, ") ended by signal 6 (SIGABRT)"));
	assert_int_equal(0, count(&m.jumps.taken));
	for (int i = 1; i <= JUMPS_READY; i++)
		assert_true(answers(p.fds[i]));
	empty(&p, JUMPS_READY + 1);
}

static void
a_ready_one_that_dies_is_made_up_for(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	tell(p.fds[3], MSG_CUT);
	wait_log("SIGABRT");
	(void)take_jump(1, &p.fds[JUMPS_READY]);
	assert_true(answers(p.fds[JUMPS_READY]));
	assert_int_equal(JUMPS_READY, m.jumps.npool);
	empty(&p, JUMPS_READY + 1);
}

/* Its channel ends, and its process is gone, before it is read that it had a connection. */
static void
one_that_is_told_as_taken_after_its_end_slows_nothing_down(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	for (int i = 0; i < 4; i++) {
		close(p.fds[i]);
		while (m.jumps.failures == 0)
			turn();
		assert_int_equal(0, say_taken(p.numbers[i]));
		assert_int_equal(0, m.jumps.failures);
		assert_int_equal(JUMPS_READY, m.jumps.npool);
		p.numbers[i] = take_jump(1, &p.fds[i]);
	}
	close(p.fds[0]);
	while (m.jumps.npool == JUMPS_READY)
		turn();
	assert_int_equal(0, say_taken(p.numbers[0]));
	while (LIST_FIRST(&m.jumps.ended) != NULL)
		turn();
	assert_int_equal(0, m.jumps.failures);
	p.numbers[0] = take_jump(1, &p.fds[0]);
	empty(&p, JUMPS_READY);
}

static void
those_that_die_at_start_are_started_ever_more_slowly(void **state)
{
	(void)state;
	program("jump", "/bin/false");
	monitor_advance(&m);
	while (m.jumps.failures < 4)
		turn();
	/* a full round, then one at a time */
	assert_int_equal(JUMPS_READY + 3, m.jumps.last);
	assert_true(kid_delay(4).tv_usec > kid_delay(1).tv_usec);
	wait_log("ended with status 1");
	program("jump", self);
	for (int i = 0; i < JUMPS_READY; i++) {
		int fd;

		(void)take_jump(1, &fd);
		close(fd);
	}
}

static void
one_that_cannot_be_started_is_told_and_tried_again(void **state)
{
	struct pool p;

	(void)state;
	program("jump", NULL);
	monitor_advance(&m);
	wait_log("jump: cannot be started now: ");
	program("jump", self);
	for (int i = 0; i < JUMPS_READY; i++)
		p.numbers[i] = take_jump(1, &p.fds[i]);
	empty(&p, JUMPS_READY);
}

static void
lines_beyond_a_rate_are_counted_and_left_out(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	assert_int_equal(0, say_taken(p.numbers[0]));
	tell(p.fds[0], MSG_LIST);
	assert_true(answers(p.fds[0]));
	tell(p.fds[0], MSG_CUT);
	wait_log("line 0");
	wait_log("more lines in one second were left out");
	wait_log("SIGABRT");
	empty(&p, JUMPS_READY);
}

static void
when_ident_ends_all_end(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	assert_int_equal(0, say_taken(p.numbers[0]));
	m.stopping = true; /* nothing is started in their place */
	jumps_kill(&m);
	assert_null(LIST_FIRST(&m.jumps.pool));
	assert_null(LIST_FIRST(&m.jumps.taken));
	for (int i = 0; i < JUMPS_READY; i++)
		assert_false(answers(p.fds[i]));
	empty(&p, JUMPS_READY);
}

int
main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(as_many_as_the_pool_holds_are_ready_and_each_answers),
		TEST(without_a_jump_target_there_is_none),
		TEST(one_that_is_taken_is_made_up_for),
		TEST(a_crash_is_told_and_takes_nobody_along),
		TEST(a_ready_one_that_dies_is_made_up_for),
		TEST(one_that_is_told_as_taken_after_its_end_slows_nothing_down),
		TEST(those_that_die_at_start_are_started_ever_more_slowly),
		TEST(one_that_cannot_be_started_is_told_and_tried_again),
		TEST(lines_beyond_a_rate_are_counted_and_left_out),
		TEST(when_ident_ends_all_end),
	};

	stand_in_or(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
