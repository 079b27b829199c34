/* sockpath.h - open the daemon's socket by a path that nobody else can turn to another one */
#ifndef SOCKPATH_H
#define SOCKPATH_H

#include <sys/types.h>

#include "err.h"

/*
 * Open (O_PATH, close-on-exec) the socket at the absolute `path`, part by part, following no
 * symbolic link. Every part, "/" and the socket included, must belong to root or to `self`, and no
 * folder on the way may be writable by others, except a sticky one. Return the descriptor, or -1:
 * ERR_SYS (a call failed, as for a socket that is not there), ERR_PEER (somebody could have put
 * another in its place).
 */
int sockpath_open(const char *path, uid_t self, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
