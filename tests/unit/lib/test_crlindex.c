/* test_crlindex.c - an index: what is looked up in it, and one that is hostile */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/x509v3.h>

#include "certpath.h"
#include "crldraft.h"
#include "crlindex_form.h"
#include "crlwalk.h"
#include "tests/unit/help/pki.h"

static void
serial_numbers_keep_value_and_sign(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		int ok;
		bool negative;
		uint8_t last[3]; /* of the magnitude */
	} rows[] = {
		{ "", 0, 0, false, { 0 } },
		{ "\0", 1, 1, false, { 0, 0, 0 } },
		{ "\x7f", 1, 1, false, { 0, 0, 0x7f } },
		{ "\0\xff", 2, 1, false, { 0, 0, 0xff } },  /* 255 */
		{ "\xff", 1, 1, true, { 0, 0, 1 } },	    /* -1 */
		{ "\xff\x01", 2, 1, true, { 0, 0, 0xff } }, /* -255 */
		{ "\x80", 1, 1, true, { 0, 0, 0x80 } },
		{ "\x80\0", 2, 1, true, { 0, 0x80, 0 } },
		{ "\xff\0", 2, 1, true, { 0, 1, 0 } },
		{ "\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02", 20, 1, false, { 0, 0, 2 } },
		{ "\0\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02", 21, 1, false, { 0, 0, 2 } },
		{ "\x01\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02", 21, 0, false, { 0 } },
		{ "\xff\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff", 21, 1, true,
		    { 0xff, 0xff, 1 } },
		/* -2^160 needs one bit more than there is */
		{ "\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 21, 0, false, { 0 } },
		{ "\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22, 0, false, { 0 } },
	};
	struct crlindex_serial s;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = crlindex_serial((const uint8_t *)rows[i].octets, rows[i].n, &s);

		if (r != (rows[i].ok ? 0 : -1))
			fail_msg("row %zu: %d", i, r);
		if (r == 0 && (s.negative != rows[i].negative ||
				  memcmp(s.magnitude + 17, rows[i].last, 3) != 0))
			fail_msg("row %zu: %d %02x%02x%02x", i, s.negative, s.magnitude[17],
			    s.magnitude[18], s.magnitude[19]);
	}
}

/* ---- beside OpenSSL ----------------------------------------------------------------------------
 */

static unsigned
random_below(unsigned n)
{
	/* the same in each run */
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)(x >> 33) % n;
}

/* Of few values, so that neighbours and repetitions come, or of 20 octets. */
static ASN1_INTEGER *
random_serial(void)
{
	unsigned char b[20];
	size_t n = random_below(2) == 0 ? 1 + random_below(2) : 1 + random_below(20);
	BIGNUM *bn;
	ASN1_INTEGER *a;

	for (size_t i = 0; i < n; i++)
		b[i] = (unsigned char)random_below(random_below(4) == 0 ? 256 : 6);
	bn = BN_bin2bn(b, (int)n, NULL);
	BN_set_negative(bn, random_below(5) == 0);
	a = BN_to_ASN1_INTEGER(bn, NULL);
	BN_free(bn);
	return a;
}

static void
serial_of(const ASN1_INTEGER *a, struct crlindex_serial *s)
{
	unsigned char *der = NULL;
	int n = i2d_ASN1_INTEGER(a, &der);

	assert_true(n > 2);
	assert_int_equal(0, crlindex_serial(der + 2, (size_t)n - 2, s));
	OPENSSL_free(der);
}

static X509_CRL *
random_crl(const struct pki_cert *ca, unsigned entries)
{
	X509_CRL *crl = pki_crl(&(struct pki_crl_spec){ .from = 0 }, ca);

	for (unsigned i = 0; i < entries; i++) {
		X509_REVOKED *r = X509_REVOKED_new();
		ASN1_INTEGER *serial = random_serial();
		ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)PKI_FROM);

		assert_int_equal(1, X509_REVOKED_set_serialNumber(r, serial));
		assert_int_equal(1, X509_REVOKED_set_revocationDate(r, when));
		assert_int_equal(1, X509_CRL_add0_revoked(crl, r));
		ASN1_INTEGER_free(serial);
		ASN1_TIME_free(when);
	}
	assert_true(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
	return crl;
}

