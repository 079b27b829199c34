/* test_dn.c - distinguished names are lists of RDNs, and text is only how they are written */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dn.h"
#include "utf8.h"

static struct dn_writer one, two;

static void
assert_refused(const char *text)
{
	struct err e = { 0 };

	if (dn_parse(text, &one, &e) != -1)
		fail_msg("taken: %s", text);
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_true(e.text[0] != '\0');
}

static void
parse(const char *text, struct dn_writer *w)
{
	struct err e = { 0 };

	if (dn_parse(text, w, &e) == -1)
		fail_msg("%s: %s", text, e.text);
	assert_int_equal(0, dn_check(w->buf, w->len, &e));
}

static void
assert_same(const char *a, const char *b, int same)
{
	parse(a, &one);
	parse(b, &two);
	if ((one.len == two.len && memcmp(one.buf, two.buf, one.len) == 0) != same)
		fail_msg("%s and %s should %s", a, b, same ? "be equal" : "differ");
}

static void
assert_text(const char *in, const char *want)
{
	char text[200];

	parse(in, &one);
	assert_string_equal(want, dn_text(one.buf, one.len, text, sizeof(text)));
	assert_int_equal(strlen(want), dn_text_len(one.buf, one.len));
}

static void
canonical_bytes_are_as_the_header_says(void **state)
{
	static const uint8_t want[] = { 1, 2, 'C', 'N', 0, 1, 'a', 2, 1, 'O', 0, 1, 'b', 2, 'O',
		'U', 0, 1, 'c' };

	(void)state;
	parse("cn=a,OU=c+O=b", &one);
	assert_int_equal(sizeof(want), one.len);
	assert_memory_equal(want, one.buf, sizeof(want));
	assert_int_equal(2, one.nrdns);
}

static void
types_are_equal_by_any_name_and_values_byte_by_byte(void **state)
{
	(void)state;
	assert_same("CN=Alice", "cn=Alice", 1);
	assert_same("2.5.4.3=Alice", "CN=Alice", 1);
	assert_same("1.2.840.113549.1.9.1=a@b", "emailAddress=a@b", 1);
	assert_same("CN=Alice", "CN=alice", 0);
	assert_same("CN=Alice", "OU=Alice", 0);
	assert_same("1.2.3.4=x", "1.2.3.5=x", 0);
}

static void
order_of_rdns_counts_and_order_within_one_does_not(void **state)
{
	(void)state;
	assert_same("CN=a+OU=b,O=c", "OU=b+CN=a,O=c", 1);
	assert_same("CN=a+OU=b+UID=x,O=c", "UID=x+OU=b+CN=a,O=c", 1);
	assert_same("CN=a,O=c", "O=c,CN=a", 0);
	assert_same("CN=a+OU=b", "CN=a,OU=b", 0);
}

static void
text_that_reads_alike_is_not_the_same_name(void **state)
{
	(void)state;
	assert_same("CN=a\\,O=b", "CN=a,O=b", 0);
	assert_same("CN=a\\+O=b", "CN=a+O=b", 0);
	assert_same("CN=a,O=b,O=c", "CN=a,O=b\\,O=c", 0);
}

static void
every_escape_of_rfc_4514_is_read(void **state)
{
	(void)state;
	assert_same("CN=a\\,b", "CN=a\\2Cb", 1);
	assert_same("CN=\\\"\\+\\,\\;\\<\\>\\\\\\ \\#\\=",
	    "CN=\\22\\2b\\2C\\3b\\3c\\3e\\5c\\20\\23\\3d", 1);
	assert_same("CN=\\ a\\ ", "CN=\\20a\\20", 1);
	assert_same("CN=J\\c3\\BCrgen", "CN=J\xc3\xbcrgen", 1);
	assert_same("CN=a=b#c d", "CN=a\\=b\\#c\\ d", 1);
	assert_same("CN=Lu\\C4\\8Di\\C4\\87", "CN=Lu\xc4\x8di\xc4\x87", 1); /* RFC 4514 section 4 */
}

