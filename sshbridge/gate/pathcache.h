/*
 * pathcache.h - paths that were accepted, so that their signatures are not checked for each login
 *
 * One for each generation, within it and gone with it: no anchor, intermediate, CRL or setting ever
 * changes under a cache. What is kept: a good verdict of certpath_verify(), after the client had
 * proved its key, under the SHA-256 of the leaf and the trust section, with the path that was found
 * (so the intermediates that came with the leaf are part of it). What is never kept: a refusal, and
 * the proof of a key: that is OpenSSL's, in every handshake anew. A path is given out only if
 * certpath_again() agrees at that moment.
 */
#ifndef PATHCACHE_H
#define PATHCACHE_H

#include "certpath.h"

/* Entries, and the bytes that they hold, roughly: the oldest leave first. */
#define PATHCACHE_ENTRIES_MAX 4096
#define PATHCACHE_BYTES_MAX   (8UL * 1024 * 1024)

struct pathcache;
struct pathcache *pathcache_new(void);	   /* NULL: out of memory */
void pathcache_free(struct pathcache *pc); /* NULL does nothing */

struct pathcache_key {
	uint8_t leaf[32]; /* SHA-256 of its DER */
	uint32_t section;
};
/* -1: it has no digest, and so no place here. */
int pathcache_key(X509 *leaf, uint32_t section, struct pathcache_key *k)
    __attribute__((warn_unused_result, nonnull));

/*
 * The path of `leaf` as certpath_verify() would give it; the caller frees it. False: there is none
 * that holds at `now`, and if there was one it is gone.
 */
struct pathcache_ask {
	const struct pathcache_key *key;
	const struct certpath_trust *trust; /* of that section */
	X509 *leaf;
	int64_t now;
};
bool pathcache_find(struct pathcache *pc, const struct pathcache_ask *a,
    struct certpath_result *res) __attribute__((warn_unused_result, nonnull));
/* Keep a copy, unless it is there or memory is out. */
void pathcache_add(struct pathcache *pc, const struct pathcache_key *k,
    const struct certpath_result *res) __attribute__((nonnull));
size_t pathcache_entries(const struct pathcache *pc) __attribute__((nonnull));
size_t pathcache_bytes(const struct pathcache *pc) __attribute__((nonnull));

#endif
