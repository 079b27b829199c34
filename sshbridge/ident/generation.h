/* generation.h - one set of settings, trust anchors and map, taken whole or not at all */
#ifndef GENERATION_H
#define GENERATION_H

#include "idmap.h"
#include "settings.h"

struct anchor {
	uint32_t section; /* index in settings.sections */
	uint8_t sha256[32];
};
struct generation {
	unsigned refs;
	uint64_t number;
	struct settings settings;
	struct idmap *map;
	uint64_t map_hash;	/* of its text and of what that is read with */
	struct anchor *anchors; /* sorted, each once */
	size_t nanchors;
};

/* Bytes of a set, as they lie in sealed memory. */
struct generation_parts {
	const uint8_t *settings, *anchors, *map;
	size_t settings_len, anchors_len, map_len;
};
/*
 * Build a set, with one reference for the caller. NULL: ERR_FORMAT (the map), ERR_PEER (the other
 * two), ERR_NOMEM.
 */
struct generation *generation_new(uint64_t number, const struct generation_parts *parts,
    struct err *e) __attribute__((warn_unused_result, nonnull));
/* The same from sealed memfds, which stay the caller's. */
struct generation *generation_map(uint64_t number, const int fds[3], struct err *e)
    __attribute__((warn_unused_result, nonnull));
struct generation *generation_ref(struct generation *g) __attribute__((nonnull));
void generation_unref(struct generation *g); /* NULL does nothing */
bool generation_same_map(const struct generation *a, const struct generation *b)
    __attribute__((nonnull));

bool generation_trusts(const struct generation *g, uint32_t section, const uint8_t sha256[32])
    __attribute__((nonnull));

#endif
