/* test_text.c - what others wrote stays one printable, bounded line */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "err.h"
#include "text.h"

static void
controls_and_quotes_are_escaped(void **state)
{
	char b[64];

	(void)state;
	assert_string_equal("a\\x0ab\\x00\\\"\\\\", text_escape(b, sizeof(b), "a\nb\0\"\\", 6));
	assert_string_equal("\\x1b[31m", text_escape(b, sizeof(b), "\033[31m", 5));
}

static void
utf8_is_kept_but_not_what_steers_a_terminal(void **state)
{
	char b[64];

	(void)state;
	assert_string_equal("J\xc3\xbcrgen", text_escape(b, sizeof(b), "J\xc3\xbcrgen", 7));
	assert_string_equal("\\xc2\\x9b", text_escape(b, sizeof(b), "\xc2\x9b", 2)); /* CSI */
	assert_string_equal(
	    "\\xe2\\x80\\xae", text_escape(b, sizeof(b), "\xe2\x80\xae", 3)); /* RLO */
	assert_string_equal("\\xc0\\x80", text_escape(b, sizeof(b), "\xc0\x80", 2));
	assert_string_equal("\\xed\\xa0\\x80", text_escape(b, sizeof(b), "\xed\xa0\x80", 3));
}

static void
cleaning_keeps_escapes_and_drops_controls(void **state)
{
	char a[] = "x=\"a\\x0a\" \033[31m \n J\xc3\xbcrgen \xff";

	(void)state;
	text_clean(a);
	assert_string_equal("x=\"a\\x0a\" ?[31m ? J\xc3\xbcrgen ?", a);
}

static void
every_size_is_held_and_marked_when_cut(void **state)
{
	char b[32];

	(void)state;
	for (size_t size = 1; size < sizeof(b); size++) {
		memset(b, 'Z', sizeof(b));
		text_escape(b, size, "ab\ncd\nef\ngh", 11);
		assert_true(strlen(b) < size);
		assert_int_equal('Z', b[size]);
	}
	assert_string_equal("abc...", text_escape(b, 7, "abcdefgh", 8));
	assert_string_equal("abcdef", text_escape(b, 7, "abcdef", 6));
}

static void
sha256_reads_as_ssh_keygen_prints_it(void **state)
{
	char b[TEXT_SHA256_SIZE];
	uint8_t h[32];

	(void)state;
	memset(h, 0xff, sizeof(h));
	assert_string_equal(
	    "SHA256://////////////////////////////////////////8", text_sha256(b, h));
}

static void
error_text_is_one_line(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(-1, err_set(&e, ERR_FORMAT, "a%sb", "\n\033"));
	assert_string_equal("a??b", e.text);
	assert_int_equal(-1, err_prefix(&e, "f:%d", 3));
	assert_string_equal("f:3: a??b", e.text);
	assert_int_equal(ERR_FORMAT, e.kind);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(controls_and_quotes_are_escaped),
		cmocka_unit_test(utf8_is_kept_but_not_what_steers_a_terminal),
		cmocka_unit_test(cleaning_keeps_escapes_and_drops_controls),
		cmocka_unit_test(every_size_is_held_and_marked_when_cut),
		cmocka_unit_test(sha256_reads_as_ssh_keygen_prints_it),
		cmocka_unit_test(error_text_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
