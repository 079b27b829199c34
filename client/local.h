/* local.h - the listener's own address, and who connects to it */
#ifndef LOCAL_H
#define LOCAL_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "err.h"

/*
 * "127.0.0.1:2222", "[::1]:2222": an address, no name, for what a name leads to others may decide.
 * Port 0 is any that is free. -1: ERR_FORMAT.
 */
int local_parse(const char *text, struct sockaddr_storage *ss, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* 127.0.0.0/8 or ::1: nobody but this machine's users gets there. */
bool local_is_loopback(const struct sockaddr_storage *ss) __attribute__((nonnull));

/*
 * Whose process holds the other end of a connected TCP socket, if that is on this machine too: the
 * user who made the socket, as the kernel knows it (sock_diag(7)). Both addresses as
 * getsockname() and accept() give them. -1: ERR_SYS, ERR_REFUSED (no process holds it any more).
 */
int local_peer_uid(const struct sockaddr_storage *here, const struct sockaddr_storage *peer,
    uid_t *uid, struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
