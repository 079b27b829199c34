/* dial.h - reaching a target: addresses in order, all within the dial timeout */
#ifndef DIAL_H
#define DIAL_H

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "generation.h"
#include "names.h"

struct conn;

/* Where to, and who hears of it. What this points to outlives the dial. */
struct dial_to {
	const struct conn *conn; /* whose identity and client choose the own end */
	const char *host;	 /* a name, or an address as text; NULL: */
	const struct sockaddr_storage *address;
	uint32_t port;
	enum settings_source source;
	/* Which of the host's addresses may be dialled; NULL: all. -1: *e says why not this one. */
	int (*allows)(void *arg, const struct sockaddr_storage *ss, struct err *e);
	/* Exactly one of them, once: connected (takes fd over), or not. They free the dial. */
	void (*connected)(void *arg, int fd);
	void (*failed)(void *arg, const struct err *why);
	void *arg;
};

struct dial {
	struct ident *id;
	struct dial_to to;
	struct generation *gen; /* whose settings count until it is through */
	struct sockaddr_storage addresses[NAMES_ADDRESSES_MAX];
	size_t naddresses, next;
	bool resolved;
	int64_t deadline_ms; /* monotonic */
	int fd;
	struct event *ev;    /* connected or not */
	struct event *timer; /* the deadline while the name is asked */
	struct lookup *lookup;
	LIST_ENTRY(dial) waiting; /* for the lookup */
	struct err why;		  /* the last address's */
};

/* The end is told later, never from within. NULL: it will not be. */
struct dial *dial_start(struct ident *id, const struct dial_to *to, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void dial_free(struct dial *d); /* ends it; NULL does nothing */

/* From names.c. */
void dial_found(struct dial *d, const struct sockaddr_storage *addresses, size_t n)
    __attribute__((nonnull));
void dial_not_found(struct dial *d, const char *why) __attribute__((nonnull));

#endif
