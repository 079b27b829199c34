/* jumpnet.h - which hosts and addresses a jump may open: their forms, and the forbidden ranges */
#ifndef JUMPNET_H
#define JUMPNET_H

#include <sys/socket.h>

#include "addr.h"
#include "err.h"
#include "routeask.h"

#define JUMPNET_NAME_SIZE 254 /* a host name (RFC 1123 section 2.1) and its NUL */

enum jumpnet_form {
	JUMPNET_NEITHER,
	JUMPNET_ADDRESS,
	JUMPNET_NAME,
};
/*
 * What a client calls a host. An address only in the one strict form of each family: four
 * decimal numbers without leading zeros, or RFC 4291 section 2.2 without brackets and zone;
 * it goes to *ss with port 0 and is not folded: ::ffff:127.0.0.1 stays what it is. A name by RFC
 * 1123: labels of 1 to 63 letters, digits and inner hyphens, 253 bytes; it goes to `name` in
 * lower case, without a last dot. What a resolver could take for a number (127.1, 0x7f.1,
 * 2130706433, 0177.0.0.1: the last label is decimal or hexadecimal) is neither.
 */
enum jumpnet_form jumpnet_host(const char *host, char name[JUMPNET_NAME_SIZE],
    struct sockaddr_storage *ss) __attribute__((warn_unused_result, nonnull));

/*
 * Whether a jump may open a connection to this address, given how the kernel routes to it.
 * `nets` is jump-networks; with n 0 it is every unicast address, less loopback, link-local,
 * site-local and reserved ranges, and IPv6 forms that carry an IPv4 address (NAT64,
 * IPv4-translated; 6to4 and Teredo where it is a forbidden one). In any case: not the unspecified
 * address, no IPv4-mapped or -compatible one, nothing that is no unicast route, and none of this
 * machine's own addresses, unless `nets` has it alone (a /32 or /128). 0, or -1: ERR_REFUSED, the
 * reason for the log.
 */
int jumpnet_allows(const struct cidr *nets, size_t n, const struct sockaddr_storage *ss,
    enum route_kind kind, struct err *e) __attribute__((warn_unused_result, nonnull(3, 5)));
/* The same, asking the kernel over `route_fd` (route_open()). */
int jumpnet_judge(int route_fd, const struct cidr *nets, size_t n,
    const struct sockaddr_storage *ss, struct err *e)
    __attribute__((warn_unused_result, nonnull(4, 5)));

#endif
