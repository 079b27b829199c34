/* spki.c - public keys between OpenSSL and SSH */
#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include "spki.h"

/*
 * The gate does not link libmd: nothing of sshkey.c is called here, the digest is OpenSSL's.
 */

static const struct curve {
	const char *group, *type, *name;
	size_t bytes; /* of a coordinate */
} curves[] = {
	{ SN_X9_62_prime256v1, "ecdsa-sha2-nistp256", "nistp256", 32 },
	{ SN_secp384r1, "ecdsa-sha2-nistp384", "nistp384", 48 },
	{ SN_secp521r1, "ecdsa-sha2-nistp521", "nistp521", 66 },
};
#define NCURVES (sizeof(curves) / sizeof(curves[0]))

static int
put_string(struct sshkey *k, const void *p, size_t n, struct err *e)
{
	if (n > sizeof(k->blob) || sizeof(k->blob) - n < k->blob_len + 4)
		return err_set(e, ERR_FORMAT, "public key: too large for an SSH key");
	k->blob[k->blob_len++] = (uint8_t)(n >> 24);
	k->blob[k->blob_len++] = (uint8_t)(n >> 16);
	k->blob[k->blob_len++] = (uint8_t)(n >> 8);
	k->blob[k->blob_len++] = (uint8_t)n;
	memcpy(k->blob + k->blob_len, p, n);
	k->blob_len += n;
	return 0;
}

static int
put_type(struct sshkey *k, const char *type, struct err *e)
{
	memset(k, 0, sizeof(*k));
	memcpy(k->type, type, strlen(type));
	return put_string(k, type, strlen(type), e);
}

/* A positive mpint: its bytes, with a zero before them where the first bit is set. */
static int
put_bn(struct sshkey *k, const BIGNUM *bn, struct err *e)
{
	uint8_t bytes[1 + 2048];
	int n = BN_num_bytes(bn);

	if (n <= 0 || (size_t)n >= sizeof(bytes))
		return err_set(e, ERR_FORMAT, "public key: too large for an SSH key");
	bytes[0] = 0;
	if (BN_bn2bin(bn, bytes + 1) != n)
		return err_nomem(e, "public key");
	if ((bytes[1] & 0x80) != 0)
		return put_string(k, bytes, (size_t)n + 1, e);
	return put_string(k, bytes + 1, (size_t)n, e);
}

static int
from_rsa(EVP_PKEY *pkey, struct sshkey *k, struct err *e)
{
	BIGNUM *m = NULL, *x = NULL;
	int ret;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &x) != 1 ||
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &m) != 1)
		ret = err_set(e, ERR_FORMAT, "public key: an RSA key that cannot be read");
	else if ((ret = put_type(k, "ssh-rsa", e)) == 0 && (ret = put_bn(k, x, e)) == 0)
		ret = put_bn(k, m, e);
	BN_free(x);
	BN_free(m);
	return ret;
}

static int
from_ed25519(EVP_PKEY *pkey, struct sshkey *k, struct err *e)
{
	uint8_t raw[32];
	size_t n = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1 || n != sizeof(raw))
		return err_set(e, ERR_FORMAT, "public key: an Ed25519 key that cannot be read");
	if (put_type(k, "ssh-ed25519", e) == -1)
		return -1;
	return put_string(k, raw, n, e);
}

static int
put_point(struct sshkey *k, const struct curve *c, const BIGNUM *x, const BIGNUM *y, struct err *e)
{
	uint8_t point[1 + 2 * 66];

	point[0] = 4; /* uncompressed, however the certificate has it */
	if (BN_bn2binpad(x, point + 1, (int)c->bytes) == -1 ||
	    BN_bn2binpad(y, point + 1 + c->bytes, (int)c->bytes) == -1)
		return err_set(e, ERR_FORMAT, "public key: an EC point beyond its curve");
	if (put_type(k, c->type, e) == -1 || put_string(k, c->name, strlen(c->name), e) == -1)
		return -1;
	return put_string(k, point, 1 + 2 * c->bytes, e);
}

static int
from_ec(EVP_PKEY *pkey, struct sshkey *k, struct err *e)
{
	const struct curve *c = NULL;
	BIGNUM *x = NULL, *y = NULL;
	char group[64];
	size_t n;
	int ret;

	if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), &n) != 1)
		return 1;
	for (size_t i = 0; i < NCURVES; i++)
		if (strcmp(group, curves[i].group) == 0)
			c = &curves[i];
	if (c == NULL)
		return 1;
	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) != 1 ||
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) != 1)
		ret = err_set(e, ERR_FORMAT, "public key: an EC key that cannot be read");
	else
		ret = put_point(k, c, x, y, e);
	BN_free(x);
	BN_free(y);
	return ret;
}

