/* agentprov_key.c - the provider's keys */
#include <stdlib.h>
#include <string.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "agentprov_local.h"

#define PRIVATE OSSL_KEYMGMT_SELECT_PRIVATE_KEY
#define PUBLIC	OSSL_KEYMGMT_SELECT_PUBLIC_KEY

static void *
key_new(const char *type)
{
	struct agentprov_key *k = calloc(1, sizeof(*k));

	if (k != NULL)
		k->type = type;
	return k;
}

static void *
ec_new(void *provctx)
{
	(void)provctx;
	return key_new("EC");
}

static void *
ed25519_new(void *provctx)
{
	(void)provctx;
	return key_new("ED25519");
}

static void
key_free(void *keydata)
{
	struct agentprov_key *k = keydata;

	if (k != NULL)
		EVP_PKEY_free(k->pub);
	free(k);
}

static int
key_has(const void *keydata, int selection)
{
	const struct agentprov_key *k = keydata;

	return k != NULL && k->pub != NULL && ((selection & PRIVATE) == 0 || k->has_secret);
}

static int
key_match(const void *a, const void *b, int selection)
{
	const struct agentprov_key *ka = a, *kb = b;

	if ((selection & (PUBLIC | PRIVATE)) != 0)
		return EVP_PKEY_eq(ka->pub, kb->pub) == 1;
	return EVP_PKEY_parameters_eq(ka->pub, kb->pub) == 1;
}

/*
 * The public half becomes a key of OpenSSL's own, in the default library context. There is no
 * export: whoever wants to sign with our key elsewhere must not get half of it.
 */
static int
key_import(void *keydata, int selection, const OSSL_PARAM params[])
{
	struct agentprov_key *k = keydata;
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, AGENTPROV_PARAM);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, k->type, NULL);
	int ok;

	ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	     EVP_PKEY_fromdata(ctx, &k->pub,
		 (selection & PUBLIC) != 0 ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEY_PARAMETERS,
		 (OSSL_PARAM *)(uintptr_t)params) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (ok && (selection & PRIVATE) != 0) {
		ok = p != NULL && p->data_type == OSSL_PARAM_OCTET_STRING &&
		     p->data_size == sizeof(k->secret);
		if (ok)
			memcpy(&k->secret, p->data, sizeof(k->secret));
		k->has_secret = ok;
	}
	return ok;
}

static const OSSL_PARAM *
key_import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_octet_string(AGENTPROV_PARAM, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

/* Size, strength, curve: all of it is public. */
static int
key_get_params(void *keydata, OSSL_PARAM params[])
{
	const struct agentprov_key *k = keydata;

	return k->pub != NULL && EVP_PKEY_get_params(k->pub, params) == 1;
}

static const OSSL_PARAM *
key_gettable(void *provctx)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provctx;
	return types;
}

static const char *
ec_operation(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

#define FN(f) ((void (*)(void))(f))
#define COMMON                                                                            \
	{ OSSL_FUNC_KEYMGMT_FREE, FN(key_free) }, { OSSL_FUNC_KEYMGMT_HAS, FN(key_has) }, \
	    { OSSL_FUNC_KEYMGMT_MATCH, FN(key_match) },                                   \
	    { OSSL_FUNC_KEYMGMT_IMPORT, FN(key_import) },                                 \
	    { OSSL_FUNC_KEYMGMT_IMPORT_TYPES, FN(key_import_types) },                     \
	    { OSSL_FUNC_KEYMGMT_GET_PARAMS, FN(key_get_params) },                         \
	{                                                                                 \
		OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, FN(key_gettable)                       \
	}

const OSSL_DISPATCH agentprov_ec[] = {
	COMMON,
	{ OSSL_FUNC_KEYMGMT_NEW, FN(ec_new) },
	{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, FN(ec_operation) },
	{ 0, NULL },
};

const OSSL_DISPATCH agentprov_ed25519[] = {
	COMMON,
	{ OSSL_FUNC_KEYMGMT_NEW, FN(ed25519_new) },
	{ 0, NULL },
};
