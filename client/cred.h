/* cred.h - the user's certificate and key, and the certificates that sign bridges */
#ifndef CRED_H
#define CRED_H

#include <limits.h>
#include <stdint.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "err.h"

#define CRED_CHAIN_MAX 16  /* intermediates in cert.pem */
#define CRED_CA_MAX    256 /* certificates in ca.pem */

struct cred {
	char cert_path[PATH_MAX];
	char key_path[PATH_MAX]; /* or "agent:[FINGERPRINT]" */
	char ca_path[PATH_MAX];
	X509 *leaf;
	STACK_OF(X509) * chain; /* what follows the leaf in its file, in that order */
	EVP_PKEY *key;
	STACK_OF(X509) * anchors; /* ca.pem; at least one */
	int64_t not_before;	  /* of the leaf, seconds since 1970-01-01 UTC */
	int64_t not_after;
};

/*
 * NULL paths: the default places; a key may be "agent:[FINGERPRINT]" (agentkey.h). 0, or -1 and *e
 * naming the file; *c is then empty.
 */
int cred_load(struct cred *c, const char *cert, const char *key, const char *ca, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 5)));
void cred_done(struct cred *c) __attribute__((nonnull));

/*
 * Read the certificate of `old` again, and its key where the one in use is not that certificate's.
 * Nothing is asked of the user: a new key under a passphrase is an error. As cred_load(), but for
 * the anchors, which stay behind.
 */
int cred_reload(struct cred *c, const struct cred *old, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* The same with the anchors: all that cred_load() reads, for another connection. */
int cred_reopen(struct cred *c, const struct cred *old, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/*
 * Which of `chain` to send to a server that named `cas` (RFC 8446 section 4.2.4; may be NULL): as
 * many of its first certificates as this returns. A certificate whose issuer is named is the last
 * one that is sent, for the server has that issuer itself; so naming only the root leaves every
 * intermediate in. A self-signed certificate is never sent (section 4.4.2).
 */
int cred_chain_needed(X509 *leaf, const STACK_OF(X509) * chain, const STACK_OF(X509_NAME) * cas)
    __attribute__((warn_unused_result, nonnull(1, 2)));

/* ASN1_TIME as seconds since 1970-01-01 UTC; 0, or -1 when it is not a time. */
int cred_time(const ASN1_TIME *t, int64_t *seconds) __attribute__((warn_unused_result, nonnull));

#endif