static void
compare_with_openssl(X509_CRL *crl)
{
	unsigned char *der = NULL;
	int n = i2d_X509_CRL(crl, &der);
	struct crlwalk w;
	struct crldraft d = { .own = NULL };
	struct crldrafts set = { .v = NULL };
	struct crlindex ix;
	struct err e = { 0 };
	struct sealed s;
	uint8_t *bytes;

	assert_int_equal(0, crlwalk(der, (size_t)n, &d, &w, &e));
	assert_int_equal(0, crldrafts_take(&set, &d, &e));
	assert_non_null(bytes = crldrafts_pack(&set, &s.n, &e));
	s.p = bytes;
	assert_int_equal(0, crlindex_open(&s, &ix, &e));
	for (int i = 0; i < 400; i++) {
		ASN1_INTEGER *serial = random_serial();
		struct crlindex_serial mine;
		X509_REVOKED *entry;
		unsigned reason = 99;
		int theirs = X509_CRL_get0_by_serial(crl, &entry, serial);

		serial_of(serial, &mine);
		assert_int_equal(theirs != 0, crlindex_has(&ix, &ix.lists[0], &mine, &reason));
		ASN1_INTEGER_free(serial);
	}
	crldrafts_done(&set);
	free(bytes);
	OPENSSL_free(der);
}

static void
lookups_find_what_openssl_finds(void **state)
{
	struct pki_cert *ca = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		X509_CRL *crl = random_crl(ca, i < 10 ? i : random_below(3000));

		compare_with_openssl(crl);
		X509_CRL_free(crl);
	}
	pki_free(ca);
}

/* ---- sorting ------------------------------------------------------------------------------------
 */

static void
sorted_by(unsigned entries, void (*fill)(uint8_t octets[20], unsigned i))
{
	struct crldraft d = { .own = NULL };
	struct err e = { 0 };

	for (unsigned i = 0; i < entries; i++) {
		uint8_t octets[20] = { 0x10 };

		fill(octets, i);
		assert_int_equal(0, crldraft_add(&d, octets, 20, i % 7, &e));
	}
	crldraft_sort(&d);
	assert_int_equal(entries, d.n);
	for (unsigned i = 1; i < entries; i++)
		assert_true(memcmp(d.own + (i - 1) * 21, d.own + i * 21, 21) <= 0);
	crldraft_done(&d);
}

static void
fill_same(uint8_t octets[20], unsigned i)
{
	(void)i;
	octets[10] = 5;
}

static void
fill_last_differ(uint8_t octets[20], unsigned i)
{
	octets[19] = (uint8_t)(255 - i % 256);
}

static void
fill_one_odd(uint8_t octets[20], unsigned i)
{
	octets[1] = i == 7 ? 1 : 0;
	octets[18] = (uint8_t)(i * 37);
}

static void
fill_random(uint8_t octets[20], unsigned i)
{
	(void)i;
	for (int k = 1; k < 20; k++)
		octets[k] = (uint8_t)random_below(256);
}

static void
fill_falling(uint8_t octets[20], unsigned i)
{
	octets[17] = (uint8_t)(~i >> 16);
	octets[18] = (uint8_t)(~i >> 8);
	octets[19] = (uint8_t)~i;
}

static void
any_order_is_sorted(void **state)
{
	static void (*const fills[])(uint8_t *, unsigned) = { fill_same, fill_last_differ,
		fill_one_odd, fill_random, fill_falling };

	(void)state;
	for (size_t k = 0; k < sizeof(fills) / sizeof(fills[0]); k++)
		for (unsigned n = 0; n < 70; n++)
			sorted_by(n, fills[k]);
	for (size_t k = 0; k < sizeof(fills) / sizeof(fills[0]); k++)
		sorted_by(100000, fills[k]);
}

/* ---- which list counts
 * --------------------------------------------------------------------------- */

struct one {
	uint8_t number, serial, issuer;
	uint32_t section, scope;
	int64_t from, until;
};

static uint8_t *
index_of(const struct one *lists, size_t n, struct crlindex *ix)
{
	struct crldrafts set = { .v = NULL };
	struct err e = { 0 };
	struct sealed s;
	uint8_t *bytes;

	for (size_t i = 0; i < n; i++) {
		struct crldraft d = { .list = { .section = lists[i].section,
					  .scope = lists[i].scope,
					  .this_update = lists[i].from,
					  .next_update = lists[i].until } };

		d.list.number[19] = lists[i].number;
		memset(d.list.issuer, lists[i].issuer, sizeof(d.list.issuer));
		(void)snprintf(d.list.file, sizeof(d.list.file), "%zu", i);
		assert_int_equal(0, crldraft_add(&d, &lists[i].serial, 1, 1, &e));
		assert_int_equal(0, crldrafts_take(&set, &d, &e));
	}
	assert_non_null(bytes = crldrafts_pack(&set, &s.n, &e));
	crldrafts_done(&set);
	s.p = bytes;
	assert_int_equal(0, crlindex_open(&s, ix, &e));
	return bytes;
}

