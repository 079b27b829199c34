/* proxy.h - the PROXY protocol header, versions 1 and 2, that a load balancer sends first */
#ifndef PROXY_H
#define PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "err.h"

#define PROXY_HEADER_MAX 4096 /* bytes, TLVs included */

enum proxy_answer { PROXY_BAD = -1, PROXY_MORE = 0, PROXY_OK = 1 };

struct proxy_header {
	/* LOCAL or UNKNOWN: the balancer speaks for itself, the socket's own addresses count */
	bool local;
	struct sockaddr_storage from, to; /* folded (addr.h); set when not local */
};

/*
 * Read a header off the first `n` bytes of a connection. PROXY_OK: *out, and in *used how many
 * bytes it has. PROXY_MORE: what is there may be the beginning of a header. PROXY_BAD: *e says
 * why it is none (ERR_PEER).
 */
enum proxy_answer proxy_parse(const uint8_t *p, size_t n, struct proxy_header *out, size_t *used,
    struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
