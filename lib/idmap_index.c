/* idmap_index.c - memory of a map, and finding its rules: literal ones by hash */
#include <stdlib.h>
#include <string.h>

#include "idmap_local.h"

#define CHUNK_SIZE 65536

struct idmap_chunk {
	struct idmap_chunk *next;
	size_t used, size;
	_Alignas(16) uint8_t data[];
};

void *
idmap_arena_alloc(struct idmap_arena *a, size_t n)
{
	struct idmap_chunk *c = a->chunks;
	size_t need = (n + 15) & ~(size_t)15;
	void *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	if (c == NULL || need > c->size - c->used) {
		size_t size = need > CHUNK_SIZE ? need : CHUNK_SIZE;

		if ((c = malloc(sizeof(*c) + size)) == NULL)
			return NULL;
		c->used = 0;
		c->size = size;
		c->next = a->chunks;
		a->chunks = c;
	}
	p = c->data + c->used;
	c->used += need;
	return memset(p, 0, need);
}

void
idmap_arena_free(struct idmap_arena *a)
{
	struct idmap_chunk *c, *next;

	for (c = a->chunks; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	a->chunks = NULL;
}

/*
 * FNV-1a with a final mix. The keys in the table are the administrator's, a client can only ask
 * for one: no seed is needed.
 */
static uint32_t
hash(unsigned field, bool deny, const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325U ^ (field << 1 | (deny ? 1U : 0U));

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3U;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93U;
	return (uint32_t)(h >> 32);
}

void
idmap_key_init(struct idmap_key *k, unsigned field, bool deny, const uint8_t *p, size_t n)
{
	*k = (struct idmap_key){
		.field = field, .deny = deny, .p = p, .n = n, .hash = hash(field, deny, p, n)
	};
}

int
idmap_index_build(struct idmap *m, struct err *e)
{
	size_t size = 16;

	while (size < m->nrules * 2)
		size *= 2;
	if ((m->buckets = calloc(size, sizeof(*m->buckets))) == NULL)
		return err_nomem(e, "identity map");
	m->nbuckets = size;
	/* From the last to the first, so that each chain runs in order of lines. */
	for (size_t i = m->nrules; i-- > 0;) {
		struct idmap_rule *r = &m->rules[i];
		uint32_t *head = &m->others[r->field][r->deny];

		if (r->kind == KIND_LITERAL) {
			r->hash = hash(r->field, r->deny, r->key, r->key_len);
			head = &m->buckets[r->hash & (size - 1)];
		}
		r->next = *head;
		*head = (uint32_t)(i + 1);
	}
	return 0;
}

const struct idmap_rule *
idmap_index_next(const struct idmap *m, const struct idmap_key *k, const struct idmap_rule *r)
{
	uint32_t i = r == NULL ? m->buckets[k->hash & (m->nbuckets - 1)] : r->next;

	for (; i != 0; i = m->rules[i - 1].next) {
		r = &m->rules[i - 1];
		if (r->hash == k->hash && r->field == k->field && r->deny == k->deny &&
		    r->key_len == k->n && memcmp(r->key, k->p, k->n) == 0)
			return r;
	}
	return NULL;
}