static void
of_several_lists_the_newest_that_has_begun_and_fits_counts(void **state)
{
	static const struct one lists[] = {
		{ 1, 11, 'a', 0, CRLINDEX_ALL, 100, 900 },
		{ 3, 13, 'a', 0, CRLINDEX_ALL, 100, 300 },
		{ 2, 12, 'a', 0, CRLINDEX_ALL, 100, 900 },
		{ 9, 19, 'a', 0, CRLINDEX_ALL, 250, 900 },
		{ 4, 24, 'b', 0, CRLINDEX_CAS, 100, 900 },
		{ 4, 34, 'c', 0, CRLINDEX_CAS, 100, 900 },
		{ 5, 35, 'c', 0, CRLINDEX_USERS, 100, 900 },
		{ 6, 46, 'd', 0, CRLINDEX_ALL, 100, 900 },
		{ 6, 47, 'd', 0, CRLINDEX_ALL, 150, 900 },
		{ 1, 55, 'a', 1, CRLINDEX_ALL, 100, 900 },
		{ 2, 61, 'f', 0, CRLINDEX_ALL, 150, 500 }, /* two scopes, each with its numbers */
		{ 7, 62, 'f', 0, CRLINDEX_USERS, 100, 800 },
	};
	static const struct {
		uint8_t issuer, serial;
		uint32_t section;
		bool is_ca;
		int64_t now;
		enum crlindex_state state;
		bool revoked;
	} rows[] = {
		{ 'a', 13, 0, false, 200, CRLINDEX_CURRENT, true },
		{ 'a', 12, 0, false, 200, CRLINDEX_CURRENT, false }, /* the newest has it no more */
		{ 'a', 11, 0, false, 200, CRLINDEX_CURRENT, false },
		{ 'a', 19, 0, false, 249, CRLINDEX_CURRENT, false },
		{ 'a', 19, 0, false, 250, CRLINDEX_CURRENT, true },
		{ 'a', 13, 0, false, 99, CRLINDEX_EARLY, false },
		{ 'a', 19, 0, false, 899, CRLINDEX_CURRENT, true },
		{ 'a', 19, 0, false, 900, CRLINDEX_STALE, true }, /* stale, and it stands there */
		{ 'a', 18, 0, false, 900, CRLINDEX_STALE, false },
		{ 'b', 24, 0, true, 200, CRLINDEX_CURRENT, true },
		{ 'b', 24, 0, false, 200, CRLINDEX_OTHERS, false },
		{ 'c', 34, 0, true, 200, CRLINDEX_CURRENT, true },
		{ 'c', 34, 0, false, 200, CRLINDEX_CURRENT, false },
		{ 'c', 35, 0, false, 200, CRLINDEX_CURRENT, true },
		{ 'd', 47, 0, false, 200, CRLINDEX_CURRENT, true },
		{ 'd', 46, 0, false, 200, CRLINDEX_CURRENT, false },
		{ 'd', 46, 0, false, 120, CRLINDEX_CURRENT, true },
		{ 'e', 46, 0, false, 200, CRLINDEX_MISSING, false },
		{ 'a', 55, 1, false, 200, CRLINDEX_CURRENT, true },
		{ 'b', 24, 1, true, 200, CRLINDEX_MISSING, false },
		{ 'a', 55, 2, false, 200, CRLINDEX_MISSING, false },
		{ 'f', 61, 0, false, 200, CRLINDEX_CURRENT, true },
		{ 'f', 62, 0, false, 200, CRLINDEX_CURRENT, true },
		{ 'f', 63, 0, false, 200, CRLINDEX_CURRENT, false },
		{ 'f', 62, 0, true, 200, CRLINDEX_CURRENT, false },
		{ 'f', 61, 0, false, 500, CRLINDEX_STALE, true },
		{ 'f', 63, 0, false, 500, CRLINDEX_CURRENT, false },
		{ 'f', 61, 0, false, 800, CRLINDEX_STALE, true },
	};
	struct crlindex ix;
	uint8_t *bytes = index_of(lists, sizeof(lists) / sizeof(lists[0]), &ix);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t issuer[CRLINDEX_ID];
		struct crlindex_query q = {
			.section = rows[i].section, .issuer = issuer, .is_ca = rows[i].is_ca
		};
		struct crlindex_answer a;

		memset(issuer, rows[i].issuer, sizeof(issuer));
		q.serial.magnitude[19] = rows[i].serial;
		crlindex_ask(&ix, &q, rows[i].now, &a);
		if (a.state != rows[i].state || a.revoked != rows[i].revoked)
			fail_msg("row %zu: state %d, revoked %d, list %s", i, a.state, a.revoked,
			    a.list == NULL ? "-" : a.list->file);
		assert_true((a.list == NULL) == (a.state == CRLINDEX_MISSING));
		q.serial.negative = true;
		crlindex_ask(&ix, &q, rows[i].now, &a);
		assert_false(a.revoked);
	}
	free(bytes);
}

