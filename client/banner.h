/* banner.h - what a server says before its SSH version line (RFC 4253 section 4.2) */
#ifndef BANNER_H
#define BANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define BANNER_LINES_MAX 64
#define BANNER_LINE_MAX	 512 /* bytes, without CR LF */

struct banner {
	bool ssh;	/* "SSH-" began a line: all from there on belongs to ssh */
	bool refused;	/* a line began with "refused: " */
	bool http;	/* the first line began with "HTTP/" */
	unsigned lines; /* complete lines seen before it */
	uint8_t line[BANNER_LINE_MAX + 1]; /* room for a CR behind the longest line */
	size_t len;
	/* Gets each line, without its end, still as the peer wrote it: escape it. */
	void (*show)(void *arg, const uint8_t *line, size_t n);
	void *arg;
};

void banner_init(struct banner *b, void (*show)(void *, const uint8_t *, size_t), void *arg)
    __attribute__((nonnull(1, 2)));
/*
 * Take the next n bytes of the server's. *used is how many of them are dealt with; once b->ssh is
 * true, b->line[0..b->len) followed by the bytes from *used on is the SSH stream: pass on both.
 * 0, or -1 and *e ERR_PEER: a line too long, or too many of them.
 */
int banner_feed(struct banner *b, const uint8_t *p, size_t n, size_t *used, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The stream ended: shows a last line that has no end. */
void banner_end(struct banner *b) __attribute__((nonnull));

#endif
