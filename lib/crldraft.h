/* crldraft.h - lists of revoked serial numbers on their way into an index (no OpenSSL here) */
#ifndef CRLDRAFT_H
#define CRLDRAFT_H

#include "crlindex.h"

/* One list: its facts, and its entries as they came. */
struct crldraft {
	struct crlindex_list list; /* first and n are filled when the index is written */
	uint8_t *own;		   /* n * CRLINDEX_ENTRY bytes; NULL: `lent` */
	const uint8_t *lent;	   /* of an older index, which must stay until the writing */
	uint64_t n, room;
	bool sorted;
};
void crldraft_done(struct crldraft *d); /* frees its entries; NULL does nothing */

/* Add one serial number, from the content octets of its INTEGER. -1: ERR_FORMAT, ERR_NOMEM. */
int crldraft_add(struct crldraft *d, const uint8_t *octets, size_t n, unsigned reason,
    struct err *e) __attribute__((warn_unused_result, nonnull));
/* Sort its entries bytewise; for a while many take their memory twice, if there is as much. */
void crldraft_sort(struct crldraft *d) __attribute__((nonnull));

/* Lists that become one index together. */
struct crldrafts {
	struct crldraft *v;
	size_t n, room;
	uint64_t entries;
};
/* Take a list over, also on failure. -1: ERR_FORMAT (too many lists or entries), ERR_NOMEM. */
int crldrafts_take(struct crldrafts *set, struct crldraft *d, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The same for a list of an index that is in force, whose entries are lent. */
int crldrafts_keep(struct crldrafts *set, const struct crlindex *ix, const struct crlindex_list *l,
    struct err *e) __attribute__((warn_unused_result, nonnull));
/* Move all lists of `from` to `to`; `from` is empty then. */
int crldrafts_move(struct crldrafts *to, struct crldrafts *from, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Take list `i` out; the last one comes into its place. */
void crldrafts_drop(struct crldrafts *set, size_t i) __attribute__((nonnull));
void crldrafts_done(struct crldrafts *set);

/*
 * Write the index; the lists stay the caller's, but their entries are freed as they are written.
 * A sealed memfd, or -1; or bytes that the caller frees, or NULL. ERR_SYS, ERR_NOMEM.
 */
int crldrafts_seal(struct crldrafts *set, struct err *e)
    __attribute__((warn_unused_result, nonnull));
uint8_t *crldrafts_pack(struct crldrafts *set, size_t *n, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
