/* opensshkey.c - a private key in OpenSSH's own file format */
#include <string.h>
#include <openssl/err.h>

#include "opensshkey.h"
#include "opensshkey_local.h"
#include "spki.h"
#include "text.h"

#define BLOCK 8 /* bytes; what is not encrypted is filled up to a multiple of it too */

/* What the file is made of. */
struct container {
	struct sshread cipher, kdf, kdf_options, pub, secret;
};

static int
damaged(struct err *e)
{
	return err_set(e, ERR_FORMAT, "the key is damaged");
}

/* Behind the secret part an authenticated cipher has its tag; without encryption nothing follows.
 */
static int
container_read(struct sshread r, struct container *c, struct err *e)
{
	static const char magic[] = "openssh-key-v1"; /* with its NUL */
	uint32_t keys;

	if (r.n < sizeof(magic) || memcmp(r.p, magic, sizeof(magic)) != 0)
		return damaged(e);
	r.p += sizeof(magic);
	r.n -= sizeof(magic);
	if (!sshread_string(&r, &c->cipher) || !sshread_string(&r, &c->kdf) ||
	    !sshread_string(&r, &c->kdf_options) || !sshread_u32(&r, &keys) || keys != 1 ||
	    !sshread_string(&r, &c->pub) || !sshread_string(&r, &c->secret))
		return damaged(e);
	if (sshread_is(&c->cipher, "none") &&
	    (!sshread_is(&c->kdf, "none") || c->kdf_options.n != 0 || r.n != 0))
		return damaged(e);
	return 0;
}

/* The kind of key, or NULL and why TLS cannot have it. */
static const struct opensshkey_kind *
kind_find(const struct container *c, struct err *e)
{
	struct sshread pub = c->pub, type;
	const struct opensshkey_kind *kind;
	char shown[80];

	if (!sshread_string(&pub, &type)) {
		(void)damaged(e);
		return NULL;
	}
	if ((kind = opensshkey_kind_of(&type)) != NULL)
		return kind;
	if (type.n > 3 && memcmp(type.p, "sk-", 3) == 0)
		(void)err_set(e, ERR_FORMAT,
		    "a security token's key (%s) signs for SSH only, not for TLS; the certificate "
		    "needs another key",
		    text_escape(shown, sizeof(shown), type.p, type.n));
	else
		(void)err_set(e, ERR_FORMAT, "TLS has no use for a key of type \"%s\"",
		    text_escape(shown, sizeof(shown), type.p, type.n));
	return NULL;
}

/* bcrypt_pbkdf, which makes the key of the key, is in no library that we link. */
static int
encrypted_refuse(const struct opensshkey_kind *kind, struct err *e)
{
	return err_set(e, ERR_FORMAT,
	    "the key is encrypted in OpenSSH's own format, which only ssh reads: %s"
	    "take the passphrase off a copy (ssh-keygen -p -f COPY), or change one to PKCS#8 "
	    "(ssh-keygen -p -m PKCS8 -f COPY)",
	    kind->agent ? "give it to the agent (ssh-add FILE) and use --key agent: here, or "
			: "");
}

/* Behind the key: a comment, then 1, 2, 3, ... to a multiple of the block. */
static bool
tail_good(struct sshread *r)
{
	struct sshread comment;

	if (!sshread_string(r, &comment) || r->n >= BLOCK)
		return false;
	for (size_t i = 0; i < r->n; i++)
		if (r->p[i] != i + 1)
			return false;
	return true;
}

/* The part that would be encrypted: two equal numbers, then the key. */
static EVP_PKEY *
secret_parse(const struct opensshkey_kind *kind, struct sshread r)
{
	struct sshread type;
	uint32_t a, b;
	EVP_PKEY *key;

	if (r.n % BLOCK != 0 || !sshread_u32(&r, &a) || !sshread_u32(&r, &b) || a != b ||
	    !sshread_string(&r, &type) || !sshread_is(&type, kind->ssh))
		return NULL;
	if ((key = kind->make(kind, &r)) != NULL && !tail_good(&r)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

/* The public key in front is what ssh shows and offers: it must be that of the secret part. */
static bool
public_same(EVP_PKEY *key, const struct sshread *pub)
{
	struct sshkey made;
	struct err e;

	return spki_to_sshkey(key, &made, &e) == 0 && made.blob_len == pub->n &&
	       memcmp(made.blob, pub->p, pub->n) == 0;
}

EVP_PKEY *
opensshkey_parse(const uint8_t *p, size_t n, struct err *e)
{
	const struct opensshkey_kind *kind;
	struct container c;
	EVP_PKEY *key = NULL;

	if (container_read((struct sshread){ p, n }, &c, e) == -1 ||
	    (kind = kind_find(&c, e)) == NULL)
		return NULL;
	if (!sshread_is(&c.cipher, "none")) {
		(void)encrypted_refuse(kind, e);
		return NULL;
	}
	if ((key = secret_parse(kind, c.secret)) == NULL || !public_same(key, &c.pub)) {
		EVP_PKEY_free(key);
		key = NULL;
		(void)damaged(e);
	}
	ERR_clear_error();
	return key;
}