/* ---- a hostile index
 * ------------------------------------------------------------------------------ */

static int
open_copy(const uint8_t *bytes, size_t n, struct crlindex *ix)
{
	struct sealed s = { .p = bytes, .n = n };
	struct err e = { 0 };
	int r = crlindex_open(&s, ix, &e);

	if (r == -1)
		assert_int_equal(ERR_PEER, e.kind);
	return r;
}

static void
each_bound_of_an_index_is_checked(void **state)
{
	static const struct one lists[] = { { 1, 11, 'a', 0, CRLINDEX_ALL, 100, 900 },
		{ 1, 12, 'b', 0, CRLINDEX_ALL, 100, 900 } };
	const size_t head = sizeof(struct crlindex_head), one = sizeof(struct crlindex_list);
	struct crlindex ix;
	uint8_t *good = index_of(lists, 2, &ix), *bad = malloc(head + 2 * one + 42 + 21);
	const size_t n = head + 2 * one + 42;
	const struct {
		size_t at, size;
		uint64_t value;
	} rows[] = {
		{ 0, 1, 'X' },
		{ 7, 1, '1' },
		{ offsetof(struct crlindex_head, pad), 4, 1 },
		{ offsetof(struct crlindex_head, nlists), 4, 1 },
		{ offsetof(struct crlindex_head, nlists), 4, 3 },
		{ offsetof(struct crlindex_head, nlists), 4, UINT32_MAX },
		{ offsetof(struct crlindex_head, nentries), 8, 1 },
		{ offsetof(struct crlindex_head, nentries), 8, 3 },
		{ offsetof(struct crlindex_head, nentries), 8, UINT64_MAX },
		{ offsetof(struct crlindex_head, nentries), 8, UINT64_MAX / 21 + 3 },
		{ head + offsetof(struct crlindex_list, first), 8, 3 },
		{ head + offsetof(struct crlindex_list, first), 8, UINT64_MAX },
		{ head + offsetof(struct crlindex_list, n), 8, 3 },
		{ head + offsetof(struct crlindex_list, n), 8, UINT64_MAX },
		{ head + one + offsetof(struct crlindex_list, n), 8, 2 },
		{ head + one + offsetof(struct crlindex_list, n), 8, UINT64_MAX },
		{ head + offsetof(struct crlindex_list, scope), 4, 3 },
		{ head + offsetof(struct crlindex_list, pad), 4, 1 },
		{ head + offsetof(struct crlindex_list, section), 4, 1 }, /* out of order */
		{ head + offsetof(struct crlindex_list, this_update), 8, INT64_MAX },
		{ head + offsetof(struct crlindex_list, this_update), 8, (uint64_t)INT64_MIN },
		{ head + offsetof(struct crlindex_list, next_update), 8, INT64_MAX },
		{ head + offsetof(struct crlindex_list, next_update), 8, 99 },
	};

	(void)state;
	assert_non_null(bad);
	assert_int_equal(0, open_copy(good, n, &ix));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(bad, good, n);
		memcpy(bad + rows[i].at, &rows[i].value, rows[i].size);
		if (open_copy(bad, n, &ix) != -1)
			fail_msg("row %zu is taken", i);
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(-1, open_copy(good, i, &ix));
	memcpy(bad, good, n);
	assert_int_equal(-1, open_copy(bad, n + 1, &ix));
	assert_int_equal(-1, open_copy(bad, n + 21, &ix));
	/* texts that do not end */
	memset(bad + head + offsetof(struct crlindex_list, file), 'x', CRLINDEX_FILE_MAX);
	assert_int_equal(-1, open_copy(bad, n, &ix));
	memcpy(bad, good, n);
	memset(bad + head + offsetof(struct crlindex_list, name), 'x', CRLINDEX_TEXT_MAX);
	assert_int_equal(-1, open_copy(bad, n, &ix));
	memcpy(bad, good, n);
	memset(bad + head + offsetof(struct crlindex_list, section_name), 'x', 64);
	assert_int_equal(-1, open_copy(bad, n, &ix));
	/* entries out of order are found or not, but nothing is read beyond them */
	memcpy(bad, good, n);
	memset(bad + head + 2 * one, 0xff, 42);
	assert_int_equal(0, open_copy(bad, n, &ix));
	free(bad);
	free(good);
}

