/* generation.c - one set of settings, trust anchors and map */
#include <stdlib.h>
#include <string.h>

#include "generation.h"
#include "hash.h"
#include "sealed.h"

#define ANCHORS_BYTES_MAX (16U << 20)

static int
anchor_compare(const void *a, const void *b)
{
	const struct anchor *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return memcmp(x->sha256, y->sha256, sizeof(x->sha256));
}

static int
read_anchors(struct generation *g, const struct generation_parts *parts, struct err *e)
{
	const struct sealed s = { .p = parts->anchors, .n = parts->anchors_len };
	struct record r;
	size_t pos = 0, room = 0;
	int more;

	while ((more = records_next(&s, &pos, &r, e)) == 1) {
		if (r.kind != RECORD_ANCHOR_SHA256 || r.section >= g->settings.nsections ||
		    r.n != sizeof(g->anchors->sha256))
			return err_set(e, ERR_PEER,
			    "trust anchors: record of kind %u, section %u, "
			    "%zu bytes",
			    (unsigned)r.kind, (unsigned)r.section, r.n);
		if (g->nanchors == room) {
			struct anchor *p;

			room = room == 0 ? 16 : room * 2;
			if ((p = realloc(g->anchors, room * sizeof(*p))) == NULL)
				return err_nomem(e, "trust anchors");
			g->anchors = p;
		}
		g->anchors[g->nanchors].section = r.section;
		memcpy(g->anchors[g->nanchors++].sha256, r.p, r.n);
	}
	if (more == -1)
		return -1;
	if (g->nanchors > 0)
		qsort(g->anchors, g->nanchors, sizeof(*g->anchors), anchor_compare);
	return 0;
}

static int
read_map(struct generation *g, const struct generation_parts *parts, struct err *e)
{
	const char *names[SECTIONS_MAX];
	struct idmap_config c = { .sections = names,
		.nsections = g->settings.nsections,
		.capture_min_uid = g->settings.capture_min_uid };

	g->map_hash = hash_bytes(c.capture_min_uid, parts->map, parts->map_len);
	for (size_t i = 0; i < g->settings.nsections; i++) {
		names[i] = g->settings.sections[i].name;
		g->map_hash = hash_bytes(g->map_hash, names[i], strlen(names[i]) + 1);
	}
	g->map = idmap_parse("map", parts->map, parts->map_len, &c, e);
	return g->map == NULL ? -1 : 0;
}

struct generation *
generation_new(uint64_t number, const struct generation_parts *parts, struct err *e)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (g == NULL) {
		err_nomem(e, "generation");
		return NULL;
	}
	g->refs = 1;
	g->number = number;
	if (settings_decode(parts->settings, parts->settings_len, &g->settings, e) == -1 ||
	    read_anchors(g, parts, e) == -1 || read_map(g, parts, e) == -1) {
		generation_unref(g);
		return NULL;
	}
	return g;
}

struct generation *
generation_map(uint64_t number, const int fds[3], struct err *e)
{
	static const size_t max[3] = { SETTINGS_BYTES_MAX, ANCHORS_BYTES_MAX, IDMAP_TEXT_MAX };
	struct sealed s[3] = { { 0 } };
	struct generation_parts parts;
	struct generation *g = NULL;
	size_t n = 0;

	while (n < 3 && sealed_map(fds[n], max[n], &s[n], e) == 0)
		n++;
	if (n == 3) {
		parts = (struct generation_parts){ .settings = s[0].p,
			.settings_len = s[0].n,
			.anchors = s[1].p,
			.anchors_len = s[1].n,
			.map = s[2].p,
			.map_len = s[2].n };
		g = generation_new(number, &parts, e);
	}
	while (n > 0)
		sealed_unmap(&s[--n]);
	return g;
}

struct generation *
generation_ref(struct generation *g)
{
	g->refs++;
	return g;
}

void
generation_unref(struct generation *g)
{
	if (g == NULL || --g->refs > 0)
		return;
	idmap_free(g->map);
	free(g->anchors);
	free(g);
}

bool
generation_trusts(const struct generation *g, uint32_t section, const uint8_t sha256[32])
{
	struct anchor key = { .section = section };

	memcpy(key.sha256, sha256, sizeof(key.sha256));
	return g->nanchors > 0 &&
	       bsearch(&key, g->anchors, g->nanchors, sizeof(key), anchor_compare) != NULL;
}

bool
generation_same_map(const struct generation *a, const struct generation *b)
{
	return a->map_hash == b->map_hash;
}