static void
what_rfc_4514_does_not_allow_is_refused(void **state)
{
	static const char *const bad[] = { "", "CN", "=a", "CN=", "CN=a,", ",CN=a", "CN=a,,O=b",
		"CN=a+", "CN=a+,O=b", "CN=#04024869", "CN= a", "CN=a ", "CN=a, O=b", "CN =a",
		"CN=a\"b", "CN=a;O=b", "CN=a<b", "CN=a>b", "CN=a\\", "CN=a\\g0", "CN=a\\4",
		"CN=a\\4g", "XX=a", "1=a", "1.=a", "01.2=a", "3.1=a", "1.40=a", "1.02=a", "CN=a\nb",
		"CN=a\\0Ab", "CN=a\\00", "CN=a\\7f", "CN=\xff", "CN=\\C3", "CN=\\C3,O=\\BC",
		"CN=\xc0\x80", "CN=\xed\xa0\x80", "CN=\xc2\x85", "CN=\x01x", "CN=a+CN=b",
		"CN=a+cn=a", "CN=a+2.5.4.3=b" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i]);
	parse("2.999=a", &one);
	parse("1.39=a", &one);
	parse("0.0=a", &one);
}

static void
marks_pass_only_where_they_are_asked_for(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_refused("CN=\x01");
	assert_int_equal(0, dn_parse_marked("CN=\x01@\x10", &one, &e));
	assert_int_equal(-1, dn_parse_marked("CN=\\01", &one, &e));
	assert_int_equal(-1, dn_parse_marked("C\x01=a", &one, &e));
	/* a mark must not hide half a character on either side */
	assert_int_equal(-1, dn_parse_marked("CN=\xc3\x01\xbc", &one, &e));
}

static void
text_of_a_name_reads_back_as_the_same_name(void **state)
{
	(void)state;
	assert_text("cn=Alice Ng,OU=Operations,O=Corp", "CN=Alice Ng,OU=Operations,O=Corp");
	assert_text("OU=b+CN=a\\2Cb", "CN=a\\,b+OU=b");
	assert_text("CN=\\20a b\\20", "CN=\\ a b\\ ");
	assert_text("CN=\\ ", "CN=\\ ");
	assert_text("CN=\\#a#", "CN=\\#a#");
	assert_text("CN=J\\c3\\bc\\\\", "CN=J\xc3\xbc\\\\");
}

static void
every_single_byte_survives_text_and_back(void **state)
{
	struct err e = { 0 };
	char text[64];

	(void)state;
	for (unsigned c = 0x20; c < 0x7f; c++) {
		for (unsigned at = 0; at < 3; at++) {
			uint8_t value[3] = { 'x', 'x', 'x' };
			struct dn_ava a = { .type = (const uint8_t *)"CN",
				.type_len = 2,
				.value = value,
				.value_len = 3 };

			value[at] = (uint8_t)c;
			dn_writer_init(&one);
			assert_int_equal(0, dn_writer_rdn(&one, &a, 1, &e));
			parse(dn_text(one.buf, one.len, text, sizeof(text)), &two);
			assert_int_equal(1, two.nrdns);
			assert_int_equal(one.len, two.len);
			assert_memory_equal(one.buf, two.buf, one.len);
		}
	}
}

static void
text_is_cut_between_characters(void **state)
{
	char text[40];

	(void)state;
	parse("CN=\xc3\xbc\xe2\x82\xac\\,z", &one);
	for (size_t size = 1; size < sizeof(text); size++) {
		memset(text, 'Z', sizeof(text));
		dn_text(one.buf, one.len, text, size);
		assert_true(strlen(text) < size);
		assert_int_equal('Z', text[size]);
		assert_true(utf8_is_clean(text, strlen(text)));
		assert_true(text[0] == '\0' || text[strlen(text) - 1] != '\\');
	}
}

static void
limits_hold_and_their_neighbours_pass(void **state)
{
	static char text[DN_MAX * 2];
	struct err e = { 0 };
	size_t len = 0;

	(void)state;
	for (int i = 0; i < DN_RDNS_MAX; i++)
		len += (size_t)sprintf(text + len, "%sO=a", i == 0 ? "" : ",");
	parse(text, &one);
	strcpy(text + len, ",O=a");
	assert_refused(text);

	/* 1 number, 1 + 2 type, 2 length */
	strcpy(text, "CN=");
	memset(text + 3, 'x', DN_MAX);
	text[3 + DN_MAX - 6] = '\0';
	parse(text, &one);
	assert_int_equal(DN_MAX, one.len);
	strcat(text, "x");
	assert_refused(text);
	assert_int_equal(-1, dn_check(one.buf, DN_MAX + 1, &e));

	for (len = 0, strcpy(text, ""); len < 16; len++)
		sprintf(text + strlen(text), "%s1.2.%zu=a", len == 0 ? "" : "+", len + 1);
	parse(text, &one);
	strcat(text, "+1.2.99=a");
	assert_refused(text);
}

