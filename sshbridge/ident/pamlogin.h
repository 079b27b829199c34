/*
 * pamlogin.h - the PAM process of a jump login: it has the last word before the client is in
 *
 * The monitor starts one on our word (PAM), and gives us the pair to it. It speaks with the jump
 * process over a pair that is made here, and with us: START to it, PASSED from it. It holds the PAM
 * session open until our channel to it ends.
 */
#ifndef PAMLOGIN_H
#define PAMLOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct ident;
struct jump;
struct pamlogin;

/* Ask for one; login_pam() or login_passed() follow. -1: ERR_NOMEM, ERR_SYS. */
int pamlogin_ask(struct jump *j, struct err *e) __attribute__((warn_unused_result, nonnull));
/* PAM from the monitor: the pair's end, taken over where it is set to -1; `fd` NULL: there is none.
 */
void pamlogin_given(struct ident *id, uint64_t conn, int *fd) __attribute__((nonnull(1)));
void pamlogin_free(struct pamlogin *p); /* the process sees its end; NULL does nothing */

#endif
