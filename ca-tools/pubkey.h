/* pubkey.h - public keys that others made: from a CSR or an SSH key file, strong enough or refused
 */
#ifndef CA_PUBKEY_H
#define CA_PUBKEY_H

#include <openssl/evp.h>

#include "err.h"
#include "sshkey.h"

/*
 * RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521 (named), Ed25519; the numbers make a
 * valid key. 0, or -1 ERR_FORMAT with what was found and what is allowed.
 */
int pubkey_check(EVP_PKEY *key, struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * The public key of the PKCS#10 request (RFC 2986) in the PEM file `path`, after its signature
 * was checked, which shows that the requester has the private key. Nothing else in it counts:
 * names and extensions are for the command line to say. The caller frees; NULL and *e.
 */
EVP_PKEY *pubkey_from_csr(const char *path, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* The one SSH public key of the file `path` (id_ed25519.pub), also as it is for SSH in *ssh. */
EVP_PKEY *pubkey_from_ssh(const char *path, struct sshkey *ssh, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
