/* clock.h - deadlines */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds that only go forward. */
static inline int64_t
clock_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What poll() is to wait until `deadline_ms`: 0 when it has passed. */
static inline int
clock_left(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_ms();

	return left <= 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
}

#endif
