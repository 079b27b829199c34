/* deadline.c - waiting with a bound; by poll() only, since signals are the application's */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

#include "deadline.h"

/* A clock that cannot be read must not make the wait endless: it counts as over. */
static int64_t
now_ms(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		return INT64_MAX;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct deadline
deadline_in(int ms)
{
	int64_t now = now_ms();

	return (struct deadline){ .at_ms = now == INT64_MAX ? 0 : now + ms };
}

int
deadline_left(struct deadline d)
{
	int64_t now = now_ms();

	if (now >= d.at_ms)
		return 0;
	return d.at_ms - now > INT_MAX ? INT_MAX : (int)(d.at_ms - now);
}

int
deadline_poll(struct deadline d, int fd, short events, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = events };
	int left, n;

	/* EINTR only takes from what is left */
	while ((left = deadline_left(d)) > 0) {
		n = poll(&p, 1, left);
		if (n > 0)
			return 0;
		if (n == -1 && errno != EINTR)
			return err_sys(e, errno, "poll");
	}
	return err_sys(e, ETIMEDOUT, "the daemon did not answer");
}

int
deadline_nap(struct deadline d, int ms, struct err *e)
{
	int left = deadline_left(d);

	if (left == 0)
		return err_sys(e, ETIMEDOUT, "the daemon did not answer");
	if (poll(NULL, 0, left < ms ? left : ms) == -1 && errno != EINTR)
		return err_sys(e, errno, "poll");
	return 0;
}
