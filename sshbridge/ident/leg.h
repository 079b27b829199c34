/* leg.h - a socket that a connection goes through: the duplicate, and how WHO finds it */
#ifndef LEG_H
#define LEG_H

#include <stdbool.h>

#include "endpoint.h"
#include "hash.h"

struct ident;
struct conn;
struct table;

/*
 * To the target of a connection, or of one channel of a jump connection; or the pair's end that a
 * gate has of a jump connection, about which nobody can ask WHO.
 */
struct leg {
	struct hash_node by_tuple;
	struct conn *conn;
	int fd;		 /* the duplicate; -1: none */
	bool listed;	 /* found by its two ends */
	bool target_eof; /* the target has sent its end: no new login, a session may open */
	bool ended;	 /* nothing is granted through it any more; it still holds the port */
	struct tuple tuple;
	uint64_t cookie; /* of the socket that asked first; 0: nobody has yet */
};

void leg_init(struct leg *l, struct conn *c) __attribute__((nonnull));
/* Takes fd over: from now on WHO finds it, unless it has no ends (NULL). */
void leg_add(struct table *t, struct leg *l, int fd, const struct tuple *tuple)
    __attribute__((nonnull(1, 2)));
/*
 * A connected TCP socket, which stays the caller's: the duplicate, the tuple, the watch; all of it
 * before anybody else has the socket. -1: what there is of it leg_drop() takes away.
 */
int leg_hold(struct ident *id, struct leg *l, int fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The same of one end of a pair. */
int leg_hold_pair(struct ident *id, struct leg *l, int fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* It has ended, and with it the connection, where it is the connection's own. */
void leg_ended(struct leg *l) __attribute__((nonnull));
/*
 * Off the table, so that nothing finds it; then shut down (a close alone sends nothing while
 * others have it open too); then closed.
 */
void leg_drop(struct ident *id, struct leg *l) __attribute__((nonnull));

#endif
