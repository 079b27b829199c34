/* selftest_certs.c - throwaway certificates and a CRL for the self-test */
#include <string.h>
#include <time.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "selftest.h"

void
selftest_cert_done(struct selftest_cert *c)
{
	X509_free(c->cert);
	EVP_PKEY_free(c->key);
	*c = (struct selftest_cert){ 0 };
}

static int
add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *x;
	int ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	if ((x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value)) == NULL)
		return 0;
	ok = X509_add_ext(cert, x, -1);
	X509_EXTENSION_free(x);
	return ok;
}

static int
add_exts(const struct selftest_spec *s, X509 *cert, X509 *issuer)
{
	char san[128] = "email:";

	if (add_ext(cert, issuer, NID_subject_key_identifier, "hash") != 1 ||
	    add_ext(cert, issuer, NID_authority_key_identifier, "keyid") != 1)
		return 0;
	if (s->eku == NULL)
		return add_ext(cert, issuer, NID_basic_constraints, "critical,CA:TRUE") == 1 &&
		       add_ext(cert, issuer, NID_key_usage, "critical,keyCertSign,cRLSign") == 1;
	if (s->email != NULL) {
		strncat(san, s->email, sizeof(san) - strlen(san) - 1);
		if (add_ext(cert, issuer, NID_subject_alt_name, san) != 1)
			return 0;
	}
	return add_ext(cert, issuer, NID_basic_constraints, "critical,CA:FALSE") == 1 &&
	       add_ext(cert, issuer, NID_key_usage, "critical,digitalSignature") == 1 &&
	       add_ext(cert, issuer, NID_ext_key_usage, s->eku) == 1;
}

static int
fill(const struct selftest_spec *s, const struct selftest_cert *issuer, struct selftest_cert *c)
{
	X509_NAME *name = X509_get_subject_name(c->cert);
	unsigned char serial[16];
	BIGNUM *bn = BN_new();
	int ok = bn != NULL && BN_rand(bn, 8 * (int)sizeof(serial) - 1, 0, 0) == 1 &&
		 BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(c->cert)) != NULL;

	BN_free(bn);
	return ok && X509_set_version(c->cert, X509_VERSION_3) == 1 &&
	       X509_NAME_add_entry_by_txt(
		   name, "CN", MBSTRING_UTF8, (const unsigned char *)s->name, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(c->cert, X509_get_subject_name(issuer->cert)) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(c->cert), s->from) != NULL &&
	       X509_gmtime_adj(X509_getm_notAfter(c->cert), s->until) != NULL &&
	       X509_set_pubkey(c->cert, c->key) == 1 && add_exts(s, c->cert, issuer->cert) &&
	       X509_sign(c->cert, issuer->key, EVP_sha256()) > 0;
}

int
selftest_cert_make(const struct selftest_spec *s, const struct selftest_cert *issuer,
    struct selftest_cert *c, struct err *e)
{
	struct selftest_cert n = { .cert = X509_new(), .key = EVP_EC_gen("P-256") };

	if (n.cert == NULL || n.key == NULL || !fill(s, issuer == NULL ? &n : issuer, &n)) {
		selftest_cert_done(&n);
		ERR_clear_error();
		return err_nomem(e, "a certificate for the self-test");
	}
	*c = n;
	return 0;
}

/* Serial numbers of nobody: a CRL as long as a real one is sorted another way than a short one. */
enum { STRANGERS = 300 };

static int
add_revoked(X509_CRL *crl, ASN1_INTEGER *serial, ASN1_TIME *when)
{
	X509_REVOKED *r = X509_REVOKED_new();

	if (r != NULL && X509_REVOKED_set_serialNumber(r, serial) == 1 &&
	    X509_REVOKED_set_revocationDate(r, when) == 1 && X509_CRL_add0_revoked(crl, r) == 1)
		return 1;
	X509_REVOKED_free(r);
	return 0;
}

static int
fill_revoked(X509_CRL *crl, const X509 *revoked, ASN1_TIME *when)
{
	ASN1_INTEGER *serial = ASN1_INTEGER_dup(X509_get0_serialNumber(revoked));
	int ok = serial != NULL && add_revoked(crl, serial, when);

	for (long i = STRANGERS; ok && i > 0; i--)
		ok = ASN1_INTEGER_set(serial, i) == 1 && add_revoked(crl, serial, when);
	ASN1_INTEGER_free(serial);
	return ok && X509_CRL_sort(crl) == 1;
}

static int
fill_crl(X509_CRL *crl, const struct selftest_cert *issuer, ASN1_TIME *now, ASN1_TIME *next)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	AUTHORITY_KEYID *akid = AUTHORITY_KEYID_new();
	int ok =
	    number != NULL && akid != NULL && ASN1_INTEGER_set(number, 1) == 1 &&
	    (akid->keyid = ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(issuer->cert))) != NULL &&
	    X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
	    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) == 1 &&
	    X509_CRL_set1_lastUpdate(crl, now) == 1 && X509_CRL_set1_nextUpdate(crl, next) == 1 &&
	    X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1 &&
	    X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, akid, 0, 0) == 1;

	ASN1_INTEGER_free(number);
	AUTHORITY_KEYID_free(akid);
	return ok;
}

X509_CRL *
selftest_crl_make(const struct selftest_cert *issuer, const X509 *revoked, struct err *e)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *now = ASN1_TIME_adj(NULL, time(NULL), 0, -60);
	ASN1_TIME *next = ASN1_TIME_adj(NULL, time(NULL), 1, 0);

	if (crl == NULL || now == NULL || next == NULL || !fill_crl(crl, issuer, now, next) ||
	    !fill_revoked(crl, revoked, now) ||
	    X509_CRL_sign(crl, issuer->key, EVP_sha256()) <= 0) {
		X509_CRL_free(crl);
		crl = NULL;
		ERR_clear_error();
		err_nomem(e, "a CRL for the self-test");
	}
	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
	return crl;
}
