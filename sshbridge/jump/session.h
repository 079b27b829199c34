/* session.h - SSH host keys, and libssh sessions that use them */
#ifndef SESSION_H
#define SESSION_H

#include <libssh/libssh.h>
#include <stdbool.h>

#include "err.h"
#include "settings.h"

/* Of the targets of a generation, by their place in the settings. */
struct hostkeys {
	ssh_key of[SETTINGS_TARGETS_MAX][SETTINGS_HOST_KEYS_MAX];
	uint32_t n[SETTINGS_TARGETS_MAX];
};

/*
 * Add a key file as it stands (OpenSSH's or PEM, unencrypted). -1: ERR_FORMAT (no key, encrypted,
 * of a type or size that is not taken, a second one of its type), ERR_NOMEM.
 */
int hostkeys_add(struct hostkeys *h, uint32_t target, const uint8_t *text, size_t n, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Forget all but those of one target. */
void hostkeys_keep(struct hostkeys *h, uint32_t target) __attribute__((nonnull));
void hostkeys_done(struct hostkeys *h) __attribute__((nonnull));

/*
 * A server's session with the algorithms that we take, non-blocking; key exchange begins with
 * ssh_handle_key_exchange(). It reads and writes `fd`, which belongs to it then (on failure it
 * stays the caller's); -1: it is made only to see whether it can be. NULL: ERR_FORMAT, ERR_NOMEM.
 */
ssh_session session_new(const struct hostkeys *h, uint32_t target, const struct settings_target *t,
    int fd, struct err *e) __attribute__((warn_unused_result, nonnull));

/* Whether a publickey request has signed, and rightly; a probe has not (RFC 4252 section 7). */
bool session_proven(ssh_message msg) __attribute__((nonnull));

/* The key of a publickey request; it stays the message's. */
ssh_key session_key(ssh_message msg) __attribute__((nonnull));

/* Public key algorithms that users may sign with: no certificates, no SHA-1. */
#define SESSION_USER_KEYS                                             \
	"ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256," \
	"ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"                    \
	"sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256"

#endif
