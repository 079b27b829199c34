/* msgio.h - one message, one packet, on a SOCK_SEQPACKET socket, with descriptors */
#ifndef MSGIO_H
#define MSGIO_H

#include <sys/types.h>

#include "msg.h"

/*
 * Send one finished message and `nfds` descriptors (at most MSG_FDS_MAX; they stay the
 * caller's). 0, or -1: ERR_SYS (detail EAGAIN when a non-blocking socket is full), ERR_FORMAT.
 */
int msgio_send(int fd, const struct msg_out *o, const int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(2, 5)));

/*
 * Receive one packet into buf (MSG_MAX bytes). fds has room for MSG_FDS_MAX; received ones are
 * close-on-exec and the caller's. Return its length; 0 at the end of the stream; -1 and *e:
 * ERR_SYS (detail EAGAIN: nothing there), ERR_PEER (cut packet, too many descriptors; none is
 * left open).
 */
ssize_t msgio_recv(int fd, void *buf, size_t size, int fds[MSG_FDS_MAX], size_t *nfds,
    struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
