/*
 * test_jumps_told.c - jump and pam processes by what the monitor is told: a new generation, a
 * trial, ident's words
 */
#include "jumps_help.h"

/* ---- generations ----------------------------------------------------------------------------- */

static void
answer_ready(uint64_t number)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e = { 0 };

	msg_start(&o, buf, sizeof(buf), MSG_READY, 0);
	msg_put_u64(&o, number);
	msg_put_u32(&o, 1);
	msg_put_str(&o, "");
	assert_int_equal(0, kid_on_msg(&m.ident, buf, o.len, NULL, 0, &e));
}

static void
take_offer(uint64_t number)
{
	struct got g;
	uint64_t v;

	take(ident_end, &g);
	assert_int_equal(MSG_GENERATION, g.in.type);
	assert_int_equal(0, msg_get_u64(&g.in, &v));
	assert_int_equal(number, v);
	for (size_t i = 0; i < g.nfds; i++)
		close(g.fds[i]);
}

static void
a_new_generation_replaces_the_ready_and_leaves_the_taken(void **state)
{
	struct pool p, q;

	(void)state;
	fill(&p);
	assert_int_equal(0, say_taken(p.numbers[0]));
	p.numbers[JUMPS_READY] = take_jump(1, &p.fds[JUMPS_READY]);
	m.candidate = generation(2, "good");
	monitor_advance(&m);
	take_offer(2);
	assert_int_equal(2, m.jumps.tried);
	answer_ready(2);
	for (int i = 0; i < JUMPS_READY; i++)
		(void)take_jump(2, &q.fds[i]);
	assert_true(answers(p.fds[0]));
	for (int i = 1; i <= JUMPS_READY; i++)
		assert_false(answers(p.fds[i]));
	for (int i = 0; i < JUMPS_READY; i++)
		assert_true(answers(q.fds[i]));
	empty(&p, JUMPS_READY + 1);
	empty(&q, JUMPS_READY);
}

static void
a_bad_host_key_is_never_offered_to_ident(void **state)
{
	struct pool p;
	struct got g;

	(void)state;
	fill(&p);
	m.candidate = generation(2, "bad");
	monitor_advance(&m);
	while (m.candidate != NULL)
		turn();
	assert_non_null(strstr(m.failure, "host key 1 of target 1: not a key"));
	assert_int_equal(1, m.current->number);
	/* what ident hears next is the next ready process, of the generation in force */
	assert_int_equal(0, say_taken(p.numbers[0]));
	take(ident_end, &g);
	assert_int_equal(MSG_JUMP, g.in.type);
	close(g.fds[0]);
	empty(&p, JUMPS_READY);
}

/* The process that tries its host keys starts under a generation that wants none. */
static void
the_first_jump_target_comes_by_a_reload(void **state)
{
	struct pool p;

	(void)state;
	m.current->conf->settings.targets[1].mode = TARGET_FORWARD;
	m.candidate = generation(2, "good");
	monitor_advance(&m);
	assert_int_equal(1, count(&m.jumps.pool));
	monitor_advance(&m); /* something else happens before it is up */
	assert_int_equal(1, count(&m.jumps.pool));
	take_offer(2);
	answer_ready(2);
	for (int i = 0; i < JUMPS_READY; i++)
		(void)take_jump(2, &p.fds[i]);
	empty(&p, JUMPS_READY);
}

static void
the_first_jump_target_with_a_bad_host_key_is_refused(void **state)
{
	(void)state;
	m.current->conf->settings.targets[1].mode = TARGET_FORWARD;
	m.candidate = generation(2, "bad");
	monitor_advance(&m);
	assert_int_equal(1, count(&m.jumps.pool));
	while (m.candidate != NULL)
		turn();
	assert_non_null(strstr(m.failure, "host key 1 of target 1: not a key"));
	assert_int_equal(0, count(&m.jumps.pool));
}

static void
new_crls_alone_are_not_tried(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	m.candidate = generation(2, "bad");
	m.candidate->crls_only = true;
	conf_free(m.candidate->conf); /* it has none before it is committed */
	m.candidate->conf = NULL;
	monitor_advance(&m);
	take_offer(2);
	empty(&p, JUMPS_READY);
}

/* ---- ident's words --------------------------------------------------------------------------- */

