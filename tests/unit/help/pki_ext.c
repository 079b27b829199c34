/* pki_ext.c - extensions of certificates and CRLs from "NAME=VALUE", CRLs, PEM */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki_local.h"

static const char *const defaults[][6] = {
	[PKI_LEAF] = { "basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature",
	    "extendedKeyUsage=clientAuth", "subjectKeyIdentifier=hash",
	    "authorityKeyIdentifier=keyid", NULL },
	[PKI_INTERMEDIATE] = { "basicConstraints=critical,CA:TRUE",
	    "keyUsage=critical,keyCertSign,cRLSign", "subjectKeyIdentifier=hash",
	    "authorityKeyIdentifier=keyid", NULL },
	[PKI_ROOT] = { "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign",
	    "subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid", NULL },
	[PKI_SERVER] = { "basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature",
	    "extendedKeyUsage=serverAuth", "subjectKeyIdentifier=hash",
	    "authorityKeyIdentifier=keyid", NULL },
	[PKI_BARE] = { NULL },
};

/* Whether one of the test's own rows names the same extension. */
static int
is_replaced(const char *row, const char *const *own)
{
	size_t n = strcspn(row, "=") + 1;

	for (size_t i = 0; i < PKI_EXTS && own[i] != NULL; i++)
		if (strncmp(own[i], row, n) == 0)
			return 1;
	return 0;
}

static X509_EXTENSION *
ext_make(const char *row, X509V3_CTX *ctx, CONF *conf)
{
	size_t n = strcspn(row, "=");
	char *name = strndup(row, n);
	X509_EXTENSION *ext;

	pki_must(name != NULL && row[n] == '=', row);
	ext = X509V3_EXT_nconf(conf, ctx, name, row + n + 1);
	pki_must(ext != NULL, row);
	free(name);
	return ext;
}

static void
ext_add_cert(X509 *x, const char *row, X509V3_CTX *ctx, CONF *conf)
{
	X509_EXTENSION *ext = ext_make(row, ctx, conf);

	pki_must(X509_add_ext(x, ext, -1) == 1, row);
	X509_EXTENSION_free(ext);
}

void
pki_extensions(X509 *x, const struct pki_spec *s, X509 *issuer)
{
	/* An empty configuration: some extensions look for one before they read their value. */
	CONF *conf = NCONF_new(NULL);
	X509V3_CTX ctx;

	pki_must(conf != NULL, "configuration");
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, conf);
	for (size_t i = 0; defaults[s->profile][i] != NULL; i++)
		if (!is_replaced(defaults[s->profile][i], s->ext))
			ext_add_cert(x, defaults[s->profile][i], &ctx, conf);
	for (size_t i = 0; i < PKI_EXTS && s->ext[i] != NULL; i++) {
		const char *row = s->ext[i] + (s->ext[i][0] == '+');

		if (row[strcspn(row, "=") + 1] != '\0')
			ext_add_cert(x, row, &ctx, conf);
	}
	NCONF_free(conf);
}

static void
crl_extensions(X509_CRL *crl, const struct pki_crl_spec *s, X509 *issuer)
{
	static const char *const own[] = { "authorityKeyIdentifier=keyid", NULL };
	CONF *conf = NCONF_new(NULL);
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	ASN1_INTEGER *number;

	pki_must(conf != NULL, "configuration");
	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	X509V3_set_nconf(&ctx, conf);
	if (s->number == NULL || s->number[0] != '\0') {
		number = s2i_ASN1_INTEGER(NULL, s->number == NULL ? "1" : s->number);
		pki_must(
		    number != NULL && X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1,
		    "CRL number");
		ASN1_INTEGER_free(number);
	}
	for (size_t i = 0; i <= PKI_EXTS; i++) {
		const char *row = i == 0 ? own[0] : s->ext[i - 1];

		if (row == NULL)
			break;
		if (i == 0 && is_replaced(row, s->ext))
			continue;
		if (row[strcspn(row, "=") + 1] == '\0')
			continue;
		ext = ext_make(row + (row[0] == '+'), &ctx, conf);
		pki_must(X509_CRL_add_ext(crl, ext, -1) == 1, row);
		X509_EXTENSION_free(ext);
	}
	NCONF_free(conf);
}

