/* dial.h - from a name to a connected socket: all its addresses, the first that answers wins */
#ifndef DIAL_H
#define DIAL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "endpoint.h"
#include "err.h"

#define DIAL_ADDRESSES_MAX 16
#define DIAL_STAGGER_MS	   250 /* RFC 8305 section 5: Connection Attempt Delay */

struct dial_list {
	struct sockaddr_storage addr[DIAL_ADDRESSES_MAX];
	size_t n;
};

/*
 * The addresses of ep->host, port included, in the order of RFC 6724 as getaddrinfo() gives it,
 * then families in turn (RFC 8305 section 4). The look-up runs in a thread of its own, so that a
 * silent name server ends at `deadline_ms` (monotonic) too. -1: ERR_SYS, ERR_REFUSED (no such
 * name, no address), ERR_PEER (out of time), ERR_NOMEM.
 */
int dial_resolve(const struct endpoint *ep, int family, int64_t deadline_ms, struct dial_list *l,
    struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * One address more, of IPv4 or IPv6. One that is there already is left out, and so is what has no
 * room: the hosts file gives 127.0.0.1 twice where ::1 is localhost too.
 */
void dial_add(struct dial_list *l, const struct sockaddr *sa, socklen_t len)
    __attribute__((nonnull));

/* Put the families in turn, beginning with the first one's; the order within each stays. */
void dial_interleave(struct dial_list *l) __attribute__((nonnull));

/*
 * Connect: one address after the other, the next after DIAL_STAGGER_MS or as soon as one has
 * failed; the first that connects is kept, all others are closed. Return a non-blocking socket
 * with TCP_NODELAY and keepalive and its address in *winner, or -1 and *e with what became of
 * each address.
 */
int dial_connect(const struct dial_list *l, int64_t deadline_ms, struct sockaddr_storage *winner,
    struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
