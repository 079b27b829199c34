/* agentanswer.h - what an ssh-agent answers (draft-miller-ssh-agent section 3) */
#ifndef AGENTANSWER_H
#define AGENTANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "err.h"

/* Numbers of messages (section 6.1) */
enum {
	AGENT_FAILURE = 5,
	AGENT_REQUEST_IDENTITIES = 11,
	AGENT_IDENTITIES_ANSWER = 12,
	AGENT_SIGN_REQUEST = 13,
	AGENT_SIGN_RESPONSE = 14,
};

/* Each takes a message behind its length, and says -1 with ERR_PEER when no agent answers so. */

/* Whether `blob` is among the keys: 1 or 0, and how many there are. ERR_REFUSED: it does not say.
 */
int agentanswer_keys(const uint8_t *p, size_t n, const uint8_t *blob, size_t blob_n, size_t *keys,
    struct err *e) __attribute__((warn_unused_result, nonnull));
/* The signature blob. ERR_REFUSED: the agent does not sign. */
int agentanswer_signature(const uint8_t *p, size_t n, uint8_t sig[AGENT_SIG_MAX], size_t *sig_n,
    struct err *e) __attribute__((warn_unused_result, nonnull));
/* ERR_PEER: this is no agent. Returns -1. */
int agentanswer_bad(struct err *e) __attribute__((nonnull));

#endif
