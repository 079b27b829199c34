/*
 * candidate.h - a generation on its way into force: not if its map would cut most of what is live
 *
 * A map that is cut off between two rules, or written for another host, parses as well as any
 * other. So it is asked about every live connection first, in slices; only the map counts here: a
 * CRL or a change of trust always takes effect.
 */
#ifndef CANDIDATE_H
#define CANDIDATE_H

#include <stdbool.h>

#include "err.h"
#include "generation.h"

struct ident;

struct candidate {
	struct generation *gen; /* NULL: there is none */
	uint64_t pass;		/* number of the last count */
	size_t live, lost;	/* so far: asked about, and what the map would cut of them */
	struct event *slice;
};

/* Before the sandbox. */
int candidate_init(struct ident *id, struct err *e) __attribute__((warn_unused_result, nonnull));
void candidate_done(struct ident *id) __attribute__((nonnull));

/*
 * Take `g` over: into force, or not. The monitor gets READY for it, perhaps only after some turns
 * of the loop. One that comes meanwhile takes its place, and only that one gets a READY. `force`:
 * whatever it cuts.
 */
void candidate_offer(struct ident *id, struct generation *g, bool force) __attribute__((nonnull));

#endif
