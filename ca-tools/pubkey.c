/* pubkey.c - public keys that others made: from a CSR or an SSH key file, strong enough or refused
 */
#include <fcntl.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "files.h"
#include "pubkey.h"
#include "spki.h"

#define CSR_MAX	     65536
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192 /* more costs every verifier time and gains nothing */

static int
pubkey_check_ec(EVP_PKEY *key, struct err *e)
{
	static const char *const curves[] = { "prime256v1", "secp384r1", "secp521r1" };
	char group[64] = "an unnamed curve", encoding[32] = "";
	size_t n;

	if (EVP_PKEY_get_group_name(key, group, sizeof(group), &n) != 1)
		(void)snprintf(group, sizeof(group), "an unnamed curve");
	/* curve parameters written out could be those of a curve of the requester's making */
	if (EVP_PKEY_get_utf8_string_param(
		key, OSSL_PKEY_PARAM_EC_ENCODING, encoding, sizeof(encoding), &n) != 1 ||
	    strcmp(encoding, "named_curve") != 0)
		return err_set(e, ERR_FORMAT,
		    "the key's curve is written out as parameters; a "
		    "named one is needed: P-256, P-384 or P-521");
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(group, curves[i]) == 0)
			return 0;
	return err_set(e, ERR_FORMAT, "the key is on %s; P-256, P-384 or P-521 is needed", group);
}

static int
pubkey_check_kind(EVP_PKEY *key, struct err *e)
{
	int bits = EVP_PKEY_get_bits(key);
	const char *name;

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX)
			return 0;
		return err_set(e, ERR_FORMAT, "the RSA key has %d bits; %d to %d are allowed", bits,
		    RSA_BITS_MIN, RSA_BITS_MAX);
	case EVP_PKEY_EC:
		return pubkey_check_ec(key, e);
	case EVP_PKEY_ED25519:
		return 0;
	default:
		name = EVP_PKEY_get0_type_name(key);
		return err_set(e, ERR_FORMAT,
		    "a key of type %.40s; RSA, ECDSA (P-256, P-384, "
		    "P-521) or Ed25519 is needed",
		    name == NULL ? "unknown" : name);
	}
}

int
pubkey_check(EVP_PKEY *key, struct err *e)
{
	EVP_PKEY_CTX *ctx;
	int ok;

	if (pubkey_check_kind(key, e) == -1)
		return -1;
	/* EC: the point is on the curve. RSA: modulus and exponent are odd, of a sane size. */
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	ok = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok ? 0 : err_set(e, ERR_FORMAT, "the numbers of the key do not make a valid key");
}

static EVP_PKEY *
csr_key(X509_REQ *req, const char *path, struct err *e)
{
	EVP_PKEY *key = X509_REQ_get_pubkey(req);

	if (key == NULL) {
		err_set(e, ERR_FORMAT, "%s: its public key cannot be read", path);
		return NULL;
	}
	if (pubkey_check(key, e) == -1) {
		err_prefix(e, "%s", path);
	} else if (X509_REQ_verify(req, key) != 1) {
		err_set(e, ERR_FORMAT,
		    "%s: its signature does not hold: whoever made it does not "
		    "have the private key, or it was changed",
		    path);
	} else {
		return key;
	}
	EVP_PKEY_free(key);
	return NULL;
}

EVP_PKEY *
pubkey_from_csr(const char *path, struct err *e)
{
	EVP_PKEY *key = NULL;
	X509_REQ *req = NULL;
	BIO *bio;
	char *text = NULL;
	size_t n = 0;

	if (infile_read(AT_FDCWD, path, CSR_MAX, FILE_ANY, &text, &n, e) == -1)
		return NULL;
	if ((bio = BIO_new_mem_buf(text, (int)n)) == NULL)
		err_nomem(e, path);
	else if ((req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL)) == NULL)
		err_set(e, ERR_FORMAT, "%s: there is no PEM certificate request in it", path);
	else
		key = csr_key(req, path, e);
	ERR_clear_error();
	X509_REQ_free(req);
	BIO_free(bio);
	OPENSSL_clear_free(text, n);
	return key;
}

EVP_PKEY *
pubkey_from_ssh(const char *path, struct sshkey *ssh, struct err *e)
{
	EVP_PKEY *key = NULL;
	char *text = NULL;
	size_t n = 0, len;

	if (infile_read(AT_FDCWD, path, SSHKEY_TEXT_MAX, FILE_ANY, &text, &n, e) == -1)
		return NULL;
	for (len = n; len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r');)
		len--;
	if (memchr(text, '\n', len) != NULL) {
		err_set(e, ERR_FORMAT, "%s: one line with one SSH public key is needed", path);
	} else if (sshkey_parse_text(text, len, ssh, e) == -1 ||
		   (key = spki_from_sshkey(ssh, e)) == NULL || pubkey_check(key, e) == -1) {
		err_prefix(e, "%s", path);
		EVP_PKEY_free(key);
		key = NULL;
	}
	OPENSSL_clear_free(text, n);
	return key;
}
