/* locks.h - identities that an operator has locked: the monitor keeps them, ident enforces them */
#ifndef LOCKS_H
#define LOCKS_H

#include <event2/event.h>

#include "sweep.h"
#include "lockset.h"
#include "msg.h"

struct newer;
struct verdict;

struct locks {
	struct lockset set;
	int fd;		     /* the set, for an older ident; -1: none was given yet */
	uint64_t number;     /* of the set */
	bool waiting;	     /* who gave it is still to hear that it is in force */
	struct newer *newer; /* who that is; NULL: the monitor */
	uint64_t newer_number;
	bool own_done, older_done; /* live connections are cut, here and there */
	bool complete;		   /* nothing went wrong so far */
	uint64_t older_number;	   /* of the question to the older ident */
	struct sweep sweep;
	uint32_t ncut;
	struct event *step, *late;
};

int locks_init(struct ident *id, struct err *e) __attribute__((warn_unused_result, nonnull));
void locks_done(struct ident *id) __attribute__((nonnull));
/* ident ends, and all connections with it: who waits for an answer gets it now. */
void locks_end(struct ident *id) __attribute__((nonnull));

/* Is this identity locked? It then gets no connection, no login, and what it has is cut. */
bool lock_holds(const struct ident *id, const char *identity_name) __attribute__((nonnull));
/* 0, or -1 and the verdict: it is locked. */
int locks_refuse(const struct ident *id, const char *identity_name, struct verdict *v)
    __attribute__((warn_unused_result, nonnull));

/*
 * LOCKS, the whole set, from the monitor (`newer` NULL) or a newer ident. In force when this
 * returns; the answer follows when every connection that it locks is cut, here and in an older
 * ident. -1: the peer broke the protocol.
 */
int locks_take(struct ident *id, struct newer *newer, struct msg_in *m, int *fds, size_t nfds,
    struct err *e) __attribute__((warn_unused_result, nonnull(1, 3, 4, 6)));
void locks_newer_gone(struct ident *id, const struct newer *newer) __attribute__((nonnull));

/* An older ident: there is a new one, it has answered, it has ended. */
void locks_to_older(struct ident *id) __attribute__((nonnull));
int locks_answered(struct ident *id, struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void locks_older_gone(struct ident *id) __attribute__((nonnull));

#endif
