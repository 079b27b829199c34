/* socket.h - find the TCP connection of this login among the process's own descriptors */
#ifndef SOCKET_H
#define SOCKET_H

#include <stdint.h>

#include "deadline.h"
#include "err.h"

/* One end, comparable by memcmp(); IPv4-mapped addresses are folded to IPv4. */
struct socket_end {
	uint8_t addr[16]; /* IPv4: the first four */
	uint32_t scope;
	uint16_t port;	/* host order */
	uint8_t family; /* 4 or 6 */
	uint8_t zero;
};
/* Both ends as the server's side sees them. */
struct socket_ends {
	struct socket_end local, remote;
};
_Static_assert(sizeof(struct socket_ends) == 48, "no padding: it is compared as bytes");

/*
 * Read the value of SSH_CONNECTION, "CLIENT PORT SERVER PORT" with numeric addresses, IPv6 ones
 * with a scope (name or number) where there is one. 0, or -1 and ERR_PEER.
 */
int socket_hint(const char *text, struct socket_ends *ends, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/*
 * Find the connected TCP socket with these ends among the own descriptors. Return a duplicate
 * (close-on-exec) that the caller closes, or -1: ERR_SYS (a call failed, the time is over),
 * ERR_PEER (there is none).
 */
int socket_find(const struct socket_ends *ends, struct deadline d, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
