/* identity_x509.h - reading the identity and the path's facts out of certificates */
#ifndef IDENTITY_X509_H
#define IDENTITY_X509_H

#include <openssl/x509.h>

#include "identity.h"
#include "pathinfo.h"

/*
 * Every value of §6 that the leaf has, ID_POLICY from `policies` (dotted OIDs). NULL and *e:
 * ERR_REFUSED for a value that is not safe to map (NUL or control byte in subject or SAN, wrong
 * string type, bad UTF-8, beyond the limits of identity.h); ERR_NOMEM.
 */
struct identity *identity_from_x509(X509 *leaf, char *const *policies, size_t npolicies,
    struct err *e) __attribute__((warn_unused_result, nonnull(1, 4)));

/*
 * Facts of one certificate of a path that was accepted by `section`; `issuer` is the
 * PATHCERT_ISSUER bytes of its issuer's id, NULL for the anchor.
 */
int pathcert_from_x509(X509 *cert, const char *section, const uint8_t *issuer, struct pathcert *pc,
    struct err *e) __attribute__((warn_unused_result, nonnull(1, 2, 4, 5)));

#endif
