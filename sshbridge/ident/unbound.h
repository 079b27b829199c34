/* unbound.h - connections that were let in before their SSH key was known */
#ifndef UNBOUND_H
#define UNBOUND_H

#include "table.h"

#define UNBOUND_SECONDS 5

/*
 * `account` said yes although each rule that grants the account binds an SSH key, since its line
 * promises that open_session will tell the key (bind=session). From now on the connection has
 * UNBOUND_SECONDS for that; asking again gives it no more. -1: ERR_NOMEM.
 */
int unbound_begin(struct ident *id, struct conn *c, const char *account, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Whether it waits for its key, for another account than this one too. */
bool unbound_for_other(const struct conn *c, const char *account) __attribute__((nonnull));
/* The key is known and fits, or the connection ends. */
void unbound_end(struct conn *c) __attribute__((nonnull));

/* End a connection for want of the right key; nothing is granted on it from now on. */
void unbound_cut(struct ident *id, struct conn *c, const char *why) __attribute__((nonnull));

#endif
