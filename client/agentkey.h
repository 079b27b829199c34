/* agentkey.h - --key agent:[FINGERPRINT]: the certificate's key, held by ssh-agent */
#ifndef AGENTKEY_H
#define AGENTKEY_H

#include <stdbool.h>
#include <openssl/x509.h>

#include "err.h"

/* Whether a --key is of the agent and not a file; a file of such a name is ./agent:... */
bool agentkey_named(const char *key) __attribute__((nonnull));

/* The fingerprint, if there is one: SHA256:... as ssh-add -l prints it. 0, or -1 and ERR_FORMAT. */
int agentkey_check(const char *key, struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * The key pair of the certificate, in the agent at SSH_AUTH_SOCK, which must hold it now. The
 * caller frees it. NULL and *e, a sentence that says what to do: ERR_FORMAT (a kind of key that an
 * agent cannot sign TLS with, another fingerprint), ERR_REFUSED (the agent does not hold it), and
 * those of agent_holds().
 */
EVP_PKEY *agentkey_open(const char *key, X509 *cert, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
