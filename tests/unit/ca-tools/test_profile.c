/* test_profile.c - what each kind of certificate has in it, and what is fixed */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/x509v3.h>

#include "ca-tools/keyfile.h"
#include "ca-tools/names.h"
#include "ca-tools/profile.h"
#include "spki.h"

#define NOW INT64_C(1800000000)

static EVP_PKEY *root_key, *inter_key, *leaf_key;
static X509 *root, *inter;

static int
setup(void **state)
{
	struct err e;
	struct cert_request r = { .profile = PROFILE_ROOT,
		.cn = "R",
		.not_before = NOW - 300,
		.not_after = NOW + 7305 * INT64_C(86400) };

	(void)state;
	root_key = key_generate(&e);
	inter_key = key_generate(&e);
	leaf_key = key_generate(&e);
	r.key = root_key;
	root = profile_sign(&r, NULL, root_key, &e);
	r.profile = PROFILE_INTERMEDIATE;
	r.cn = "I";
	r.key = inter_key;
	inter = profile_sign(&r, root, root_key, &e);
	return root != NULL && inter != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	X509_free(root);
	X509_free(inter);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(inter_key);
	EVP_PKEY_free(leaf_key);
	return 0;
}

static X509 *
leaf(enum profile p, const uint8_t *ssh, int64_t from, int64_t until)
{
	struct cert_request r = { .profile = p,
		.cn = "alice",
		.key = leaf_key,
		.ssh_sha256 = ssh,
		.not_before = from,
		.not_after = until };
	struct err e;
	X509 *cert = profile_sign(&r, inter, inter_key, &e);

	assert_non_null(cert);
	return cert;
}

/* Its critical flag, or -1 where it has not exactly one of that kind. */
static int
critical(X509 *cert, int nid)
{
	int at = X509_get_ext_by_NID(cert, nid, -1);

	if (at == -1 || X509_get_ext_by_NID(cert, nid, at) != -1)
		return -1;
	return X509_EXTENSION_get_critical(X509_get_ext(cert, at));
}

static void
ca_certificates_can_sign_certificates_and_crls_only(void **state)
{
	X509 *cas[] = { root, inter };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(1, critical(cas[i], NID_basic_constraints));
		assert_int_equal(1, critical(cas[i], NID_key_usage));
		assert_int_equal(0, critical(cas[i], NID_subject_key_identifier));
		assert_int_equal(-1, critical(cas[i], NID_ext_key_usage));
		assert_int_equal(KU_KEY_CERT_SIGN | KU_CRL_SIGN, X509_get_key_usage(cas[i]));
		assert_int_equal(1, X509_check_ca(cas[i]));
		assert_int_equal(NID_ecdsa_with_SHA256, X509_get_signature_nid(cas[i]));
	}
	assert_int_equal(-1, X509_get_pathlen(root));
	assert_int_equal(0, X509_get_pathlen(inter));
	assert_int_equal(0, critical(inter, NID_authority_key_identifier));
}

static void
users_are_clients_and_hosts_are_servers_and_neither_is_both(void **state)
{
	X509 *user = leaf(PROFILE_USER, NULL, NOW, NOW + 60);
	X509 *host = leaf(PROFILE_HOST, NULL, NOW, NOW + 60);
	X509 *both[] = { user, host };
	struct err e;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(1, critical(both[i], NID_basic_constraints));
		assert_int_equal(1, critical(both[i], NID_key_usage));
		assert_int_equal(0, critical(both[i], NID_ext_key_usage));
		assert_int_equal(0, critical(both[i], NID_subject_key_identifier));
		assert_int_equal(0, critical(both[i], NID_authority_key_identifier));
		assert_int_equal(KU_DIGITAL_SIGNATURE, X509_get_key_usage(both[i]));
		assert_int_equal(0, X509_check_ca(both[i]));
		assert_int_equal(X509_VERSION_3, X509_get_version(both[i]));
	}
	assert_int_equal(XKU_SSL_CLIENT, X509_get_extended_key_usage(user));
	assert_int_equal(XKU_SSL_SERVER, X509_get_extended_key_usage(host));
	assert_int_equal(0, profile_check(user, PROFILE_USER, inter, root, &e));
	assert_int_equal(0, profile_check(host, PROFILE_HOST, inter, root, &e));
	assert_int_equal(-1, profile_check(user, PROFILE_HOST, inter, root, &e));
	assert_int_equal(-1, profile_check(host, PROFILE_USER, inter, root, &e));
	assert_int_equal(X509_V_ERR_INVALID_PURPOSE, e.detail);
	X509_free(user);
	X509_free(host);
}

