/* opensshkey.h - a private key in OpenSSH's own file format, so that one key may serve both layers
 */
#ifndef OPENSSHKEY_H
#define OPENSSHKEY_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>

#include "err.h"

#define OPENSSHKEY_PEM_NAME "OPENSSH PRIVATE KEY"

/*
 * The private key of the bytes between the PEM lines (OpenSSH's PROTOCOL.key): Ed25519, ECDSA and
 * RSA. Its public half, which stands in the file twice, must be that of the private one. The caller
 * frees it. NULL and *e: ERR_FORMAT, which says what to do instead where the file is good but a
 * key for a security token, or encrypted (bcrypt_pbkdf is in none of our libraries); ERR_NOMEM.
 */
EVP_PKEY *opensshkey_parse(const uint8_t *p, size_t n, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
