/* relay.h - stdin to TLS, TLS to stdout */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>

#include "err.h"
#include "tls.h"

/* Who is at stdin and stdout. */
struct relay_client {
	bool wants_lines; /* what comes before the SSH version too, escaped */
	bool begun;	  /* set by us: the SSH version was passed on */
};

/*
 * Move bytes both ways until the connection is over, with bounded buffers: who does not read is
 * not read from. What the server says before its SSH version goes to stderr, escaped, and to
 * stdout only where the client wants it (RFC 4253 section 4.2). The end of stdin becomes
 * close_notify while reading goes on; the server's close_notify becomes the end of stdout, while
 * what stdin still brings is sent until the server ends the TCP connection too. Without a reader of
 * stdout the rest of stdin is sent, and no more waited for.
 *
 * 0: the stream came to its end. -1: refused, or lost; *e says why, kind ERR_NONE where the user
 * has been told already or has gone away himself.
 */
int relay_run(struct tls *t, const char *server, struct relay_client *c, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
