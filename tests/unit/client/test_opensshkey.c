/* test_opensshkey.c - OpenSSH's key files, whole and damaged */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "client/opensshkey.h"

#define KEYS	  "tests/fuzz/corpus/opensshkey/"
#define nitems(a) (sizeof(a) / sizeof((a)[0]))

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

static const struct {
	const char *file, *type, *comment;
	int bits;
	size_t step; /* every so many bits are flipped: larger keys take longer */
} good[] = {
	{ KEYS "ed25519", "ED25519", "comment ed25519", 256, 1 },
	{ KEYS "bare", "ED25519", "", 256, 1 },
	{ KEYS "ecdsa", "EC", "comment ecdsa", 256, 1 },
	{ KEYS "ecdsa384", "EC", "c", 384, 3 },
	{ KEYS "ecdsa521", "EC", "c", 521, 7 },
	{ KEYS "rsa1024", "RSA", "c", 1024, 1 },
	{ KEYS "rsa", "RSA", "comment rsa", 3072, 13 },
};

static void
a_key_of_each_kind_is_taken_and_signs(void **state)
{
	uint8_t sig[512];
	EVP_MD_CTX *ctx;
	struct err e;
	EVP_PKEY *key;
	size_t n;

	(void)state;
	for (size_t i = 0; i < nitems(good); i++) {
		key_read(good[i].file);
		assert_non_null(key = parse(len, &e));
		assert_true(EVP_PKEY_is_a(key, good[i].type));
		assert_int_equal(good[i].bits, EVP_PKEY_get_bits(key));
		ctx = EVP_MD_CTX_new();
		n = sizeof(sig);
		assert_int_equal(1, EVP_DigestSignInit(ctx, NULL, NULL, NULL, key));
		assert_int_equal(1, EVP_DigestSign(ctx, sig, &n, (const uint8_t *)"data", 4));
		EVP_MD_CTX_free(ctx);
		ctx = EVP_MD_CTX_new();
		assert_int_equal(1, EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key));
		assert_int_equal(1, EVP_DigestVerify(ctx, sig, n, (const uint8_t *)"data", 4));
		EVP_MD_CTX_free(ctx);
		EVP_PKEY_free(key);
	}
}

static void
encrypted_ones_and_those_of_tokens_are_refused_with_the_way_out(void **state)
{
	static const struct {
		const char *file, *word, *not ;
	} bad[] = {
		{ KEYS "enc", "--key agent:", NULL },	  /* Ed25519, aes256-ctr */
		{ KEYS "enc_cbc", "ssh-add", NULL },	  /* Ed25519, aes256-cbc */
		{ KEYS "enc_gcm", "--key agent:", NULL }, /* P-256, aes256-gcm and its tag */
		{ KEYS "enc_chacha", "-m PKCS8",
		    "ssh-add" }, /* RSA, with which no agent can help */
		{ KEYS "sk", "signs for SSH only", "damaged" },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++) {
		key_read(bad[i].file);
		assert_null(parse(len, &e));
		assert_int_equal(ERR_FORMAT, e.kind);
		assert_non_null(strstr(e.text, bad[i].word));
		if (bad[i].not != NULL)
			assert_null(strstr(e.text, bad[i].not ));
	}
}

/* All occurrences, in both copies of the public key. */
static void
replace(const char *from, const char *to)
{
	size_t n = strlen(from);
	int found = 0;

	assert_int_equal(n, strlen(to));
	for (size_t i = 0; i + n <= len; i++)
		if (memcmp(buf + i, from, n) == 0) {
			memcpy(buf + i, to, n);
			found++;
		}
	assert_true(found > 0);
}

static void
a_kind_that_tls_does_not_know_is_named_escaped(void **state)
{
	struct err e;

	(void)state;
	key_read(KEYS "ed25519");
	replace("ssh-ed25519", "ssh-\x1b[31m\"x");
	assert_null(parse(len, &e));
	assert_non_null(strstr(e.text, "\"ssh-\\x1b[31m\\\"x\""));
}

