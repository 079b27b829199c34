/* channel_idle.c - a connection on whose channels nothing has moved for a target's idle-timeout */
#include <time.h>

#include "channel.h"

static int64_t
now_seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec;
}

void
channel_idle_moved(struct channels *s)
{
	if (s->idle != NULL)
		s->moved = now_seconds();
}

/* The timer is set anew when it fires, not for every byte. */
static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct channels *s = arg;
	struct timeval tv = { .tv_sec = s->moved + s->j->target.idle_timeout - now_seconds() };

	(void)fd;
	(void)what;
	if (tv.tv_sec <= 0)
		jump_end(s->j, "idle timeout", "idle timeout");
	else if (evtimer_add(s->idle, &tv) == -1)
		jump_end(s->j, "out of memory", "out of memory");
}

int
channel_idle_start(struct channels *s, struct err *e)
{
	struct timeval tv = { .tv_sec = s->j->target.idle_timeout };

	if (tv.tv_sec == 0)
		return 0;
	s->moved = now_seconds();
	s->idle = evtimer_new(s->j->base, on_idle, s);
	if (s->idle == NULL || evtimer_add(s->idle, &tv) == -1) {
		channel_idle_stop(s);
		return err_nomem(e, "idle timer");
	}
	return 0;
}

void
channel_idle_stop(struct channels *s)
{
	if (s->idle != NULL)
		event_free(s->idle);
	s->idle = NULL;
}
