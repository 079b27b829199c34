/* keyfile.c - private keys made here, and kept as PKCS#8, encrypted on demand */
#include <assert.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "files.h"
#include "keyfile.h"

/*
 * 600,000 rounds of HMAC-SHA-256 cost a guess about 0.2 s. Not scrypt: with parameters worth
 * the name it needs more memory than OpenSSL's default limit, and `openssl pkey` could not read
 * the file.
 */
#define PBKDF2_ROUNDS 600000
#define SALT_BYTES    16

EVP_PKEY *
key_generate(struct err *e)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (key == NULL)
		err_set(e, ERR_SYS, "making a key: OpenSSL cannot");
	ERR_clear_error();
	return key;
}

/* Move what a memory BIO holds into a buffer of its own, so that it can be cleansed. */
static int
bio_take(BIO *bio, char **data, size_t *n, struct err *e)
{
	char *p;
	long len = BIO_get_mem_data(bio, &p);

	if (len <= 0 || (*data = OPENSSL_malloc((size_t)len + 1)) == NULL)
		return err_nomem(e, "private key");
	memcpy(*data, p, (size_t)len);
	(*data)[len] = '\0';
	*n = (size_t)len;
	return 0;
}

int
key_to_pem(EVP_PKEY *key, const struct passphrase *p, char **pem, size_t *n, struct err *e)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	X509_SIG *sealed = NULL;
	/* secure memory: the BIO's buffer is cleansed when it is freed */
	BIO *bio = BIO_new(BIO_s_secmem());
	int ok = 0, ret = -1;

	assert(p == NULL || (p->have && p->len > 0));
	if (info == NULL || bio == NULL) {
		err_nomem(e, "private key");
		goto out;
	}
	if (p == NULL) {
		ok = PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info);
	} else {
		sealed = PKCS8_encrypt(NID_hmacWithSHA256, EVP_aes_256_cbc(), p->text, (int)p->len,
		    NULL, SALT_BYTES, PBKDF2_ROUNDS, info);
		ok = sealed != NULL && PEM_write_bio_PKCS8(bio, sealed);
	}
	if (ok != 1)
		err_set(e, ERR_SYS, "private key: OpenSSL cannot %s it",
		    p == NULL ? "encode" : "encrypt");
	else
		ret = bio_take(bio, pem, n, e);
out:
	ERR_clear_error();
	X509_SIG_free(sealed);
	PKCS8_PRIV_KEY_INFO_free(info);
	BIO_free(bio);
	return ret;
}

static PKCS8_PRIV_KEY_INFO *
key_unseal(const unsigned char *der, long n, const char *name, struct passphrase *p, FILE *err,
    struct err *e)
{
	PKCS8_PRIV_KEY_INFO *info = NULL;
	X509_SIG *sealed = d2i_X509_SIG(NULL, &der, n);

	if (sealed == NULL)
		err_set(e, ERR_FORMAT, "%s: the encrypted key is damaged", name);
	else if (passphrase_get(p, name, err, e) == 0 &&
		 (info = PKCS8_decrypt(sealed, p->text, (int)p->len)) == NULL)
		err_set(e, ERR_REFUSED, "%s: the passphrase does not open it", name);
	X509_SIG_free(sealed);
	return info;
}

/* The one PEM object of a key file. */
static EVP_PKEY *
key_decode(
    const char *text, size_t n, const char *name, struct passphrase *p, FILE *err, struct err *e)
{
	BIO *bio = BIO_new_mem_buf(text, (int)n);
	char *kind = NULL, *header = NULL;
	unsigned char *der = NULL;
	const unsigned char *at;
	long len = 0;
	PKCS8_PRIV_KEY_INFO *info = NULL;
	EVP_PKEY *key = NULL;

	if (bio == NULL || PEM_read_bio(bio, &kind, &header, &der, &len) != 1) {
		err_set(e, ERR_FORMAT, "%s: there is no PEM key in it", name);
		goto out;
	}
	at = der;
	if (strcmp(kind, PEM_STRING_PKCS8) == 0) {
		info = key_unseal(der, len, name, p, err, e);
	} else if (strcmp(kind, PEM_STRING_PKCS8INF) == 0) {
		if ((info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, len)) == NULL)
			err_set(e, ERR_FORMAT, "%s: the key is damaged", name);
	} else {
		err_set(e, ERR_FORMAT, "%s: holds a %.40s, not a PKCS#8 key", name, kind);
	}
	if (info != NULL && (key = EVP_PKCS82PKEY(info)) == NULL)
		err_set(e, ERR_FORMAT, "%s: the key is damaged", name);
out:
	ERR_clear_error();
	PKCS8_PRIV_KEY_INFO_free(info);
	OPENSSL_clear_free(der, (size_t)len);
	OPENSSL_free(kind);
	OPENSSL_free(header);
	BIO_free(bio);
	return key;
}

EVP_PKEY *
key_read(int dirfd, const char *name, struct passphrase *p, FILE *err, struct err *e)
{
	EVP_PKEY *key;
	char *text = NULL;
	size_t n = 0;

	if (infile_read(dirfd, name, KEYFILE_MAX, FILE_SECRET, &text, &n, e) == -1)
		return NULL;
	key = key_decode(text, n, name, p, err, e);
	OPENSSL_clear_free(text, n);
	return key;
}
