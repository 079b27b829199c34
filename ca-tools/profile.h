/* profile.h - the four kinds of certificate that this CA makes, and what is fixed in each */
#ifndef CA_PROFILE_H
#define CA_PROFILE_H

#include <stdint.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "err.h"

/*
 *		basicConstraints	keyUsage		extKeyUsage
 * root		CA			certSign, cRLSign	-
 * intermediate	CA, pathlen 0		certSign, cRLSign	-
 * user		-			digitalSignature	clientAuth
 * host		-			digitalSignature	serverAuth
 */
enum profile { PROFILE_ROOT, PROFILE_INTERMEDIATE, PROFILE_USER, PROFILE_HOST };

/* "root", "intermediate", "user", "host". profile_parse(): 0, or -1 for another word. */
const char *profile_word(enum profile p);
int profile_parse(const char *word, enum profile *p) __attribute__((warn_unused_result, nonnull));

#define SERIAL_OCTETS 16
#define SERIAL_TEXT   48 /* hex of 20 octets, and a NUL */

struct cert_request {
	enum profile profile;
	const char *cn;
	EVP_PKEY *key;			/* its public half is certified */
	const GENERAL_NAMES *names;	/* subjectAltName, or NULL */
	const NAME_CONSTRAINTS *permit; /* intermediate only, or NULL */
	const uint8_t *ssh_sha256;	/* of the SSH key blob, for the extension; or NULL */
	int64_t not_before, not_after;
};

/*
 * Make and sign a certificate (X.509 v3, RFC 5280, ecdsa-with-SHA256) with a new random serial.
 * `issuer` NULL: self-signed with r->key. The caller frees; NULL and *e: ERR_SYS.
 */
X509 *profile_sign(const struct cert_request *r, X509 *issuer, EVP_PKEY *issuer_key, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 3, 4)));

/*
 * Whether a verifier that is as strict as ours takes `cert` over `intermediate` to `root` (times
 * left aside): signatures, name constraints, the form of every extension. 0, or -1 ERR_REFUSED
 * with detail X509_V_ERR_*.
 */
int profile_check(X509 *cert, enum profile p, X509 *intermediate, X509 *root, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* Lower-case hex without leading zeros. -1: ERR_FORMAT (negative, zero, more than 20 octets). */
int serial_text(const ASN1_INTEGER *serial, char dst[SERIAL_TEXT], struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* From the command line: 1 to 40 hex digits of either case, leading zeros dropped. -1: not one. */
int serial_parse(const char *text, char dst[SERIAL_TEXT])
    __attribute__((warn_unused_result, nonnull));

/* The DER of a certificate (the caller frees) and its SHA-256. */
int cert_der(X509 *cert, uint8_t **der, size_t *n, uint8_t sha256[32], struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* notBefore and notAfter in seconds since 1970-01-01 UTC; -1 ERR_FORMAT when unreadable. */
int cert_times(const X509 *cert, int64_t *not_before, int64_t *not_after, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* The issuer's subject key identifier as an AuthorityKeyIdentifier; AUTHORITY_KEYID_free(). */
AUTHORITY_KEYID *profile_akid(X509 *issuer) __attribute__((nonnull));

#endif
