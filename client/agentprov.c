/* agentprov.c - an OpenSSL provider for keys in ssh-agent: its tables, and how a key is made */
#include <stdio.h>
#include <stdlib.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "agentprov_local.h"
#include "text.h"

#define NAME "mtls-agent"

/* libssl finds the kind of a key by these names. */
static const OSSL_ALGORITHM keys[] = {
	{ "EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=" NAME, agentprov_ec, NULL },
	{ "ED25519:1.3.101.112", "provider=" NAME, agentprov_ed25519, NULL },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM signatures[] = {
	{ "ECDSA", "provider=" NAME, agentprov_sign, NULL },
	{ "ED25519:1.3.101.112", "provider=" NAME, agentprov_sign, NULL },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *
query(void *provctx, int operation, int *no_cache)
{
	(void)provctx;
	*no_cache = 0;
	return operation == OSSL_OP_KEYMGMT	? keys
	       : operation == OSSL_OP_SIGNATURE ? signatures
						: NULL;
}

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
    void **provctx)
{
	static const OSSL_DISPATCH table[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
		{ 0, NULL },
	};

	(void)in;
	*out = table;
	*provctx = (void *)(uintptr_t)handle;
	return 1;
}

/*
 * A library context of its own, in which there is nothing else: in the default one, a request for
 * "EC" without a property could get our keys in place of OpenSSL's. There is one for the whole
 * process: keys hold on to it from inside libssl, so it can only go when all of that has gone.
 */
static struct {
	OSSL_LIB_CTX *ctx;
	OSSL_PROVIDER *prov;
} own;

static void
own_free(void)
{
	(void)OSSL_PROVIDER_unload(own.prov);
	OSSL_LIB_CTX_free(own.ctx);
	own.prov = NULL;
	own.ctx = NULL;
}

static OSSL_LIB_CTX *
own_context(void)
{
	if (own.ctx != NULL)
		return own.ctx;
	if ((own.ctx = OSSL_LIB_CTX_new()) == NULL ||
	    OSSL_PROVIDER_add_builtin(own.ctx, NAME, provider_init) != 1 ||
	    (own.prov = OSSL_PROVIDER_load(own.ctx, NAME)) == NULL || OPENSSL_atexit(own_free) != 1)
		own_free();
	return own.ctx;
}

EVP_PKEY *
agentprov_key(const struct agent *a, const struct agentkind *k, const struct sshkey *ssh,
    EVP_PKEY *pub, struct err *e)
{
	struct agentprov_secret secret = { .agent = *a, .kind = k, .ssh = *ssh };
	OSSL_PARAM more[] = { OSSL_PARAM_construct_octet_string(
				  AGENTPROV_PARAM, &secret, sizeof(secret)),
		OSSL_PARAM_construct_end() };
	OSSL_PARAM *public = NULL, *all = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	OSSL_LIB_CTX *lib = own_context();
	EVP_PKEY *key = NULL;

	if (lib == NULL || EVP_PKEY_todata(pub, EVP_PKEY_PUBLIC_KEY, &public) != 1 ||
	    (all = OSSL_PARAM_merge(public, more)) == NULL ||
	    (ctx = EVP_PKEY_CTX_new_from_name(lib, k->keytype, NULL)) == NULL ||
	    EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, all) != 1) {
		key = NULL;
		(void)err_nomem(e, "ssh-agent");
	}
	ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(all); /* the array alone: what is in it is public's and ours */
	OSSL_PARAM_free(public);
	return key;
}

bool
agentprov_said(char *dst, size_t size)
{
	const char *data;
	unsigned long code;
	int flags;

	while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0)
		if (ERR_GET_LIB(code) == ERR_LIB_USER && (flags & ERR_TXT_STRING) != 0) {
			(void)snprintf(dst, size, "%s", data);
			return true;
		}
	return false;
}
