/*
 * test_flow.c - who is slow slows itself: memory is bounded, other channels go on, limits hold
 *
 * Bounds are on bytes, never on time. A sanitizer's memory is its own, so it is not judged there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/help/tunnel.h"

static struct tunnel t;

enum { GLOBAL_REQUEST = 80 };

#define MB 1024 /* kB */

/* Its memory at most; printed, since a figure that creeps up is a finding too. */
static void
memory_is_below(size_t kb, const char *what)
{
	size_t most = tunnel_memory(&t, "VmHWM"), now = tunnel_memory(&t, "VmRSS");

	(void)printf("# note: %s: %zu kB now, %zu kB at most\n", what, now, most);
#ifndef SANITIZED
	assert_true(most <= kb);
#else
	(void)kb;
#endif
}

/* So many bytes each way through a channel of its own, and it closes. */
static void
a_channel_works(unsigned i, uint64_t bytes)
{
	struct tunchan *c = tunnel_channel(&t, i);

	c->up_left = c->down_left = bytes;
	c->up_eof = c->down_eof = true;
	TUNNEL_UNTIL(&t, c->closed && c->told && c->target_ended);
	assert_int_equal(bytes, c->got);
	assert_int_equal(bytes, c->target_got);
	tunnel_close(&t, i);
}

static void
a_slow_target_holds_up_its_own_channel_only(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	c->target_reads = 0;
	c->up_left = 100000000;
	tunnel_quiet(&t, 10);
	/* two windows of 0.11's at most, and what sockets hold */
	assert_in_range(c->sent, 1, 6000000);
	a_channel_works(1, 3000000);
	c->target_reads = 3000;
	TUNNEL_UNTIL(&t, c->target_got > 10000000);
	memory_is_below(14 * MB, "a slow target, 10 MB");
	tunnel_end(&t);
}

static void
a_client_that_reads_nothing_costs_no_memory_whatever_its_window(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	tunnel_open(&t, 0, UINT32_MAX, 32768);
	c = &t.ch[0];
	TUNNEL_UNTIL(&t, c->state == TUN_OPEN);
	t.deaf = true;
	c->down_left = 100000000;
	tunnel_quiet(&t, 10);
	assert_in_range(c->target_sent, 1, 3000000);
	memory_is_below(12 * MB, "a client that reads nothing, a window of 4 GB");
	t.deaf = false;
	TUNNEL_UNTIL(&t, c->got == 100000000);
	memory_is_below(12 * MB, "and 100 MB later");
	tunnel_end(&t);
}

static void
a_slow_client_costs_no_memory(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	c->client_reads = 3000;
	c->down_left = 20000000;
	c->down_eof = true;
	TUNNEL_UNTIL(&t, c->eof);
	assert_int_equal(20000000, c->got);
	memory_is_below(12 * MB, "a slow client");
	tunnel_end(&t);
}

static void
a_hundred_stalled_downloads_leave_the_next_channel_alone(void **state)
{
	(void)state;
	tunnel_start(&t, 256);
	for (unsigned i = 0; i < 100; i++) {
		struct tunchan *c = tunnel_channel(&t, i);

		c->client_reads = 0;
		c->down_left = 10000000;
	}
	tunnel_quiet(&t, 10);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(t.ch[i].first, t.ch[i].got);
	a_channel_works(100, 3000000);
	memory_is_below(16 * MB, "100 stalled downloads and one that runs");
	tunnel_end(&t);
}

static void
fifty_stalled_uploads_hold_a_window_each(void **state)
{
	(void)state;
	tunnel_start(&t, 256);
	for (unsigned i = 0; i < 50; i++) {
		struct tunchan *c = tunnel_channel(&t, i);

		c->target_reads = 0;
		c->up_left = 10000000;
	}
	tunnel_quiet(&t, 10);
	a_channel_works(50, 3000000);
	memory_is_below(50 * 3 * MB, "50 stalled uploads and one that runs");
	tunnel_end(&t);
}

