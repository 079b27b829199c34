/*
 * hangup.c - ident's own watch over the duplicates
 *
 * libevent's EV_CLOSED does not tell of a reset, and a level-triggered watch would spin on an
 * end that stays. So: an epoll instance inside the loop's, each duplicate in it edge-triggered for
 * EPOLLRDHUP (errors and full hang-up come unasked). Data wakes nobody.
 *
 * The gate's shutdown(SHUT_WR) shows in no event; TCP_INFO shows it when somebody asks (verdict.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "hangup.h"
#include "leg.h"

enum { BATCH = 64 };

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct epoll_event got[BATCH];
	int n = epoll_wait(fd, got, BATCH, 0);

	(void)what;
	(void)arg;
	/* Marks only: nothing is freed here, so no event of this batch can be stale. */
	for (int i = 0; i < n; i++) {
		struct leg *l = got[i].data.ptr;

		if ((got[i].events & (EPOLLERR | EPOLLHUP)) != 0)
			leg_ended(l);
		else if ((got[i].events & EPOLLRDHUP) != 0)
			l->target_eof = true;
	}
}

int
hangup_init(struct hangup *h, struct event_base *base, struct err *e)
{
	h->ev = NULL;
	if ((h->epfd = epoll_create1(EPOLL_CLOEXEC)) == -1)
		return err_sys(e, errno, "epoll");
	h->ev = event_new(base, h->epfd, EV_READ | EV_PERSIST, on_event, NULL);
	if (h->ev == NULL || event_add(h->ev, NULL) == -1) {
		hangup_done(h);
		return err_nomem(e, "hang-up watch");
	}
	return 0;
}

void
hangup_done(struct hangup *h)
{
	if (h->ev != NULL)
		event_free(h->ev);
	if (h->epfd != -1)
		close(h->epfd);
	*h = (struct hangup){ .epfd = -1 };
}

int
hangup_watch(struct hangup *h, struct leg *l, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLRDHUP | EPOLLET, .data.ptr = l };

	if (epoll_ctl(h->epfd, EPOLL_CTL_ADD, l->fd, &ev) == -1)
		return err_sys(e, errno, "hang-up watch");
	return 0;
}

void
hangup_unwatch(struct hangup *h, int fd)
{
	struct epoll_event none = { 0 };

	/* not there, when the watch was what failed */
	(void)epoll_ctl(h->epfd, EPOLL_CTL_DEL, fd, &none);
}
