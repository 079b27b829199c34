/* dial.h - reaching a connection's target: addresses in order, all within the dial timeout */
#ifndef DIAL_H
#define DIAL_H

#include <event2/event.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "generation.h"
#include "names.h"

struct conn;

struct dial {
	struct ident *id;
	struct conn *conn;
	struct generation *gen; /* whose settings count until it is through */
	const struct settings_target *target;
	struct sockaddr_storage addresses[NAMES_ADDRESSES_MAX];
	size_t naddresses, next;
	int64_t deadline_ms; /* monotonic */
	int fd;
	struct event *ev;    /* connected or not */
	struct event *timer; /* the deadline while the name is asked */
	struct lookup *lookup;
	LIST_ENTRY(dial) waiting; /* for the lookup */
	struct err why;		  /* the last address's */
};

/* 0: open_connected() or open_failed() follows, never from within. -1: neither does. */
int dial_start(struct ident *id, struct conn *c, const struct settings_target *target,
    struct err *e) __attribute__((warn_unused_result, nonnull));
void dial_free(struct dial *d); /* ends it; NULL does nothing */

/* From names.c. */
void dial_found(struct dial *d, const struct sockaddr_storage *addresses, size_t n)
    __attribute__((nonnull));
void dial_not_found(struct dial *d, const char *why) __attribute__((nonnull));

#endif
