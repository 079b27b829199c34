/* sweep.h - cutting all live connections that something holds for, a slice at a time */
#ifndef SWEEP_H
#define SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "cut.h"
#include "identity.h"

/* The values are on the wire in CUTS. */
enum sweep_by { SWEEP_ID = 1, SWEEP_IDENTITY = 2, SWEEP_SERIAL = 3, SWEEP_LOCKED = 4 };

struct sweep {
	enum sweep_by by;
	uint64_t id;
	char value[IDENTITY_NAME_MAX]; /* compared whole */
	uint64_t cursor;
	bool begun;
	uint32_t n; /* connections that were cut */
};

/* The next slice, short enough that nobody's login waits for it. True: that was the last. */
bool sweep_step(struct ident *id, struct sweep *k) __attribute__((warn_unused_result, nonnull));

#endif
