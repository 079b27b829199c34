/* test_certpath.c - which paths are valid: times, keys, signatures, CAs, extensions */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <stdio.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "tests/unit/help/pathtest.h"

#define refused(want, got)                                \
	do {                                              \
		assert_int_equal(want, got);              \
		assert_string_not_equal("", p->err.text); \
		assert_int_equal(0, ERR_peek_error());    \
	} while (0)

static int
fresh(void **state)
{
	*state = pathtest_new(NULL, NULL);
	return 0;
}

static int
done(void **state)
{
	pathtest_free(*state);
	return 0;
}

static void
a_leaf_below_an_intermediate_is_valid_and_the_path_comes_back(void **state)
{
	struct pathtest *p = *state;
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, p->inter);

	assert_int_equal(0, pathtest_verify(p, leaf->cert));
	assert_int_equal(3, sk_X509_num(p->result.path));
	assert_ptr_equal(leaf->cert, sk_X509_value(p->result.path, 0));
	assert_int_equal(0, X509_cmp(p->inter->cert, sk_X509_value(p->result.path, 1)));
	assert_int_equal(0, X509_cmp(p->root->cert, sk_X509_value(p->result.path, 2)));
	assert_int_equal(0, p->result.npolicies);
	assert_int_equal(0, ERR_peek_error());
	pki_free(leaf);
}

static void
validity_holds_from_its_first_to_its_last_second(void **state)
{
	struct pathtest *p = *state;
	const struct pki_spec s = { .from = PKI_NOW - 3600, .until = PKI_NOW + 3600 };

	p->request.now = PKI_NOW - 3601;
	refused(X509_V_ERR_CERT_NOT_YET_VALID, pathtest_leaf(p, &s));
	p->request.now = PKI_NOW - 3600;
	assert_int_equal(0, pathtest_leaf(p, &s));
	p->request.now = PKI_NOW + 3599;
	assert_int_equal(0, pathtest_leaf(p, &s));
	/* RFC 5280 section 4.1.2.5 includes the second of notAfter; OpenSSL alone would not. */
	p->request.now = PKI_NOW + 3600;
	assert_int_equal(0, pathtest_leaf(p, &s));
	p->request.now = PKI_NOW + 3601;
	refused(X509_V_ERR_CERT_HAS_EXPIRED, pathtest_leaf(p, &s));
}

static void
an_expired_leaf_is_named_with_its_age(void **state)
{
	struct pathtest *p = *state;

	p->request.now = PKI_NOW;
	refused(X509_V_ERR_CERT_HAS_EXPIRED,
	    pathtest_leaf(p, &(struct pki_spec){ .subject = "O=Corp,CN=ali\xc3\xa7"
							    "e",
				 .until = PKI_NOW - 3 * 3600 }));
	assert_string_equal("leaf \"CN=ali\xc3\xa7"
			    "e,O=Corp\": expired 3 h ago "
			    "(notAfter 2027-01-15T05:00:00Z)",
	    p->err.text);
	refused(X509_V_ERR_CERT_NOT_YET_VALID,
	    pathtest_leaf(p, &(struct pki_spec){ .from = PKI_NOW + 90 }));
	assert_string_equal("leaf \"CN=leaf\": not valid yet, begins in 90 s "
			    "(notBefore 2027-01-15T08:01:30Z)",
	    p->err.text);
}

