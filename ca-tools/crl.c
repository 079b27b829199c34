/* crl.c - certificate revocation lists (RFC 5280 section 5) */
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "crl.h"
#include "profile.h"

static const struct {
	const char *word;
	int code;
} reasons[] = {
	{ "unspecified", 0 },
	{ "keyCompromise", 1 },
	{ "cACompromise", 2 },
	{ "affiliationChanged", 3 },
	{ "superseded", 4 },
	{ "cessationOfOperation", 5 },
	{ "certificateHold", CRL_REASON_HOLD },
	{ "privilegeWithdrawn", 9 },
	{ "aACompromise", 10 },
};
#define NREASONS (sizeof(reasons) / sizeof(reasons[0]))

int
crl_reason_parse(const char *word, int *reason, struct err *e)
{
	for (size_t i = 0; i < NREASONS; i++) {
		if (strcmp(word, reasons[i].word) == 0) {
			*reason = reasons[i].code;
			return 0;
		}
	}
	return err_set(e, ERR_FORMAT,
	    "--reason %.40s: unspecified, keyCompromise, cACompromise, "
	    "affiliationChanged, superseded, cessationOfOperation, certificateHold, "
	    "privilegeWithdrawn or aACompromise is needed",
	    word);
}

const char *
crl_reason_word(int reason)
{
	for (size_t i = 0; i < NREASONS; i++)
		if (reason == reasons[i].code)
			return reasons[i].word;
	return reasons[0].word;
}

static int
crl_extensions(X509_CRL *crl, X509 *issuer, int64_t number)
{
	AUTHORITY_KEYID *akid = profile_akid(issuer);
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	int ok;

	ok = akid != NULL && n != NULL && ASN1_INTEGER_set_int64(n, number) == 1 &&
	     X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, akid, 0, X509V3_ADD_APPEND) ==
		 1 &&
	     X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, X509V3_ADD_APPEND) == 1;
	ASN1_INTEGER_free(n);
	AUTHORITY_KEYID_free(akid);
	return ok;
}

X509_CRL *
crl_new(X509 *issuer, int64_t number, int64_t this_update, int64_t next_update, struct err *e)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)this_update);
	ASN1_TIME *until = ASN1_TIME_set(NULL, (time_t)next_update);
	int ok;

	ok = crl != NULL && from != NULL && until != NULL &&
	     X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
	     X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1 &&
	     X509_CRL_set1_lastUpdate(crl, from) == 1 &&
	     X509_CRL_set1_nextUpdate(crl, until) == 1 && crl_extensions(crl, issuer, number) == 1;
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	ERR_clear_error();
	if (ok)
		return crl;
	X509_CRL_free(crl);
	err_nomem(e, "CRL");
	return NULL;
}

int
crl_add(X509_CRL *crl, const char *serial, int64_t revoked_at, int reason, struct err *e)
{
	X509_REVOKED *rev = X509_REVOKED_new();
	BIGNUM *bn = NULL;
	ASN1_INTEGER *number = NULL;
	ASN1_TIME *at = ASN1_TIME_set(NULL, (time_t)revoked_at);
	ASN1_ENUMERATED *why = ASN1_ENUMERATED_new();
	int ok;

	ok = rev != NULL && at != NULL && why != NULL && BN_hex2bn(&bn, serial) > 0 &&
	     (number = BN_to_ASN1_INTEGER(bn, NULL)) != NULL &&
	     X509_REVOKED_set_serialNumber(rev, number) == 1 &&
	     X509_REVOKED_set_revocationDate(rev, at) == 1;
	if (ok && reason != 0)
		ok = ASN1_ENUMERATED_set(why, reason) == 1 &&
		     X509_REVOKED_add1_ext_i2d(rev, NID_crl_reason, why, 0, X509V3_ADD_APPEND) == 1;
	ok = ok && X509_CRL_add0_revoked(crl, rev) == 1;
	if (!ok)
		X509_REVOKED_free(rev);
	ASN1_ENUMERATED_free(why);
	ASN1_TIME_free(at);
	ASN1_INTEGER_free(number);
	BN_free(bn);
	ERR_clear_error();
	return ok ? 0 : err_nomem(e, "CRL");
}

int
crl_sign(X509_CRL *crl, EVP_PKEY *key, uint8_t **der, size_t *n, struct err *e)
{
	unsigned char *buf = NULL, *end;
	int len = 0;

	if (X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, key, EVP_sha256()) > 0)
		len = i2d_X509_CRL(crl, NULL);
	if (len > 0 && (buf = end = malloc((size_t)len)) != NULL &&
	    i2d_X509_CRL(crl, &end) == len) {
		*der = buf;
		*n = (size_t)len;
		return 0;
	}
	free(buf);
	ERR_clear_error();
	return err_set(e, ERR_SYS, "CRL: OpenSSL cannot sign it");
}
