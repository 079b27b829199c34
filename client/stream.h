/* stream.h - stdin and stdout, whatever they are, without ever blocking on them */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

struct stream {
	int fd;	     /* -1: closed */
	bool socket; /* recv() and send() with MSG_DONTWAIT */
	bool waits;  /* write() may block: only after POLLOUT, and little at a time */
};

/* Descriptors 0, 1 and 2 that were closed at start become /dev/null, so that no socket of ours
   gets their number. */
int stream_reserve(struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * Get `fd` ready. O_NONBLOCK belongs to the open file, which others share (a shell's terminal, the
 * other end of a pipeline): it is set on a file of our own only, as /proc/self/fd gives for pipes.
 */
void stream_init(struct stream *s, int fd, bool writing) __attribute__((nonnull));

/* As read() and write(): -1 with EAGAIN means later. Writing to a gone reader is EPIPE, no signal
   (SIGPIPE is ignored). */
ssize_t stream_read(const struct stream *s, void *buf, size_t n) __attribute__((nonnull));
ssize_t stream_write(const struct stream *s, const void *buf, size_t n) __attribute__((nonnull));
/*
 * A line for a client that waits for one: whole, within `ms`. False: it does not read, or has gone;
 * part of the line may have reached it.
 */
bool stream_line(const struct stream *s, const char *line, int ms)
    __attribute__((warn_unused_result, nonnull));
/* Tell the reader that there is no more: SHUT_WR on a socket (its other half may be stdin). */
void stream_end(struct stream *s) __attribute__((nonnull));

#endif
