/* spki.h - a certificate's public key as an SSH public-key blob (RFC 4253, 5656, 8709), and back */
#ifndef SPKI_H
#define SPKI_H

#include <openssl/evp.h>

#include "sshkey.h"

/* 0; 1 when the key has no SSH form (other curve, other algorithm); -1: ERR_NOMEM, ERR_FORMAT. */
int spki_to_sshkey(EVP_PKEY *pkey, struct sshkey *k, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The public key of an SSH key, which the caller frees; NULL: ERR_FORMAT (sk- types, bad point). */
EVP_PKEY *spki_from_sshkey(const struct sshkey *k, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* The certificate extension that lists SSH keys (SEQUENCE OF OCTET STRING, SHA-256 of blobs). */
#define SPKI_SSHKEYS_OID "2.25.249088174293524931652958152889699702914"

#endif
