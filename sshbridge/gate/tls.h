/* tls.h - the TLS side of a gate: what is spoken, with which certificate, and what never is */
#ifndef TLS_H
#define TLS_H

#include <openssl/ssl.h>

#include "err.h"

/* Names of CAs in a CertificateRequest: beyond this the rest is left out (it is only a hint). */
#define TLS_CA_NAMES_MAX (16 * 1024)
/*
 * A client's whole chain: a leaf of CERTPATH_LEAF_MAX and as much again. Anybody can have a gate
 * keep that much, twice over, for handshake-timeout, and OpenSSL decode all that is in it (0.14 ms
 * each certificate) before the verify callback can say a word.
 */
#define TLS_CHAIN_MAX (32 * 1024)

struct tls_options {
	int min;	      /* 0x0303 or 0x0304 */
	const uint8_t *chain; /* PEM: leaf, then intermediates */
	size_t chain_len;
	EVP_PKEY *key;
	/* called with `verify_arg` for each client certificate */
	int (*verify)(X509_STORE_CTX *, void *);
	void *verify_arg;
};

/*
 * OpenSSL made ready for a process that will not open a file again: no openssl.cnf, providers,
 * error strings, algorithms, random numbers. Once, before the sandbox.
 */
int tls_setup(struct err *e) __attribute__((warn_unused_result, nonnull));

/* NULL: ERR_FORMAT (certificate, chain or key unusable, or they do not belong together), ERR_NOMEM.
 */
SSL_CTX *tls_context_new(const struct tls_options *o, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Add names to those that the CertificateRequest lists; duplicates are left out. */
int tls_context_add_names(SSL_CTX *ctx, STACK_OF(X509_NAME) * names, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* A private key, PEM or DER, not encrypted. NULL: ERR_FORMAT. */
EVP_PKEY *tls_key_parse(const uint8_t *p, size_t n, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* A new public key whose private half is already gone. NULL: ERR_NOMEM. */
EVP_PKEY *tls_nobodys_key(struct err *e) __attribute__((warn_unused_result, nonnull));

/* OpenSSL's last reason as text, its queue emptied; "" where there is none. */
const char *tls_reason(void);

#endif