static void
an_expired_intermediate_or_anchor_is_refused(void **state)
{
	struct pathtest *p =
	    pathtest_new(&(struct pki_spec){ .profile = PKI_ROOT, .until = PKI_NOW + 20 },
		&(struct pki_spec){ .profile = PKI_INTERMEDIATE, .until = PKI_NOW + 10 });

	(void)state;
	p->request.now = PKI_NOW + 10;
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	p->request.now = PKI_NOW + 11;
	refused(X509_V_ERR_CERT_HAS_EXPIRED, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	assert_non_null(strstr(p->err.text, "intermediate 1 \"CN=intermediate\": expired 1 s ago"));
	pathtest_free(p);
	p = pathtest_new(&(struct pki_spec){ .profile = PKI_ROOT, .until = PKI_NOW + 20 }, NULL);
	p->request.now = PKI_NOW + 20;
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	p->request.now = PKI_NOW + 21;
	refused(X509_V_ERR_CERT_HAS_EXPIRED, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	pathtest_free(p);
}

static void
a_leaf_of_another_ca_is_refused_even_under_the_same_name(void **state)
{
	struct pathtest *p = *state;
	struct pki_cert *other =
	    pki_make(&(struct pki_spec){ .profile = PKI_ROOT, .subject = "CN=intermediate" }, NULL);
	struct pki_cert *stranger =
	    pki_make(&(struct pki_spec){ .profile = PKI_ROOT, .subject = "CN=elsewhere" }, NULL);
	/* the same name, and the same key identifier too */
	struct pki_cert *forger = pki_make(&(struct pki_spec){ .profile = PKI_ROOT,
					       .subject = "CN=intermediate",
					       .ext = { "subjectKeyIdentifier=01:02" } },
	    NULL);
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, other);

	refused(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, pathtest_verify(p, leaf->cert));
	assert_non_null(strstr(p->err.text, "with another key only"));
	pki_free(leaf);
	leaf = pki_make(&(struct pki_spec){ 0 }, stranger);
	refused(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, pathtest_verify(p, leaf->cert));
	assert_non_null(strstr(p->err.text, "\"CN=elsewhere\" is neither an anchor"));
	pki_free(leaf);
	leaf = pki_make(&(struct pki_spec){ .ext = { "authorityKeyIdentifier=" } }, forger);
	refused(X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER, pathtest_verify(p, leaf->cert));
	pki_free(leaf);
	pki_free(forger);
	pki_free(stranger);
	pki_free(other);
}

static void
a_damaged_signature_is_refused(void **state)
{
	struct pathtest *p = *state;
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, p->inter);
	X509 *bad = pki_damaged(leaf->cert);

	assert_int_equal(0, pathtest_verify(p, leaf->cert));
	refused(X509_V_ERR_CERT_SIGNATURE_FAILURE, pathtest_verify(p, bad));
	X509_free(bad);
	pki_free(leaf);
}

static void
weak_keys_are_refused_and_their_strong_neighbours_accepted(void **state)
{
	static const struct {
		enum pki_key key;
		int want;
	} rows[] = {
		{ PKI_RSA1024, X509_V_ERR_EE_KEY_TOO_SMALL },
		{ PKI_RSA2048, 0 },
		{ PKI_RSA_PSS2048, 0 },
		{ PKI_P224, X509_V_ERR_EE_KEY_TOO_SMALL },
		{ PKI_P256, 0 },
		{ PKI_P384, 0 },
		{ PKI_P521, 0 },
		{ PKI_SECP256K1, X509_V_ERR_EE_KEY_TOO_SMALL },
		{ PKI_P256_EXPLICIT, X509_V_ERR_EC_KEY_EXPLICIT_PARAMS },
		{ PKI_ED25519, 0 },
		{ PKI_ED448, 0 },
		{ PKI_DSA2048, X509_V_ERR_EE_KEY_TOO_SMALL },
	};
	struct pathtest *p = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int got = pathtest_leaf(p, &(struct pki_spec){ .key_kind = rows[i].key });

		if (got != rows[i].want)
			print_message("key %d: %s\n", (int)rows[i].key, p->err.text);
		assert_int_equal(rows[i].want, got);
	}
}