static void
the_strict_check_sees_a_wrong_issuer(void **state)
{
	X509 *user = leaf(PROFILE_USER, NULL, NOW, NOW + 60);
	struct err e;

	(void)state;
	assert_int_equal(0, profile_check(user, PROFILE_USER, inter, root, &e));
	assert_int_equal(-1, profile_check(user, PROFILE_USER, root, root, &e));
	assert_int_equal(ERR_REFUSED, e.kind);
	X509_free(user);
}

static void
dates_change_their_type_at_2050(void **state)
{
	const int64_t edge = INT64_C(2524608000); /* 2050-01-01T00:00:00Z */
	X509 *cert = leaf(PROFILE_USER, NULL, edge - 1, edge);
	int64_t from, until;
	struct err e;

	(void)state;
	assert_int_equal(V_ASN1_UTCTIME, X509_get0_notBefore(cert)->type);
	assert_int_equal(V_ASN1_GENERALIZEDTIME, X509_get0_notAfter(cert)->type);
	assert_int_equal(0, cert_times(cert, &from, &until, &e));
	assert_int_equal(edge - 1, from);
	assert_int_equal(edge, until);
	X509_free(cert);
}

static void
serials_are_positive_of_up_to_128_bits_and_never_the_same(void **state)
{
	char first[SERIAL_TEXT], text[SERIAL_TEXT];
	int long_ones = 0;
	struct err e;

	(void)state;
	assert_int_equal(0, serial_text(X509_get0_serialNumber(root), first, &e));
	for (int i = 0; i < 40; i++) {
		X509 *cert = leaf(PROFILE_USER, NULL, NOW, NOW + 60);

		assert_int_equal(0, serial_text(X509_get0_serialNumber(cert), text, &e));
		assert_true(strlen(text) <= 32 && text[0] != '0');
		long_ones += strlen(text) > 28;
		assert_string_not_equal(first, text);
		memcpy(first, text, sizeof(first));
		X509_free(cert);
	}
	assert_int_equal(40, long_ones); /* 2^-16 each to be shorter by chance */
}

static void
the_ssh_extension_lists_one_hash_and_is_not_critical(void **state)
{
	uint8_t sha256[32];
	X509 *cert;
	ASN1_OBJECT *oid = OBJ_txt2obj(SPKI_SSHKEYS_OID, 1);
	const ASN1_OCTET_STRING *value;
	int at;

	(void)state;
	memset(sha256, 0xab, sizeof(sha256));
	cert = leaf(PROFILE_USER, sha256, NOW, NOW + 60);
	assert_true((at = X509_get_ext_by_OBJ(cert, oid, -1)) >= 0);
	assert_int_equal(0, X509_EXTENSION_get_critical(X509_get_ext(cert, at)));
	value = X509_EXTENSION_get_data(X509_get_ext(cert, at));
	assert_int_equal(36, ASN1_STRING_length(value));
	assert_memory_equal("\x30\x22\x04\x20", ASN1_STRING_get0_data(value), 4);
	assert_memory_equal(sha256, ASN1_STRING_get0_data(value) + 4, 32);
	X509_free(cert);
	cert = leaf(PROFILE_USER, NULL, NOW, NOW + 60);
	assert_int_equal(-1, X509_get_ext_by_OBJ(cert, oid, -1));
	X509_free(cert);
	ASN1_OBJECT_free(oid);
}

static void
serials_from_the_command_line_lose_case_and_leading_zeros(void **state)
{
	char text[SERIAL_TEXT];

	(void)state;
	assert_int_equal(0, serial_parse("00AbC0", text));
	assert_string_equal("abc0", text);
	assert_int_equal(0, serial_parse("ffffffffffffffffffffffffffffffffffffffff", text));
	assert_int_equal(-1, serial_parse("0ffffffffffffffffffffffffffffffffffffffff", text));
	assert_int_equal(-1, serial_parse("", text));
	assert_int_equal(-1, serial_parse("0", text));
	assert_int_equal(-1, serial_parse("0x1", text));
	assert_int_equal(-1, serial_parse("ab:cd", text));
	assert_int_equal(-1, serial_parse("-1", text));
	assert_int_equal(-1, serial_parse("alice.pem", text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ca_certificates_can_sign_certificates_and_crls_only),
		cmocka_unit_test(users_are_clients_and_hosts_are_servers_and_neither_is_both),
		cmocka_unit_test(the_strict_check_sees_a_wrong_issuer),
		cmocka_unit_test(dates_change_their_type_at_2050),
		cmocka_unit_test(serials_are_positive_of_up_to_128_bits_and_never_the_same),
		cmocka_unit_test(the_ssh_extension_lists_one_hash_and_is_not_critical),
		cmocka_unit_test(serials_from_the_command_line_lose_case_and_leading_zeros),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
