/* cuts.h - cutting all live connections that something holds for, a slice at a time */
#ifndef CUTS_H
#define CUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "cut.h"
#include "identity.h"

/* The values are on the wire in CUTS. */
enum cuts_by { CUTS_ID = 1, CUTS_IDENTITY = 2, CUTS_SERIAL = 3, CUTS_LOCKED = 4 };

struct cuts {
	enum cuts_by by;
	uint64_t id;
	char value[IDENTITY_NAME_MAX]; /* compared whole */
	uint64_t cursor;
	bool begun;
	uint32_t n; /* connections that were cut */
};

/* The next slice, short enough that nobody's login waits for it. True: that was the last. */
bool cuts_step(struct ident *id, struct cuts *k) __attribute__((warn_unused_result, nonnull));

#endif
