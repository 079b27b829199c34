/* keyfile.h - private keys made here, and kept as PKCS#8 (RFC 5208), encrypted on demand */
#ifndef CA_KEYFILE_H
#define CA_KEYFILE_H

#include <openssl/evp.h>

#include "err.h"
#include "passphrase.h"

#define KEYFILE_MAX 65536

/* A new ECDSA P-256 key from the private random generator, or NULL. */
EVP_PKEY *key_generate(struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * The key as PEM: "PRIVATE KEY", or with a passphrase "ENCRYPTED PRIVATE KEY" (PBES2, RFC 8018:
 * PBKDF2 with HMAC-SHA-256 and AES-256-CBC). The caller frees with OPENSSL_clear_free(*pem, *n).
 */
int key_to_pem(EVP_PKEY *key, const struct passphrase *p, char **pem, size_t *n, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 3, 4, 5)));

/*
 * Read a key file `name` in the folder `dirfd` (mode 0600, this uid's). *p is asked only where
 * the key is encrypted. NULL: ERR_SYS (detail ENOENT: not there), ERR_FORMAT, ERR_REFUSED (wrong
 * passphrase).
 */
EVP_PKEY *key_read(int dirfd, const char *name, struct passphrase *p, FILE *err, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
