/*
 * agentprov.h - an OpenSSL key whose private half stays in ssh-agent
 *
 * A provider with one operation beside the keys themselves: DigestSign in one go, for that is the
 * one thing that an agent does: it takes the data, not their hash.
 */
#ifndef AGENTPROV_H
#define AGENTPROV_H

#include <stdbool.h>
#include <stddef.h>
#include <openssl/evp.h>

#include "agent.h"
#include "agentkind.h"
#include "err.h"
#include "sshkey.h"

/*
 * The key pair of the public key `pub`, which is `ssh` of kind `k`, in the agent. It may be used
 * like any other, also in an SSL_CTX of the default library context; each signature is a question
 * to the agent, and is verified before it is given away. The caller frees it. NULL: ERR_NOMEM.
 */
EVP_PKEY *agentprov_key(const struct agent *a, const struct agentkind *k, const struct sshkey *ssh,
    EVP_PKEY *pub, struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * Whether a signature failed because of the agent: then the sentence that says why. Empties
 * libcrypto's queue of errors, as far as that sentence.
 */
bool agentprov_said(char *dst, size_t size) __attribute__((nonnull));

#endif
