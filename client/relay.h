/* relay.h - stdin to TLS, TLS to stdout */
#ifndef RELAY_H
#define RELAY_H

#include "err.h"
#include "tls.h"

/*
 * Move bytes both ways until the connection is over, with bounded buffers: who does not read is
 * not read from. What the server says before its SSH version goes to stderr, escaped, and never
 * to stdout (RFC 4253 section 4.2). The end of stdin becomes close_notify while reading goes on;
 * the server's close_notify becomes the end of stdout, while what stdin still brings is sent
 * until the server ends the TCP connection too. Without a reader of stdout the rest of stdin is
 * sent, and no more waited for.
 *
 * 0: the stream came to its end. -1: refused, or lost; *e says why, kind ERR_NONE where the user
 * has been told already or has gone away himself.
 */
int relay_run(struct tls *t, const char *server, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
