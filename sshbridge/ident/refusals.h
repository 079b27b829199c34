/* refusals.h - targets that were refused to a jump connection, for the operator */
#ifndef REFUSALS_H
#define REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

#define REFUSALS_MAX 8
/* Records of one connection in one minute: who asks and asks must not drive out those of others. */
#define REFUSALS_A_MINUTE 60

struct refusal_note {
	int64_t at; /* seconds since 1970 */
	char to[160], why[240];
};
struct refusals {
	struct refusal_note last[REFUSALS_MAX];
	uint64_t n; /* in all */
	int64_t since;
	unsigned told;	   /* from then on */
	uint64_t left_out; /* since the last that was told */
};

/* What does not fit is cut. */
void refusals_add(struct refusals *r, int64_t at, const char *to, const char *why)
    __attribute__((nonnull));
/* Whether one more is told at this time of a clock in seconds; else it is counted as left out. */
bool refusals_tell(struct refusals *r, int64_t now) __attribute__((nonnull));
/* The i-th of those that are kept, the newest is 0; NULL: there are not so many. */
const struct refusal_note *refusals_get(const struct refusals *r, unsigned i)
    __attribute__((nonnull));

#endif
