/*
 * auth.h - who logs in: publickey by ident's word, then (where the target has PAM)
 * keyboard-interactive by the pam process
 *
 * A question is asked while its message is held; until the answer comes nothing more is read from
 * the client (RFC 4252 section 5.1: requests are answered in order).
 */
#ifndef AUTH_H
#define AUTH_H

#include "jump.h"
#include "sshkey.h"

#define AUTH_FAILURES_MAX 10
#define AUTH_LOGINS_MAX	  40 /* LOGIN messages: each key is asked about twice, 20 keys */

enum { LOGGED_NO = 0, LOGGED_YES = 1, LOGGED_PAM = 2 }; /* the verdict of LOGGED */

int auth_init(struct jump *j, struct err *e) __attribute__((warn_unused_result, nonnull));
void auth_done(struct jump *j) __attribute__((nonnull)); /* may be called twice */
/* An answer is waited for. */
bool auth_waits(const struct jump *j) __attribute__((nonnull));
/* What the client has shown so far: account, key, tries. */
void auth_describe(const struct jump *j, struct logline *l) __attribute__((nonnull));

/* Messages of the client; taken over. */
void auth_service(struct jump *j, ssh_message msg) __attribute__((nonnull));
void auth_request(struct jump *j, ssh_message msg) __attribute__((nonnull));

/* ident's answers. `pam`: the pair's end to the pam process, set to -1 where it is taken over. */
int auth_logged(struct jump *j, uint32_t number, uint32_t verdict, const char *text, int *pam,
    struct err *e) __attribute__((warn_unused_result, nonnull(1, 4, 6)));
int auth_passed(struct jump *j, bool ok, const char *text, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* ---- between auth.c and kbdint.c --------------------------------------------------------------
 */

struct kbdint;
struct auth {
	ssh_message held;  /* waits for an answer */
	bool asked;	   /* of ident, by LOGIN; else of PAM */
	uint32_t number;   /* of the last LOGIN */
	bool none;	   /* the one try without credentials that is free */
	char user[256];	   /* pinned by the first request */
	unsigned services; /* how often ssh-userauth was asked for */
	unsigned requests, failures;
	struct sshkey key; /* the last one that was shown */
	bool proven;
	char told[256];	       /* ident's last sentence to the user, or the beginning of it */
	struct kbdint *kbdint; /* the key was right; PAM comes next */
};

/* Refuse a request; too many are the end. Takes the message over. `why` is for the log. */
void auth_fail(struct jump *j, ssh_message msg, const char *why) __attribute__((nonnull));
/* A sentence for the user, before the reply that it is about. */
void auth_banner(struct jump *j, const char *text) __attribute__((nonnull));
void auth_succeed(struct jump *j, ssh_message msg) __attribute__((nonnull));

int kbdint_begin(struct jump *j, int fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void kbdint_done(struct jump *j) __attribute__((nonnull));
/* A request or an answer of the client; takes the message over. */
void kbdint_request(struct jump *j, ssh_message msg) __attribute__((nonnull));
void kbdint_passed(struct jump *j, bool ok, const char *text) __attribute__((nonnull));

#endif
