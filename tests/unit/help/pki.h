/*
 * pki.h - certificates and CRLs made in memory, for tests of any part
 *
 * Nothing here returns an error: what cannot be made is a mistake of the test and ends it.
 *
 *	struct pki_cert *root = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);
 *	struct pki_cert *leaf = pki_make(&(struct pki_spec){ .subject = "CN=alice,O=Corp",
 *	    .ext = { "subjectAltName=email:alice@corp.example" } }, root);
 *	X509_CRL *crl = pki_crl(&(struct pki_crl_spec){ .revoked = { { .cert = leaf } } }, root);
 */
#ifndef TEST_PKI_H
#define TEST_PKI_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/x509.h>

/* Certificates hold from 2020-01-01 to 2049-12-31 unless told; this lies between. */
#define PKI_NOW	    INT64_C(1800000000) /* 2027-01-15T08:00:00Z */
#define PKI_FROM    INT64_C(1577836800) /* 2020-01-01T00:00:00Z */
#define PKI_UNTIL   INT64_C(2524607999) /* 2049-12-31T23:59:59Z */
#define PKI_EXTS    16
#define PKI_SANS    16
#define PKI_REVOKED 16

enum pki_key {
	PKI_P256, /* the default */
	PKI_P224,
	PKI_P384,
	PKI_P521,
	PKI_SECP256K1,
	PKI_P256_EXPLICIT, /* P-256 written as parameters, not as a named curve */
	PKI_ED25519,
	PKI_ED448,
	PKI_RSA1024,
	PKI_RSA2048,
	PKI_RSA_PSS2048,
	PKI_DSA2048,
};
EVP_PKEY *pki_key_make(enum pki_key kind);
/* A pair of P-256 whose halves need not belong together: it fits `shown`, and signs as `signer`. */
EVP_PKEY *pki_key_with(const EVP_PKEY *shown, const EVP_PKEY *signer);

struct pki_cert {
	X509 *cert;
	EVP_PKEY *key;
};

/*
 * What a certificate has by itself:
 *	PKI_LEAF	 CA:FALSE, digitalSignature, EKU clientAuth, SKI, AKI
 *	PKI_INTERMEDIATE CA:TRUE, keyCertSign and cRLSign, SKI, AKI
 *	PKI_ROOT	 the same, self-signed
 *	PKI_SERVER	 as PKI_LEAF with EKU serverAuth
 *	PKI_BARE	 nothing
 */
enum pki_profile { PKI_LEAF, PKI_INTERMEDIATE, PKI_ROOT, PKI_SERVER, PKI_BARE };

struct pki_san {
	int type; /* GEN_EMAIL, GEN_DNS, GEN_URI, GEN_IPADD; PKI_SAN_UPN */
	const void *data;
	size_t len;
};
#define PKI_SAN_UPN 100 /* an otherName with a UTF8String */

struct pki_spec {
	enum pki_profile profile;
	/* "CN=x,O=Corp", first RDN first in the DER; "+" joins into one RDN; "" is an empty name */
	const char *subject;	       /* NULL: "CN=root", "CN=intermediate" or "CN=leaf" */
	const X509_NAME *subject_name; /* instead of `subject` */
	enum pki_key key_kind;
	EVP_PKEY *key;	     /* instead of a new one; stays the caller's */
	int64_t from, until; /* 0: the defaults above */
	const char *serial;  /* hexadecimal, "-1" allowed; NULL: random */
	const char *digest;  /* "SHA256" */
	int version;	     /* 1 or 3; 0: 3 */
	/*
	 * Extensions as in openssl.cnf, "NAME=VALUE": each replaces the profile's one of that name;
	 * "NAME=" takes it away; "+NAME=VALUE" adds a second one. Bytes: "1.2.3=critical,DER:0500".
	 */
	const char *ext[PKI_EXTS];
	/* Names of a subjectAltName as raw bytes; `san_critical` marks it. */
	struct pki_san sans[PKI_SANS];
	int san_critical;
};
/* `issuer` NULL: self-signed. */
struct pki_cert *pki_make(const struct pki_spec *spec, const struct pki_cert *issuer);
void pki_free(struct pki_cert *c);
/* The same certificate with another signature bit: it no longer verifies. */
X509 *pki_damaged(const X509 *cert);

struct pki_crl_spec {
	int64_t from, until; /* thisUpdate, nextUpdate; 0: PKI_FROM, PKI_UNTIL; until -1: none */
	const char *number;  /* decimal; NULL: "1"; "": no CRL number */
	const char *digest;
	/* "issuingDistributionPoint=critical,onlyuser:TRUE" and the like, as above */
	const char *ext[PKI_EXTS];
	struct {
		const struct pki_cert *cert; /* its serial number, or */
		const char *serial;	     /* this one, hexadecimal */
		int reason;		     /* CRL_REASON_*; 0: not given */
		const char *ext;	     /* of the entry, "1.2.3=critical,DER:0500" */
	} revoked[PKI_REVOKED];
};
X509_CRL *pki_crl(const struct pki_crl_spec *spec, const struct pki_cert *issuer);

/* PEM text, which the caller frees with free(). */
char *pki_pem_cert(const X509 *cert);
char *pki_pem_crl(const X509_CRL *crl);
char *pki_pem_key(const EVP_PKEY *key);
/* The same, written to `path`, behind what is there when `append` is set. */
void pki_write_cert(const char *path, const X509 *cert, int append);
void pki_write_crl(const char *path, const X509_CRL *crl, int append);
void pki_write_key(const char *path, const EVP_PKEY *key);

#endif
