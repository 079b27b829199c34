/* test_clock.c - a moment of the clock that nobody sets, told by the wall clock */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sshbridge/ident/ident.h"

/* Through a whole second of either clock, wherever each of them ticks. */
static void
a_moment_is_told_the_same_whenever_it_is_asked_for(void **state)
{
	int64_t then = ident_monotonic(), now = ident_now(), told = ident_wall(then);

	(void)state;
	assert_in_range(told, now - 1, now + 1);
	while (ident_monotonic() < then + 2 || ident_now() < now + 2)
		assert_int_equal(told, ident_wall(then));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_moment_is_told_the_same_whenever_it_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