static void
a_weak_key_of_the_anchor_or_an_intermediate_is_refused(void **state)
{
	struct pathtest *p =
	    pathtest_new(&(struct pki_spec){ .profile = PKI_ROOT, .key_kind = PKI_RSA1024 }, NULL);

	(void)state;
	refused(X509_V_ERR_CA_KEY_TOO_SMALL, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	assert_non_null(strstr(p->err.text, "anchor \"CN=root\": it has an RSA key of less than"));
	pathtest_free(p);
	p = pathtest_new(
	    NULL, &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .key_kind = PKI_P224 });
	refused(X509_V_ERR_CA_KEY_TOO_SMALL, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	pathtest_free(p);
	p = pathtest_new(
	    NULL, &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .key_kind = PKI_DSA2048 });
	refused(X509_V_ERR_CA_KEY_TOO_SMALL, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	pathtest_free(p);
}

static void
short_digests_are_refused_but_on_the_anchor(void **state)
{
	static const struct {
		const char *digest;
		int want;
	} rows[] = {
		{ "SHA1", X509_V_ERR_CA_MD_TOO_WEAK },
		{ "SHA224", X509_V_ERR_CA_MD_TOO_WEAK },
		{ "SHA256", 0 },
		{ "SHA384", 0 },
		{ "SHA512", 0 },
	};
	struct pathtest *p = pathtest_new(
	    &(struct pki_spec){ .profile = PKI_ROOT, .digest = "SHA1", .key_kind = PKI_RSA2048 },
	    NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    rows[i].want, pathtest_leaf(p, &(struct pki_spec){ .digest = rows[i].digest }));
	pathtest_free(p);
	p = pathtest_new(&(struct pki_spec){ .profile = PKI_ROOT, .key_kind = PKI_RSA2048 },
	    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .digest = "MD5" });
	refused(X509_V_ERR_CA_MD_TOO_WEAK, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	assert_non_null(strstr(p->err.text, "intermediate 1 \"CN=intermediate\": it has an MD5"));
	pathtest_free(p);
	p = pathtest_new(
	    &(struct pki_spec){ .profile = PKI_ROOT, .key_kind = PKI_RSA_PSS2048 }, NULL);
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	pathtest_free(p);
}

static void
only_a_ca_that_may_sign_certificates_issues(void **state)
{
	static const struct {
		const char *ext[4];
		int want;
	} rows[] = {
		{ { NULL }, 0 },
		{ { "basicConstraints=critical,CA:FALSE" }, X509_V_ERR_INVALID_CA },
		{ { "basicConstraints=" }, X509_V_ERR_INVALID_CA },
		{ { "basicConstraints=CA:TRUE" }, X509_V_ERR_CA_BCONS_NOT_CRITICAL },
		{ { "keyUsage=critical,cRLSign,digitalSignature" }, X509_V_ERR_INVALID_CA },
		{ { "keyUsage=" }, 0 },
		{ { "subjectKeyIdentifier=" }, X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER },
		{ { "keyUsage=keyCertSign" }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pki_spec s = { .profile = PKI_INTERMEDIATE };
		struct pathtest *p;

		memcpy(s.ext, rows[i].ext, sizeof(rows[i].ext));
		p = pathtest_new(NULL, &s);
		/* without its SKI the issuer is found by name: the leaf's AKI is left as it is */
		assert_int_equal(rows[i].want,
		    pathtest_leaf(p, &(struct pki_spec){
					 .ext = { i == 6 ? "authorityKeyIdentifier=DER:300480020102"
							 : "authorityKeyIdentifier=keyid" } }));
		pathtest_free(p);
	}
}

static void
a_leaf_cannot_issue_at_any_depth(void **state)
{
	struct pathtest *p = *state;
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ .subject = "CN=mallory" }, p->inter);
	struct pki_cert *forged = pki_make(&(struct pki_spec){ .subject = "CN=root user" }, leaf);
	struct pki_cert *ca = pki_make(
	    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = "CN=made up CA" }, leaf);
	struct pki_cert *deeper = pki_make(&(struct pki_spec){ 0 }, ca);
	STACK_OF(X509) *sent = sk_X509_new_null();

	sk_X509_push(sent, leaf->cert);
	sk_X509_push(sent, ca->cert);
	p->request.untrusted = sent;
	refused(X509_V_ERR_INVALID_CA, pathtest_verify(p, forged->cert));
	refused(X509_V_ERR_INVALID_CA, pathtest_verify(p, deeper->cert));
	p->request.untrusted = NULL;
	sk_X509_free(sent);
	pki_free(deeper);
	pki_free(ca);
	pki_free(forged);
	pki_free(leaf);
}

