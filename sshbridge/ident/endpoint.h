/* endpoint.h - one end of a TCP connection in 24 bytes, comparable by memcmp() */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <stdint.h>

#include "addr.h"

struct endpoint {
	uint8_t addr[16]; /* IPv4: the first four */
	uint32_t scope;
	uint16_t port;	/* host order */
	uint8_t family; /* 4 or 6 */
	uint8_t zero;
};
_Static_assert(sizeof(struct endpoint) == 24, "no padding: it is hashed and compared as bytes");

/* Both ends as seen from this side. */
struct tuple {
	struct endpoint local, remote;
};

/* From a folded address. */
void endpoint_from(const struct sockaddr_storage *ss, struct endpoint *ep) __attribute__((nonnull));
void endpoint_to(const struct endpoint *ep, struct sockaddr_storage *ss) __attribute__((nonnull));
/* As addr_text() and addr_text_port(). */
char *endpoint_text(const struct endpoint *ep, char dst[ADDR_TEXT_SIZE]) __attribute__((nonnull));
char *endpoint_text_port(const struct endpoint *ep, char dst[ADDR_TEXT_SIZE])
    __attribute__((nonnull));
/* The ends of a connected socket, IPv4-mapped addresses folded. -1: ERR_SYS, ERR_PEER. */
int tuple_of(int fd, struct tuple *t, struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
