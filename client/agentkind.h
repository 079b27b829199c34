/* agentkind.h - the kinds of key with which an ssh-agent can sign TLS, and their signatures */
#ifndef AGENTKIND_H
#define AGENTKIND_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define AGENTKIND_SIG_MAX 128 /* bytes of a signature in TLS; the largest is P-384's, 104 */

struct agentkind {
	const char *ssh;     /* name of the key and of its signature */
	const char *keytype; /* OpenSSL's */
	const char *digest;  /* which the agent takes of the data, or NULL: none */
	size_t part;	     /* bytes of the signature's r and s, each */
};

/*
 * The kind of an SSH key; NULL: one that an agent cannot sign TLS with. RSA is none: an agent makes
 * PKCS#1 v1.5 signatures (RFC 8332), and TLS 1.3 takes PSS alone (RFC 8446 section 4.2.3).
 */
const struct agentkind *agentkind_of(const char *ssh) __attribute__((nonnull));

/*
 * A signature blob as TLS has it: for ECDSA the DER of RFC 3279 section 2.2.3 in place of RFC 5656
 * section 3.1.2, for Ed25519 its 64 bytes. -1: ERR_PEER (another kind, lengths, zero, negative).
 */
int agentkind_signature(const struct agentkind *k, const uint8_t *blob, size_t n,
    uint8_t sig[AGENTKIND_SIG_MAX], size_t *sig_n, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
