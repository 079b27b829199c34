/* generation.c - one set of settings, trust anchors and map */
#include <stdlib.h>
#include <string.h>

#include "generation.h"
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
	const struct generation *same = parts->same_map;
	struct idmap_config c = { .sections = names,
		.nsections = g->settings.nsections,
		.capture_min_uid = g->settings.capture_min_uid };

	if (same != NULL) {
		g->map = same->map;
		g->map_refs = same->map_refs;
		++*g->map_refs;
		return 0;
	}
	if ((g->map_refs = malloc(sizeof(*g->map_refs))) == NULL)
		return err_nomem(e, "map");
	*g->map_refs = 1;
	for (size_t i = 0; i < g->settings.nsections; i++)
		names[i] = g->settings.sections[i].name;
	g->map = idmap_parse("map", parts->map, parts->map_len, &c, e);
	return g->map == NULL ? -1 : 0;
}

static int
read_authkeys(struct generation *g, const struct generation_parts *parts, struct err *e)
{
	const struct generation *same = parts->same_authkeys;

	if (same != NULL) {
		g->authkeys = same->authkeys;
		g->authkeys_refs = same->authkeys_refs;
		++*g->authkeys_refs;
		return 0;
	}
	if (parts->authkeys.p == NULL)
		return 0;
	if ((g->authkeys_refs = malloc(sizeof(*g->authkeys_refs))) == NULL)
		return err_nomem(e, "authorized keys");
	*g->authkeys_refs = 1;
	g->authkeys = authkeys_open(&parts->authkeys, e);
	return g->authkeys == NULL ? -1 : 0;
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
	    read_anchors(g, parts, e) == -1 || read_map(g, parts, e) == -1 ||
	    (parts->crls.p != NULL && crlindex_open(&parts->crls, &g->crls, e) == -1) ||
	    read_authkeys(g, parts, e) == -1) {
		generation_unref(g);
		return NULL;
	}
	return g;
}

static bool
same_bytes(const struct sealed *a, const struct sealed *b)
{
	return a->p != NULL && a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

struct generation *
generation_map(uint64_t number, const int *fds, const struct generation *before, struct err *e)
{
	const size_t max[GENERATION_FDS] = { SETTINGS_BYTES_MAX, ANCHORS_BYTES_MAX, IDMAP_TEXT_MAX,
		crlindex_bytes_max(), AUTHKEYS_BYTES_MAX };
	struct sealed s[GENERATION_FDS] = { { 0 } };
	struct generation_parts parts;
	struct generation *g = NULL;
	size_t n = 0;

	while (n < GENERATION_FDS && sealed_map(fds[n], max[n], &s[n], e) == 0)
		n++;
	if (n == GENERATION_FDS) {
		parts = (struct generation_parts){ .settings = s[0].p,
			.settings_len = s[0].n,
			.anchors = s[1].p,
			.anchors_len = s[1].n,
			.map = s[2].p,
			.map_len = s[2].n,
			.crls = s[3],
			.authkeys = s[4],
			.same_map = before != NULL && same_bytes(&before->kept_settings, &s[0]) &&
					    same_bytes(&before->kept_map, &s[2])
					? before
					: NULL,
			.same_authkeys = before != NULL && same_bytes(&before->kept_authkeys, &s[4])
					     ? before
					     : NULL };
		g = generation_new(number, &parts, e);
	}
	if (g != NULL) {
		/* these stay mapped; the others were read */
		g->kept_settings = s[0];
		g->kept_map = s[2];
		g->crl_bytes = s[3];
		sealed_unmap(&s[1]);
		g->kept_authkeys = s[4];
		return g;
	}
	while (n > 0)
		sealed_unmap(&s[--n]);
	return g;
}

const struct settings_target *
generation_target(const struct generation *g, const char *name)
{
	const struct settings *s = &g->settings;

	for (size_t i = 0; i < s->ntargets; i++)
		if (strcmp(s->targets[i].name, name) == 0)
			return &s->targets[i];
	return NULL;
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
	if (g->map_refs != NULL && --*g->map_refs == 0) {
		idmap_free(g->map);
		free(g->map_refs);
	}
	free(g->anchors);
	if (g->authkeys_refs != NULL && --*g->authkeys_refs == 0) {
		authkeys_free(g->authkeys);
		free(g->authkeys_refs);
	}
	sealed_unmap(&g->kept_authkeys);
	sealed_unmap(&g->kept_settings);
	sealed_unmap(&g->kept_map);
	sealed_unmap(&g->crl_bytes);
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
	return a->map == b->map;
}

void
generation_crls_hold(const struct generation *g, int64_t now, int64_t *from, int64_t *to)
{
	*from = INT64_MIN;
	*to = INT64_MAX;
	for (uint32_t i = 0; i < g->crls.nlists; i++) {
		const int64_t edges[] = { g->crls.lists[i].this_update,
			g->crls.lists[i].next_update };

		for (size_t k = 0; k < 2; k++) {
			if (edges[k] <= now && edges[k] > *from)
				*from = edges[k];
			if (edges[k] > now && edges[k] < *to)
				*to = edges[k];
		}
	}
}
