/* login.h - LOGIN to a jump: account and SSH key, judged, then perhaps PAM, then in */
#ifndef LOGIN_H
#define LOGIN_H

#include "jump.h"
#include "keylogin.h"

/*
 * What is known of a login, while somebody asks about it. It points to itself and to the
 * connection: not to be copied.
 */
struct login_case {
	struct keylogin_case k;
	struct accepted accepted;
	struct identity *identity;
	struct sockaddr_storage from;
	struct keyset keys;
	struct keylogin by;
};

/*
 * Judge this account and key by what is in force, as of now; `mode` is for its certificate. 0 and
 * v's grant; -1: v. login_case_done() in either case.
 */
int login_judge(const struct jump *j, const struct jump_key *key, enum judge_mode mode,
    struct login_case *l, struct verdict *v) __attribute__((warn_unused_result, nonnull));
void login_case_done(struct login_case *l) __attribute__((nonnull));

/* The PAM process is there: `fd` is the jump process' end of the pair to it, taken over. */
void login_pam(struct jump *j, int fd) __attribute__((nonnull));

#endif
