/* generation.c - one generation, built completely before it counts */
#include <stdlib.h>
#include <time.h>

#include "generation.h"
#include "tls.h"
#include "verify.h"

#define TRUST_BYTES_MAX (1024UL * 1024 * 1024)

static int
add_record(struct generation *g, const struct record *r, struct err *e)
{
	static const enum certpath_kind kinds[] = {
		[RECORD_ANCHOR] = CERTPATH_ANCHOR,
		[RECORD_INTERMEDIATE] = CERTPATH_INTERMEDIATE,
		[RECORD_CRL] = CERTPATH_CRL,
	};

	if (r->kind < RECORD_ANCHOR || r->kind > RECORD_CRL || r->section >= g->set.nsections)
		return err_set(
		    e, ERR_PEER, "trust: record of kind %u for section %u", r->kind, r->section);
	if (certpath_trust_add(g->trust[r->section], kinds[r->kind],
		g->set.sections[r->section].name, r->p, r->n, e) == -1)
		return -1;
	return 0;
}

/* What a CRL's age is worth telling was told by the load process. */
static void
ignore_note(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/* Each section as the load process found it: with anchors, every CRL signed by its issuer. */
static int
check_trust(struct generation *g, struct err *e)
{
	for (uint32_t i = 0; i < g->set.nsections; i++) {
		if (certpath_nanchors(g->trust[i]) == 0)
			return err_set(
			    e, ERR_PEER, "trust \"%s\": no anchor", g->set.sections[i].name);
		if (certpath_trust_check(g->trust[i], (int64_t)time(NULL), ignore_note, NULL, e) ==
		    -1)
			return err_prefix(e, "trust \"%s\"", g->set.sections[i].name);
	}
	return 0;
}

static int
fill_trust(struct generation *g, const struct sealed *records, struct err *e)
{
	struct record r;
	size_t pos = 0;
	int more;

	for (uint32_t i = 0; i < g->set.nsections; i++) {
		if ((g->trust[i] = certpath_trust_new(e)) == NULL)
			return -1;
		certpath_trust_revocation(g->trust[i], g->set.sections[i].revocation != 0
							   ? CERTPATH_REVOCATION_REQUIRE
							   : CERTPATH_REVOCATION_OFF);
	}
	while ((more = records_next(records, &pos, &r, e)) == 1)
		if (add_record(g, &r, e) == -1)
			return -1;
	return more == -1 ? -1 : check_trust(g, e);
}

static int
add_names(struct generation *g, struct err *e)
{
	for (uint32_t i = 0; i < g->set.nsections; i++) {
		STACK_OF(X509_NAME) *names = certpath_ca_names(g->trust[i], e);
		int r;

		if (names == NULL)
			return -1;
		r = tls_context_add_names(g->ctx, names, e);
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		if (r == -1)
			return -1;
	}
	return 0;
}

struct generation *
generation_new(const struct generation_parts *p, struct err *e)
{
	struct generation *g = calloc(1, sizeof(*g));
	struct tls_options o = {
		.chain = p->chain.p,
		.chain_len = p->chain.n,
		.key = p->key,
		.verify = verify_client,
	};

	if (g == NULL) {
		err_nomem(e, "generation");
		return NULL;
	}
	g->refs = 1;
	g->number = p->number;
	if ((g->paths = pathcache_new()) == NULL) {
		err_nomem(e, "generation");
		goto fail;
	}
	if (settings_decode(p->settings.p, p->settings.n, &g->set, e) == -1 ||
	    fill_trust(g, &p->trust, e) == -1)
		goto fail;
	o.min = (int)g->set.tls_min;
	if ((g->ctx = tls_context_new(&o, e)) == NULL || add_names(g, e) == -1)
		goto fail;
	return g;
fail:
	generation_unref(g);
	return NULL;
}

struct generation *
generation_from_fds(uint64_t number, const int fds[3], EVP_PKEY *key, struct err *e)
{
	struct generation_parts p = { .number = number, .key = key };
	struct generation *g = NULL;

	if (sealed_map(fds[0], SETTINGS_BYTES_MAX, &p.settings, e) == 0 &&
	    sealed_map(fds[1], TRUST_BYTES_MAX, &p.trust, e) == 0 &&
	    sealed_map(fds[2], SETTINGS_CHAIN_MAX, &p.chain, e) == 0)
		g = generation_new(&p, e);
	sealed_unmap(&p.settings);
	sealed_unmap(&p.trust);
	sealed_unmap(&p.chain);
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
	SSL_CTX_free(g->ctx);
	pathcache_free(g->paths);
	for (uint32_t i = 0; i < SECTIONS_MAX; i++)
		certpath_trust_free(g->trust[i]);
	free(g);
}
