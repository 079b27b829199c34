/* test_opts.c - options from a table: known ones, once, with their value */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ca-tools/opts.h"

static const struct opt table[] = {
	{ "out", "FILE", false, "a file" },
	{ "dns", "N", true, "a name" },
	{ "json", NULL, false, "a flag" },
};

static int
parse(struct opts *o, struct err *e, const char *a, const char *b, const char *c, const char *d)
{
	const char *argv[6] = { "cmd", a, b, c, d, NULL };
	int argc = 1;

	while (argv[argc] != NULL)
		argc++;
	return opts_parse(o, table, 3, argc, (char **)argv, e);
}

static void
values_come_behind_a_blank_or_an_equals_sign(void **state)
{
	struct opts o;
	struct err e;

	(void)state;
	assert_int_equal(0, parse(&o, &e, "word", "--out", "--json", "--json"));
	assert_string_equal("--json", opts_get(&o, "out"));
	assert_string_equal("", opts_get(&o, "json"));
	assert_null(opts_get(&o, "dns"));
	assert_int_equal(1, o.noperands);
	assert_int_equal(0, parse(&o, &e, "--out=a=b", "--dns=", "--dns", "x"));
	assert_string_equal("a=b", opts_get(&o, "out"));
	assert_int_equal(3, o.ngiven);
}

static void
behind_two_dashes_everything_is_a_word(void **state)
{
	struct opts o;
	struct err e;

	(void)state;
	assert_int_equal(0, parse(&o, &e, "--", "--out", "-x", NULL));
	assert_int_equal(2, o.noperands);
	assert_string_equal("--out", o.operand[0]);
}

static void
what_is_not_in_the_table_is_an_error(void **state)
{
	struct opts o;
	struct err e;

	(void)state;
	assert_int_equal(-1, parse(&o, &e, "--ou", "x", NULL, NULL));
	assert_int_equal(-1, parse(&o, &e, "--outx", "x", NULL, NULL));
	assert_int_equal(-1, parse(&o, &e, "--OUT", "x", NULL, NULL));
	assert_int_equal(-1, parse(&o, &e, "-o", "x", NULL, NULL));
	assert_int_equal(-1, parse(&o, &e, "--json=yes", NULL, NULL, NULL));
	assert_int_equal(-1, parse(&o, &e, "--out", NULL, NULL, NULL));
}

static void
a_single_option_twice_is_an_error_and_a_repeatable_one_is_not(void **state)
{
	struct opts o;
	struct err e;

	(void)state;
	assert_int_equal(-1, parse(&o, &e, "--out=a", "--out=a", NULL, NULL));
	assert_non_null(strstr(e.text, "--out is given twice"));
	assert_int_equal(-1, parse(&o, &e, "--json", "--json", NULL, NULL));
	assert_int_equal(0, parse(&o, &e, "--dns=a", "--dns=a", NULL, NULL));
}

static void
too_many_options_or_words_are_refused(void **state)
{
	static char word[] = "w", dns[] = "--dns=a";
	char *argv[OPTS_GIVEN_MAX + 3];
	struct opts o;
	struct err e;

	(void)state;
	for (size_t i = 0; i < OPTS_GIVEN_MAX + 3; i++)
		argv[i] = dns;
	assert_int_equal(0, opts_parse(&o, table, 3, OPTS_GIVEN_MAX + 1, argv, &e));
	assert_int_equal(-1, opts_parse(&o, table, 3, OPTS_GIVEN_MAX + 2, argv, &e));
	for (size_t i = 0; i < OPERANDS_MAX + 2; i++)
		argv[i] = word;
	assert_int_equal(0, opts_parse(&o, table, 3, OPERANDS_MAX + 1, argv, &e));
	assert_int_equal(-1, opts_parse(&o, table, 3, OPERANDS_MAX + 2, argv, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_behind_a_blank_or_an_equals_sign),
		cmocka_unit_test(behind_two_dashes_everything_is_a_word),
		cmocka_unit_test(what_is_not_in_the_table_is_an_error),
		cmocka_unit_test(a_single_option_twice_is_an_error_and_a_repeatable_one_is_not),
		cmocka_unit_test(too_many_options_or_words_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
