/* deadline.h - one moment by which all of a hook is over, whatever it waits for */
#ifndef DEADLINE_H
#define DEADLINE_H

#include <stdint.h>

#include "err.h"

/* Milliseconds of CLOCK_MONOTONIC: nobody who sets the clock moves it. */
struct deadline {
	int64_t at_ms;
};

struct deadline deadline_in(int ms);
/* Milliseconds left, 0 when it is over. */
int deadline_left(struct deadline d);
/*
 * Wait until `fd` has one of `events` or an error (whoever reads or writes next sees it). 0, or
 * -1 and ERR_SYS: detail ETIMEDOUT when the deadline came first.
 */
int deadline_poll(struct deadline d, int fd, short events, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Sleep `ms`, or up to the deadline if that is earlier. -1 and ERR_SYS when it is over. */
int deadline_nap(struct deadline d, int ms, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
