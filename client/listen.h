/* listen.h - a local listener: each connection to it is one through the bridge */
#ifndef LISTEN_H
#define LISTEN_H

#include "options.h"

#define LISTEN_CONNECTIONS 64 /* at once */

/*
 * Listen at o->listen until SIGINT, SIGTERM or SIGHUP; a connection has a process of its own. Exit
 * code: 0 after a signal, 1 when the files are not good or nothing can be listened at.
 */
int listen_run(const struct options *o) __attribute__((warn_unused_result, nonnull));

#endif
