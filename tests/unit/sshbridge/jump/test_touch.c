/* test_touch.c - what is remembered of a security key's signature, and of no other */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "sshbridge/jump/touch.h"

enum { SIGNED = 69, FLAGS = 32, BOTH = SSHKEY_TOUCHED | SSHKEY_VERIFIED };
static const char app[] = "ssh:";

static size_t
put(uint8_t *to, size_t at, const void *p, size_t n)
{
	to[at] = to[at + 1] = to[at + 2] = 0;
	to[at + 3] = (uint8_t)n;
	memcpy(to + at + 4, p, n);
	return at + 4 + n;
}

/* The SSH key of this point, as a client would show it. */
static struct sshkey
shown(EVP_PKEY *k, const char *application)
{
	static const char ed[] = "sk-ssh-ed25519@openssh.com",
			  ec[] = "sk-ecdsa-sha2-nistp256@openssh.com";
	uint8_t blob[300], point[32], *encoded = NULL;
	size_t n, npoint = sizeof(point);
	struct sshkey to;
	struct err e = { 0 };

	if (EVP_PKEY_is_a(k, "EC")) {
		n = put(blob, 0, ec, strlen(ec));
		n = put(blob, n, "nistp256", 8);
		npoint = EVP_PKEY_get1_encoded_public_key(k, &encoded);
		n = put(blob, n, encoded, npoint);
		OPENSSL_free(encoded);
	} else {
		n = put(blob, 0, ed, strlen(ed));
		assert_int_equal(1, EVP_PKEY_get_raw_public_key(k, point, &npoint));
		n = put(blob, n, point, npoint);
	}
	n = put(blob, n, application, strlen(application));
	if (sshkey_parse_blob(blob, n, &to, &e) == -1)
		fail_msg("%s", e.text);
	return to;
}

/* `flags` are signed, then `said` stand in what is verified. What libssh would be told. */
static int
use(EVP_PKEY *k, unsigned flags, unsigned said, size_t n)
{
	const EVP_MD *md = EVP_PKEY_is_a(k, "EC") ? EVP_sha256() : NULL;
	uint8_t text[SIGNED + 1] = { 0 }, sig[128];
	size_t nsig = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r;

	(void)SHA256((const uint8_t *)app, strlen(app), text);
	text[FLAGS] = (uint8_t)flags;
	assert_int_equal(1, EVP_DigestSignInit(ctx, NULL, md, NULL, k));
	assert_int_equal(1, EVP_DigestSign(ctx, sig, &nsig, text, n));
	EVP_MD_CTX_free(ctx);
	text[FLAGS] = (uint8_t)said;
	assert_non_null(ctx = EVP_MD_CTX_new());
	assert_int_equal(1, EVP_DigestVerifyInit(ctx, NULL, md, NULL, k));
	r = EVP_DigestVerify(ctx, sig, nsig, text, n);
	EVP_MD_CTX_free(ctx);
	return r;
}

static void
the_last_good_signature_of_the_key_counts(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(0, touch_init(&e));
	for (int kind = 0; kind < 2; kind++) {
		EVP_PKEY *k =
		    kind == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_EC_gen("P-256");
		EVP_PKEY *other =
		    kind == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_EC_gen("P-256");
		struct sshkey mine = shown(k, app), elsewhere = shown(k, "ssh:x"),
			      others = shown(other, app);
		unsigned before = touch_count();

		assert_int_equal(0, touch_of(&mine));
		for (unsigned flags = 0; flags < 256; flags++) {
			assert_int_equal(1, use(k, flags, flags, SIGNED));
			assert_int_equal(flags & BOTH, touch_of(&mine));
			assert_int_equal(0, touch_of(&elsewhere));
			assert_int_equal(0, touch_of(&others));
			assert_int_equal(0, ERR_peek_error());
		}
		assert_int_equal(256, touch_count() - before);
		/* flags that were not signed take away what was there */
		assert_int_not_equal(1, use(k, 0, BOTH, SIGNED));
		assert_int_equal(0, touch_of(&mine));
		ERR_clear_error();
		/* nor is what has another length such a text */
		assert_int_equal(1, use(k, BOTH, BOTH, SIGNED - 1));
		assert_int_equal(1, use(k, BOTH, BOTH, SIGNED + 1));
		assert_int_equal(0, touch_of(&mine));
		assert_int_equal(1, use(k, BOTH, BOTH, SIGNED));
		assert_int_equal(1, use(other, 0, 0, SIGNED));
		assert_int_equal(0, touch_of(&mine));
		EVP_PKEY_free(k);
		EVP_PKEY_free(other);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_good_signature_of_the_key_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
