/* test_id.c - what an operator types: connection ids, serial numbers; and a table that fits */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "sshbridge/ctl/ctl.h"
#include "sshbridge/ctl/id.h"

static void
ids_are_hex_and_not_zero(void **state)
{
	static const char *const bad[] = { "", "0", "0000000000000000", "g", "0x1", " 1", "1 ",
		"11112222333344445", "-1", "+1" };
	uint64_t id = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(id_parse(bad[i], &id));
	assert_true(id_parse("00000000000000ff", &id));
	assert_true(id == 255);
	assert_true(id_parse("FFFFffffFFFFffff", &id));
	assert_true(id == UINT64_MAX);
}

static void
serials_are_compared_as_numbers(void **state)
{
	static const struct {
		const char *typed, *want;
	} rows[] = { { "1a2b", "1a2b" }, { "1A:2B", "1a2b" }, { "001a:2b", "1a2b" },
		{ "00:00:1a", "1a" }, { "0", "0" }, { "00:00", "0" }, { "0:1", "1" }, { "a", "a" },
		{ "", NULL }, { ":1", NULL }, { "1:", NULL }, { "1::2", NULL }, { "0x1", NULL },
		{ "1 2", NULL }, { "-1", NULL }, { "g", NULL }, { ":", NULL } };
	char got[8], longest[20];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool ok = id_serial(rows[i].typed, got, sizeof(got));

		if (ok != (rows[i].want != NULL) || (ok && strcmp(got, rows[i].want) != 0))
			fail_msg("\"%s\"", rows[i].typed);
	}
	(void)snprintf(longest, sizeof(longest), "0001234567");
	assert_true(id_serial(longest, got, sizeof(got)));
	(void)snprintf(longest, sizeof(longest), "12345678");
	assert_false(id_serial(longest, got, sizeof(got)));
}

static void
spans_and_bytes_are_short(void **state)
{
	char text[PRINT_SPAN_SIZE];

	(void)state;
	assert_string_equal("59 s", print_span(text, 59));
	assert_string_equal("1 min", print_span(text, 60));
	assert_string_equal("23 h", print_span(text, 86399));
	assert_string_equal("-2 d", print_span(text, -2 * 86400));
	assert_string_equal("999", print_bytes(text, 999));
	assert_string_equal("1.0 k", print_bytes(text, 1000));
	assert_string_equal("1.0 M", print_bytes(text, 999999));
	assert_string_equal("18.4 E", print_bytes(text, UINT64_MAX));
}

static const char *const cells[2][3] = { { "1", "a rather long text, and \xc3\xa9\xc3\xa9", "z" },
	{ "22", "short", "zz" } };

static void
cell(const void *arg, size_t row, size_t column, char *dst, size_t size)
{
	(void)arg;
	(void)snprintf(dst, size, "%s", cells[row][column]);
}

/* What table_print() writes at that width. */
static void
printed(size_t width, char *dst, size_t size)
{
	static const struct table_column columns[] = { { "N", true, false },
		{ "TEXT", false, true }, { "LAST", false, false } };
	const struct table t = { columns, 3, 2, cell, NULL };
	FILE *real = stdout, *fp = fmemopen(dst, size, "w");

	assert_non_null(fp);
	stdout = fp;
	table_print(&t, width);
	stdout = real;
	assert_int_equal(0, fclose(fp));
}

static void
a_table_is_cut_and_loses_columns_to_fit(void **state)
{
	char text[512];

	(void)state;
	printed(0, text, sizeof(text));
	assert_string_equal(" N  TEXT                        LAST\n"
			    " 1  a rather long text, and \xc3\xa9\xc3\xa9  z\n"
			    "22  short                       zz\n",
	    text);
	printed(24, text, sizeof(text));
	assert_string_equal(" N  TEXT            LAST\n"
			    " 1  a rather long~  z\n"
			    "22  short           zz\n",
	    text);
	/* the last column goes before a text becomes too short to read */
	printed(20, text, sizeof(text));
	assert_string_equal(" N  TEXT\n"
			    " 1  a rather long t~\n"
			    "22  short\n",
	    text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_hex_and_not_zero),
		cmocka_unit_test(serials_are_compared_as_numbers),
		cmocka_unit_test(spans_and_bytes_are_short),
		cmocka_unit_test(a_table_is_cut_and_loses_columns_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
