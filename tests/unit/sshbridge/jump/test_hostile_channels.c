/*
 * test_hostile_channels.c - clients that break the rules of channels (RFC 4254 section 5): each is
 * refused or cut with a reason in the log, in bounded memory
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/help/tunnel.h"

static struct tunnel t;

enum { WINDOW_ADJUST = 93, DATA = 94, EXTENDED_DATA = 95, CHANNEL_EOF = 96, CHANNEL_CLOSE = 97 };

#define MB 1024 /* kB */

static void
memory_is_below(size_t kb, const char *what)
{
	size_t most = tunnel_memory(&t, "VmHWM");

	(void)printf("# note: %s: %zu kB at most\n", what, most);
#ifndef SANITIZED
	assert_true(most <= kb);
#else
	(void)kb;
#endif
}

/* The client is told `text`, the log too, and the process ends as it should. */
static void
is_cut(const char *text)
{
	TUNNEL_UNTIL(&t, t.ended);
	assert_string_equal(text, t.farewell);
	jumpplay_log(&t.play, "ssh-ended", text);
	assert_int_equal(0, tunnel_status(&t));
}

static void
send_data(struct tunchan *c, size_t n)
{
	static uint8_t buf[32768];

	for (size_t i = 0; i < n; i++)
		buf[i] = tunnel_byte(c->sent + i);
	sshraw_sendf(t.ssh, "bun", DATA, c->remote, buf, n);
	c->sent += n;
}

static void
still_works(unsigned i)
{
	struct tunchan *c = tunnel_channel(&t, i);

	c->up_left = c->down_left = 100000;
	c->up_eof = c->down_eof = true;
	TUNNEL_UNTIL(&t, c->closed && c->told && c->target_ended);
	assert_int_equal(100000, c->got);
	assert_int_equal(100000, c->target_got);
	tunnel_close(&t, i);
}

/* ---- beyond the window ------------------------------------------------------------------------
 */

static void
sixty_megabytes_beyond_the_window_are_not_kept(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	c->target_reads = 0;
	for (size_t sent = 0; sent < 60000000 && !t.ended; sent += 32768) {
		send_data(c, 32768);
		tunnel_step(&t, 0);
		/* 0.11 drops them at once, without a word: then that is all there is to it */
		while (!t.ended && sshraw_unsent(t.ssh))
			tunnel_step(&t, 10);
	}
	if (t.ended) {
		is_cut("data far beyond the window of a channel");
		return;
	}
	memory_is_below(16 * MB, "60 MB beyond the window");
	tunnel_end(&t);
}

static void
the_window_may_overflow(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	tunnel_open(&t, 0, UINT32_MAX, 32768);
	c = &t.ch[0];
	TUNNEL_UNTIL(&t, c->state == TUN_OPEN);
	sshraw_sendf(t.ssh, "buu", WINDOW_ADJUST, c->remote, UINT32_MAX);
	sshraw_sendf(t.ssh, "buu", WINDOW_ADJUST, c->remote, 1000000);
	c->down_left = 900000;
	/* 0.10: it wraps; later ones end the connection */
	TUNNEL_UNTIL(&t, t.ended || c->got == 900000);
	if (!t.ended)
		still_works(1);
	tunnel_end(&t);
}

static void
a_window_of_nothing_gets_nothing_until_it_opens(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	tunnel_open(&t, 0, 0, 32768);
	c = &t.ch[0];
	TUNNEL_UNTIL(&t, c->state == TUN_OPEN);
	c->client_reads = 0;
	c->down_left = 1000;
	c->down_eof = true;
	tunnel_quiet(&t, 5);
	assert_int_equal(0, c->got);
	assert_false(c->eof);
	c->given = 1000;
	sshraw_sendf(t.ssh, "buu", WINDOW_ADJUST, c->remote, (uint32_t)1000);
	TUNNEL_UNTIL(&t, c->got == 1000 && c->eof);
	still_works(1);
	tunnel_end(&t);
}

/* ---- after the end ----------------------------------------------------------------------------
 */

static void
data_after_the_end_cut(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	sshraw_sendf(t.ssh, "bu", CHANNEL_EOF, c->remote);
	send_data(c, 100);
	is_cut("data after the end of a channel");
}

static void
data_after_close_reach_nobody(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	send_data(c, 100);
	tunnel_close(&t, 0);
	send_data(c, 100);
	TUNNEL_UNTIL(&t, t.ended || (c->told && c->target_ended));
	assert_true(c->target_got <= 100);
	for (int i = 0; i < 100 && !t.ended; i++) {
		send_data(c, 32768);
		sshraw_sendf(t.ssh, "bu", CHANNEL_EOF, c->remote);
		sshraw_sendf(t.ssh, "bu", CHANNEL_CLOSE, c->remote);
		sshraw_sendf(t.ssh, "buu", WINDOW_ADJUST, c->remote, (uint32_t)5);
	}
	if (!t.ended)
		still_works(1);
	tunnel_end(&t);
}

