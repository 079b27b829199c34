/* log.h - the log process: lines in, one destination out, nobody waits for it */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "sandbox.h"

/* What the destination is: docs/PROTOCOL.md, PEER kind 6. */
enum log_dest { LOGTO_STREAM = 0, LOGTO_FILE = 1, LOGTO_SYSLOG = 2, LOGTO_JOURNAL = 3 };

#define LOG_LINE_MAX  3500	 /* with time and tag below PIPE_BUF: one write, never mixed */
#define LOG_QUEUE_MAX (1U << 20) /* bytes that wait for the destination */

/* Lines that wait, oldest first. Too many: the newest are dropped and counted. */
struct log_queue {
	char *buf; /* LOG_QUEUE_MAX bytes: u16 length, bytes, … */
	size_t head, used;
	uint64_t lost; /* since the last line that says so was queued */
};
int log_queue_init(struct log_queue *q, struct err *e) __attribute__((warn_unused_result));
void log_queue_done(struct log_queue *q);
void log_queue_put(struct log_queue *q, const char *line, size_t n);
/* The oldest line into dst (LOG_LINE_MAX + 512 bytes); 0 when empty. It stays until _drop(). */
size_t log_queue_peek(const struct log_queue *q, char *dst, size_t size);
void log_queue_drop(struct log_queue *q);

/* One line as the destination wants it: time and program in front, or a syslog header. */
size_t log_format(char *dst, size_t size, enum log_dest dest, unsigned level, int64_t now_ms,
    int pid, const char *line);

int log_sandbox_enter(const struct sandbox_ids *ids, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
