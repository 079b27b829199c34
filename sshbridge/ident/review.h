/*
 * review.h - live connections are judged again: when what is in force changes, and as time passes
 *
 * One queue holds all connections, whoever was looked at last at its end; a pass takes them from
 * the front until it meets one that it has seen. A pass that begins while another is under way
 * goes on where that one is, so that nobody waits for ever behind a flood of changes.
 */
#ifndef REVIEW_H
#define REVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "judge.h"

struct event;
struct ident;
struct conn;

struct review {
	uint64_t pass; /* number of the last one that began */
	uint64_t full; /* the last one that judges everybody; later ones look at the times only */
	struct event *slice, *tick;
	char reason[64]; /* for the log: why the last full one began; empty: it has ended */
	uint64_t cut;	 /* how many it has cut */
};

/* Before the sandbox. */
int review_init(struct ident *id, struct err *e) __attribute__((warn_unused_result, nonnull));
void review_done(struct ident *id) __attribute__((nonnull));

/* How that generation judges a connection that is there: by its target's on-expiry. */
enum judge_mode review_mode(const struct generation *g, const struct conn *c)
    __attribute__((nonnull));
/* Judge every connection by what is in force now; in slices, from the event loop. */
void review_start(struct ident *id, const char *reason) __attribute__((nonnull));
/* A connection whose evidence was judged just now, at OPEN, WHO or RENEW: when to look again. */
void review_judged(struct ident *id, struct conn *c, int64_t now) __attribute__((nonnull));
/*
 * When the gate is to ask for a new certificate: seconds since 1970; 0: never. The target's
 * `reauth` before the end of what counts now; where less is left, in the middle of the rest, so
 * that whoever renews late is asked again.
 */
int64_t review_renew_at(const struct ident *id, const struct conn *c, int64_t now)
    __attribute__((nonnull));

#endif
