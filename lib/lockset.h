/* lockset.h - identities that an operator has locked: as a set, and as the text of its file */
#ifndef LOCKSET_H
#define LOCKSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define LOCKSET_MAX	   4096
#define LOCKSET_REASON_MAX 256 /* bytes, with the NUL */
#define LOCKSET_TEXT_MAX   (32U << 20)

struct lock {
	char *identity, *reason; /* the reason may be "" */
	int64_t since;		 /* seconds since 1970-01-01 UTC */
};
struct lockset {
	struct lock *v; /* sorted by identity, each once */
	size_t n, room;
};

void lockset_done(struct lockset *s) __attribute__((nonnull));
/* The lock of this identity, compared whole and byte by byte; NULL: it is not locked. */
const struct lock *lockset_find(const struct lockset *s, const char *identity)
    __attribute__((nonnull));

/*
 * What `list` shows as an identity: SECTION/FIELD:VALUE. A lock of anything else would lock
 * nobody, in silence. -1: ERR_FORMAT.
 */
int lockset_identity(const char *identity, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/*
 * 1: added. 0: it was locked already, and has the new reason unless that is "". -1: ERR_FORMAT
 * (not an identity, too long, more than LOCKSET_MAX), ERR_NOMEM.
 */
int lockset_add(struct lockset *s, const char *identity, const char *reason, int64_t since,
    struct err *e) __attribute__((warn_unused_result, nonnull));
bool lockset_remove(struct lockset *s, const char *identity) __attribute__((nonnull));

/*
 * The text: a first line, one line for each lock (since, identity, reason; a byte that is no
 * printable ASCII, a blank or a backslash as \xHH), and a last line with their number, so that
 * a file that was cut anywhere is no text. lockset_text(): NUL-terminated, the caller frees;
 * NULL: ERR_NOMEM. lockset_parse(): -1 and an empty set: ERR_FORMAT naming the line, ERR_NOMEM.
 */
char *lockset_text(const struct lockset *s, size_t *n, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int lockset_parse(const uint8_t *text, size_t n, struct lockset *s, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