static void
path_length_counts_intermediates_but_self_issued_ones(void **state)
{
	struct pathtest *p =
	    pathtest_new(NULL, &(struct pki_spec){ .profile = PKI_INTERMEDIATE,
				   .ext = { "basicConstraints=critical,CA:TRUE,pathlen:0" } });
	struct pki_cert *below = pki_make(
	    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = "CN=below" }, p->inter);
	struct pki_cert *again =
	    pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE,
			 .ext = { "basicConstraints=critical,CA:TRUE,pathlen:0" } },
		p->inter);
	struct pki_cert *leaf = pki_make(&(struct pki_spec){ 0 }, below);

	(void)state;
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, below->cert));
	assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, again->cert));
	refused(X509_V_ERR_PATH_LENGTH_EXCEEDED, pathtest_verify(p, leaf->cert));
	pki_free(leaf);
	/* "CN=intermediate" signed by "CN=intermediate": a new key of the same CA */
	leaf = pki_make(&(struct pki_spec){ 0 }, again);
	assert_int_equal(0, pathtest_verify(p, leaf->cert));
	assert_int_equal(4, sk_X509_num(p->result.path));
	pki_free(leaf);
	pki_free(again);
	pki_free(below);
	pathtest_free(p);
}

static void
eight_intermediates_are_the_most(void **state)
{
	struct pathtest *p = *state;
	struct pki_cert *ca[CERTPATH_DEPTH_MAX + 1], *leaf;
	char subject[32];

	ca[0] = p->inter;
	for (int i = 1; i <= CERTPATH_DEPTH_MAX; i++) {
		(void)snprintf(subject, sizeof(subject), "CN=intermediate %d", i);
		ca[i] =
		    pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = subject },
			ca[i - 1]);
		assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, ca[i]->cert));
	}
	leaf = pki_make(&(struct pki_spec){ 0 }, ca[CERTPATH_DEPTH_MAX - 1]);
	assert_int_equal(0, pathtest_verify(p, leaf->cert));
	assert_int_equal(CERTPATH_DEPTH_MAX + 2, sk_X509_num(p->result.path));
	pki_free(leaf);
	leaf = pki_make(&(struct pki_spec){ 0 }, ca[CERTPATH_DEPTH_MAX]);
	refused(X509_V_ERR_CERT_CHAIN_TOO_LONG, pathtest_verify(p, leaf->cert));
	pki_free(leaf);
	for (int i = 1; i <= CERTPATH_DEPTH_MAX; i++)
		pki_free(ca[i]);
}

static void
malformed_extensions_are_refused(void **state)
{
	static const struct {
		const char *ext[3];
		int want;
	} rows[] = {
		{ { "1.2.3.4=DER:0500" }, 0 },
		{ { "1.2.3.4=critical,DER:0500" }, X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION },
		{ { "1.2.3.4=DER:0500", "+1.2.3.4=DER:0500" }, X509_V_ERR_INVALID_EXTENSION },
		{ { "extendedKeyUsage=clientAuth", "+extendedKeyUsage=serverAuth" },
		    X509_V_ERR_INVALID_EXTENSION },
		{ { "subjectAltName=DER:30058103614062" }, 0 },
		{ { "subjectAltName=DER:300581036140620500" }, X509_V_ERR_INVALID_EXTENSION },
		{ { "subjectAltName=DER:30808103614062"
		    "0000" },
		    X509_V_ERR_INVALID_EXTENSION },
		{ { "subjectAltName=DER:30068103614062" }, X509_V_ERR_INVALID_EXTENSION },
		{ { "subjectAltName=DER:3000" }, X509_V_ERR_EMPTY_SUBJECT_ALT_NAME },
		{ { "keyUsage=DER:03020700" }, X509_V_ERR_INVALID_EXTENSION },
		{ { "authorityKeyIdentifier=critical,keyid" },
		    X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION },
		{ { "basicConstraints=critical,CA:FALSE,pathlen:1" },
		    X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA },
	};
	struct pathtest *p = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pki_spec s = { 0 };
		int got;

		memcpy(s.ext, rows[i].ext, sizeof(rows[i].ext));
		got = pathtest_leaf(p, &s);
		if (got != rows[i].want)
			print_message("%s: %d %s\n", rows[i].ext[0], got, p->err.text);
		assert_int_equal(rows[i].want, got);
	}
}