static void
what_a_client_sends_into_a_channel_that_we_closed_is_bounded(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	close(c->target);
	c->target = -1;
	send_data(c, 100);
	TUNNEL_UNTIL(&t, c->told);
	for (int i = 0; i < 2000 && !t.ended; i++) {
		send_data(c, 32768);
		do
			tunnel_step(&t, 0);
		while (!t.ended && sshraw_unsent(t.ssh));
	}
	if (t.ended) {
		is_cut("data far beyond the window of a channel");
		return;
	}
	memory_is_below(16 * MB, "data into a closed channel");
	tunnel_end(&t);
}

static void
an_error_stream_of_a_client_is_dropped(void **state)
{
	static uint8_t buf[32768];
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	for (int i = 0; i < 1000 && !t.ended; i++) {
		sshraw_sendf(
		    t.ssh, "buun", EXTENDED_DATA, c->remote, (uint32_t)1, buf, sizeof(buf));
		do
			tunnel_step(&t, 0);
		while (!t.ended && sshraw_unsent(t.ssh));
	}
	assert_false(t.ended);
	memory_is_below(12 * MB, "32 MB of an error stream");
	still_works(1);
	tunnel_end(&t);
}

/* ---- sizes of packets -------------------------------------------------------------------------
 */

/* Bytes come, or the channel is refused; the process lives. */
static void
packets_of_at_most(uint32_t max)
{
	struct tunchan *c;

	tunnel_start(&t, 256);
	tunnel_open(&t, 0, 2000000, max);
	c = &t.ch[0];
	tunnel_quiet(&t, 5);
	if (c->state == TUN_OPEN) {
		c->down_left = 20000;
		c->down_eof = true;
		TUNNEL_UNTIL(&t, c->eof);
		assert_int_equal(20000, c->got);
		tunnel_close(&t, 0);
	}
	memory_is_below(16 * MB, "packets of a strange size");
	still_works(1);
	tunnel_end(&t);
}

static void
packets_of_nothing_and_of_four_gigabytes(void **state)
{
	(void)state;
	packets_of_at_most(0);
	packets_of_at_most(UINT32_MAX);
}

static void
packets_of_one_and_of_eleven_bytes(void **state)
{
	(void)state;
	packets_of_at_most(1);
	packets_of_at_most(11);
}

/* libssh 0.10 takes 10 off that size, and writes empty packets for ever: see watchdog.h. */
static void
packets_of_ten_bytes_do_not_spin_for_ever(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	tunnel_open(&t, 0, 2000000, 10);
	c = &t.ch[0];
	TUNNEL_UNTIL(&t, c->state == TUN_OPEN);
	c->down_left = 1000;
	c->down_eof = true;
	TUNNEL_UNTIL(&t, t.ended || c->eof);
	if (c->eof) {
		assert_int_equal(1000, c->got);
		tunnel_end(&t);
		return;
	}
	jumpplay_log(&t.play, "jump-ends", "CPU time without progress");
	assert_non_null(strstr(t.play.stage.last, "connection=000000001234abcd"));
	assert_int_equal(1, tunnel_status(&t));
}

/* ---- targets ----------------------------------------------------------------------------------
 */

static void
a_target_that_talks_for_ever_to_a_channel_that_is_closed_is_left(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	c->down_left = UINT64_MAX;
	TUNNEL_UNTIL(&t, c->got > 5000000);
	tunnel_close(&t, 0);
	TUNNEL_UNTIL(&t, c->told && c->down_left == 0);
	still_works(1);

	/* its last bytes are not read either: it is listened to for a while, then it waits */
	c = tunnel_channel(&t, 2);
	c->target_reads = 0;
	c->up_left = 1000000;
	TUNNEL_UNTIL(&t, c->up_left == 0);
	tunnel_quiet(&t, 5);
	tunnel_close(&t, 2);
	c->down_left = UINT64_MAX;
	tunnel_quiet(&t, 10);
	assert_in_range(c->target_sent, 1, 30000000);
	assert_false(c->told);
	still_works(3);
	c->target_reads = SIZE_MAX;
	TUNNEL_UNTIL(&t, c->told && c->target_ended);
	assert_int_equal(1000000, c->target_got);
	tunnel_end(&t);
}

static void
what_ident_was_not_asked_it_cannot_answer(void **state)
{
	(void)state;
	tunnel_start(&t, 256);
	(void)tunnel_channel(&t, 0);
	t.ch[0].number = 77;
	tunnel_answer(&t, 0, false);
	TUNNEL_UNTIL(&t, t.ended);
	(void)tunnel_status(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sixty_megabytes_beyond_the_window_are_not_kept),
		cmocka_unit_test(the_window_may_overflow),
		cmocka_unit_test(a_window_of_nothing_gets_nothing_until_it_opens),
		cmocka_unit_test(data_after_the_end_cut),
		cmocka_unit_test(data_after_close_reach_nobody),
		cmocka_unit_test(what_a_client_sends_into_a_channel_that_we_closed_is_bounded),
		cmocka_unit_test(an_error_stream_of_a_client_is_dropped),
		cmocka_unit_test(packets_of_nothing_and_of_four_gigabytes),
		cmocka_unit_test(packets_of_one_and_of_eleven_bytes),
		cmocka_unit_test(packets_of_ten_bytes_do_not_spin_for_ever),
		cmocka_unit_test(a_target_that_talks_for_ever_to_a_channel_that_is_closed_is_left),
		cmocka_unit_test(what_ident_was_not_asked_it_cannot_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
