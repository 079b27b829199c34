/* endpoint.h - HOST:PORT of the bridge, as a user or ssh's %h gives it; always data, never shell */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define ENDPOINT_PORT	  8443
#define ENDPOINT_HOST_MAX 253 /* RFC 1035 section 2.3.4, as text without the last dot */

struct endpoint {
	char host[ENDPOINT_HOST_MAX + 1]; /* for getaddrinfo(): no brackets, scope id kept */
	char name[ENDPOINT_HOST_MAX + 1]; /* for the certificate: no scope id, no last dot */
	bool literal;			  /* an IPv4 or IPv6 address: no SNI (RFC 6066 section 3) */
	bool v6;			  /* an IPv6 address: brackets in text */
	uint16_t port;
};

/*
 * HOST, HOST:PORT, [IPv6] or [IPv6]:PORT. A host has letters, digits, `.`, `-`, `_` only and does
 * not begin with `-`, so it is neither an option nor anything to a shell. An IPv6 address without
 * brackets is refused: in 2001:db8::1:8443 nobody can tell what is the port.
 * 0, or -1 and *e: ERR_FORMAT.
 */
int endpoint_parse(const char *text, struct endpoint *ep, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* A port: 1 to 65535 in decimal digits, nothing else. */
int endpoint_port(const char *text, uint16_t *port, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* What --server-name takes: a host name or an address without brackets; fills name and literal. */
int endpoint_name(const char *text, struct endpoint *ep, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* HOST:PORT or [HOST]:PORT for messages; returns dst. */
#define ENDPOINT_TEXT_SIZE (ENDPOINT_HOST_MAX + 16)
char *endpoint_text(const struct endpoint *ep, char dst[ENDPOINT_TEXT_SIZE])
    __attribute__((nonnull));

#endif
