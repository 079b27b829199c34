/*
 * pam.h - the pam process: the PAM stack of one login to a jump target
 *
 * It runs as root, for modules need that, and hears of the client only bounded answers. What it
 * asks, and who may, is ident's; its session lasts as long as ident's channel to it.
 */
#ifndef SSHBRIDGE_PAM_H
#define SSHBRIDGE_PAM_H

#include <security/pam_appl.h>
#include <stdbool.h>

#include "child.h"
#include "msg.h"
#include "settings.h"

/* Bounds that the other ends know too (docs/PROTOCOL.md): bytes with their NUL. */
#define PAM_PROMPTS_MAX 8  /* in one PROMPT */
#define PAM_ROUNDS_MAX	64 /* PROMPTs of one login */
#define PAM_PROMPT_SIZE 1024
#define PAM_ANSWER_MAX	4096
#define PAM_INFO_SIZE	4096 /* what modules say without asking */
#define PAM_TEXT_SIZE	512  /* of PASSED */
#define PAM_FACTS_MAX	16   /* MTLS_* of START */
#define PAM_FACT_SIZE	4200

struct login {
	int monitor, ident, jump; /* jump -1: it has gone; nothing can be asked */
	struct msg_seen from_monitor, from_ident, from_jump;
	unsigned phase; /* bits as in serve.c */
	bool over;	/* ident or the monitor has gone, or broke the protocol */

	/* START */
	uint64_t conn;
	char service[SETTINGS_NAME_MAX], account[256], rhost[256];
	char *facts[PAM_FACTS_MAX];
	uint32_t nfacts;

	/* PAM */
	const char *confdir; /* NULL: libpam's own */
	pam_handle_t *pam;
	bool has_creds, has_session;
	int last; /* what PAM returned last */

	/* the question that is under way, and what was said since the last one */
	const struct pam_message *asked[PAM_PROMPTS_MAX];
	struct pam_response *answers[PAM_PROMPTS_MAX];
	uint32_t nasked;
	bool unusable; /* one of the answers */
	unsigned rounds;
	char said[PAM_INFO_SIZE];
};

/*
 * Serve one login: PEER, START, the stack, PASSED, the session, its end. `l` has its channel to the
 * monitor, and confdir.
 */
void pam_serve(struct login *l) __attribute__((nonnull));

/* serve.c: wait for the answer to a PROMPT. -1: there is none. */
int serve_wait_reply(struct login *l) __attribute__((warn_unused_result, nonnull));
/* A line in the log with the connection and the account in it. */
void serve_log(const struct login *l, enum child_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), nonnull(1, 3)));

/* conv.c: the conversation function; appdata is the struct login */
int conv(int n, const struct pam_message **msg, struct pam_response **resp, void *appdata);
/* REPLY of the jump process */
int conv_on_reply(void *login, struct msg_in *m, int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 5)));

/* stack.c */
/*
 * Authenticate, check the account, open the session. False: no, and `text` says so to the user;
 * true: `text` has what modules had to say besides, and stack_close() comes later.
 */
bool stack_open(struct login *l, char text[PAM_TEXT_SIZE])
    __attribute__((warn_unused_result, nonnull));
void stack_close(struct login *l) __attribute__((nonnull)); /* whatever is open of it */

#endif