int
spki_to_sshkey(EVP_PKEY *pkey, struct sshkey *k, struct err *e)
{
	struct sshkey got;
	int ret = 1;

	/* RSA-PSS keys are bound to one kind of signature, which SSH does not make: no form. */
	if (EVP_PKEY_is_a(pkey, "RSA"))
		ret = from_rsa(pkey, &got, e);
	else if (EVP_PKEY_is_a(pkey, "ED25519"))
		ret = from_ed25519(pkey, &got, e);
	else if (EVP_PKEY_is_a(pkey, "EC"))
		ret = from_ec(pkey, &got, e);
	if (ret == 0 &&
	    EVP_Digest(got.blob, got.blob_len, got.sha256, NULL, EVP_sha256(), NULL) != 1)
		ret = err_nomem(e, "public key");
	ERR_clear_error();
	if (ret == 0) {
		got.rsa_bits = EVP_PKEY_is_a(pkey, "RSA") ? (uint32_t)EVP_PKEY_get_bits(pkey) : 0;
		*k = got;
	}
	return ret;
}

/* The next string of a blob at *p, before `end`. */
static int
get_string(const uint8_t **p, const uint8_t *end, const uint8_t **s, size_t *n)
{
	size_t len;

	if (end - *p < 4)
		return -1;
	len = (size_t)(*p)[0] << 24 | (size_t)(*p)[1] << 16 | (size_t)(*p)[2] << 8 | (*p)[3];
	if (len > (size_t)(end - *p) - 4)
		return -1;
	*s = *p + 4;
	*n = len;
	*p += 4 + len;
	return 0;
}

/* A key of `type` from parameters, which are checked: the point is on its curve. */
static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL), *check = NULL;
	EVP_PKEY *pkey = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1 ||
	    (check = EVP_PKEY_CTX_new(pkey, NULL)) == NULL ||
	    EVP_PKEY_public_check_quick(check) != 1) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	EVP_PKEY_CTX_free(check);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return pkey;
}

static EVP_PKEY *
to_rsa(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *e, *m;
	size_t elen, mlen;
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *be = NULL, *bm = NULL;
	EVP_PKEY *pkey = NULL;

	if (bld != NULL && get_string(&p, end, &e, &elen) == 0 &&
	    get_string(&p, end, &m, &mlen) == 0 && p == end &&
	    (be = BN_bin2bn(e, (int)elen, NULL)) != NULL &&
	    (bm = BN_bin2bn(m, (int)mlen, NULL)) != NULL &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bm) == 1)
		pkey = from_params("RSA", bld);
	OSSL_PARAM_BLD_free(bld);
	BN_free(be);
	BN_free(bm);
	return pkey;
}

static EVP_PKEY *
to_ec(const struct curve *c, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *name, *point;
	size_t n, len;
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY *pkey = NULL;

	if (bld != NULL && get_string(&p, end, &name, &n) == 0 && n == strlen(c->name) &&
	    memcmp(name, c->name, n) == 0 && get_string(&p, end, &point, &len) == 0 && p == end &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, c->group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, len) == 1)
		pkey = from_params("EC", bld);
	OSSL_PARAM_BLD_free(bld);
	return pkey;
}

static EVP_PKEY *
to_ed25519(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *raw;
	size_t n;

	if (get_string(&p, end, &raw, &n) == -1 || n != 32 || p != end)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, n);
}

EVP_PKEY *
spki_from_sshkey(const struct sshkey *k, struct err *e)
{
	const uint8_t *p = k->blob, *end, *type;
	size_t n;
	EVP_PKEY *pkey = NULL;

	if (k->blob_len > sizeof(k->blob)) {
		err_set(e, ERR_FORMAT, "SSH key: too large");
		return NULL;
	}
	end = k->blob + k->blob_len;
	if (get_string(&p, end, &type, &n) == 0 && n == strlen(k->type) &&
	    memcmp(type, k->type, n) == 0) {
		if (strcmp(k->type, "ssh-rsa") == 0)
			pkey = to_rsa(p, end);
		else if (strcmp(k->type, "ssh-ed25519") == 0)
			pkey = to_ed25519(p, end);
		for (size_t i = 0; i < NCURVES; i++)
			if (strcmp(k->type, curves[i].type) == 0)
				pkey = to_ec(&curves[i], p, end);
	}
	ERR_clear_error();
	if (pkey == NULL)
		err_set(e, ERR_FORMAT, "SSH key of type %.40s: no public key for a certificate",
		    k->type);
	return pkey;
}
