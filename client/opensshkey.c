/* opensshkey.c - an Ed25519 key in OpenSSH's own file format */
#include <stdbool.h>
#include <string.h>
#include <openssl/crypto.h>

#include "opensshkey.h"

#define SEED 32 /* bytes of a private key, and of a public one (RFC 8032 section 5.1.5) */

/* What is left to read; every read is checked against it. */
struct reader {
	const uint8_t *p;
	size_t n;
};

static bool
get_u32(struct reader *r, uint32_t *v)
{
	if (r->n < 4)
		return false;
	*v = (uint32_t)r->p[0] << 24 | (uint32_t)r->p[1] << 16 | (uint32_t)r->p[2] << 8 | r->p[3];
	r->p += 4;
	r->n -= 4;
	return true;
}

/* A string within the bytes that are there (RFC 4251 section 5). */
static bool
get_string(struct reader *r, struct reader *s)
{
	uint32_t len;

	if (!get_u32(r, &len) || len > r->n)
		return false;
	*s = (struct reader){ r->p, len };
	r->p += len;
	r->n -= len;
	return true;
}

static bool
is_text(const struct reader *s, const char *text)
{
	return s->n == strlen(text) && memcmp(s->p, text, s->n) == 0;
}

/* Behind the key: a comment, then 1, 2, 3, ... up to a multiple of eight bytes. */
static bool
tail_good(struct reader *r)
{
	struct reader comment;

	if (!get_string(r, &comment) || r->n > 255)
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (r->p[i] != i + 1)
			return false;
	return true;
}

/* The part that would be encrypted: two equal numbers, then the key. */
static EVP_PKEY *
secret_parse(struct reader *r, const char **why)
{
	struct reader type, pub, priv;
	uint32_t a, b;
	uint8_t made[SEED];
	size_t n = sizeof(made);
	EVP_PKEY *key;

	*why = "the key is damaged";
	if (!get_u32(r, &a) || !get_u32(r, &b) || a != b || !get_string(r, &type))
		return NULL;
	if (!is_text(&type, "ssh-ed25519")) {
		*why = "TLS needs RSA and ECDSA keys as PKCS#8: \"ssh-keygen -p -m PKCS8 -f COPY\" "
		       "changes a copy";
		return NULL;
	}
	if (!get_string(r, &pub) || !get_string(r, &priv) || pub.n != SEED ||
	    priv.n != (size_t)2 * SEED || memcmp(priv.p + SEED, pub.p, SEED) != 0 || !tail_good(r))
		return NULL;
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, priv.p, SEED);
	if (key != NULL && (EVP_PKEY_get_raw_public_key(key, made, &n) != 1 || n != SEED ||
			       memcmp(made, pub.p, SEED) != 0)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

EVP_PKEY *
opensshkey_parse(const uint8_t *p, size_t n, struct err *e)
{
	static const char magic[] = "openssh-key-v1"; /* with its NUL */
	struct reader r = { p, n }, cipher, kdf, kdf_options, pub, secret;
	const char *why = "the key is damaged";
	EVP_PKEY *key = NULL;
	uint32_t keys;

	if (n >= sizeof(magic) && memcmp(p, magic, sizeof(magic)) == 0) {
		r.p += sizeof(magic);
		r.n -= sizeof(magic);
		if (!get_string(&r, &cipher) || !get_string(&r, &kdf) ||
		    !get_string(&r, &kdf_options))
			goto out;
		if (!is_text(&cipher, "none") || !is_text(&kdf, "none"))
			why = "the key is encrypted in OpenSSH's own format; \"ssh-keygen -p -f "
			      "COPY\" "
			      "takes the passphrase off a copy, or -m PKCS8 for RSA and ECDSA";
		else if (get_u32(&r, &keys) && keys == 1 && get_string(&r, &pub) &&
			 get_string(&r, &secret) && r.n == 0)
			key = secret_parse(&secret, &why);
	}
out:
	if (key == NULL)
		(void)err_set(e, ERR_FORMAT, "%s", why);
	return key;
}
