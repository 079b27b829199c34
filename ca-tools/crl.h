/* crl.h - certificate revocation lists (RFC 5280 section 5) */
#ifndef CA_CRL_H
#define CA_CRL_H

#include <stdint.h>
#include <openssl/x509.h>

#include "err.h"

#define CRL_REASON_HOLD 6 /* certificateHold */

/*
 * "keyCompromise" … (RFC 5280 section 5.3.1). removeFromCRL belongs to delta CRLs, which this CA
 * does not make: refused, as any other word. -1: ERR_FORMAT with the words that are allowed.
 */
int crl_reason_parse(const char *word, int *reason, struct err *e)
    __attribute__((warn_unused_result, nonnull));
const char *crl_reason_word(int reason); /* "unspecified" for 0 and for what is unknown */

/* A complete CRL in the making. */
X509_CRL *crl_new(X509 *issuer, int64_t number, int64_t this_update, int64_t next_update,
    struct err *e) __attribute__((warn_unused_result, nonnull));
/* One entry; reason 0 is left out (RFC 5280 section 5.3.1). `serial` is hex. */
int crl_add(X509_CRL *crl, const char *serial, int64_t revoked_at, int reason, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Sort and sign (ecdsa-with-SHA256); the caller frees the DER. */
int crl_sign(X509_CRL *crl, EVP_PKEY *key, uint8_t **der, size_t *n, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
