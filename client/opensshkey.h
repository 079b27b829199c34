/* opensshkey.h - an Ed25519 key in OpenSSH's own file format, so that one key may serve both layers
 */
#ifndef OPENSSHKEY_H
#define OPENSSHKEY_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>

#include "err.h"

#define OPENSSHKEY_PEM_NAME "OPENSSH PRIVATE KEY"

/*
 * The private key of the bytes between the PEM lines (OpenSSH's PROTOCOL.key). Ed25519 without a
 * passphrase only: it is the one kind that ssh-keygen does not write as PKCS#8. The caller frees
 * it; NULL and *e ERR_FORMAT, which says what to do instead.
 */
EVP_PKEY *opensshkey_parse(const uint8_t *p, size_t n, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
