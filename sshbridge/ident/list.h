/* list.h - the live connections as messages for the operator, and those of an older ident judged */
#ifndef LIST_H
#define LIST_H

#include <stdint.h>

#include "msg.h"

struct ident;

/* What stands behind the header of each answer; *o was started by the caller. */
/* A page of live connections from *cursor (0: the first), which moves on; 0 when it was the last.
 */
void list_page(struct ident *id, uint64_t *cursor, struct msg_out *o) __attribute__((nonnull));
/* All that is known of one; -1: it is not here, and nothing was written. */
int list_show(struct ident *id, uint64_t conn, struct msg_out *o)
    __attribute__((warn_unused_result, nonnull));
void list_stats(const struct ident *id, struct msg_out *o) __attribute__((nonnull));
/* The same where there is no connection and no ident: an empty page, none, no gate. */
void list_nothing(unsigned type, struct msg_out *o) __attribute__((nonnull));

/* Whether the rest of an older ident's answer is what these functions write. -1: ERR_PEER. */
int list_check(const struct msg_in *m, struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
