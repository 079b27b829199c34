/* routeask.h - what the kernel would do with a packet to an address, without sending one */
#ifndef ROUTEASK_H
#define ROUTEASK_H

#include <sys/socket.h>

#include "err.h"

enum route_kind {
	ROUTE_NONE,    /* no route, or one that forbids; what is not known counts as this */
	ROUTE_UNICAST, /* to another host */
	ROUTE_LOCAL,   /* to this one: any of its own addresses */
	ROUTE_OTHER,   /* broadcast of a network of ours, multicast, anycast */
};

/*
 * A netlink socket for route_kind(), made before a sandbox in which no socket can be; the caller
 * closes it. -1: ERR_SYS.
 */
int route_open(struct err *e) __attribute__((warn_unused_result, nonnull));
/*
 * The routing table's own word (RTM_GETROUTE), which knows secondary addresses and broadcast
 * addresses too. The kernel answers within the call: nothing is waited for. `fd` -1: ROUTE_NONE.
 */
enum route_kind route_kind(int fd, const struct sockaddr_storage *to)
    __attribute__((warn_unused_result, nonnull));

#endif
