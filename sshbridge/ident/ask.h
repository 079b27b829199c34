/* ask.h - those who ask WHO: PAM modules on ident.sock, and a newer ident on its pair */
#ifndef ASK_H
#define ASK_H

#include <event2/event.h>
#include <sys/queue.h>

#include "msgq.h"
#include "question.h"

#define ASKERS_MAX 256 /* at once, all together */

struct ident;

/* A newer ident, which passes on what it has no entry for. */
struct newer {
	LIST_ENTRY(newer) all;
	struct ident *id;
	struct msgq *q;
	struct msg_seen seen;
};

/* One question until its answer. */
struct asker {
	LIST_ENTRY(asker) all;
	struct ident *id;
	struct msgq *q; /* of a PAM module; NULL for a newer ident's question */
	struct msg_seen seen;
	struct newer *newer;
	uint64_t newer_number;
	uint64_t number; /* under which it was passed on to the older ident; 0: it was not */
	struct question_names names; /* once it has asked */
	struct hold *hold;	     /* its answer waits for the record of it */
	struct event *timer;
};

struct ask {
	int listener;		/* -1: none yet */
	struct event *readable; /* NULL until there are a listener and a generation */
	struct event *again;	/* after descriptors ran out */
	LIST_HEAD(, asker) askers;
	size_t n;
	LIST_HEAD(, newer) newers;
	size_t nnewers;
};

int ask_init(struct ident *id, struct err *e) __attribute__((warn_unused_result, nonnull));
void ask_done(struct ident *id) __attribute__((nonnull));
/* The listener of ident-socket, which replaces the one before; -1: take no more. */
int ask_listen(struct ident *id, int fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Take questions: there is a generation now to answer them by. */
void ask_enable(struct ident *id) __attribute__((nonnull));
/* The pair to a newer ident; takes fd over when it succeeds. */
int ask_newer(struct ident *id, int fd, struct err *e) __attribute__((warn_unused_result, nonnull));
/* Tell the newer idents whether there is one before us. */
void ask_chain(struct ident *id) __attribute__((nonnull));

/* The answer that was held for this asker. */
void ask_release(struct asker *a, const struct answer *answer) __attribute__((nonnull));
/* The older ident's answer to question `number`; 0: to every one that it still owes. */
void ask_answered(struct ident *id, uint64_t number, const struct answer *a)
    __attribute__((nonnull));

#endif
