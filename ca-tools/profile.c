/* profile.c - the four kinds of certificate that this CA makes, and what is fixed in each */
#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "profile.h"
#include "spki.h"

static const struct {
	const char *word;
	bool ca;
	int pathlen;	  /* -1: none */
	uint8_t usage;	  /* first octet of the keyUsage BIT STRING */
	int usage_unused; /* bits of it that DER leaves out */
	int extended;
} profiles[] = {
	[PROFILE_ROOT] = { "root", true, -1, 0x06, 1, NID_undef },
	[PROFILE_INTERMEDIATE] = { "intermediate", true, 0, 0x06, 1, NID_undef },
	[PROFILE_USER] = { "user", false, -1, 0x80, 7, NID_client_auth },
	[PROFILE_HOST] = { "host", false, -1, 0x80, 7, NID_server_auth },
};
#define NPROFILES (sizeof(profiles) / sizeof(profiles[0]))

const char *
profile_word(enum profile p)
{
	return profiles[p].word;
}

int
profile_parse(const char *word, enum profile *p)
{
	for (size_t i = 0; i < NPROFILES; i++) {
		if (strcmp(word, profiles[i].word) == 0) {
			*p = (enum profile)i;
			return 0;
		}
	}
	return -1;
}

/* The functions below return 1, or 0 when OpenSSL could not: that is out of memory. */
static int
set_serial(X509 *cert)
{
	BIGNUM *bn = BN_new();
	int ok = 0;

	/* 128 bits of the CSPRNG; zero is not a serial (RFC 5280 section 4.1.2.2) */
	if (bn != NULL &&
	    BN_rand(bn, SERIAL_OCTETS * 8, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
	    !BN_is_zero(bn))
		ok = BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) != NULL;
	BN_free(bn);
	return ok;
}

static int
set_times(X509 *cert, int64_t from, int64_t until)
{
	/* UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5) */
	return ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)from) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)until) != NULL;
}

static int
set_subject(X509 *cert, const char *cn)
{
	return X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName,
	    MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
}

static int
add_basic(X509 *cert, enum profile p)
{
	BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
	int ok = 0;

	if (bc == NULL)
		return 0;
	bc->ca = profiles[p].ca ? 0xff : 0;
	if (profiles[p].pathlen >= 0 &&
	    ((bc->pathlen = ASN1_INTEGER_new()) == NULL ||
		ASN1_INTEGER_set(bc->pathlen, profiles[p].pathlen) != 1))
		goto out;
	ok = X509_add1_ext_i2d(cert, NID_basic_constraints, bc, 1, X509V3_ADD_APPEND);
out:
	BASIC_CONSTRAINTS_free(bc);
	return ok;
}

static int
add_usage(X509 *cert, enum profile p)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
	EXTENDED_KEY_USAGE *eku = sk_ASN1_OBJECT_new_null();
	int ok = 0;

	if (bits == NULL || eku == NULL ||
	    ASN1_BIT_STRING_set(bits, (unsigned char *)&profiles[p].usage, 1) != 1)
		goto out;
	bits->flags &= ~(long)(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
	bits->flags |= ASN1_STRING_FLAG_BITS_LEFT | profiles[p].usage_unused;
	ok = X509_add1_ext_i2d(cert, NID_key_usage, bits, 1, X509V3_ADD_APPEND);
	if (ok == 1 && profiles[p].extended != NID_undef)
		ok = sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(profiles[p].extended)) > 0 &&
		     X509_add1_ext_i2d(cert, NID_ext_key_usage, eku, 0, X509V3_ADD_APPEND) == 1;
out:
	/* the objects in it are OpenSSL's own */
	sk_ASN1_OBJECT_free(eku);
	ASN1_BIT_STRING_free(bits);
	return ok;
}

/* The leftmost 160 bits of the key's SHA-256 (RFC 7093 section 2, method 1). */
static int
add_subject_keyid(X509 *cert)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	int ok;

	ok = id != NULL && X509_pubkey_digest(cert, EVP_sha256(), md, &n) == 1 && n == 32 &&
	     ASN1_OCTET_STRING_set(id, md, 20) == 1 &&
	     X509_add1_ext_i2d(cert, NID_subject_key_identifier, id, 0, X509V3_ADD_APPEND) == 1;
	ASN1_OCTET_STRING_free(id);
	return ok;
}

AUTHORITY_KEYID *
profile_akid(X509 *issuer)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(issuer);
	AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();

	if (id != NULL && akid != NULL && (akid->keyid = ASN1_OCTET_STRING_dup(id)) != NULL)
		return akid;
	AUTHORITY_KEYID_free(akid);
	return NULL;
}

