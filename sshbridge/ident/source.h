/* source.h - the own end of a connection to a target: an address and a port of ident's choosing */
#ifndef SOURCE_H
#define SOURCE_H

#include "settings.h"

#define SOURCE_ADDRESSES 16 /* of one identity or client: a /28 */

struct source {
	enum settings_source mode;
	const char *name; /* the identity's */
	const struct sockaddr_storage *client;
	uint32_t port_first, port_last;
};

/*
 * Address `i` of those to try for a target (0 to SOURCE_ADDRESSES - 1), without a port: to an IPv4
 * loopback target one of the identity's or client's /28 in 127.64.0.0/10, else the wildcard.
 * Return how many there are to try.
 */
unsigned source_address(const struct source *s, const struct sockaddr_storage *target, unsigned i,
    struct sockaddr_storage *ss) __attribute__((nonnull));

/*
 * Bind an unconnected TCP socket to such an address and to an explicit port of the range. Never
 * port 0, never SO_REUSEADDR: the kernel then keeps the port from everybody until the last
 * descriptor of the socket is closed, whatever state TCP is in. -1: ERR_SYS.
 */
int source_bind(int fd, const struct source *s, const struct sockaddr_storage *target,
    struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
