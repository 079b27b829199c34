/* hash.h - a hash table whose nodes live inside what they index */
#ifndef HASH_H
#define HASH_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct hash_node {
	struct hash_node *next;
	uint64_t value;
};
struct hash {
	struct hash_node **buckets; /* a power of two of them */
	size_t nbuckets, n;
};

/* What a node is inside of. */
#define HASH_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

int hash_init(struct hash *h, struct err *e) __attribute__((warn_unused_result, nonnull));
void hash_done(struct hash *h) __attribute__((nonnull)); /* the nodes are the caller's */
void hash_add(struct hash *h, struct hash_node *node, uint64_t value) __attribute__((nonnull));
void hash_remove(struct hash *h, struct hash_node *node) __attribute__((nonnull));
/* Nodes of one value, among which the caller compares keys; NULL at the end. */
struct hash_node *hash_first(const struct hash *h, uint64_t value) __attribute__((nonnull));
struct hash_node *hash_next(const struct hash_node *node) __attribute__((nonnull));

/*
 * Look at all, a bucket a call: begin with *cursor 0; when it is 0 again, all were seen. Nodes may
 * come and go between the calls: one that is there throughout is seen exactly once, any other at
 * most once. The bucket's nodes are a chain of `next`; NULL where it is empty.
 */
struct hash_node *hash_scan(const struct hash *h, uint64_t *cursor) __attribute__((nonnull));

/* The value of a key; `seed` is random, so that nobody chooses keys that all meet in one bucket. */
uint64_t hash_bytes(uint64_t seed, const void *p, size_t n) __attribute__((nonnull));

#endif
