/* log.h - the log process: lines and records in, two destinations out, nobody waits for it */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit.h"
#include "err.h"
#include "sandbox.h"

/* What a destination is: docs/PROTOCOL.md, PEER kind 6 and TRAIL. */
enum log_dest {
	LOGTO_STREAM = 0,
	LOGTO_FILE = 1,
	LOGTO_SYSLOG = 2,
	LOGTO_JOURNAL = 3,
	LOGTO_NONE = 4,
};

#define LOG_LINE_MAX  3500	 /* with time and tag below PIPE_BUF: one write, never mixed */
#define LOG_QUEUE_MAX (1U << 20) /* bytes that wait for a destination */

/* Lines that wait, oldest first. Too many: the newest are dropped and counted. */
struct log_queue {
	char *buf; /* LOG_QUEUE_MAX bytes: u16 length, bytes, … */
	size_t head, used;
	uint64_t lost; /* since the last line that says so was queued */
};
int log_queue_init(struct log_queue *q, struct err *e) __attribute__((warn_unused_result));
void log_queue_done(struct log_queue *q);
/* False: it is full. */
bool log_queue_put(struct log_queue *q, const char *line, size_t n);
/* The oldest line into dst (LOG_LINE_MAX + 512 bytes); 0 when empty. It stays until _drop(). */
size_t log_queue_peek(const struct log_queue *q, char *dst, size_t size);
void log_queue_drop(struct log_queue *q);

/* One line as the destination wants it: time and program in front, or a syslog header. */
size_t log_format(char *dst, size_t size, enum log_dest dest, unsigned level, int64_t now_ms,
    int pid, const char *line);

/* write.c: an open destination. */
struct log_to {
	int fd; /* -1: none */
	enum log_dest dest;
	int pid;   /* the monitor's, for the lines */
	bool torn; /* the file ends in the middle of a line: its disk was full */
};
/* Takes fd over. */
void log_to_set(struct log_to *t, int fd, enum log_dest dest, int pid);
enum log_written { LOG_WRITTEN, LOG_LATER, LOG_REFUSED };
/* One whole line. LOG_REFUSED: errno says why, 0 when only a part of it went. */
enum log_written log_write(struct log_to *t, const char *line, size_t n);

/* json.c: a record as one object of the audit trail. */
#define JSON_MAX      16384 /* bytes, with the NUL */
#define JSON_PIPE_MAX 4000  /* where a write may be mixed with another's: below PIPE_BUF */
struct json_head {
	uint64_t number;
	int64_t ms; /* since 1970-01-01 UTC */
	const char *host, *instance, *process;
};
/* Before the sandbox: jansson opens a file for its first hash otherwise. */
void json_init(void);
/*
 * Write the object, without a newline, into dst; values are cut further where it had more than
 * `max` bytes (at least JSON_PIPE_MAX). Return its length; 0: out of memory.
 */
size_t json_record(const struct json_head *h, const struct audit_event *event,
    const struct logrecord *r, size_t max, char dst[JSON_MAX]) __attribute__((nonnull));

/* trail.c: the audit trail. */
struct trail {
	struct log_queue queue;
	struct log_to to;
	uint64_t refused; /* records that the destination refused */
	char host[65], instance[17];
};
int trail_init(struct trail *t, struct err *e) __attribute__((warn_unused_result, nonnull));
/* TRAIL and AUDIT of the monitor; AUDIT's line is in `line` (LOGLINE_TEXT_MAX, "" for none). */
int trail_on_trail(struct trail *t, struct msg_in *m, int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 5)));
struct trail_line {
	uint32_t level;
	int64_t ms;
	char text[LOGLINE_TEXT_MAX + 64];
};
int trail_on_audit(struct trail *t, struct msg_in *m, struct trail_line *line, struct err *e)
    __attribute__((warn_unused_result, nonnull));
bool trail_waiting(const struct trail *t) __attribute__((nonnull));
/* Write the oldest record that waits, and tell the monitor what became of it. */
void trail_write(struct trail *t) __attribute__((nonnull));

int log_sandbox_enter(const struct sandbox_ids *ids, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
