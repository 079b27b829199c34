/* keyset.h - a few SSH keys, each as the SHA-256 of its blob (RFC 4253 section 6.6) */
#ifndef KEYSET_H
#define KEYSET_H

#include <stdbool.h>

#include "sshkey.h"

#define KEYSET_MAX 32

struct keyset {
	uint32_t n;
	uint8_t sha256[KEYSET_MAX][32];
};
bool keyset_has(const struct keyset *k, const uint8_t sha256[32]) __attribute__((nonnull));
/* The same keys in as little memory as they need, which the caller frees; NULL: out of memory. */
struct keyset *keyset_copy(const struct keyset *k) __attribute__((warn_unused_result, nonnull));

/*
 * The keys by which a login was proved: SSH_AUTH_INFO_0 as sshd writes it, lines "METHOD[ TYPE
 * BASE64]", each "publickey" one a key whose signature sshd has checked; all of them count. Keys of
 * types that lib/sshkey.h does not take, SSH certificates among them, are proved but are none of
 * the set. 0; 1 when there is no publickey line (empty text included); -1: ERR_FORMAT, a publickey
 * line that is not of this form, or more than KEYSET_MAX of them.
 */
int keyset_from_auth_info(const char *text, size_t n, struct keyset *k, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/*
 * The value of a certificate's extension SPKI_SSHKEYS_OID: SEQUENCE OF OCTET STRING, each of 32
 * bytes, in DER and nothing behind it; an empty one lists no key. -1: ERR_FORMAT.
 */
int keyset_from_extension(const uint8_t *der, size_t n, struct keyset *k, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
