/* agentprov_sign.c - the provider's signatures: the agent makes them, we convert and verify */
#include <stdlib.h>
#include <string.h>
#include <openssl/core_dispatch.h>
#include <openssl/err.h>

#include "agentprov_local.h"

/* The key is the EVP_PKEY_CTX's, which outlives this. */
struct sign {
	const struct agentprov_key *key;
};

static void *
sign_new(void *provctx, const char *propq)
{
	(void)provctx;
	(void)propq;
	return calloc(1, sizeof(struct sign));
}

static void
sign_free(void *ctx)
{
	free(ctx);
}

/*
 * libssl asks in this way too whether a key can do a signature scheme (RFC 8446 section 4.2.3):
 * the agent chooses the hash by the kind of key, so any other is a no.
 */
static int
sign_init(void *ctx, const char *digest, void *keydata, const OSSL_PARAM params[])
{
	const struct agentprov_key *key = keydata;
	struct sign *s = ctx;
	EVP_MD *md = NULL;
	bool ok;

	(void)params;
	if (key == NULL || !key->has_secret)
		return 0;
	if (digest == NULL || digest[0] == '\0')
		ok = key->secret.kind->digest == NULL;
	else
		ok = key->secret.kind->digest != NULL &&
		     (md = EVP_MD_fetch(NULL, digest, NULL)) != NULL &&
		     EVP_MD_is_a(md, key->secret.kind->digest) == 1;
	EVP_MD_free(md);
	if (ok)
		s->key = key;
	return ok;
}

/* What an agent says is input: a signature that does not fit would be refused far away. */
static int
fits(const struct agentprov_key *key, const uint8_t *sig, size_t n, const uint8_t *data,
    size_t data_n, struct err *e)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL &&
		  EVP_DigestVerifyInit_ex(
		      ctx, NULL, key->secret.kind->digest, NULL, NULL, key->pub, NULL) == 1 &&
		  EVP_DigestVerify(ctx, sig, n, data, data_n) == 1;

	EVP_MD_CTX_free(ctx);
	if (!ok) {
		ERR_clear_error();
		return err_set(e, ERR_PEER, "ssh-agent's signature does not fit the key");
	}
	return 0;
}

static int
sign_do(
    void *ctx, unsigned char *sig, size_t *n, size_t size, const unsigned char *data, size_t data_n)
{
	const struct agentprov_key *key = ((const struct sign *)ctx)->key;
	const struct agentprov_secret *s;
	uint8_t blob[AGENT_SIG_MAX], out[AGENTKIND_SIG_MAX];
	size_t blob_n, out_n;
	struct err e;

	if (key == NULL)
		return 0;
	s = &key->secret;
	if (sig == NULL) {
		*n = (size_t)EVP_PKEY_get_size(key->pub);
		return 1;
	}
	if (agent_sign(&s->agent, s->ssh.blob, s->ssh.blob_len, data, data_n, blob, &blob_n, &e) ==
		-1 ||
	    agentkind_signature(s->kind, blob, blob_n, out, &out_n, &e) == -1 ||
	    fits(key, out, out_n, data, data_n, &e) == -1) {
		ERR_raise_data(ERR_LIB_USER, ERR_R_OPERATION_FAIL, "%s", e.text);
		return 0;
	}
	if (out_n > size)
		return 0;
	memcpy(sig, out, out_n);
	*n = out_n;
	return 1;
}

#define FN(f) ((void (*)(void))(f))

const OSSL_DISPATCH agentprov_sign[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, FN(sign_new) },
	{ OSSL_FUNC_SIGNATURE_FREECTX, FN(sign_free) },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, FN(sign_init) },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN, FN(sign_do) },
	{ 0, NULL },
};
