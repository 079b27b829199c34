/* test_pump.c - every byte of a channel arrives, in order, both ways, and ends are passed on */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "tests/unit/help/tunnel.h"

static struct tunnel t;

static const uint64_t sizes[] = { 0, 1, 10, 4095, 4096, 32767, 32768, 32769, 65536, 100000, 2097151,
	2097152, 2097153, 5000000, 30000000 };

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

/* Both sides have ended: closed by the server too, and ident knows how much went. */
static void
is_over(struct tunchan *c, uint64_t up, uint64_t down)
{
	TUNNEL_UNTIL(&t, c->closed && c->told && c->target_ended);
	assert_true(c->eof);
	assert_int_equal(up, c->target_got);
	assert_int_equal(down, c->got);
	assert_int_equal(up, c->told_up);
	assert_int_equal(down, c->told_down);
	assert_string_equal("closed", c->why);
	tunnel_close(&t, (unsigned)(c - t.ch));
}

static void
bytes_of_any_number_come_down(void **state)
{
	(void)state;
	tunnel_start(&t, 256);
	for (size_t i = 0; i < NITEMS(sizes); i++) {
		struct tunchan *c = tunnel_channel(&t, 0);

		c->down_left = sizes[i];
		c->down_eof = c->up_eof = true;
		is_over(c, 0, sizes[i]);
	}
	tunnel_end(&t);
}

static void
bytes_of_any_number_go_up(void **state)
{
	(void)state;
	tunnel_start(&t, 256);
	for (size_t i = 0; i < NITEMS(sizes); i++) {
		struct tunchan *c = tunnel_channel(&t, 0);

		c->up_left = sizes[i];
		c->down_eof = c->up_eof = true;
		is_over(c, sizes[i], 0);
	}
	tunnel_end(&t);
}

static void
bytes_go_both_ways_at_once_in_many_channels(void **state)
{
	enum { N = 20 };

	(void)state;
	tunnel_start(&t, 256);
	for (unsigned i = 0; i < N; i++) {
		struct tunchan *c = tunnel_channel(&t, i);

		c->up_left = 1000000 + i;
		c->down_left = 3000000 + i;
		c->down_eof = c->up_eof = true;
	}
	for (unsigned i = 0; i < N; i++)
		is_over(&t.ch[i], 1000000 + i, 3000000 + i);
	tunnel_end(&t);
}

static void
no_byte_is_lost_while_keys_are_exchanged_anew(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	c->up_left = c->down_left = 20000000;
	c->down_eof = c->up_eof = true;
	for (uint64_t next = 500000; !c->closed; tunnel_step(&t, 10)) {
		if (c->got < next)
			continue;
		sshraw_rekey(t.ssh);
		next = c->got + 1000000;
	}
	is_over(c, 20000000, 20000000);
	tunnel_end(&t);
}

/* The client is done, the target goes on: and the other way round. */
static void
each_half_closes_by_itself(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	c->up_left = 1000;
	c->up_eof = true;
	TUNNEL_UNTIL(&t, c->target_ended);
	assert_int_equal(1000, c->target_got);
	tunnel_quiet(&t, 5);
	assert_false(c->eof || c->closed);
	c->down_left = 5000000;
	c->down_eof = true;
	is_over(c, 1000, 5000000);

	c = tunnel_channel(&t, 1);
	c->down_left = 1000;
	c->down_eof = true;
	TUNNEL_UNTIL(&t, c->eof);
	assert_int_equal(1000, c->got);
	tunnel_quiet(&t, 5);
	assert_false(c->closed || c->target_ended);
	c->up_left = 5000000;
	c->up_eof = true;
	is_over(c, 5000000, 1000);
	tunnel_end(&t);
}

static void
what_a_client_sent_before_it_closed_reaches_a_slow_target(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	c->target_reads = 0;
	c->up_left = 1000000;
	TUNNEL_UNTIL(&t, c->up_left == 0);
	tunnel_close(&t, 0);
	tunnel_quiet(&t, 5);
	assert_false(c->told);
	c->target_reads = 5000;
	TUNNEL_UNTIL(&t, c->told && c->target_ended);
	assert_int_equal(1000000, c->target_got);
	assert_int_equal(1000000, c->told_up);
	tunnel_end(&t);
}

/* It does not read before it is read: both sides would wait for ever. */
static void
a_target_that_talks_first_gets_what_a_closed_channel_left(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	c->client_reads = c->target_reads = 0;
	c->up_left = 1000000;
	c->down_left = 6000000; /* more than the window and the sockets hold */
	TUNNEL_UNTIL(&t, c->up_left == 0);
	tunnel_quiet(&t, 5);
	assert_true(c->down_left > 0);
	tunnel_close(&t, 0);
	TUNNEL_UNTIL(&t, c->down_left == 0);
	c->target_reads = SIZE_MAX;
	TUNNEL_UNTIL(&t, c->told && c->target_ended);
	assert_int_equal(1000000, c->target_got);
	tunnel_end(&t);
}

static void
a_target_that_breaks_closes_its_channel_and_no_other(void **state)
{
	struct tunchan *c, *other;

	(void)state;
	tunnel_start(&t, 256);
	c = tunnel_channel(&t, 0);
	other = tunnel_channel(&t, 1);
	c->target_reads = 0;
	c->up_left = 3000000;
	tunnel_quiet(&t, 5);
	close(c->target);
	c->target = -1;
	TUNNEL_UNTIL(&t, c->closed && c->told);
	assert_string_equal("the target broke the connection", c->why);
	tunnel_close(&t, 0);
	other->up_left = other->down_left = 100000;
	other->up_eof = other->down_eof = true;
	is_over(other, 100000, 100000);
	tunnel_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_any_number_come_down),
		cmocka_unit_test(bytes_of_any_number_go_up),
		cmocka_unit_test(bytes_go_both_ways_at_once_in_many_channels),
		cmocka_unit_test(no_byte_is_lost_while_keys_are_exchanged_anew),
		cmocka_unit_test(each_half_closes_by_itself),
		cmocka_unit_test(what_a_client_sent_before_it_closed_reaches_a_slow_target),
		cmocka_unit_test(a_target_that_talks_first_gets_what_a_closed_channel_left),
		cmocka_unit_test(a_target_that_breaks_closes_its_channel_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
