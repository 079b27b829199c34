/* agent.h - the user's ssh-agent: which keys it holds, and a signature (draft-miller-ssh-agent) */
#ifndef AGENT_H
#define AGENT_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define AGENT_PATH_MAX 108	     /* of a Unix socket, NUL included */
#define AGENT_MESSAGE  (256U * 1024) /* bytes of a message; ssh-agent takes no more either */
#define AGENT_KEYS     2048	     /* in one answer */
#define AGENT_SIG_MAX  512	     /* bytes of a signature that we can use */

/* Where it is, and how long it may take. Plain data: copies are as good as the original. */
struct agent {
	char path[AGENT_PATH_MAX];
	int answer_ms;	 /* to connect, and to say what it holds */
	int sign_ms;	 /* to sign: its user may have to confirm, or to touch a token */
	int patience_ms; /* after which the user is told what is waited for */
};

/* The socket is `path`, usually $SSH_AUTH_SOCK; NULL counts as not set. -1: ERR_FORMAT. */
int agent_init(struct agent *a, const char *path, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 3)));

/*
 * Whether the agent holds the key of this public blob: 1 or 0, and in *keys how many it says that
 * it holds (a locked one says none). -1 and *e: ERR_SYS (no agent, it hung up), ERR_PEER (no
 * answer in time, not what an agent says).
 */
int agent_holds(const struct agent *a, const uint8_t *blob, size_t n, size_t *keys, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/*
 * Let the key of `blob` sign `data`: what is signed is the data itself, hashed by the agent if the
 * kind of key asks for it. The signature blob (RFC 4253 section 6.6) goes to sig, its length to
 * *sig_n. -1 and *e: as above; ERR_REFUSED when the agent says no.
 */
int agent_sign(const struct agent *a, const uint8_t *blob, size_t n, const uint8_t *data,
    size_t data_n, uint8_t sig[AGENT_SIG_MAX], size_t *sig_n, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
