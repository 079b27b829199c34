/* report.h - lines to the log, through the monitor; nobody waits for it */
#ifndef REPORT_H
#define REPORT_H

#include "audit.h"
#include "judge.h"
#include "question.h"
#include "table.h"
#include "text.h"

/*
 * To the log, and to the audit trail where lib/audit.c has the event. Bounded: when the monitor
 * does not read, records are dropped, and the next that goes says how many.
 */
void report_line(struct ident *id, enum child_level level, const struct logline *l)
    __attribute__((nonnull));
/*
 * The same for a record by which somebody gets in. False: it cannot be written and must be
 * (audit { on-loss = "require" }). *record is its number where it must be written before anybody
 * is told (hold.h), else 0.
 */
bool report_grant(struct ident *id, const struct logline *l, uint64_t *record)
    __attribute__((warn_unused_result, nonnull));
void report(struct ident *id, enum child_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), nonnull(1, 3)));

/* Once for each OPEN; report_opened() as report_grant(). */
void report_refused(struct ident *id, const struct conn *c, const struct verdict *v)
    __attribute__((nonnull));
bool report_opened(struct ident *id, const struct conn *c, uint64_t *record)
    __attribute__((warn_unused_result, nonnull));
/* A no to a question that was not judged, or that became one afterwards; c may be NULL. */
void report_denied(struct ident *id, const struct conn *c, const struct question_names *q,
    const char *why) __attribute__((nonnull(1, 3, 4)));
/* "closed", or for one that never was connected "refused"; end->why NULL: it was told already. */
void report_closed(struct ident *id, const struct conn *c, int64_t seconds,
    const struct conn_end *end) __attribute__((nonnull));

/*
 * Of a jump connection: a login, and the targets that it opens. Those with a record as
 * report_grant(). A channel that ends before it was opened is "refused".
 */
struct jump;
struct jump_key;
struct channel;
void report_login_denied(struct ident *id, const struct jump *j, const struct jump_key *key,
    const struct verdict *v) __attribute__((nonnull));
bool report_login_granted(struct ident *id, const struct jump *j, const struct verdict *v,
    uint64_t *record) __attribute__((warn_unused_result, nonnull));
bool report_channel_opened(struct ident *id, const struct channel *ch, uint64_t *record)
    __attribute__((warn_unused_result, nonnull));
void report_channel_refused(struct ident *id, const struct channel *ch, const struct verdict *v)
    __attribute__((nonnull));
void report_channel_closed(struct ident *id, const struct channel *ch, const struct conn_end *end)
    __attribute__((nonnull));

/* "cut", once for each connection that is. */
void report_cut(struct ident *id, const struct conn *c, const char *why) __attribute__((nonnull));
/* "renewed": c has the new evidence already, of `now`; `old` is what it had. */
void report_renewed(struct ident *id, const struct conn *c, const struct evidence *old,
    const struct identity *now) __attribute__((nonnull));

#endif