/* Answers that nobody reads: the client is not read either. */
static void
a_client_that_asks_and_reads_no_answer_is_not_read(void **state)
{
	enum { BATCH = 1000, MANY = 800 };
	size_t waits = 0;

	(void)state;
	tunnel_start(&t, 256);
	t.deaf = true;
	for (int i = 0; i < MANY; i++) {
		for (int k = 0; k < BATCH && !sshraw_unsent(t.ssh); k++)
			sshraw_sendf(
			    t.ssh, "bsb", GLOBAL_REQUEST, "no-such-request@example.com", 1);
		waits += sshraw_unsent(t.ssh);
		(void)usleep(1000);
		(void)sshraw_flush(t.ssh);
	}
	assert_true(waits > 0);
	memory_is_below(12 * MB, "answers that nobody reads");
	t.deaf = false;
	tunnel_quiet(&t, 10);
	assert_false(sshraw_unsent(t.ssh));
	assert_true(t.replies > 1000);
	a_channel_works(0, 100000);
	tunnel_end(&t);
}

/* ---- limits -----------------------------------------------------------------------------------
 */

static void
one_channel_too_many_is_refused_until_one_has_closed(void **state)
{
	(void)state;
	tunnel_start(&t, 4);
	for (unsigned i = 0; i < 4; i++)
		(void)tunnel_channel(&t, i);
	tunnel_open(&t, 4, 2000000, 32768);
	TUNNEL_UNTIL(&t, t.ch[4].state == TUN_REFUSED);
	assert_int_equal(4, t.dialled);
	tunnel_close(&t, 0);
	TUNNEL_UNTIL(&t, t.ch[0].told && t.ch[0].closed);
	(void)tunnel_channel(&t, 4);
	tunnel_end(&t);
}

static void
a_channel_that_the_client_does_not_close_is_still_one(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 1);
	c = tunnel_channel(&t, 0);
	c->up_eof = c->down_eof = true;
	TUNNEL_UNTIL(&t, c->closed && c->told);
	tunnel_open(&t, 1, 2000000, 32768);
	TUNNEL_UNTIL(&t, t.ch[1].state == TUN_REFUSED);
	tunnel_close(&t, 0);
	(void)tunnel_channel(&t, 2);
	tunnel_end(&t);
}

static void
dials_in_flight_are_thirty_two_and_the_others_wait_their_turn(void **state)
{
	(void)state;
	tunnel_start(&t, 256);
	t.dial = DIAL_HANGS;
	for (unsigned i = 0; i < 300; i++)
		tunnel_open(&t, i, 2000000, 32768);
	TUNNEL_UNTIL(&t, t.ch[299].state == TUN_REFUSED);
	tunnel_quiet(&t, 5);
	assert_int_equal(32, t.dialled);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(TUN_ASKED, t.ch[i].state);
	for (unsigned i = 256; i < 300; i++)
		assert_int_equal(TUN_REFUSED, t.ch[i].state);
	/* the first come are the first; yes and no alike make room */
	for (unsigned i = 0; i < 256; i++) {
		TUNNEL_UNTIL(&t, t.ch[i].number != 0);
		tunnel_answer(&t, i, i % 2 == 0);
	}
	for (unsigned i = 0; i < 256; i++)
		TUNNEL_UNTIL(&t, t.ch[i].state == (i % 2 == 0 ? TUN_OPEN : TUN_REFUSED));
	assert_int_equal(32, t.dialling_most);
	t.dial = DIAL_OPENS;
	a_channel_works(300, 100000);
	tunnel_end(&t);
}