static void
crl_revoke(X509_CRL *crl, const struct pki_crl_spec *s, size_t i)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)PKI_FROM);
	ASN1_INTEGER *serial;
	BIGNUM *bn = NULL;
	X509_EXTENSION *ext;

	pki_must(r != NULL && reason != NULL && when != NULL, "revoked entry");
	if (s->revoked[i].cert != NULL) {
		serial = ASN1_INTEGER_dup(X509_get0_serialNumber(s->revoked[i].cert->cert));
	} else {
		pki_must(BN_hex2bn(&bn, s->revoked[i].serial) > 0, "serial");
		serial = BN_to_ASN1_INTEGER(bn, NULL);
	}
	pki_must(X509_REVOKED_set_serialNumber(r, serial) == 1 &&
		     X509_REVOKED_set_revocationDate(r, when) == 1,
	    "revoked entry");
	if (s->revoked[i].reason != 0)
		pki_must(ASN1_ENUMERATED_set(reason, s->revoked[i].reason) == 1 &&
			     X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, reason, 0, 0) == 1,
		    "reason");
	if (s->revoked[i].ext != NULL) {
		CONF *conf = NCONF_new(NULL);
		X509V3_CTX ctx;

		X509V3_set_ctx(&ctx, NULL, NULL, NULL, crl, 0);
		ext = ext_make(s->revoked[i].ext, &ctx, conf);
		pki_must(X509_REVOKED_add_ext(r, ext, -1) == 1, "entry extension");
		X509_EXTENSION_free(ext);
		NCONF_free(conf);
	}
	pki_must(X509_CRL_add0_revoked(crl, r) == 1, "revoked entry");
	ASN1_ENUMERATED_free(reason);
	ASN1_TIME_free(when);
	ASN1_INTEGER_free(serial);
	BN_free(bn);
}

X509_CRL *
pki_crl(const struct pki_crl_spec *s, const struct pki_cert *issuer)
{
	X509_CRL *crl = X509_CRL_new(), *copy;
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)(s->from ? s->from : PKI_FROM));
	ASN1_TIME *until = ASN1_TIME_set(NULL, (time_t)(s->until ? s->until : PKI_UNTIL));

	pki_must(crl != NULL && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
		     X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) == 1 &&
		     X509_CRL_set1_lastUpdate(crl, from) == 1,
	    "CRL");
	if (s->until != -1)
		pki_must(X509_CRL_set1_nextUpdate(crl, until) == 1, "CRL");
	for (size_t i = 0; i < PKI_REVOKED; i++)
		if (s->revoked[i].cert != NULL || s->revoked[i].serial != NULL)
			crl_revoke(crl, s, i);
	crl_extensions(crl, s, issuer->cert);
	pki_must(X509_CRL_sort(crl) == 1 &&
		     X509_CRL_sign(crl, issuer->key, pki_digest(issuer->key, s->digest)) > 0,
	    "CRL");
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	copy = X509_CRL_dup(crl); /* written and read again */
	pki_must(copy != NULL, "CRL");
	X509_CRL_free(crl);
	return copy;
}

/* The text of a memory BIO; frees the BIO. */
static char *
bio_text(BIO *bio)
{
	char *data, *text;
	long n = BIO_get_mem_data(bio, &data);

	pki_must((text = strndup(data, (size_t)n)) != NULL, "text");
	BIO_free(bio);
	return text;
}

char *
pki_pem_cert(const X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_must(bio != NULL && PEM_write_bio_X509(bio, (X509 *)(uintptr_t)cert) == 1, "PEM");
	return bio_text(bio);
}

char *
pki_pem_crl(const X509_CRL *crl)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_must(
	    bio != NULL && PEM_write_bio_X509_CRL(bio, (X509_CRL *)(uintptr_t)crl) == 1, "PEM");
	return bio_text(bio);
}

char *
pki_pem_key(const EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	pki_must(bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1,
	    "PEM");
	return bio_text(bio);
}

/* Takes `text`. */
static void
write_text(const char *path, char *text, int append)
{
	FILE *fp = fopen(path, append ? "ae" : "we");

	pki_must(fp != NULL && fputs(text, fp) >= 0 && fclose(fp) == 0, path);
	free(text);
}

void
pki_write_cert(const char *path, const X509 *cert, int append)
{
	write_text(path, pki_pem_cert(cert), append);
}

void
pki_write_crl(const char *path, const X509_CRL *crl, int append)
{
	write_text(path, pki_pem_crl(crl), append);
}

void
pki_write_key(const char *path, const EVP_PKEY *key)
{
	write_text(path, pki_pem_key(key), 0);
}
