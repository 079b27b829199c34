/* test_pump.c - every byte of a channel arrives, in order, both ways, and ends are passed on */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/help/tunnel.h"

static struct tunnel t;

static const uint64_t sizes[] = { 0, 1, 10, 4095, 4096, 32767, 32768, 32769, 65536, 100000,
	2097151, 2097152, 2097153, 5000000, 30000000 };

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

/* Both sides have ended: closed by the server too, and ident knows how much went. */
static void
is_over(struct tunchan *c, uint64_t up, uint64_t down)
{
	TUNNEL_UNTIL(&t, c->closed && c->told);
	assert_int_equal(up, c->target_got);
	assert_int_equal(down, c->got);
	assert_true(c->eof && c->target_ended);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_any_number_come_down),
		cmocka_unit_test(bytes_of_any_number_go_up),
		cmocka_unit_test(bytes_go_both_ways_at_once_in_many_channels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
