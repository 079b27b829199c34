/* cut.h - ending a connection that no longer holds */
#ifndef CUT_H
#define CUT_H

#include "judge.h"
#include "table.h"

struct ident;

struct cuts {
	struct event *flush; /* sends CUTs that found no room in a gate's queue */
};

int cuts_init(struct ident *id, struct err *e) __attribute__((warn_unused_result, nonnull));
void cuts_done(struct ident *id) __attribute__((nonnull));

/*
 * From this moment the connection grants nothing: the gate is told (CUT, with `user` for the
 * client, NULL for the code's usual words), the target's socket is shut down, one line is logged
 * with `why`. The entry keeps the port until the gate's CLOSED. A second call does nothing.
 * Of a jump connection the targets are shut down, and the process is told; the gate hears of it
 * a second later, or when the process has ended.
 * One that still reaches for its target is refused instead, and `c` is gone when this returns:
 * whoever walks over connections takes the next one before.
 */
void conn_cut(struct ident *id, struct conn *c, enum cut_code code, const char *user,
    const char *why) __attribute__((nonnull(1, 2, 5)));
/* The jump process of this connection has ended. */
void cut_jump_gone(struct ident *id, struct conn *c) __attribute__((nonnull));
const char *cut_name(uint32_t code); /* "expired", for the log */

/* Each second: a gate that ends nothing of what is to end is given up, with its connections. */
void cuts_tick(struct ident *id) __attribute__((nonnull));
/* From table_remove(). */
void cut_forget(struct conn *c) __attribute__((nonnull));

#endif
