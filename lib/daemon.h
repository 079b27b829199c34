/* daemon.h - one question to the local daemon (pam_mtls, mtls-keys), and its answer, within a
 * deadline */
#ifndef DAEMON_H
#define DAEMON_H

#include <stddef.h>
#include <sys/types.h>

#include "deadline.h"
#include "msg.h"

/*
 * Connect to the socket at `path` (see sockpath.h for what is asked of the path). The process that
 * listens must be root's or run under the own effective uid. Return a non-blocking, close-on-exec
 * descriptor, or -1: ERR_SYS (nobody there, the time is over), ERR_PEER (not to be trusted).
 */
int daemon_connect(const char *path, struct deadline d, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/*
 * Send the finished message with the descriptor `shown` (-1: none), and receive one packet into buf
 * of `size` bytes. Return its length, or -1: ERR_SYS, ERR_PEER (no answer, descriptors in it; those
 * are closed).
 */
ssize_t daemon_ask(int fd, const struct msg_out *question, int shown, void *buf, size_t size,
    struct deadline d, struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