static void
serial_numbers_have_one_to_twenty_octets_and_are_not_zero(void **state)
{
	struct pathtest *p = *state;

	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ .serial = "01" }));
	refused(X509_V_ERR_UNSPECIFIED, pathtest_leaf(p, &(struct pki_spec){ .serial = "00" }));
	assert_int_equal(
	    0, pathtest_leaf(
		   p, &(struct pki_spec){ .serial = "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" }));
	refused(X509_V_ERR_UNSPECIFIED,
	    pathtest_leaf(
		p, &(struct pki_spec){ .serial = "80FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" }));
	/* RFC 5280 section 4.1.2.2: handled gracefully, but it names nobody */
	refused(X509_V_ERR_UNSPECIFIED, pathtest_leaf(p, &(struct pki_spec){ .serial = "-01" }));
	p->request.identity_rules = false;
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ .serial = "-01" }));
}

static void
a_version_1_certificate_is_no_leaf_and_no_intermediate(void **state)
{
	struct pathtest *p = *state;

	p->request.purpose = CERTPATH_ANY;
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ .profile = PKI_LEAF }));
	refused(X509_V_ERR_INVALID_EXTENSION, pathtest_leaf(p, &(struct pki_spec){ .version = 1 }));
	pathtest_free(p);
	*state = p =
	    pathtest_new(NULL, &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .version = 1 });
	refused(X509_V_ERR_INVALID_CA,
	    pathtest_leaf(
		p, &(struct pki_spec){ .ext = { "authorityKeyIdentifier=DER:300480020102" } }));
}

static void
a_leaf_above_16_kib_and_a_heap_of_certificates_are_refused(void **state)
{
	struct pathtest *p = *state;
	char big[20000];
	size_t n = (size_t)snprintf(big, sizeof(big), "nsComment=");
	STACK_OF(X509) *sent = sk_X509_new_null();

	memset(big + n, 'x', 15000);
	big[n + 15000] = '\0';
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ .ext = { big } }));
	memset(big + n, 'x', 16500);
	big[n + 16500] = '\0';
	refused(X509_V_ERR_UNSPECIFIED, pathtest_leaf(p, &(struct pki_spec){ .ext = { big } }));
	for (int i = 0; i < 100; i++)
		sk_X509_push(sent, p->inter->cert);
	p->request.untrusted = sent;
	refused(X509_V_ERR_CERT_CHAIN_TOO_LONG, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	while (sk_X509_num(sent) > 32)
		(void)sk_X509_pop(sent);
	assert_int_equal(0, pathtest_leaf(p, &(struct pki_spec){ 0 }));
	sk_X509_free(sent);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_leaf_below_an_intermediate_is_valid_and_the_path_comes_back, fresh, done),
		cmocka_unit_test_setup_teardown(
		    validity_holds_from_its_first_to_its_last_second, fresh, done),
		cmocka_unit_test_setup_teardown(an_expired_leaf_is_named_with_its_age, fresh, done),
		cmocka_unit_test(an_expired_intermediate_or_anchor_is_refused),
		cmocka_unit_test_setup_teardown(
		    a_leaf_of_another_ca_is_refused_even_under_the_same_name, fresh, done),
		cmocka_unit_test_setup_teardown(a_damaged_signature_is_refused, fresh, done),
		cmocka_unit_test_setup_teardown(
		    weak_keys_are_refused_and_their_strong_neighbours_accepted, fresh, done),
		cmocka_unit_test(a_weak_key_of_the_anchor_or_an_intermediate_is_refused),
		cmocka_unit_test(short_digests_are_refused_but_on_the_anchor),
		cmocka_unit_test(only_a_ca_that_may_sign_certificates_issues),
		cmocka_unit_test_setup_teardown(a_leaf_cannot_issue_at_any_depth, fresh, done),
		cmocka_unit_test(path_length_counts_intermediates_but_self_issued_ones),
		cmocka_unit_test_setup_teardown(eight_intermediates_are_the_most, fresh, done),
		cmocka_unit_test_setup_teardown(malformed_extensions_are_refused, fresh, done),
		cmocka_unit_test_setup_teardown(
		    serial_numbers_have_one_to_twenty_octets_and_are_not_zero, fresh, done),
		cmocka_unit_test_setup_teardown(
		    a_version_1_certificate_is_no_leaf_and_no_intermediate, fresh, done),
		cmocka_unit_test_setup_teardown(
		    a_leaf_above_16_kib_and_a_heap_of_certificates_are_refused, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
