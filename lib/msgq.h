/* msgq.h - messages over a non-blocking SOCK_SEQPACKET socket in a libevent loop, queued both ways
 */
#ifndef MSGQ_H
#define MSGQ_H

#include <event2/event.h>

#include "msg.h"

struct msgq;

/* One packet came. fds left open (not -1) are closed afterwards. -1 and *e ends the queue. */
typedef int (*msgq_on_msg)(
    void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e);
/*
 * The peer is gone or broke the protocol; called once, from the loop, never from msgq_send(). The
 * callee frees the queue (here or later). why->kind is ERR_NONE at a plain end of stream.
 */
typedef void (*msgq_on_end)(void *arg, const struct err *why);

/*
 * Takes fd over (closed by msgq_free()), makes it non-blocking. At most `max_bytes` wait to be
 * sent. NULL: ERR_SYS, ERR_NOMEM; the fd is then still the caller's.
 */
struct msgq *msgq_new(struct event_base *base, int fd, size_t max_bytes, msgq_on_msg on_msg,
    msgq_on_end on_end, void *arg, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 4, 5, 7)));
void msgq_free(struct msgq *q); /* what still waits is dropped, its descriptors closed */

/*
 * Send, or queue. The descriptors pass to the queue in every case: they are closed after they are
 * sent, and on failure. -1: ERR_SYS, ERR_FORMAT, or ERR_NOMEM when the queue is full; then the
 * message is lost and the caller decides what that means.
 */
int msgq_send(struct msgq *q, const struct msg_out *o, const int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 5)));
size_t msgq_waiting(const struct msgq *q) __attribute__((nonnull)); /* bytes */
/* Stop and go on reading (back-pressure). */
void msgq_pause(struct msgq *q, bool pause) __attribute__((nonnull));

#endif