static void
canonical_bytes_from_outside_are_checked(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int ok;
	} cases[] = {
		{ "\1\2CN\0\1a", 7, 1 },
		{ "", 0, 0 },			 /* the empty name */
		{ "\0", 1, 0 },			 /* an RDN of nothing */
		{ "\1\2CN\0\1", 6, 0 },		 /* value cut off */
		{ "\1\2CN\0\1a\1", 8, 0 },	 /* another begun */
		{ "\1\2CN\0\0", 6, 0 },		 /* empty value */
		{ "\1\2cn\0\1a", 7, 0 },	 /* type not canonical */
		{ "\1\0072.5.4.3\0\1a", 12, 0 }, /* likewise */
		{ "\1\0072.5.4.0\0\1a", 12, 1 },
		{ "\1\2XX\0\1a", 7, 0 },
		{ "\2\1O\0\1b\2OU\0\1c", 12, 1 },
		{ "\2\1O\0\1b\2OU\0\1c", 13, 0 }, /* a byte too many */
		{ "\2\2CN\0\1a\1O\0\1b", 12, 1 },
		{ "\2\1O\0\1b\2CN\0\1a", 12, 0 }, /* order */
		{ "\2\1O\0\1a\1O\0\1b", 11, 0 },  /* a type twice */
		{ "\21\1O\0\1a", 6, 0 },	  /* 17 attributes */
		{ "\1\377CN\0\1a", 7, 0 },
		{ "\1\2CN\377\377a", 7, 0 },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int got = dn_check((const uint8_t *)cases[i].bytes, cases[i].n, &e);

		if ((got == 0) != cases[i].ok)
			fail_msg("case %zu: %d", i, got);
		if (got == -1)
			assert_int_equal(ERR_PEER, e.kind);
	}
}

static void
canonical_bytes_cut_anywhere_are_refused(void **state)
{
	struct err e;

	(void)state;
	parse("CN=a+UID=b,O=c", &one);
	for (size_t n = 1; n < one.len; n++) {
		/* its own allocation, so that a sanitizer sees a read beyond the cut */
		uint8_t *cut = malloc(n);
		int got;

		assert_non_null(cut);
		memcpy(cut, one.buf, n);
		got = dn_check(cut, n, &e);
		free(cut);
		/* before the second RDN the name is whole */
		assert_int_equal(n == 14 ? 0 : -1, got);
	}
}

static void
one_attribute_more_than_allowed_is_refused(void **state)
{
	uint8_t dn[1 + 8 * (DN_AVAS_MAX + 1)];
	struct err e;

	(void)state;
	for (unsigned count = DN_AVAS_MAX; count <= DN_AVAS_MAX + 1; count++) {
		dn[0] = (uint8_t)count;
		for (unsigned i = 0; i < count; i++)
			memcpy(dn + 1 + i * 8,
			    (uint8_t[8]){ 4, '2', '.', (uint8_t)('1' + i / 9),
				(uint8_t)('1' + i % 9), 0, 1, 'x' },
			    8);
		assert_int_equal(count == DN_AVAS_MAX ? 0 : -1, dn_check(dn, 1 + count * 8U, &e));
	}
}

static void
utf8_is_judged_by_rfc_3629(void **state)
{
	static const char *const good[] = { "", "a", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
		"\xc2\xa0", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xe2\x82",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80",
		"a\x7f", "\x1f", "\t", "\xc2\x80", "\xc2\x9f", "\xc3\xc3" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!utf8_is_clean(good[i], strlen(good[i])))
			fail_msg("refused good %zu", i);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (utf8_is_clean(bad[i], strlen(bad[i])))
			fail_msg("took bad %zu", i);
	assert_false(utf8_is_clean("a\0b", 3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_bytes_are_as_the_header_says),
		cmocka_unit_test(types_are_equal_by_any_name_and_values_byte_by_byte),
		cmocka_unit_test(order_of_rdns_counts_and_order_within_one_does_not),
		cmocka_unit_test(text_that_reads_alike_is_not_the_same_name),
		cmocka_unit_test(every_escape_of_rfc_4514_is_read),
		cmocka_unit_test(what_rfc_4514_does_not_allow_is_refused),
		cmocka_unit_test(marks_pass_only_where_they_are_asked_for),
		cmocka_unit_test(text_of_a_name_reads_back_as_the_same_name),
		cmocka_unit_test(every_single_byte_survives_text_and_back),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(limits_hold_and_their_neighbours_pass),
		cmocka_unit_test(canonical_bytes_from_outside_are_checked),
		cmocka_unit_test(canonical_bytes_cut_anywhere_are_refused),
		cmocka_unit_test(one_attribute_more_than_allowed_is_refused),
		cmocka_unit_test(utf8_is_judged_by_rfc_3629),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
