/* test_when.c - times and counts of the command line */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ca-tools/when.h"

static void
rfc3339_in_utc_is_read(void **state)
{
	struct err e;
	int64_t t = -1;

	(void)state;
	assert_int_equal(0, when_parse("1970-01-01T00:00:00Z", &t, &e));
	assert_int_equal(0, t);
	assert_int_equal(0, when_parse("2026-11-23T22:38:51Z", &t, &e));
	assert_int_equal(1795473531, t);
	assert_int_equal(0, when_parse("2028-02-29T23:59:59Z", &t, &e));
	assert_int_equal(0, when_parse("9999-12-31T23:59:59Z", &t, &e));
	assert_int_equal(INT64_C(253402300799), t);
}

static void
other_spellings_and_days_that_are_not_are_refused(void **state)
{
	static const char *const bad[] = { "", "2026", "2026-11-23", "2026-11-23 22:38:51Z",
		"2026-11-23T22:38:51", "2026-11-23T22:38:51z", "2026-11-23T22:38:51Zx",
		"2026-11-23T22:38:51.5Z", "2026-11-23T22:38:51+01:00", "2026-1-23T22:38:51Z",
		"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
		"2026-01-01T00:00:60Z", "1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z" };
	struct err e;
	int64_t t = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (when_parse(bad[i], &t, &e) != -1)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(ERR_FORMAT, e.kind);
		assert_int_equal(77, t);
	}
}

static void
a_count_is_digits_within_its_range(void **state)
{
	static const char *const bad[] = { "", "0", "31", "-1", "+1", " 1", "1 ", "1d", "0x1",
		"1000000000000", "99999999999999999999999999" };
	struct err e;
	int64_t n = 77;

	(void)state;
	assert_int_equal(0, count_parse("--days", "1", 1, 30, &n, &e));
	assert_int_equal(1, n);
	assert_int_equal(0, count_parse("--days", "30", 1, 30, &n, &e));
	assert_int_equal(30, n);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (count_parse("--days", bad[i], 1, 30, &n, &e) != -1)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(30, n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc3339_in_utc_is_read),
		cmocka_unit_test(other_spellings_and_days_that_are_not_are_refused),
		cmocka_unit_test(a_count_is_digits_within_its_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
