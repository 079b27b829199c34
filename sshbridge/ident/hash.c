/* hash.c - a hash table whose nodes live inside what they index */
#include <stdlib.h>

#include "hash.h"

enum { BUCKETS_FIRST = 256 };

int
hash_init(struct hash *h, struct err *e)
{
	*h = (struct hash){ .nbuckets = BUCKETS_FIRST };
	if ((h->buckets = calloc(h->nbuckets, sizeof(struct hash_node *))) == NULL)
		return err_nomem(e, "table");
	return 0;
}

void
hash_done(struct hash *h)
{
	free(h->buckets);
	h->buckets = NULL;
}

static struct hash_node **
bucket(const struct hash *h, uint64_t value)
{
	return &h->buckets[value & (h->nbuckets - 1)];
}

/* Twice as many buckets. Without memory for them the chains grow longer, and nothing else. */
static void
grow(struct hash *h)
{
	struct hash bigger = { .nbuckets = h->nbuckets * 2, .n = h->n };

	bigger.buckets = calloc(bigger.nbuckets, sizeof(struct hash_node *));
	if (bigger.buckets == NULL)
		return;
	for (size_t i = 0; i < h->nbuckets; i++) {
		struct hash_node *node = h->buckets[i], *next;

		for (; node != NULL; node = next) {
			struct hash_node **b = bucket(&bigger, node->value);

			next = node->next;
			node->next = *b;
			*b = node;
		}
	}
	free(h->buckets);
	*h = bigger;
}

void
hash_add(struct hash *h, struct hash_node *node, uint64_t value)
{
	struct hash_node **b;

	if (h->n >= h->nbuckets)
		grow(h);
	b = bucket(h, value);
	node->value = value;
	node->next = *b;
	*b = node;
	h->n++;
}

void
hash_remove(struct hash *h, struct hash_node *node)
{
	for (struct hash_node **at = bucket(h, node->value); *at != NULL; at = &(*at)->next) {
		if (*at == node) {
			*at = node->next;
			h->n--;
			return;
		}
	}
}

static struct hash_node *
same(struct hash_node *node, uint64_t value)
{
	while (node != NULL && node->value != value)
		node = node->next;
	return node;
}

struct hash_node *
hash_first(const struct hash *h, uint64_t value)
{
	return same(*bucket(h, value), value);
}

struct hash_node *
hash_next(const struct hash_node *node)
{
	return same(node->next, node->value);
}

static uint64_t
reversed(uint64_t v)
{
	v = (v >> 1 & 0x5555555555555555U) | (v & 0x5555555555555555U) << 1;
	v = (v >> 2 & 0x3333333333333333U) | (v & 0x3333333333333333U) << 2;
	v = (v >> 4 & 0x0f0f0f0f0f0f0f0fU) | (v & 0x0f0f0f0f0f0f0f0fU) << 4;
	return __builtin_bswap64(v);
}

/*
 * The bucket's number is counted up from its highest bit: when the table has grown, the buckets
 * that a seen one was split into are those that the cursor has passed already. It never shrinks.
 */
struct hash_node *
hash_scan(const struct hash *h, uint64_t *cursor)
{
	uint64_t mask = h->nbuckets - 1, v = *cursor;

	*cursor = reversed(reversed(v | ~mask) + 1);
	return h->buckets[v & mask];
}

uint64_t
hash_bytes(uint64_t seed, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t v = seed ^ 0xcbf29ce484222325U;

	for (size_t i = 0; i < n; i++) {
		v = (v ^ b[i]) * 0x100000001b3U;
		v ^= v >> 29;
	}
	v = (v ^ seed) * 0x9e3779b97f4a7c15U;
	return v ^ v >> 32;
}
