/* test_spki.c - the same key in a certificate and in an SSH key */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "spki.h"
#include "tests/unit/help/pki.h"
#include "tests/unit/help/sshkeys.h"

static void
parse(size_t i, struct sshkey *k)
{
	char text[SSHKEY_TEXT_MAX];
	struct err e;

	(void)snprintf(text, sizeof(text), "%s %s", sshkeys[i].type, sshkeys[i].base64);
	assert_int_equal(0, sshkey_parse_text(text, strlen(text), k, &e));
}

/* Bytes behind the blob, and between members, say nothing. */
static void
same_key(const struct sshkey *a, const struct sshkey *b)
{
	assert_string_equal(a->type, b->type);
	assert_true(a->blob_len == b->blob_len);
	assert_memory_equal(a->blob, b->blob, a->blob_len);
	assert_memory_equal(a->sha256, b->sha256, sizeof(a->sha256));
	assert_int_equal(a->rsa_bits, b->rsa_bits);
}

static void
a_key_of_ssh_keygen_goes_there_and_back(void **state)
{
	struct sshkey k, back;
	struct err e;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		EVP_PKEY *pkey;

		parse(i, &k);
		assert_non_null(pkey = spki_from_sshkey(&k, &e));
		assert_int_equal(0, spki_to_sshkey(pkey, &back, &e));
		same_key(&k, &back);
		assert_int_equal(0, ERR_peek_error());
		EVP_PKEY_free(pkey);
	}
}

static void
keys_of_certificates_have_the_ssh_form_that_they_can_have(void **state)
{
	static const struct {
		enum pki_key key;
		int want;
	} rows[] = {
		{ PKI_P256, 0 },
		{ PKI_P384, 0 },
		{ PKI_P521, 0 },
		{ PKI_ED25519, 0 },
		{ PKI_RSA2048, 0 },
		{ PKI_P224, 1 },
		{ PKI_SECP256K1, 1 },
		{ PKI_ED448, 1 },
		{ PKI_RSA_PSS2048, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EVP_PKEY *key = pki_key_make(rows[i].key), *back;
		struct sshkey k, parsed;
		struct err e;

		assert_int_equal(rows[i].want, spki_to_sshkey(key, &k, &e));
		if (rows[i].want == 0) {
			assert_int_equal(0, sshkey_parse_blob(k.blob, k.blob_len, &parsed, &e));
			same_key(&k, &parsed);
			assert_non_null(back = spki_from_sshkey(&k, &e));
			assert_int_equal(1, EVP_PKEY_eq(key, back));
			EVP_PKEY_free(back);
		}
		EVP_PKEY_free(key);
	}
}

static void
a_compressed_point_has_the_same_ssh_key(void **state)
{
	EVP_PKEY *key = pki_key_make(PKI_P256), *again;
	struct sshkey a, b;
	struct err e;
	unsigned char *der = NULL;
	const unsigned char *p;
	int n;

	(void)state;
	assert_int_equal(0, spki_to_sshkey(key, &a, &e));
	assert_int_equal(
	    1, EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
		   OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED));
	n = i2d_PUBKEY(key, &der);
	assert_true(n > 0 && n < 70);
	p = der;
	assert_non_null(again = d2i_PUBKEY(NULL, &p, n));
	assert_int_equal(0, spki_to_sshkey(again, &b, &e));
	assert_memory_equal(&a, &b, sizeof(a));
	OPENSSL_free(der);
	EVP_PKEY_free(again);
	EVP_PKEY_free(key);
}

static void
a_point_off_its_curve_and_security_keys_are_refused(void **state)
{
	struct sshkey k;
	struct err e;

	(void)state;
	parse(1, &k);
	k.blob[k.blob_len - 1] ^= 1;
	assert_null(spki_from_sshkey(&k, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	parse(5, &k);
	assert_null(spki_from_sshkey(&k, &e));
	parse(6, &k);
	assert_null(spki_from_sshkey(&k, &e));
	/* a blob that was not parsed: every length is checked again */
	parse(0, &k);
	for (size_t n = 0; n < k.blob_len; n++) {
		struct sshkey cut = k;

		cut.blob_len = n;
		assert_null(spki_from_sshkey(&cut, &e));
	}
	k.blob_len = sizeof(k.blob) + 1;
	assert_null(spki_from_sshkey(&k, &e));
	assert_int_equal(0, ERR_peek_error());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_of_ssh_keygen_goes_there_and_back),
		cmocka_unit_test(keys_of_certificates_have_the_ssh_form_that_they_can_have),
		cmocka_unit_test(a_compressed_point_has_the_same_ssh_key),
		cmocka_unit_test(a_point_off_its_curve_and_security_keys_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
