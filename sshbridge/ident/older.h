/* older.h - the ident of the instance before, which still serves its connections */
#ifndef OLDER_H
#define OLDER_H

#include "msgq.h"
#include "question.h"

struct ident;

struct older {
	struct msgq *q; /* NULL: there is none */
	struct msg_seen seen;
	uint64_t last; /* number of the last question */
	bool further;  /* another is before it, and is reached through it alone */
	bool lost;     /* such a one is there, perhaps, and is not reached any more */
};

/* The pair to it, which replaces the one before; takes fd over when it succeeds. */
int older_peer(struct ident *id, int fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void older_done(struct ident *id) __attribute__((nonnull));

/*
 * Pass a question on with its socket, which stays the caller's. Return its number; 0 when there
 * is no older ident or it does not read. ask_answered() brings the answer.
 */
uint64_t older_ask(struct ident *id, const struct question *q, int fd) __attribute__((nonnull));

/* Whether others serve sessions from before ours: through the older one, or not reached any more.
 */
bool older_has(const struct ident *id) __attribute__((nonnull));
/* The number of one more question, for its header; 0: there is no older ident. */
uint64_t older_number(struct ident *id) __attribute__((nonnull));
/* Send it, with a descriptor that passes to the queue. -1: it does not read (reported). */
int older_send(struct ident *id, const struct msg_out *o, const int *fd)
    __attribute__((warn_unused_result, nonnull(1, 2)));

#endif
