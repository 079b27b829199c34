/*
 * child.h - what every child of the monitor does first, and its words to the monitor
 *
 * The monitor starts: PROGRAM UID GID ROOT INDEX ("-" for UID, GID and ROOT without root), with
 * descriptor 3 a SOCK_SEQPACKET channel to itself, 0, 1 and 2 on /dev/null, all else closed.
 */
#ifndef CHILD_H
#define CHILD_H

#include <stdint.h>

#include "err.h"
#include "msg.h"
#include "sandbox.h"

#define CHILD_CHANNEL 3

/* as in docs/PROTOCOL.md, message LOG */
enum child_level { CHILD_ERROR = 0, CHILD_WARNING = 1, CHILD_NOTICE = 2, CHILD_DEBUG = 3 };
/* message PEER */
enum child_peer {
	PEER_GATE = 1,
	PEER_RESOLVE = 2,
	PEER_OLDER = 3,
	PEER_NEWER = 4,
	PEER_IDENT = 5,
	PEER_LOG_TO = 6,
	PEER_CONTROL = 7 /* a client of control-socket */
};

struct child {
	struct sandbox_ids ids;
	unsigned index;
};

/*
 * Read the arguments, check descriptor 3, ignore the signals that are meant for the monitor
 * (SIGINT, SIGTERM, SIGHUP) and SIGPIPE, load the time zone (a confined process cannot), clear
 * the environment. On wrong use it says so on stderr and exits 2: nobody starts a child by hand.
 */
void child_start(struct child *c, int argc, char **argv) __attribute__((nonnull));

/*
 * Words to the monitor on descriptor 3, for a child without an event loop on it and before one
 * runs (a child with a msgq on descriptor 3 sends through it). child_log() drops the line when
 * the channel is full: nobody may stall a child. child_ready() waits. Return 0 or -1.
 */
void child_log(enum child_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));
#define CHILD_READY_SIZE 1024
void child_put_ready(struct msg_out *o, uint8_t buf[CHILD_READY_SIZE], uint64_t generation,
    const struct err *why_not) __attribute__((nonnull(1, 2)));
int child_ready(uint64_t generation, const struct err *why_not) __attribute__((warn_unused_result));
/* Log `e` as an error and end with status 1. */
void child_fail(const struct err *e) __attribute__((noreturn, nonnull));

#endif
