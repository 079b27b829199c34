/*
 * logline.h - a record: an event and its fields, built once, shown as a line of the log and as an
 * object of the audit trail
 */
#ifndef LOGLINE_H
#define LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msg.h"

#define LOGLINE_BYTES	   8192 /* of the encoded record, a message header before it */
#define LOGLINE_TEXT_MAX   2048 /* the line, with its NUL */
#define LOGLINE_VALUE_MAX  1024 /* bytes of a value; what is longer is cut, and marked as cut */
#define LOGLINE_FIELDS_MAX 24
#define LOGLINE_WORD_MAX   32 /* an event or a key, with its NUL: a-z, 0-9 and - */

/*
 * As a line it reads `event key=value key="value with blanks"`: bounded, escaped, and it never
 * fails: a value that does not fit is cut, and the line says so by "...". It is kept encoded, as
 * AUDIT carries it (docs/PROTOCOL.md), so that nobody quotes and unquotes text on the way.
 */
struct logline {
	uint8_t buf[LOGLINE_BYTES];
	size_t len;
	unsigned n;
};
/* Event and keys are ours, never a stranger's: a bad one is a programming mistake (assert). */
void logline_start(struct logline *l, const char *event) __attribute__((nonnull));
void logline_bytes(struct logline *l, const char *key, const void *value, size_t n)
    __attribute__((nonnull(1, 2)));
void logline_str(struct logline *l, const char *key, const char *value) __attribute__((nonnull));
void logline_fmt(struct logline *l, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), nonnull(1, 2, 3)));
void logline_u64(struct logline *l, const char *key, uint64_t value) __attribute__((nonnull));
/* A sentence: it is the whole line then, and event and fields are for the audit trail alone. */
void logline_say(struct logline *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), nonnull(1, 2)));
/* The line. Returns dst. */
char *logline_text(const struct logline *l, char dst[LOGLINE_TEXT_MAX]) __attribute__((nonnull));
/* Append the encoded record to a message. */
void logline_put(const struct logline *l, struct msg_out *o) __attribute__((nonnull));

/* ---- the reader's side: a record that another process sent ----------------------------------- */
enum logfield_kind {
	LOGFIELD_TEXT = 1,
	LOGFIELD_NUMBER = 2,
	LOGFIELD_SAY = 3, /* the sentence; without a key */
	LOGFIELD_CUT = 4, /* text that was longer */
};
struct logfield {
	enum logfield_kind kind;
	char key[LOGLINE_WORD_MAX];
	const uint8_t *p; /* into the message */
	size_t n;
	uint64_t number;
};
struct logrecord {
	char event[LOGLINE_WORD_MAX];
	struct logfield fields[LOGLINE_FIELDS_MAX];
	size_t n;
	const struct logfield *say; /* or NULL */
};
/*
 * Read a record, which is the rest of the message. -1 and ERR_PEER: malformed, too many fields, an
 * event or key of other characters, a value or sentence too long.
 */
int logrecord_get(struct msg_in *m, struct logrecord *r, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The first field of that key, or NULL. */
const struct logfield *logrecord_find(const struct logrecord *r, const char *key)
    __attribute__((nonnull));
/* The same line as logline_text(). */
char *logrecord_text(const struct logrecord *r, char dst[LOGLINE_TEXT_MAX])
    __attribute__((nonnull));

#endif