static void
a_curve_under_the_name_of_another_is_refused(void **state)
{
	struct err e;

	(void)state;
	key_read(KEYS "ecdsa384");
	replace("nistp384", "nistp256");
	assert_null(parse(len, &e));
	key_read(KEYS "ecdsa");
	replace("nistp256", "nistp384");
	assert_null(parse(len, &e));
}

static void
a_key_cut_at_any_byte_is_refused(void **state)
{
	struct err e;

	(void)state;
	for (size_t i = 0; i < nitems(good); i++) {
		key_read(good[i].file);
		for (size_t n = 0; n < len; n++) {
			assert_null(parse(n, &e));
			assert_int_equal(ERR_FORMAT, e.kind);
		}
		buf[len] = 0;
		assert_null(parse(len + 1, &e)); /* nor is there anything behind it */
	}
}

/* Where the comment is: behind it there are 1, 2, 3, ... only. */
static size_t
comment_at(const char *comment)
{
	size_t n = strlen(comment), i = len - n;

	while (n > 0 && memcmp(buf + i, comment, n) != 0)
		i--;
	assert_in_range(len - i - n, 0, 7);
	return i;
}

static void
a_key_with_a_flipped_bit_is_refused_unless_it_is_in_the_comment(void **state)
{
	struct err e;
	EVP_PKEY *whole, *other;
	size_t from, to;

	(void)state;
	for (size_t k = 0; k < nitems(good); k++) {
		key_read(good[k].file);
		assert_non_null(whole = parse(len, &e));
		from = comment_at(good[k].comment);
		to = from + strlen(good[k].comment);
		for (size_t i = 0; i < len * 8; i += good[k].step) {
			buf[i / 8] ^= (uint8_t)(1 << i % 8);
			other = parse(len, &e);
			/* a longer comment may take in the bytes behind it */
			if (i / 8 < from - 4 || i / 8 >= from)
				assert_int_equal(i / 8 >= from && i / 8 < to, other != NULL);
			if (other != NULL)
				assert_int_equal(1, EVP_PKEY_eq(whole, other));
			EVP_PKEY_free(other);
			buf[i / 8] ^= (uint8_t)(1 << i % 8);
		}
		EVP_PKEY_free(whole);
	}
}

/* The end of the public key in front, in all places where the file has it from `skip` on. */
static void
public_change(const char *type, size_t skip)
{
	/* behind magic, two times "none", no options, one key: a length, then the key */
	size_t at = 15 + 8 + 8 + 4 + 4, copies = 0;
	uint8_t end[8];

	at += 4 + ((size_t)buf[at + 2] << 8 | buf[at + 3]);
	memcpy(end, buf + at - sizeof(end), sizeof(end));
	for (size_t i = 0; i + sizeof(end) <= len; i++)
		if (memcmp(buf + i, end, sizeof(end)) == 0 && copies++ >= skip)
			buf[i] ^= 1;
	assert_int_equal(strcmp(type, "ED25519") == 0 ? 3 : 2, copies);
}

static void
a_public_half_that_is_another_in_every_copy_or_all_but_the_first_is_refused(void **state)
{
	struct err e;

	(void)state;
	for (size_t k = 0; k < nitems(good); k++)
		for (size_t skip = 0; skip < 2; skip++) {
			key_read(good[k].file);
			public_change(good[k].type, skip);
			assert_null(parse(len, &e));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_of_each_kind_is_taken_and_signs),
		cmocka_unit_test(encrypted_ones_and_those_of_tokens_are_refused_with_the_way_out),
		cmocka_unit_test(a_kind_that_tls_does_not_know_is_named_escaped),
		cmocka_unit_test(a_curve_under_the_name_of_another_is_refused),
		cmocka_unit_test(a_key_cut_at_any_byte_is_refused),
		cmocka_unit_test(a_key_with_a_flipped_bit_is_refused_unless_it_is_in_the_comment),
		cmocka_unit_test(
		    a_public_half_that_is_another_in_every_copy_or_all_but_the_first_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
