/* report.h - lines to the log, through the monitor; nobody waits for it */
#ifndef REPORT_H
#define REPORT_H

#include "child.h"
#include "judge.h"
#include "table.h"
#include "text.h"

/* Bounded: when the monitor does not read, lines are dropped, and the next that goes says so. */
void report_line(struct ident *id, enum child_level level, const char *line)
    __attribute__((nonnull));
void report(struct ident *id, enum child_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), nonnull(1, 3)));

/* "opened" or "refused", once for each OPEN; v may be NULL. */
void report_open(struct ident *id, const char *event, const struct conn *c, const struct verdict *v)
    __attribute__((nonnull(1, 2, 3)));
/* "closed", or for one that never was connected "refused"; end->why NULL: it was told already. */
void report_closed(struct ident *id, const struct conn *c, int64_t seconds,
    const struct conn_end *end) __attribute__((nonnull));

/* "cut", once for each connection that is. */
void report_cut(struct ident *id, const struct conn *c, const char *why) __attribute__((nonnull));
/* "renewed": c has the new evidence already, of `now`; `old` is what it had. */
void report_renewed(struct ident *id, const struct conn *c, const struct evidence *old,
    const struct identity *now) __attribute__((nonnull));

#endif
