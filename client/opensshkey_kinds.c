/* opensshkey_kinds.c - Ed25519, ECDSA and RSA keys of OpenSSH's file format */
#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "opensshkey_local.h"

#define SEED	32   /* bytes of an Ed25519 key, private and public (RFC 8032 section 5.1.5) */
#define RSA_MAX 2048 /* bytes of a modulus: 16384 bits, ssh-keygen's largest */
#define RSA_MIN 128
#define RSA_E	8

/* A number that libcrypto keeps in cleansed memory, however it is passed on. */
static BIGNUM *
secret_bn(const struct sshread *m)
{
	BIGNUM *bn = BN_secure_new();

	if (bn != NULL && BN_bin2bn(m->p, (int)m->n, bn) == NULL) {
		BN_clear_free(bn);
		bn = NULL;
	}
	if (bn != NULL)
		BN_set_flags(bn, BN_FLG_CONSTTIME);
	return bn;
}

static EVP_PKEY *
pair_make(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params); /* cleanses what came from secret_bn() */
	return key;
}

static EVP_PKEY *
ed25519_make(const struct opensshkey_kind *k, struct sshread *r)
{
	struct sshread pub, priv;
	uint8_t made[SEED];
	size_t n = sizeof(made);
	EVP_PKEY *key;

	(void)k;
	if (!sshread_string(r, &pub) || !sshread_string(r, &priv) || pub.n != SEED ||
	    priv.n != (size_t)2 * SEED || memcmp(priv.p + SEED, pub.p, SEED) != 0)
		return NULL;
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, priv.p, SEED);
	if (key != NULL && (EVP_PKEY_get_raw_public_key(key, made, &n) != 1 || n != SEED ||
			       memcmp(made, pub.p, SEED) != 0)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

/* The point is on the curve, the number below its order, and one is that of the other. */
static bool
ecdsa_good(EVP_PKEY *key)
{
	EVP_PKEY_CTX *check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	bool ok = check != NULL && EVP_PKEY_public_check_quick(check) == 1 &&
		  EVP_PKEY_private_check(check) == 1 && EVP_PKEY_pairwise_check(check) == 1;

	EVP_PKEY_CTX_free(check);
	return ok;
}

static EVP_PKEY *
ecdsa_make(const struct opensshkey_kind *k, struct sshread *r)
{
	struct sshread curve, point, d;
	OSSL_PARAM_BLD *bld;
	BIGNUM *bd;
	EVP_PKEY *key = NULL;

	if (!sshread_string(r, &curve) || !sshread_is(&curve, k->curve) ||
	    !sshread_string(r, &point) || point.n != 1 + 2 * k->coordinate || point.p[0] != 4 ||
	    !sshread_positive(r, &d) || d.n > k->coordinate)
		return NULL;
	bld = OSSL_PARAM_BLD_new();
	bd = secret_bn(&d);
	if (bld != NULL && bd != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, k->group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, bd) == 1)
		key = pair_make("EC", bld);
	if (key != NULL && !ecdsa_good(key)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	OSSL_PARAM_BLD_free(bld);
	BN_clear_free(bd);
	return key;
}

/* What the file holds of an RSA key, in its order, and the two exponents that it leaves out. */
enum { N, E, D, IQMP, P, Q, DMP1, DMQ1, RSA_PARTS };

/* *r = d mod (prime - 1), and it undoes e there: e * r = 1 mod (prime - 1) (RFC 8017 section 3.2)
 */
static bool
exponent_make(BIGNUM **r, const BIGNUM *const bn[RSA_PARTS], const BIGNUM *prime, BN_CTX *ctx)
{
	BIGNUM *less = BN_secure_new(), *one = BN_secure_new();
	bool ok;

	*r = BN_secure_new();
	ok = *r != NULL && less != NULL && one != NULL && BN_is_odd(prime) &&
	     BN_copy(less, prime) != NULL && BN_sub_word(less, 1) == 1 &&
	     BN_mod(*r, bn[D], less, ctx) == 1 && BN_mod_mul(one, *r, bn[E], less, ctx) == 1 &&
	     BN_is_one(one);
	BN_clear_free(less);
	BN_clear_free(one);
	return ok;
}

/* n = p * q, and iqmp * q = 1 mod p */
static bool
primes_good(const BIGNUM *const bn[RSA_PARTS], BN_CTX *ctx)
{
	BIGNUM *t = BN_secure_new();
	bool ok = t != NULL && BN_mul(t, bn[P], bn[Q], ctx) == 1 && BN_cmp(t, bn[N]) == 0 &&
		  BN_mod_mul(t, bn[IQMP], bn[Q], bn[P], ctx) == 1 && BN_is_one(t) &&
		  BN_cmp(bn[IQMP], bn[P]) < 0 && BN_cmp(bn[D], bn[N]) < 0;

	BN_clear_free(t);
	return ok;
}

/*
 * All eight. That p and q are prime is not looked at: libcrypto takes seconds for it at 8192 bits,
 * and who can write the file could put a weaker key there in any case.
 */
static bool
rsa_read(struct sshread *r, BIGNUM *bn[RSA_PARTS])
{
	const BIGNUM *const *all = (const BIGNUM *const *)bn;
	struct sshread part;
	BN_CTX *ctx;
	bool ok;

	for (int i = N; i <= Q; i++)
		if (!sshread_positive(r, &part) || part.n > (i == E ? RSA_E : RSA_MAX) ||
		    (i == N && part.n < RSA_MIN) || (bn[i] = secret_bn(&part)) == NULL)
			return false;
	if ((ctx = BN_CTX_secure_new()) == NULL)
		return false;
	ok = primes_good(all, ctx) && exponent_make(&bn[DMP1], all, bn[P], ctx) &&
	     exponent_make(&bn[DMQ1], all, bn[Q], ctx);
	BN_CTX_free(ctx);
	return ok;
}

static EVP_PKEY *
rsa_make(const struct opensshkey_kind *k, struct sshread *r)
{
	static const char *const names[RSA_PARTS] = {
		[N] = OSSL_PKEY_PARAM_RSA_N,
		[E] = OSSL_PKEY_PARAM_RSA_E,
		[D] = OSSL_PKEY_PARAM_RSA_D,
		[IQMP] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
		[P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
		[Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
		[DMP1] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
		[DMQ1] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
	};
	BIGNUM *bn[RSA_PARTS] = { NULL };
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	bool ok;

	(void)k;
	ok = bld != NULL && rsa_read(r, bn);
	for (int i = 0; ok && i < RSA_PARTS; i++)
		ok = OSSL_PARAM_BLD_push_BN(bld, names[i], bn[i]) == 1;
	if (ok)
		key = pair_make("RSA", bld);
	OSSL_PARAM_BLD_free(bld);
	for (int i = 0; i < RSA_PARTS; i++)
		BN_clear_free(bn[i]);
	return key;
}

static const struct opensshkey_kind kinds[] = {
	{ "ssh-ed25519", ed25519_make, true, NULL, NULL, 0 },
	{ "ecdsa-sha2-nistp256", ecdsa_make, true, "prime256v1", "nistp256", 32 },
	{ "ecdsa-sha2-nistp384", ecdsa_make, true, "secp384r1", "nistp384", 48 },
	{ "ecdsa-sha2-nistp521", ecdsa_make, false, "secp521r1", "nistp521", 66 },
	{ "ssh-rsa", rsa_make, false, NULL, NULL, 0 },
};

const struct opensshkey_kind *
opensshkey_kind_of(const struct sshread *type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (sshread_is(type, kinds[i].ssh))
			return &kinds[i];
	return NULL;
}
