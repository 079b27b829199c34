/* test_pubkey.c - keys that others made: strong enough, and theirs */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "ca-tools/pubkey.h"
#include "scratch.h"
#include "spki.h"
#include "tests/unit/help/pki.h"

static struct scratch s;

static int
setup(void **state)
{
	(void)state;
	return scratch_make(&s);
}

static int
teardown(void **state)
{
	(void)state;
	scratch_gone(&s);
	return 0;
}

static void
check_key(EVP_PKEY *key, int want, const char *says)
{
	struct err e = { 0 };

	assert_int_equal(want, pubkey_check(key, &e));
	if (want == -1) {
		assert_int_equal(ERR_FORMAT, e.kind);
		assert_non_null(strstr(e.text, says));
	}
	EVP_PKEY_free(key);
}

static void
check(enum pki_key kind, int want, const char *says)
{
	check_key(pki_key_make(kind), want, says);
}

static EVP_PKEY *
ed448(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "ED448", NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(1, EVP_PKEY_keygen_init(ctx));
	assert_int_equal(1, EVP_PKEY_keygen(ctx, &key));
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void
strong_kinds_are_taken_and_their_weak_neighbours_are_not(void **state)
{
	(void)state;
	check(PKI_P256, 0, NULL);
	check(PKI_P384, 0, NULL);
	check(PKI_P521, 0, NULL);
	check(PKI_ED25519, 0, NULL);
	check(PKI_RSA2048, 0, NULL);
	check(PKI_RSA1024, -1, "1024 bits; 2048 to 8192");
	check(PKI_P224, -1, "P-256, P-384 or P-521");
	check(PKI_SECP256K1, -1, "secp256k1; P-256");
	check(PKI_P256_EXPLICIT, -1, "written out as parameters");
	check_key(ed448(), -1, "ED448; RSA");
	check(PKI_RSA_PSS2048, -1, "RSA-PSS; RSA");
	check(PKI_DSA2048, -1, "DSA; RSA");
}

/* A request for `pub` signed by `key`, as csr.pem; the path. */
static const char *
request(EVP_PKEY *pub, EVP_PKEY *key, const EVP_MD *md)
{
	X509_REQ *req = X509_REQ_new();
	FILE *fp = fopen(scratch_path(&s, "csr.pem"), "w");

	assert_non_null(fp);
	assert_int_equal(1, X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN",
				MBSTRING_ASC, (const unsigned char *)"root", -1, -1, 0));
	assert_int_equal(1, X509_REQ_set_pubkey(req, pub));
	assert_true(X509_REQ_sign(req, key, md) > 0);
	assert_int_equal(1, PEM_write_X509_REQ(fp, req));
	assert_int_equal(0, fclose(fp));
	X509_REQ_free(req);
	return s.path;
}

static void
a_request_gives_its_key_when_its_own_signature_holds(void **state)
{
	EVP_PKEY *mine = pki_key_make(PKI_P256), *other = pki_key_make(PKI_P256), *got;
	EVP_PKEY *ed = pki_key_make(PKI_ED25519), *weak = pki_key_make(PKI_RSA1024);
	struct err e;

	(void)state;
	assert_non_null(got = pubkey_from_csr(request(mine, mine, EVP_sha256()), &e));
	assert_int_equal(1, EVP_PKEY_eq(mine, got));
	EVP_PKEY_free(got);
	assert_non_null(got = pubkey_from_csr(request(ed, ed, NULL), &e));
	EVP_PKEY_free(got);
	assert_null(pubkey_from_csr(request(mine, other, EVP_sha256()), &e));
	assert_non_null(strstr(e.text, "signature does not hold"));
	assert_null(pubkey_from_csr(request(weak, weak, EVP_sha256()), &e));
	assert_non_null(strstr(e.text, "1024 bits"));
	EVP_PKEY_free(mine);
	EVP_PKEY_free(other);
	EVP_PKEY_free(ed);
	EVP_PKEY_free(weak);
}

static const char *
put(const char *text)
{
	FILE *fp = fopen(scratch_path(&s, "f"), "w");

	assert_non_null(fp);
	assert_true(fputs(text, fp) >= 0);
	assert_int_equal(0, fclose(fp));
	return s.path;
}

static void
what_is_no_request_is_refused(void **state)
{
	struct err e;

	(void)state;
	assert_null(pubkey_from_csr(scratch_path(&s, "none"), &e));
	assert_int_equal(ERR_SYS, e.kind);
	assert_null(pubkey_from_csr(put(""), &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_null(pubkey_from_csr(put("-----BEGIN CERTIFICATE REQUEST-----\nMAAA\n"
					"-----END CERTIFICATE REQUEST-----\n"),
	    &e));
	assert_null(pubkey_from_csr(s.dir, &e));
}

static void
an_ssh_key_gives_its_key_and_the_hash_of_its_blob(void **state)
{
	static const char line[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPppK5ijHyAXgLhldQyzBX9TX"
				   "hRZ8Kav4tNHvTpsGxz2 alice@laptop";
	struct sshkey k;
	char text[sizeof(line) * 2 + 8];
	EVP_PKEY *key;
	struct err e;

	(void)state;
	assert_non_null(key = pubkey_from_ssh(put(line), &k, &e));
	assert_true(EVP_PKEY_is_a(key, "ED25519"));
	assert_int_equal(51, k.blob_len);
	EVP_PKEY_free(key);
	(void)snprintf(text, sizeof(text), "%s\r\n\n", line);
	assert_non_null(key = pubkey_from_ssh(put(text), &k, &e));
	EVP_PKEY_free(key);
	(void)snprintf(text, sizeof(text), "%s\n%s\n", line, line);
	assert_null(pubkey_from_ssh(put(text), &k, &e));
	assert_non_null(strstr(e.text, "one line"));
	(void)snprintf(text, sizeof(text), "%s", line);
	text[40] = '!';
	assert_null(pubkey_from_ssh(put(text), &k, &e));
	assert_null(pubkey_from_ssh(put(""), &k, &e));
	assert_null(pubkey_from_ssh(put("-----BEGIN OPENSSH PRIVATE KEY-----"), &k, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(strong_kinds_are_taken_and_their_weak_neighbours_are_not),
		T(a_request_gives_its_key_when_its_own_signature_holds),
		T(what_is_no_request_is_refused),
		T(an_ssh_key_gives_its_key_and_the_hash_of_its_blob),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
