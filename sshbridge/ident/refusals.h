/* refusals.h - the last few targets that were refused to a jump connection, for the operator */
#ifndef REFUSALS_H
#define REFUSALS_H

#include <stdint.h>

#define REFUSALS_MAX 8

struct refusal_note {
	int64_t at; /* seconds since 1970 */
	char to[160], why[240];
};
struct refusals {
	struct refusal_note last[REFUSALS_MAX];
	uint64_t n; /* in all */
};

/* What does not fit is cut. */
void refusals_add(struct refusals *r, int64_t at, const char *to, const char *why)
    __attribute__((nonnull));
/* The i-th of those that are kept, the newest is 0; NULL: there are not so many. */
const struct refusal_note *refusals_get(const struct refusals *r, unsigned i)
    __attribute__((nonnull));

#endif
