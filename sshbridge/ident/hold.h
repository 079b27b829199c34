/*
 * hold.h - answers that wait until the record of them is written (audit { on-loss = "require" })
 *
 * Each waits for AUDITED under the number of its record, for HOLD_MS at most. Without a word by
 * then, or when it could not be written, nobody gets in.
 */
#ifndef HOLD_H
#define HOLD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "err.h"

struct ident;
struct asker;
struct answer;
struct conn;

#define HOLD_MS	     1500 /* pam_mtls waits 2000 for its answer */
#define HOLD_REFUSAL "the audit log cannot be written"

struct hold;
TAILQ_HEAD(hold_list, hold);
struct holds {
	struct hold_list all; /* oldest first: all wait equally long */
	struct event *timer;  /* for the first of them */
};

int hold_init(struct ident *id, struct err *e) __attribute__((warn_unused_result, nonnull));
void hold_done(struct ident *id) __attribute__((nonnull));

/* A yes to a PAM question; the asker has answer->record. False: out of memory, say no. */
bool hold_answer(struct ident *id, struct asker *a, const struct answer *answer)
    __attribute__((warn_unused_result, nonnull));
/* Nobody waits for it any more. */
void hold_forget(struct hold *h);
/* OPENED with its socket, which is taken over unless it fails. */
bool hold_opened(struct ident *id, struct conn *c, uint64_t record, int fd)
    __attribute__((warn_unused_result, nonnull));

/*
 * Any other: `done` is called once, unless it is forgotten before. NULL: out of memory, say no.
 */
struct hold *hold_call(struct ident *id, uint64_t record, void (*done)(void *arg, bool written),
    void *arg) __attribute__((warn_unused_result, nonnull));

/* AUDITED: the record of that number is written, or is not. One that nobody waits for is none. */
void hold_audited(struct ident *id, uint64_t record, bool written) __attribute__((nonnull));

#endif
