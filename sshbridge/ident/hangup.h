/* hangup.h - ident's own watch over the duplicates: it sees the end of a target, and no data */
#ifndef HANGUP_H
#define HANGUP_H

#include <event2/event.h>

#include "err.h"

struct leg;

struct hangup {
	int epfd; /* its own epoll instance, which the event loop watches */
	struct event *ev;
};

/* Before the sandbox: makes the epoll instance. */
int hangup_init(struct hangup *h, struct event_base *base, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void hangup_done(struct hangup *h) __attribute__((nonnull));
/* Watch l->fd. An end that is there already is seen too. */
int hangup_watch(struct hangup *h, struct leg *l, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/*
 * Always before the duplicate is closed: the gate holds the same open file, so a close here
 * would leave the watch in place.
 */
void hangup_unwatch(struct hangup *h, int fd) __attribute__((nonnull));

#endif
