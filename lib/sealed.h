/* sealed.h - bytes in a memfd that nobody can change any more; records inside it */
#ifndef SEALED_H
#define SEALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* A memfd with these bytes, sealed against writing, shrinking, growing. The fd is the caller's. */
int sealed_new(const char *name, const void *p, size_t n, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 4)));
/* The same in pieces: an empty memfd, which the caller writes; then the seals. */
int sealed_begin(const char *name, struct err *e) __attribute__((warn_unused_result, nonnull));
int sealed_end(const char *name, int fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/*
 * Map a memfd that must be sealed and have at most `max` bytes. An empty one gives p != NULL and
 * n 0. The fd stays the caller's and may be closed. -1: ERR_SYS, ERR_PEER (not sealed, too large).
 */
struct sealed {
	const uint8_t *p;
	size_t n;
};
int sealed_map(int fd, size_t max, struct sealed *s, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void sealed_unmap(struct sealed *s);

/* Records: u32 kind, u32 section, u32 length, bytes; what trust and anchors memfds hold. */
enum record_kind {
	RECORD_ANCHOR = 1, /* PEM or DER text of anchors */
	RECORD_INTERMEDIATE = 2,
	RECORD_ANCHOR_SHA256 = 4, /* for ident: SHA-256 of an anchor's DER */
	RECORD_AUTHKEY = 5,	  /* for ident: an authorized key (lib/authkeys) */
	RECORD_AUTHFILE = 6,	  /* for load: path, NUL, and the text of an authorized_keys file */
};
struct record {
	uint32_t kind, section;
	const uint8_t *p;
	size_t n;
};
struct records_writer {
	uint8_t *buf;
	size_t len, cap, max;
};
int records_add(struct records_writer *w, const struct record *r, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void records_done(struct records_writer *w);
/* 1 and *r, 0 at the end, -1 ERR_PEER when the bytes are not records. Start with *pos 0. */
int records_next(const struct sealed *s, size_t *pos, struct record *r, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
