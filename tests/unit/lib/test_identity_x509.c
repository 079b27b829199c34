/* test_identity_x509.c - what a certificate says of its holder, as values that can be compared */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certtime.h"
#include "dn.h"
#include "identity_x509.h"
#include "spki.h"
#include "tests/unit/help/pki.h"
#include "text.h"
#include "x509text.h"

static struct pki_cert *root;

static int
setup(void **state)
{
	(void)state;
	root =
	    pki_make(&(struct pki_spec){ .profile = PKI_ROOT, .subject = "O=Corp,CN=Root" }, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pki_free(root);
	return 0;
}

/* Value number `at` of a field, as text. */
static const char *
value(const struct identity *id, enum id_field field, size_t at)
{
	static char text[IDENTITY_VALUE_MAX];
	const struct id_value *v = NULL;
	size_t pos = 0;

	for (size_t i = 0; i <= at; i++)
		if ((v = identity_next(id, field, &pos)) == NULL)
			return NULL;
	return id_value_text(v, text, sizeof(text));
}

static void
every_field_comes_out(void **state)
{
	char *policies[] = { (char[]){ "1.2.3" }, (char[]){ "1.2.4" } };
	struct err e;
	struct pki_cert *c =
	    pki_make(&(struct pki_spec){ .subject = "C=DE,O=Corp,OU=Ops,OU=Night,CN=alice",
			 .serial = "00AB01",
			 .ext = { "subjectAltName=email:alice@corp.example,email:a@corp.example,"
				  "URI:spiffe://corp/a,DNS:a.corp.example,IP:10.0.0.1,"
				  "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@corp,"
				  "otherName:1.2.3.4;UTF8:other" } },
		root);
	struct identity *id = identity_from_x509(c->cert, policies, 2, &e);
	char want[TEXT_SHA256_SIZE];
	uint8_t sha256[32];

	(void)state;
	assert_non_null(id);
	assert_string_equal("CN=alice,OU=Night,OU=Ops,O=Corp,C=DE", value(id, ID_SUBJECT, 0));
	assert_string_equal("CN=alice,OU=Night,OU=Ops,O=Corp,C=DE", value(id, ID_SUBJECT, 0));
	assert_string_equal("alice", value(id, ID_CN, 0));
	assert_null(value(id, ID_CN, 1));
	assert_string_equal("Ops", value(id, ID_OU, 0));
	assert_string_equal("Night", value(id, ID_OU, 1));
	assert_string_equal("Corp", value(id, ID_O, 0));
	assert_string_equal("alice@corp.example", value(id, ID_EMAIL, 0));
	assert_string_equal("a@corp.example", value(id, ID_EMAIL, 1));
	assert_null(value(id, ID_EMAIL, 2));
	assert_string_equal("spiffe://corp/a", value(id, ID_URI, 0));
	assert_string_equal("a.corp.example", value(id, ID_DNS, 0));
	assert_string_equal("alice@corp", value(id, ID_UPN, 0));
	assert_null(value(id, ID_UPN, 1));
	assert_string_equal("ab01", value(id, ID_SERIAL, 0));
	assert_string_equal("1.2.3", value(id, ID_POLICY, 0));
	assert_string_equal("1.2.4", value(id, ID_POLICY, 1));
	assert_int_equal(1, X509_digest(c->cert, EVP_sha256(), sha256, NULL));
	assert_string_equal(text_sha256(want, sha256), value(id, ID_FINGERPRINT, 0));
	assert_memory_equal("SHA256:", value(id, ID_SPKI, 0), 7);
	assert_string_not_equal(want, value(id, ID_SPKI, 0));
	identity_free(id);
	pki_free(c);
}

static void
two_certificates_on_one_key_have_one_spki(void **state)
{
	struct err e;
	struct pki_cert *a = pki_make(&(struct pki_spec){ 0 }, root);
	struct pki_cert *b = pki_make(&(struct pki_spec){ .key = a->key }, root);
	struct identity *ia = identity_from_x509(a->cert, NULL, 0, &e);
	struct identity *ib = identity_from_x509(b->cert, NULL, 0, &e);
	char text[TEXT_SHA256_SIZE];

	(void)state;
	(void)snprintf(text, sizeof(text), "%s", value(ia, ID_SPKI, 0));
	assert_string_equal(text, value(ib, ID_SPKI, 0));
	(void)snprintf(text, sizeof(text), "%s", value(ia, ID_FINGERPRINT, 0));
	assert_string_not_equal(text, value(ib, ID_FINGERPRINT, 0));
	identity_free(ia);
	identity_free(ib);
	pki_free(a);
	pki_free(b);
}

static void
names_are_equal_whatever_string_type_spells_them_and_never_by_a_comma(void **state)
{
	struct err e;
	X509_NAME *bmp = X509_NAME_new(), *comma = X509_NAME_new();
	struct pki_cert *plain = pki_make(&(struct pki_spec){ .subject = "O=Corp,CN=alice" }, root);
	struct pki_cert *wide, *one;
	struct identity *a, *b, *c;
	size_t pos[3] = { 0 };
	const struct id_value *va, *vb, *vc;

	(void)state;
	X509_NAME_add_entry_by_NID(bmp, NID_organizationName, V_ASN1_BMPSTRING,
	    (const unsigned char *)"\0C\0o\0r\0p", 8, -1, 0);
	X509_NAME_add_entry_by_NID(
	    bmp, NID_commonName, V_ASN1_PRINTABLESTRING, (const unsigned char *)"alice", 5, -1, 0);
	X509_NAME_add_entry_by_NID(comma, NID_commonName, V_ASN1_UTF8STRING,
	    (const unsigned char *)"alice,O=Corp", 12, -1, 0);
	wide = pki_make(&(struct pki_spec){ .subject_name = bmp }, root);
	one = pki_make(&(struct pki_spec){ .subject_name = comma }, root);
	a = identity_from_x509(plain->cert, NULL, 0, &e);
	b = identity_from_x509(wide->cert, NULL, 0, &e);
	c = identity_from_x509(one->cert, NULL, 0, &e);
	va = identity_next(a, ID_SUBJECT, &pos[0]);
	vb = identity_next(b, ID_SUBJECT, &pos[1]);
	vc = identity_next(c, ID_SUBJECT, &pos[2]);
	assert_int_equal(va->len, vb->len);
	assert_memory_equal(va->data, vb->data, va->len);
	assert_false(va->len == vc->len && memcmp(va->data, vc->data, va->len) == 0);
	assert_string_equal("CN=alice\\,O=Corp", value(c, ID_SUBJECT, 0));
	identity_free(a);
	identity_free(b);
	identity_free(c);
	pki_free(plain);
	pki_free(wide);
	pki_free(one);
	X509_NAME_free(bmp);
	X509_NAME_free(comma);
}

static void
rdns_of_several_attributes_keep_together(void **state)
{
	struct err e;
	struct pki_cert *c =
	    pki_make(&(struct pki_spec){ .subject = "O=Corp,CN=alice+UID=a1,1.2.3.4=x" }, root);
	struct identity *id = identity_from_x509(c->cert, NULL, 0, &e);

	(void)state;
	assert_non_null(id);
	assert_string_equal("1.2.3.4=x,CN=alice+UID=a1,O=Corp", value(id, ID_SUBJECT, 0));
	identity_free(id);
	pki_free(c);
}

static void
an_empty_subject_has_no_value(void **state)
{
	struct err e;
	struct pki_cert *c = pki_make(&(struct pki_spec){ .subject = "" }, root);
	struct identity *id = identity_from_x509(c->cert, NULL, 0, &e);

	(void)state;
	assert_non_null(id);
	assert_null(value(id, ID_SUBJECT, 0));
	assert_null(value(id, ID_CN, 0));
	assert_non_null(value(id, ID_ISSUER, 0));
	identity_free(id);
	pki_free(c);
}

/* Whether a certificate of this spec has an identity; if not, ERR_REFUSED. */
static bool
is_mapped(const struct pki_spec *spec)
{
	struct err e = { 0 };
	struct pki_cert *c = pki_make(spec, root);
	struct identity *id = identity_from_x509(c->cert, NULL, 0, &e);
	bool ok = id != NULL;

	assert_int_equal(ok ? ERR_NONE : ERR_REFUSED, e.kind);
	assert_int_equal(0, ERR_peek_error());
	identity_free(id);
	pki_free(c);
	return ok;
}

static void
values_that_could_pass_for_another_are_refused(void **state)
{
	static const struct {
		struct pki_san san;
		bool ok;
	} sans[] = {
		{ { GEN_EMAIL, "root@corp.example", 17 }, true },
		{ { GEN_EMAIL, "root\0@corp.example", 18 }, false },
		{ { GEN_URI, "spiffe://corp/\x01", 15 }, false },
		{ { GEN_URI, "spiffe://corp/\xc3\xa4", 16 }, false },
		{ { GEN_DNS, "", 0 }, false },
		{ { PKI_SAN_UPN, "al\xc3\xa4@corp", 9 }, true },
		{ { PKI_SAN_UPN, "al\xe4@corp", 8 }, false },
		{ { PKI_SAN_UPN, "al\xc2\x85@corp", 9 }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sans) / sizeof(sans[0]); i++)
		assert_int_equal(
		    sans[i].ok, is_mapped(&(struct pki_spec){ .sans = { sans[i].san } }));
	/* a UPN that is no UTF8String; a SAN that does not parse; serial numbers */
	assert_true(is_mapped(&(struct pki_spec){
	    .ext = { "subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:a" } }));
	assert_false(is_mapped(&(struct pki_spec){
	    .ext = { "subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;IA5:a" } }));
	assert_false(is_mapped(&(struct pki_spec){ .ext = { "subjectAltName=DER:30050000" } }));
	assert_false(is_mapped(&(struct pki_spec){ .serial = "-05" }));
	assert_false(is_mapped(&(struct pki_spec){ .serial = "0" }));
	assert_true(is_mapped(&(struct pki_spec){ .serial = "5" }));
	assert_false(is_mapped(&(struct pki_spec){ .subject = "CN=a+CN=b" }));
}

static void
sans_by_the_thousand_are_refused_never_cut(void **state)
{
	char *text = malloc(60000);
	size_t n;

	(void)state;
	for (int count = 250; count <= 251; count++) {
		n = (size_t)snprintf(text, 60000, "subjectAltName=email:a0@b");
		for (int i = 1; i < count; i++)
			n += (size_t)snprintf(text + n, 60000 - n, ",email:a%d@b", i);
		/* with subject, issuer, CN, serial, fingerprint and SPKI: 256 and 257 */
		assert_int_equal(count == 250, is_mapped(&(struct pki_spec){ .ext = { text } }));
	}
	free(text);
}

/* x509text_utf8() on raw bytes: 0 and the text in `dst`, or -1. */
static int
to_utf8(int type, const char *bytes, int n, char dst[64])
{
	ASN1_STRING *s = ASN1_STRING_type_new(type);
	struct err e;
	size_t len = 0;
	int ret;

	assert_int_equal(1, ASN1_STRING_set(s, bytes, n));
	ret = x509text_utf8(s, (uint8_t *)dst, 16, &len, "it", &e);
	dst[len] = '\0';
	ASN1_STRING_free(s);
	return ret;
}

static void
strings_of_each_type_become_utf8_or_are_refused(void **state)
{
	char t[64];

	(void)state;
	assert_int_equal(0, to_utf8(V_ASN1_UTF8STRING, "\xc3\xa4", 2, t));
	assert_int_equal(-1, to_utf8(V_ASN1_UTF8STRING, "\xc3", 1, t));
	assert_int_equal(-1, to_utf8(V_ASN1_UTF8STRING, "\xc0\x80", 2, t));
	assert_int_equal(-1, to_utf8(V_ASN1_UTF8STRING, "\xed\xa0\x80", 3, t));
	assert_int_equal(-1, to_utf8(V_ASN1_UTF8STRING, "", 0, t));
	assert_int_equal(0, to_utf8(V_ASN1_BMPSTRING, "\0a\x20\xac", 4, t));
	assert_string_equal("a\xe2\x82\xac", t);
	assert_int_equal(-1, to_utf8(V_ASN1_BMPSTRING, "\0a\x20", 3, t));
	assert_int_equal(-1, to_utf8(V_ASN1_BMPSTRING, "\xd8\x3d\xde\0", 4, t));
	assert_int_equal(-1, to_utf8(V_ASN1_BMPSTRING, "\0\0", 2, t));
	assert_int_equal(0, to_utf8(V_ASN1_UNIVERSALSTRING, "\0\x01\xf6\0", 4, t));
	assert_string_equal("\xf0\x9f\x98\x80", t);
	assert_int_equal(-1, to_utf8(V_ASN1_UNIVERSALSTRING, "\0\x11\0\0", 4, t));
	assert_int_equal(-1, to_utf8(V_ASN1_UNIVERSALSTRING, "\0\0\xd8\0", 4, t));
	assert_int_equal(0, to_utf8(V_ASN1_NUMERICSTRING, "12", 2, t));
	assert_int_equal(0, to_utf8(V_ASN1_IA5STRING, "a@b", 3, t));
	assert_int_equal(-1, to_utf8(V_ASN1_IA5STRING, "a\xe4", 2, t));
	assert_int_equal(-1, to_utf8(V_ASN1_IA5STRING, "a\xc3\xa4", 3, t));
	assert_int_equal(-1, to_utf8(V_ASN1_PRINTABLESTRING, "a\xc3\xa4", 3, t));
	assert_int_equal(-1, to_utf8(V_ASN1_T61STRING, "a", 1, t));
	assert_int_equal(-1, to_utf8(V_ASN1_VISIBLESTRING, "a", 1, t));
	assert_int_equal(-1, to_utf8(V_ASN1_OCTET_STRING, "a", 1, t));
	/* the room of to_utf8() is 16 bytes */
	assert_int_equal(0, to_utf8(V_ASN1_UTF8STRING, "0123456789abcdef", 16, t));
	assert_int_equal(-1, to_utf8(V_ASN1_UTF8STRING, "0123456789abcdefg", 17, t));
	assert_int_equal(
	    0, to_utf8(V_ASN1_BMPSTRING, "\x20\xac\x20\xac\x20\xac\x20\xac\x20\xac", 10, t));
	assert_int_equal(-1,
	    to_utf8(V_ASN1_BMPSTRING, "\x20\xac\x20\xac\x20\xac\x20\xac\x20\xac\x20\xac", 12, t));
}

static void
facts_of_a_path_certificate_come_out(void **state)
{
	struct err e;
	struct pathcert pc;
	struct pki_cert *c = pki_make(
	    &(struct pki_spec){ .serial = "AB01", .from = PKI_FROM + 7, .until = PKI_NOW }, root);
	char longest[SECTION_MAX + 1];
	static const uint8_t zero[PATHCERT_ISSUER];
	uint8_t issuer[PATHCERT_ISSUER];

	(void)state;
	memset(issuer, 0x5a, sizeof(issuer));
	assert_int_equal(0, pathcert_from_x509(c->cert, "corp", issuer, &pc, &e));
	assert_int_equal(3, pc.serial_len);
	assert_memory_equal("\0\xab\x01", pc.serial, 3);
	assert_int_equal(PKI_FROM + 7, pc.not_before);
	assert_int_equal(PKI_NOW, pc.not_after);
	assert_string_equal("corp", pc.section);
	assert_memory_equal(issuer, pc.issuer, sizeof(issuer));
	memset(longest, 'x', sizeof(longest));
	longest[SECTION_MAX] = '\0';
	assert_int_equal(-1, pathcert_from_x509(c->cert, longest, NULL, &pc, &e));
	longest[SECTION_MAX - 1] = '\0';
	assert_int_equal(0, pathcert_from_x509(c->cert, longest, NULL, &pc, &e));
	pki_free(c);
	c = pki_make(&(struct pki_spec){ .profile = PKI_BARE, .serial = "-80" }, root);
	assert_int_equal(0, pathcert_from_x509(c->cert, "corp", NULL, &pc, &e));
	assert_memory_equal(zero, pc.issuer, sizeof(zero));
	assert_int_equal(1, pc.serial_len);
	assert_int_equal(0x80, pc.serial[0]);
	pki_free(c);
}

static int
time_of(int type, const char *text, int64_t *t)
{
	ASN1_STRING *s = ASN1_STRING_type_new(type);
	int ret;

	assert_int_equal(1, ASN1_STRING_set(s, text, -1));
	ret = certtime_get(s, t);
	ASN1_STRING_free(s);
	return ret;
}

static void
times_are_read_in_the_two_spellings_of_rfc_5280_only(void **state)
{
	static const struct {
		int type;
		const char *text;
		int64_t want; /* -2: refused */
	} rows[] = {
		{ V_ASN1_UTCTIME, "700101000000Z", 0 },
		{ V_ASN1_UTCTIME, "691231235959Z", -1 },
		{ V_ASN1_UTCTIME, "500101000000Z", -631152000 },
		{ V_ASN1_UTCTIME, "491231235959Z", 2524607999 },
		{ V_ASN1_UTCTIME, "270115080000Z", PKI_NOW },
		{ V_ASN1_UTCTIME, "240229000000Z", 1709164800 },
		{ V_ASN1_UTCTIME, "230229000000Z", -2 },
		{ V_ASN1_UTCTIME, "2701150800Z", -2 },
		{ V_ASN1_UTCTIME, "270115080060Z", -2 },
		{ V_ASN1_UTCTIME, "271315080000Z", -2 },
		{ V_ASN1_UTCTIME, "270100080000Z", -2 },
		{ V_ASN1_UTCTIME, "27011508000 Z", -2 },
		{ V_ASN1_UTCTIME, "2701150800+01", -2 },
		{ V_ASN1_GENERALIZEDTIME, "20270115080000Z", PKI_NOW },
		{ V_ASN1_GENERALIZEDTIME, "20500101000000Z", 2524608000 },
		{ V_ASN1_GENERALIZEDTIME, "99991231235959Z", 253402300799 },
		{ V_ASN1_GENERALIZEDTIME, "00000101000000Z", -62167219200 },
		{ V_ASN1_GENERALIZEDTIME, "21000229000000Z", -2 },
		{ V_ASN1_GENERALIZEDTIME, "20270115080000.5Z", -2 },
		{ V_ASN1_GENERALIZEDTIME, "20270115080000+", -2 },
		{ V_ASN1_IA5STRING, "270115080000Z", -2 },
	};
	char span[CERTTIME_SPAN_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t t = -2;

		(void)time_of(rows[i].type, rows[i].text, &t);
		if (t != rows[i].want)
			print_message("%s: %lld\n", rows[i].text, (long long)t);
		assert_true(rows[i].want == t);
	}
	assert_string_equal("119 s", certtime_span(span, 119));
	assert_string_equal("2 min", certtime_span(span, 120));
	assert_string_equal("3 h", certtime_span(span, 3 * 3600));
	assert_string_equal("47 h", certtime_span(span, -47 * 3600 - 5));
	assert_string_equal("2 d", certtime_span(span, 48 * 3600));
}

/* A leaf with this value of the extension that lists SSH keys, and the error it brings. */
static struct identity *
listing(const char *one, const char *two, struct err *e)
{
	struct pki_cert *c =
	    pki_make(&(struct pki_spec){ .subject = "CN=alice", .ext = { one, two } }, root);
	struct identity *id = identity_from_x509(c->cert, NULL, 0, e);

	pki_free(c);
	return id;
}

#define SSH_KEYS SPKI_SSHKEYS_OID "=DER:"
#define HASH	 "0420" HASH_BYTES
#define HASH_BYTES                                                       \
	"01010101010101010101010101010101010101010101010101010101010101" \
	"01"

static void
ssh_keys_that_the_certificate_lists_come_out(void **state)
{
	struct identity *id;
	struct err e;

	(void)state;
	assert_non_null(id = listing(SSH_KEYS "3044" HASH HASH, NULL, &e));
	assert_string_equal(
	    "SHA256:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE", value(id, ID_SSH_KEY, 0));
	assert_non_null(value(id, ID_SSH_KEY, 1));
	assert_null(value(id, ID_SSH_KEY, 2));
	identity_free(id);
	/* none listed, and no list at all: no value, which no rule takes */
	assert_non_null(id = listing(SSH_KEYS "3000", NULL, &e));
	assert_null(value(id, ID_SSH_KEY, 0));
	identity_free(id);
	assert_non_null(id = listing(NULL, NULL, &e));
	assert_null(value(id, ID_SSH_KEY, 0));
	identity_free(id);
}

static void
a_list_of_ssh_keys_that_cannot_be_read_refuses_the_certificate(void **state)
{
	static const char *const bad[] = {
		SSH_KEYS "3023" HASH "00", /* behind the last */
		SSH_KEYS "3022" HASH "00", /* behind the list */
		SSH_KEYS "308122" HASH,	   /* a length in long form */
		SSH_KEYS "3004"
			 "04020102",
		SSH_KEYS HASH,
		SSH_KEYS "0500",
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(listing(bad[i], NULL, &e));
		assert_int_equal(ERR_REFUSED, e.kind);
		assert_int_equal(0, strncmp(e.text, "ssh-key: ", 9));
	}
	assert_null(listing(SSH_KEYS "3022" HASH, SSH_KEYS "3000", &e));
	assert_non_null(strstr(e.text, "twice"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ssh_keys_that_the_certificate_lists_come_out),
		cmocka_unit_test(a_list_of_ssh_keys_that_cannot_be_read_refuses_the_certificate),
		cmocka_unit_test(every_field_comes_out),
		cmocka_unit_test(two_certificates_on_one_key_have_one_spki),
		cmocka_unit_test(
		    names_are_equal_whatever_string_type_spells_them_and_never_by_a_comma),
		cmocka_unit_test(rdns_of_several_attributes_keep_together),
		cmocka_unit_test(an_empty_subject_has_no_value),
		cmocka_unit_test(values_that_could_pass_for_another_are_refused),
		cmocka_unit_test(sans_by_the_thousand_are_refused_never_cut),
		cmocka_unit_test(strings_of_each_type_become_utf8_or_are_refused),
		cmocka_unit_test(facts_of_a_path_certificate_come_out),
		cmocka_unit_test(times_are_read_in_the_two_spellings_of_rfc_5280_only),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