static void
more_than_the_limits_is_refused(void **state)
{
	struct crldrafts set = { .v = NULL };
	struct crldraft d = { .own = NULL };
	struct err e = { 0 };

	(void)state;
	for (int i = 0; i < CRLINDEX_LISTS_MAX; i++)
		assert_int_equal(0, crldrafts_take(&set, &d, &e));
	assert_int_equal(-1, crldrafts_take(&set, &d, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	crldrafts_done(&set);
	/* the entries of all together, without the memory for them */
	d.n = CRLINDEX_ENTRIES_MAX;
	assert_int_equal(0, crldrafts_take(&set, &d, &e));
	d.n = 1;
	assert_int_equal(-1, crldrafts_take(&set, &d, &e));
	assert_non_null(strstr(e.text, "16777216 serial numbers"));
	crldrafts_done(&set);
}

/* ---- who issued
 * ------------------------------------------------------------------------------------ */

static void
an_issuers_id_tells_name_and_key_but_not_spelling(void **state)
{
	static const struct {
		const char *a, *b;
		int same;
	} rows[] = {
		{ "CN=Example CA", "CN=Example CA", 1 },
		{ "CN=Example CA", "CN=example  ca", 1 },
		{ "CN=Example CA", "CN= Example CA ", 1 },
		{ "CN=Example CA", "CN=ExampleCA", 0 },
		{ "CN=Example CA", "CN=Example CB", 0 },
		{ "CN=a,O=b", "O=b,CN=a", 0 },
		{ "CN=a+O=b", "O=b+CN=a", 1 },
		{ "CN=a+O=b", "CN=a,O=b", 0 },
		{ "CN=a+O=b", "CN=a+O=c", 0 },
		{ "CN=ab,O=c", "CN=a,O=bc", 0 },
	};
	struct pki_cert *other = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);
	uint8_t x[CRLINDEX_ID], y[CRLINDEX_ID];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pki_cert *a = pki_make(
		    &(struct pki_spec){
			.profile = PKI_ROOT, .subject = rows[i].a, .key = other->key },
		    NULL);
		struct pki_cert *b = pki_make(
		    &(struct pki_spec){
			.profile = PKI_ROOT, .subject = rows[i].b, .key = other->key },
		    NULL);
		struct pki_cert *c =
		    pki_make(&(struct pki_spec){ .profile = PKI_ROOT, .subject = rows[i].a }, NULL);

		assert_int_equal(rows[i].same, X509_NAME_cmp(X509_get_subject_name(a->cert),
						   X509_get_subject_name(b->cert)) == 0);
		assert_int_equal(0, certpath_issuer_id(a->cert, x));
		assert_int_equal(0, certpath_issuer_id(b->cert, y));
		if ((memcmp(x, y, sizeof(x)) == 0) != rows[i].same)
			fail_msg("%s and %s", rows[i].a, rows[i].b);
		assert_int_equal(0, certpath_issuer_id(c->cert, y));
		assert_memory_not_equal(x, y, sizeof(x));
		pki_free(a);
		pki_free(b);
		pki_free(c);
	}
	pki_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serial_numbers_keep_value_and_sign),
		cmocka_unit_test(lookups_find_what_openssl_finds),
		cmocka_unit_test(any_order_is_sorted),
		cmocka_unit_test(of_several_lists_the_newest_that_has_begun_and_fits_counts),
		cmocka_unit_test(each_bound_of_an_index_is_checked),
		cmocka_unit_test(more_than_the_limits_is_refused),
		cmocka_unit_test(an_issuers_id_tells_name_and_key_but_not_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
