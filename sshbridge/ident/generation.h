/* generation.h - one set of settings, trust anchors and map, taken whole or not at all */
#ifndef GENERATION_H
#define GENERATION_H

#include "authkeys.h"
#include "crlindex.h"
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
	unsigned *map_refs; /* generations that have this very map */
	struct sealed kept_settings,
	    kept_map;		/* mapped: to see whether the next ones are the same */
	struct anchor *anchors; /* sorted, each once */
	size_t nanchors;
	struct sealed crl_bytes;   /* mapped, the same memory as in all gates */
	struct crlindex crls;	   /* in crl_bytes */
	struct authkeys *authkeys; /* of jump targets; NULL: none */
	unsigned *authkeys_refs;   /* as map_refs */
	struct sealed kept_authkeys;
};

/* Bytes of a set, as they lie in sealed memory. */
struct generation_parts {
	const uint8_t *settings, *anchors, *map;
	size_t settings_len, anchors_len, map_len;
	struct sealed crls;	/* must stay as long as the generation; p NULL: no CRLs */
	struct sealed authkeys; /* p NULL: none */
	const struct generation *same_map;	/* has the same settings and map; NULL: none */
	const struct generation *same_authkeys; /* has the same; NULL: none */
};
/*
 * Build a set, with one reference for the caller. NULL: ERR_FORMAT (the map), ERR_PEER (the other
 * others), ERR_NOMEM.
 */
struct generation *generation_new(uint64_t number, const struct generation_parts *parts,
    struct err *e) __attribute__((warn_unused_result, nonnull));
/*
 * The same from sealed memfds, which stay the caller's: settings, anchors, map, CRL index,
 * authorized keys. Where settings and map are those of `before` (may be NULL), as when only CRLs
 * changed, the map is not parsed again, nor are the same keys: many take longer than anybody who
 * asks should wait.
 */
#define GENERATION_FDS 5
struct generation *generation_map(uint64_t number, const int *fds, const struct generation *before,
    struct err *e) __attribute__((warn_unused_result, nonnull(2, 4)));
struct generation *generation_ref(struct generation *g) __attribute__((nonnull));
void generation_unref(struct generation *g); /* NULL does nothing */
/* The target of that name; NULL: the configuration has none. */
const struct settings_target *generation_target(const struct generation *g, const char *name)
    __attribute__((nonnull));
bool generation_same_map(const struct generation *a, const struct generation *b)
    __attribute__((nonnull));

/*
 * The seconds around `now` in which no CRL begins or ends: before *from and from *to on they say
 * something else.
 */
void generation_crls_hold(const struct generation *g, int64_t now, int64_t *from, int64_t *to)
    __attribute__((nonnull));
bool generation_trusts(const struct generation *g, uint32_t section, const uint8_t sha256[32])
    __attribute__((nonnull));

#endif
