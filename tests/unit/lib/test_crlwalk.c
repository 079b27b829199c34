/* test_crlwalk.c - reading a CertificateList: each refusal beside its accepted neighbour */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "crlpem.h"
#include "crlwalk.h"
#include "tests/unit/help/crlmake.h"

#define DATE	       "170d 3236303130313030303030305a"
#define ENTRY	       "3012 020101 " DATE
#define N	       CRLMAKE_NUMBER
#define POINT(n, body) "30" n " 0603551d1c 04" body
#define NONE	       CRLWALK_NONE

struct row {
	struct crlmake make;
	enum crlwalk_fault fault;
	const char *word;
};

static void
check_row(const struct row *row, size_t i)
{
	uint8_t der[4096];
	size_t n = crlmake(&row->make, der, sizeof(der));
	struct crldraft d = { .own = NULL };
	struct crlwalk w;
	struct err e = { 0 };
	int r = crlwalk(der, n, &d, &w, &e);

	if (w.fault != row->fault || (r == 0) != (row->fault == NONE) ||
	    (row->word != NULL && strstr(e.text, row->word) == NULL))
		fail_msg("row %zu: fault %d, not %d: %s", i, w.fault, row->fault, e.text);
	crldraft_done(&d);
}

static void
lists_are_taken_or_refused_for_one_reason(void **state)
{
	static const struct row rows[] = {
		{ { 0 }, NONE, NULL },
		{ { .version = "" }, CRLWALK_EXTENSION, "not of version 2" },
		{ { .version = "020100" }, CRLWALK_EXTENSION, "not of version 2" },
		{ { .version = "020102" }, CRLWALK_EXTENSION, "not of version 2" },
		{ { .version = "02020001" }, CRLWALK_EXTENSION, "not of version 2" },
		{ { .outside = "300a 06082a8648ce3d040303" }, CRLWALK_DAMAGED, "differ" },
		{ { .signature = "0303 01 abcd" }, CRLWALK_DAMAGED, "signature" },
		{ { .signature = "0301 00" }, CRLWALK_DAMAGED, "signature" },
		{ { .signature = "0403 00 abcd" }, CRLWALK_DAMAGED, "three parts" },
		{ { .issuer = "" }, CRLWALK_DAMAGED, "no issuer" },
		/* times: GeneralizedTime is read, other spellings are not */
		{ { .this_update = "180f 32303236303130313030303030305a" }, NONE, NULL },
		{ { .this_update = "" }, CRLWALK_NEXT_UPDATE, "no nextUpdate" },
		{ { .this_update = "170b 323630313031303030305a" }, CRLWALK_THIS_UPDATE, NULL },
		{ { .this_update = "170d 3236303133323030303030305a" }, CRLWALK_THIS_UPDATE, NULL },
		{ { .this_update = "1711 3236303130313030303030302b30303030" }, CRLWALK_THIS_UPDATE,
		    NULL },
		{ { .next_update = "" }, CRLWALK_NEXT_UPDATE, "no nextUpdate" },
		{ { .next_update = "170d 3236303130313030303030305a" }, NONE, NULL },
		{ { .next_update = "170d 3235313233313233353935395a" }, CRLWALK_NEXT_UPDATE,
		    "before thisUpdate" },
		{ { .next_update = "180f 32303530303130313030303030305a" }, NONE, NULL },
		/* the CRL number */
		{ { .extensions = "" }, CRLWALK_EXTENSION, "no CRL number" },
		{ { .extensions = N N }, CRLWALK_EXTENSION, "twice" },
		{ { .extensions = "300d 0603551d14 0101ff 0403 020101" }, CRLWALK_EXTENSION,
		    "critical" },
		{ { .extensions = "300d 0603551d14 010100 0403 020101" }, NONE, NULL },
		{ { .extensions = "300d 0603551d14 010101 0403 020101" }, CRLWALK_DAMAGED, NULL },
		{ { .extensions = "300a 0603551d14 0403 0201ff" }, CRLWALK_EXTENSION, "negative" },
		{ { .extensions = "300a 0603551d14 0403 040101" }, CRLWALK_EXTENSION, "malformed" },
		{ { .extensions = "300b 0603551d14 0404 02020001" }, CRLWALK_EXTENSION,
		    "malformed" },
		{ { .extensions = "300b 0603551d14 0404 02010100" }, CRLWALK_EXTENSION,
		    "malformed" },
		{ { .extensions = "301e 0603551d14 0417 0215 "
				  "00ffffffffffffffffffffffffffffffffffffffff" },
		    NONE, NULL },
		{ { .extensions = "301e 0603551d14 0417 0215 "
				  "01ffffffffffffffffffffffffffffffffffffffff" },
		    CRLWALK_EXTENSION, "20 octets" },
		/* others */
		{ { .extensions = N "3008 06032a0304 0401 00" }, NONE, NULL },
		{ { .extensions = N "300b 06032a0304 0101ff 0401 00" }, CRLWALK_CRITICAL,
		    "not known" },
		{ { .extensions = N "300d 0603551d1b 0101ff 0403 020101" }, CRLWALK_SCOPE,
		    "delta" },
		{ { .extensions = N "3008 06032a0304 0401 0000" }, CRLWALK_DAMAGED, NULL },
		{ { .behind = "0500" }, CRLWALK_DAMAGED, "does not belong" },
		/* the scope */
		{ { .extensions = N POINT("09", "02 3000") }, NONE, NULL },
		{ { .extensions = N POINT("0c", "05 3003 8101ff") }, NONE, NULL },
		{ { .extensions = N POINT("0c", "05 3003 8201ff") }, NONE, NULL },
		{ { .extensions = N POINT("0f", "08 3006 8101ff 8201ff") }, CRLWALK_SCOPE,
		    "exclude each other" },
		{ { .extensions = N POINT("0f", "08 3006 8101ff 820100") }, NONE, NULL },
		{ { .extensions = N POINT("0f", "08 3006 8201ff 8101ff") }, CRLWALK_EXTENSION,
		    "malformed" },
		{ { .extensions = N POINT("0c", "05 3003 810101") }, CRLWALK_EXTENSION,
		    "malformed" },
		{ { .extensions = N POINT("0c", "05 3003 8401ff") }, CRLWALK_SCOPE, "indirect" },
		{ { .extensions = N POINT("0d", "06 3004 83020780") }, CRLWALK_SCOPE, "reasons" },
		{ { .extensions = N POINT("0c", "05 3003 8501ff") }, CRLWALK_SCOPE, "attribute" },
		{ { .extensions = N POINT("0f", "08 3006 a004a0028200") }, CRLWALK_SCOPE,
		    "distribution point" },
		{ { .extensions = N POINT("0a", "03 300000") }, CRLWALK_EXTENSION, "malformed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i], i);
}

static void
entries_are_taken_or_refused_for_one_reason(void **state)
{
	static const struct row rows[] = {
		{ { .revoked = "" }, NONE, NULL },
		{ { .revoked = ENTRY }, NONE, NULL },
		{ { .revoked = ENTRY ENTRY }, NONE, NULL }, /* twice the same is no fault */
		{ { .revoked = "3012 020100 " DATE }, NONE, NULL },
		{ { .revoked = "3012 0201ff " DATE }, NONE, NULL },
		{ { .revoked = "3012 0401ff " DATE }, CRLWALK_DAMAGED, "entry 1: no serial" },
		{ { .revoked = "3011 0200 " DATE }, CRLWALK_DAMAGED, "no serial" },
		{ { .revoked = "3013 02020001 " DATE }, CRLWALK_DAMAGED, "no serial" },
		{ { .revoked = "3013 0202ff80 " DATE }, CRLWALK_DAMAGED, "no serial" },
		{ { .revoked = "3013 02020080 " DATE }, NONE, NULL },
		{ { .revoked = "3026 0215 00ffffffffffffffffffffffffffffffffffffffff " DATE }, NONE,
		    NULL },
		{ { .revoked = "3026 0215 01ffffffffffffffffffffffffffffffffffffffff " DATE },
		    CRLWALK_LIMIT, "entry 1: a serial number of more than 20 octets" },
		{ { .revoked = ENTRY "3003 020101" }, CRLWALK_DAMAGED,
		    "entry 2: no revocation date" },
		{ { .revoked = "3012 020101 170d 3236303133323030303030305a" }, CRLWALK_DAMAGED,
		    "date" },
		{ { .revoked = "3012 020101 180d 3236303130313030303030305a" }, CRLWALK_DAMAGED,
		    "date" },
		{ { .revoked = ENTRY "3012 020102 180d 3236303130313030303030305a" },
		    CRLWALK_DAMAGED, "entry 2" },
		{ { .revoked = "3081 12 020101 " DATE }, CRLWALK_DAMAGED, NULL },
		{ { .revoked = "3080 020101 " DATE }, CRLWALK_DAMAGED, NULL },
		{ { .revoked = "3014 020101 " DATE "0500" }, CRLWALK_DAMAGED, "behind its date" },
		{ { .revoked = "3014 020101 " DATE "3000" }, CRLWALK_DAMAGED, "empty" },
		/* reasons */
		{ { .revoked = "3020 020101 " DATE "300c 300a 0603551d15 0403 0a0101" }, NONE,
		    NULL },
		{ { .revoked = "3020 020101 " DATE "300c 300a 0603551d15 0403 0a0106" }, NONE,
		    NULL },
		{ { .revoked = "3020 020101 " DATE "300c 300a 0603551d15 0403 0a010a" }, NONE,
		    NULL },
		{ { .revoked = "3020 020101 " DATE "300c 300a 0603551d15 0403 0a0107" },
		    CRLWALK_EXTENSION, "reason" },
		{ { .revoked = "3020 020101 " DATE "300c 300a 0603551d15 0403 0a010b" },
		    CRLWALK_EXTENSION, "reason" },
		{ { .revoked = "3020 020101 " DATE "300c 300a 0603551d15 0403 0a0108" },
		    CRLWALK_SCOPE, "removeFromCRL" },
		{ { .revoked = "3020 020101 " DATE "300c 300a 0603551d15 0403 020101" },
		    CRLWALK_EXTENSION, "reason" },
		{ { .revoked = "302c 020101 " DATE
			       "3018 300a 0603551d15 0403 0a0101 300a 0603551d15 0403 0a0101" },
		    CRLWALK_EXTENSION, "twice" },
		/* other extensions of an entry */
		{ { .revoked = "301e 020101 " DATE "300a 3008 06032a0304 0401 00" }, NONE, NULL },
		{ { .revoked = "3021 020101 " DATE "300d 300b 06032a0304 0101ff 0401 00" },
		    CRLWALK_CRITICAL, "not known" },
		{ { .revoked = "301e 020101 " DATE "300a 3008 0603551d1d 0401 00" }, CRLWALK_SCOPE,
		    "certificateIssuer" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i], i);
}

static void
what_is_read_is_what_stands_there(void **state)
{
	static const struct crlmake make = { .extensions = "300b 0603551d14 0404 02020102" POINT(
						 "0c", "05 3003 8101ff"),
		.revoked = "3020 020107 " DATE "300c 300a 0603551d15 0403 0a0106" ENTRY };
	uint8_t der[4096];
	size_t n = crlmake(&make, der, sizeof(der));
	struct crldraft d = { .own = NULL };
	struct crlwalk w;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(0, crlwalk(der, n, &d, &w, &e));
	assert_int_equal(1, d.list.number[18]);
	assert_int_equal(2, d.list.number[19]);
	assert_int_equal(CRLINDEX_USERS, d.list.scope);
	assert_int_equal(INT64_C(1767225600), d.list.this_update);
	assert_int_equal(INT64_C(1798761600), d.list.next_update);
	assert_int_equal(2, d.n);
	assert_int_equal(7, d.own[19]);
	assert_int_equal(6, d.own[20]);
	assert_int_equal(1, d.own[CRLINDEX_ENTRY + 19]);
	assert_int_equal(0, d.own[CRLINDEX_ENTRY + 20]);
	assert_false(d.sorted);
	crldraft_sort(&d);
	assert_int_equal(1, d.own[19]);
	assert_int_equal(2, der_left(&w.signature));
	assert_int_equal(0x30, w.tbs.p[0]);
	assert_int_equal(14, der_left(&w.issuer));
	crldraft_done(&d);
}

static void
a_list_cut_anywhere_or_with_a_byte_behind_it_is_damaged(void **state)
{
	static const struct crlmake make = { .revoked = ENTRY ENTRY };
	uint8_t der[4096];
	size_t n = crlmake(&make, der, sizeof(der));
	struct crlwalk w;
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i <= n + 1; i++) {
		struct crldraft d = { .own = NULL };
		/* its own memory, so that a sanitizer sees a read beyond it */
		uint8_t *copy = calloc(1, i + 1);
		int r;

		assert_non_null(copy);
		memcpy(copy, der, i < n ? i : n);
		copy = realloc(copy, i == 0 ? 1 : i);
		r = crlwalk(copy, i, &d, &w, &e);
		assert_int_equal(i == n ? 0 : -1, r);
		if (i != n)
			assert_int_equal(CRLWALK_DAMAGED, w.fault);
		crldraft_done(&d);
		free(copy);
	}
}

/* How many objects, or -1. */
static int
count_pem(const char *text)
{
	struct crlpem x = { .text = (const uint8_t *)text, .n = strlen(text) };
	char label[CRLPEM_LABEL_MAX];
	struct err e = { 0 };
	uint8_t *der;
	size_t n;
	int r;

	while ((r = crlpem_next(&x, label, &der, &n, &e)) == 1) {
		assert_string_equal("X509 CRL", label);
		assert_int_equal(4, n);
		assert_memory_equal("abcd", der, 4);
		free(der);
	}
	return r == -1 ? -1 : (int)x.count;
}

#define BEGIN "-----BEGIN X509 CRL-----\n"
#define END   "-----END X509 CRL-----\n"
static void
pem_is_taken_with_text_around_it_and_nothing_cut(void **state)
{
	static const struct {
		const char *text;
		int n;
	} rows[] = {
		{ "", 0 },
		{ "text only\n", 0 },
		{ "text without an end", 0 },
		{ BEGIN "YWJjZA==\n" END, 1 },
		{ BEGIN "YWJjZA==\n-----END X509 CRL-----", 1 },
		{ "\xef\xbb\xbfrubbish\n" BEGIN "YWJj\r\n  ZA==\n" END "between\n" BEGIN
		  "YW Jj\nZ\tA=\n=\n" END "behind",
		    2 },
		{ BEGIN "YWJjZA\n" END, -1 },
		{ BEGIN "YWJjZA=\n" END, -1 },
		{ BEGIN "YWJjZA===\n" END, -1 },
		{ BEGIN "YWJjZB==\n" END, -1 }, /* bits behind the last byte */
		{ BEGIN "YWJjZA==YWJj\n" END, -1 },
		{ BEGIN "YWJ*ZA==\n" END, -1 },
		{ BEGIN "Proc-Type: 4,ENCRYPTED\n\nYWJjZA==\n" END, -1 },
		{ BEGIN "\n" END, -1 },
		{ BEGIN "YWJjZA==\n", -1 },
		{ BEGIN "YWJjZA==\n-----END X509 CR", -1 },
		{ BEGIN "YWJjZA==\n-----END CERTIFICATE-----\n", -1 },
		{ BEGIN "YWJjZA==\n" BEGIN "YWJjZA==\n" END, -1 },
		{ END, -1 },
		{ "-----BEGIN X509 CRL----\nYWJjZA==\n" END, -1 },
		{ " -----BEGIN X509 CRL-----\nYWJjZA==\n" END, -1 },
		{ BEGIN "YWJjZA==\n" END "---", -1 },
		{ BEGIN "YWJjZA==\n" END "- a list\n", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (count_pem(rows[i].text) != rows[i].n)
			fail_msg("row %zu: %d", i, count_pem(rows[i].text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_taken_or_refused_for_one_reason),
		cmocka_unit_test(entries_are_taken_or_refused_for_one_reason),
		cmocka_unit_test(what_is_read_is_what_stands_there),
		cmocka_unit_test(a_list_cut_anywhere_or_with_a_byte_behind_it_is_damaged),
		cmocka_unit_test(pem_is_taken_with_text_around_it_and_nothing_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