static int
add_authority_keyid(X509 *cert, X509 *issuer)
{
	AUTHORITY_KEYID *akid = profile_akid(issuer);
	int ok;

	ok = akid != NULL &&
	     X509_add1_ext_i2d(cert, NID_authority_key_identifier, akid, 0, X509V3_ADD_APPEND) == 1;
	AUTHORITY_KEYID_free(akid);
	return ok;
}

/* SEQUENCE OF OCTET STRING with one SHA-256 of an SSH key blob: lengths are fixed. */
static int
add_ssh(X509 *cert, const uint8_t sha256[32])
{
	unsigned char der[36] = { 0x30, 34, 0x04, 32 };
	ASN1_OBJECT *oid = OBJ_txt2obj(SPKI_SSHKEYS_OID, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext = NULL;
	int ok;

	memcpy(der + 4, sha256, 32);
	ok = oid != NULL && value != NULL &&
	     ASN1_OCTET_STRING_set(value, der, (int)sizeof(der)) == 1 &&
	     (ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value)) != NULL &&
	     X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
	return ok;
}

static int
add_extensions(X509 *cert, const struct cert_request *r, X509 *issuer)
{
	if (add_basic(cert, r->profile) != 1 || add_usage(cert, r->profile) != 1 ||
	    add_subject_keyid(cert) != 1)
		return 0;
	if (issuer != NULL && add_authority_keyid(cert, issuer) != 1)
		return 0;
	if (r->names != NULL && X509_add1_ext_i2d(cert, NID_subject_alt_name, (void *)r->names, 0,
				    X509V3_ADD_APPEND) != 1)
		return 0;
	if (r->permit != NULL && X509_add1_ext_i2d(cert, NID_name_constraints, (void *)r->permit, 1,
				     X509V3_ADD_APPEND) != 1)
		return 0;
	return r->ssh_sha256 == NULL || add_ssh(cert, r->ssh_sha256) == 1;
}

X509 *
profile_sign(const struct cert_request *r, X509 *issuer, EVP_PKEY *issuer_key, struct err *e)
{
	X509 *cert = X509_new();
	const X509_NAME *name;

	assert((issuer == NULL) == (r->profile == PROFILE_ROOT));
	assert(r->permit == NULL || r->profile == PROFILE_INTERMEDIATE);
	assert(r->cn[0] != '\0' && r->not_before < r->not_after);
	if (cert == NULL || X509_set_version(cert, X509_VERSION_3) != 1 || set_serial(cert) != 1 ||
	    set_times(cert, r->not_before, r->not_after) != 1 || set_subject(cert, r->cn) != 1 ||
	    X509_set_pubkey(cert, r->key) != 1)
		goto fail;
	name = X509_get_subject_name(issuer == NULL ? cert : issuer);
	if (X509_set_issuer_name(cert, name) == 1 && add_extensions(cert, r, issuer) == 1 &&
	    X509_sign(cert, issuer_key, EVP_sha256()) > 0) {
		ERR_clear_error();
		return cert;
	}
fail:
	err_set(e, ERR_SYS, "making the certificate of \"%s\": %s", r->cn,
	    ERR_reason_error_string(ERR_peek_last_error()) == NULL
		? "out of memory"
		: ERR_reason_error_string(ERR_peek_last_error()));
	ERR_clear_error();
	X509_free(cert);
	return NULL;
}

static int
check_run(X509_STORE_CTX *ctx, enum profile p, struct err *e)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	int code;

	(void)X509_VERIFY_PARAM_set_flags(param,
	    X509_V_FLAG_X509_STRICT | X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_CHECK_SS_SIGNATURE);
	if (!profiles[p].ca &&
	    X509_VERIFY_PARAM_set_purpose(
		param, p == PROFILE_USER ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER) != 1)
		return err_nomem(e, "checking the certificate");
	if (X509_verify_cert(ctx) == 1)
		return 0;
	code = X509_STORE_CTX_get_error(ctx);
	err_set(e, ERR_REFUSED, "%s", X509_verify_cert_error_string(code));
	e->detail = code;
	return -1;
}

int
profile_check(X509 *cert, enum profile p, X509 *intermediate, X509 *root, struct err *e)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *chain = sk_X509_new_null();
	int ret = -1;

	if (store == NULL || ctx == NULL || chain == NULL ||
	    sk_X509_push(chain, intermediate) <= 0 || X509_STORE_add_cert(store, root) != 1 ||
	    X509_STORE_CTX_init(ctx, store, cert, chain) != 1)
		err_nomem(e, "checking the certificate");
	else
		ret = check_run(ctx, p, e);
	ERR_clear_error();
	X509_STORE_CTX_free(ctx);
	sk_X509_free(chain);
	X509_STORE_free(store);
	return ret;
}