static void
taken_is_refused_short_long_and_of_a_process_that_ident_does_not_have(void **state)
{
	static const uint32_t two[] = { 1, 2 };
	struct pool p;

	(void)state;
	assert_int_equal(0, say_taken(99)); /* it ended just now */
	assert_int_equal(-1, say(MSG_TAKEN, NULL, 0));
	assert_int_equal(-1, say(MSG_TAKEN, two, 2));
	monitor_advance(&m); /* started, and not ready yet */
	assert_int_equal(-1, say_taken(1));
	for (int i = 0; i < JUMPS_READY; i++)
		p.numbers[i] = take_jump(1, &p.fds[i]);
	assert_int_equal(0, say_taken(1));
	assert_int_equal(0, say_taken(1)); /* twice: it is not in the pool any more */
	assert_int_equal(1, count(&m.jumps.taken));
	empty(&p, JUMPS_READY);
}

static void
a_jump_process_that_says_too_much_is_ended(void **state)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e = { 0 };
	struct pool p;
	struct kid *k;

	(void)state;
	fill(&p);
	k = LIST_FIRST(&m.jumps.pool);
	msg_start(&o, buf, sizeof(buf), MSG_READY, 0); /* the third */
	msg_put_u64(&o, 1);
	msg_put_u32(&o, 1);
	msg_put_str(&o, "");
	assert_int_equal(-1, kid_on_msg(k, buf, o.len, NULL, 0, &e));
	msg_start(&o, buf, sizeof(buf), MSG_AUDIT, 0);
	assert_int_equal(-1, kid_on_msg(k, buf, o.len, NULL, 0, &e));
	assert_int_equal(ERR_PEER, e.kind);
	empty(&p, JUMPS_READY);
}

/* PAM for connection 7: returns the pair, or -1 when there is none. */
static int
ask_pam(void)
{
	struct got g;
	struct err e;
	uint32_t ok;

	assert_int_equal(0, say(MSG_PAM, NULL, 0));
	take(ident_end, &g);
	assert_int_equal(MSG_PAM, g.in.type);
	assert_int_equal(7, g.in.conn);
	assert_int_equal(0, msg_get_u32(&g.in, &ok));
	assert_int_equal(0, msg_end(&g.in, &e));
	assert_int_equal(ok, g.nfds);
	return ok ? g.fds[0] : -1;
}

static void
ident_gets_a_pam_process_for_a_login(void **state)
{
	int one, two;

	(void)state;
	m.current->conf->settings.targets[1].mode = TARGET_FORWARD; /* no jump process in between */
	assert_int_not_equal(-1, one = ask_pam());
	assert_int_not_equal(-1, two = ask_pam());
	assert_true(answers(one) && answers(two));
	close(one);
	while (m.jumps.npams > 1)
		turn();
	assert_true(answers(two));
	close(two);
}

static void
more_pam_processes_than_connections_are_refused(void **state)
{
	int one, two;

	(void)state;
	m.current->conf->settings.targets[1].mode = TARGET_FORWARD;
	assert_int_not_equal(-1, one = ask_pam());
	assert_int_not_equal(-1, two = ask_pam());
	assert_int_equal(-1, ask_pam());
	wait_log("no pam process: 2 of them live");
	close(one);
	while (m.jumps.npams > 1)
		turn();
	assert_int_not_equal(-1, one = ask_pam());
	close(one);
	close(two);
}

static void
a_pam_process_that_cannot_be_started_is_told(void **state)
{
	static const uint32_t more[] = { 1 };

	(void)state;
	program("pam", NULL);
	assert_int_equal(-1, ask_pam());
	wait_log("connection 0000000000000007: no pam process: ");
	assert_int_equal(-1, say(MSG_PAM, more, 1));
}

int
main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_new_generation_replaces_the_ready_and_leaves_the_taken),
		TEST(a_bad_host_key_is_never_offered_to_ident),
		TEST(the_first_jump_target_comes_by_a_reload),
		TEST(the_first_jump_target_with_a_bad_host_key_is_refused),
		TEST(new_crls_alone_are_not_tried),
		TEST(taken_is_refused_short_long_and_of_a_process_that_ident_does_not_have),
		TEST(a_jump_process_that_says_too_much_is_ended),
		TEST(ident_gets_a_pam_process_for_a_login),
		TEST(more_pam_processes_than_connections_are_refused),
		TEST(a_pam_process_that_cannot_be_started_is_told),
	};

	stand_in_or(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