/* Of two answers in one turn the second waits in libssh, and meanwhile no target is read. */
static void
what_a_target_says_beside_two_answers_does_not_wait(void **state)
{
	struct tunchan *c;
	int status;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	tunnel_quiet(&t, 5);
	assert_int_equal(0, kill(t.play.stage.pid, SIGSTOP));
	assert_int_equal(t.play.stage.pid, waitpid(t.play.stage.pid, &status, WUNTRACED));
	for (int i = 0; i < 2; i++)
		sshraw_sendf(t.ssh, "bsb", GLOBAL_REQUEST, "x@test", 1);
	c->down_left = 5;
	tunnel_quiet(&t, 2);
	assert_int_equal(5, c->target_sent);
	assert_int_equal(0, kill(t.play.stage.pid, SIGCONT));
	/* half of the time after which a keepalive would wake it */
	for (int i = 0; i < 3000 && c->got < 5; i++)
		tunnel_step(&t, 10);
	assert_int_equal(5, c->got);
	assert_int_equal(2, t.replies);
	tunnel_end(&t);
}

static void
ten_thousand_opens_leave_nothing_behind(void **state)
{
	size_t before = 0;

	(void)state;
	tunnel_start(&t, 256);
	for (int round = 0; round < 100; round++) {
		t.dial = round % 2 == 0 ? DIAL_OPENS : DIAL_REFUSES;
		for (unsigned i = 0; i < 100; i++)
			tunnel_open(&t, i, 2000000, 32768);
		for (unsigned i = 0; i < 100; i++)
			TUNNEL_UNTIL(&t, t.ch[i].state > TUN_ASKED);
		for (unsigned i = 0; i < 100 && t.dial == DIAL_OPENS; i++)
			tunnel_close(&t, i);
		for (unsigned i = 0; i < 100 && t.dial == DIAL_OPENS; i++)
			TUNNEL_UNTIL(&t, t.ch[i].told && t.ch[i].closed);
		if (round == 9)
			before = tunnel_memory(&t, "VmRSS");
	}
	assert_int_equal(10000, t.dialled);
	memory_is_below(12 * MB, "10,000 opens");
#ifndef SANITIZED
	assert_true(tunnel_memory(&t, "VmRSS") <= before + 512);
#else
	(void)before;
#endif
	t.dial = DIAL_OPENS;
	a_channel_works(0, 100000);
	tunnel_end(&t);
}

static void
a_connection_whose_channels_are_silent_ends_after_its_time(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start_idle(&t, 2);
	c = tunnel_channel(&t, 0);
	/* bytes keep it alive, either way; for longer than its time */
	for (int i = 0; i < 30; i++) {
		c->up_left += (uint64_t)(i % 2);
		c->down_left += i % 2 == 0;
		(void)usleep(100000);
		tunnel_quiet(&t, 2);
	}
	assert_false(t.ended);
	TUNNEL_UNTIL(&t, t.ended);
	assert_string_equal("idle timeout", t.farewell);
	assert_true(c->told);
	assert_string_equal("the connection ended", c->why);
	jumpplay_log(&t.play, "ssh-ended", "idle timeout");
	assert_int_equal(0, tunnel_status(&t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_target_holds_up_its_own_channel_only),
		cmocka_unit_test(a_client_that_reads_nothing_costs_no_memory_whatever_its_window),
		cmocka_unit_test(a_slow_client_costs_no_memory),
		cmocka_unit_test(a_hundred_stalled_downloads_leave_the_next_channel_alone),
		cmocka_unit_test(fifty_stalled_uploads_hold_a_window_each),
		cmocka_unit_test(a_client_that_asks_and_reads_no_answer_is_not_read),
		cmocka_unit_test(one_channel_too_many_is_refused_until_one_has_closed),
		cmocka_unit_test(a_channel_that_the_client_does_not_close_is_still_one),
		cmocka_unit_test(dials_in_flight_are_thirty_two_and_the_others_wait_their_turn),
		cmocka_unit_test(a_connection_whose_channels_are_silent_ends_after_its_time),
		cmocka_unit_test(what_a_target_says_beside_two_answers_does_not_wait),
		cmocka_unit_test(ten_thousand_opens_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
