/* test_opensshkey.c - OpenSSH's key files, whole and damaged */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/opensshkey.h"

#define KEYS "tests/fuzz/corpus/opensshkey/"

static uint8_t buf[4096];
static size_t len;

static void
key_read(const char *path)
{
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	len = fread(buf, 1, sizeof(buf), f);
	assert_true(len > 0);
	(void)fclose(f);
}

static EVP_PKEY *
parse(size_t n, struct err *e)
{
	/* from memory of just that size, so that a sanitizer sees a byte too far */
	uint8_t *exact = malloc(n == 0 ? 1 : n);
	EVP_PKEY *key;

	assert_non_null(exact);
	memcpy(exact, buf, n);
	key = opensshkey_parse(exact, n, e);
	free(exact);
	return key;
}

static void
an_ed25519_key_is_taken_with_and_without_comment(void **state)
{
	static const char *const files[] = { KEYS "ed25519", KEYS "bare" };
	struct err e;
	EVP_PKEY *key;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		key_read(files[i]);
		assert_non_null(key = parse(len, &e));
		assert_int_equal(EVP_PKEY_ED25519, EVP_PKEY_get_base_id(key));
		EVP_PKEY_free(key);
	}
}

static void
other_kinds_and_encrypted_ones_are_refused_with_the_way_out(void **state)
{
	struct err e;

	(void)state;
	key_read(KEYS "rsa");
	assert_null(parse(len, &e));
	assert_non_null(strstr(e.text, "-m PKCS8"));
	key_read(KEYS "ecdsa");
	assert_null(parse(len, &e));
	assert_non_null(strstr(e.text, "-m PKCS8"));
	key_read(KEYS "enc");
	assert_null(parse(len, &e));
	assert_non_null(strstr(e.text, "encrypted"));
}

static void
a_key_cut_at_any_byte_is_refused(void **state)
{
	struct err e;

	(void)state;
	key_read(KEYS "ed25519");
	for (size_t n = 0; n < len; n++) {
		assert_null(parse(n, &e));
		assert_int_equal(ERR_FORMAT, e.kind);
	}
}

/* All but the outer copy of the public key and the comment is checked by something. */
static void
a_key_with_a_flipped_bit_never_becomes_another_key(void **state)
{
	struct err e;
	EVP_PKEY *good, *other;

	(void)state;
	key_read(KEYS "ed25519");
	assert_non_null(good = parse(len, &e));
	for (size_t i = 0; i < len * 8; i++) {
		buf[i / 8] ^= (uint8_t)(1 << i % 8);
		if ((other = parse(len, &e)) != NULL)
			assert_int_equal(1, EVP_PKEY_eq(good, other));
		EVP_PKEY_free(other);
		buf[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	EVP_PKEY_free(good);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ed25519_key_is_taken_with_and_without_comment),
		cmocka_unit_test(other_kinds_and_encrypted_ones_are_refused_with_the_way_out),
		cmocka_unit_test(a_key_cut_at_any_byte_is_refused),
		cmocka_unit_test(a_key_with_a_flipped_bit_never_becomes_another_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
