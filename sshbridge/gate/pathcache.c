/* pathcache.c - paths that were accepted */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <openssl/evp.h>

#include "pathcache.h"

enum { BUCKETS = 4096 };

/*
 * What an X509 costs beside its DER, measured: names, extensions, and the key a kilobyte and a
 * half. Those of the trust section are there anyway, but counting them too errs on the safe side.
 */
enum { CERT_COST = 4096, ENTRY_COST = 512 };

struct entry {
	LIST_ENTRY(entry) bucket;
	TAILQ_ENTRY(entry) age;
	struct pathcache_key key;
	struct certpath_result res; /* the path without its leaf */
	size_t cost;
};

struct pathcache {
	LIST_HEAD(, entry) bucket[BUCKETS];
	TAILQ_HEAD(used_head, entry) used; /* last used first */
	size_t n, bytes;
};

struct pathcache *
pathcache_new(void)
{
	struct pathcache *pc = calloc(1, sizeof(*pc));

	if (pc != NULL)
		TAILQ_INIT(&pc->used);
	return pc;
}

static void
drop(struct pathcache *pc, struct entry *en)
{
	LIST_REMOVE(en, bucket);
	TAILQ_REMOVE(&pc->used, en, age);
	pc->n--;
	pc->bytes -= en->cost;
	certpath_result_done(&en->res);
	free(en);
}

void
pathcache_free(struct pathcache *pc)
{
	struct entry *en;

	if (pc == NULL)
		return;
	while ((en = TAILQ_FIRST(&pc->used)) != NULL)
		drop(pc, en);
	free(pc);
}

int
pathcache_key(X509 *leaf, uint32_t section, struct pathcache_key *k)
{
	unsigned n = 0;

	memset(k, 0, sizeof(*k));
	k->section = section;
	return X509_digest(leaf, EVP_sha256(), k->leaf, &n) == 1 && n == sizeof(k->leaf) ? 0 : -1;
}

/* A digest is as good as random; who makes up certificates does not get one in here. */
static size_t
bucket_of(const struct pathcache_key *k)
{
	return ((size_t)k->leaf[0] << 8 | k->leaf[1]) % BUCKETS;
}

static struct entry *
find(struct pathcache *pc, const struct pathcache_key *k)
{
	struct entry *en;

	LIST_FOREACH(en, &pc->bucket[bucket_of(k)], bucket)
	if (memcmp(&en->key, k, sizeof(*k)) == 0)
		return en;
	return NULL;
}

/* The policies of *from, and the path `leaf` (or none) and from->path[first..]. 0 or -1. */
static int
copy(const struct certpath_result *from, X509 *leaf, int first, struct certpath_result *to)
{
	struct certpath_result r = *from;

	r.npolicies = 0;
	r.policies = calloc(from->npolicies + 1, sizeof(*r.policies));
	r.path = sk_X509_new_reserve(NULL, sk_X509_num(from->path) + 1);
	if (r.policies == NULL || r.path == NULL)
		goto fail;
	for (; r.npolicies < from->npolicies; r.npolicies++)
		if ((r.policies[r.npolicies] = strdup(from->policies[r.npolicies])) == NULL)
			goto fail;
	if (leaf != NULL && X509_up_ref(leaf) == 1)
		(void)sk_X509_push(r.path, leaf);
	for (int i = first; i < sk_X509_num(from->path); i++)
		if (X509_up_ref(sk_X509_value(from->path, i)) == 1)
			(void)sk_X509_push(r.path, sk_X509_value(from->path, i));
	*to = r;
	return 0;
fail:
	certpath_result_done(&r);
	return -1;
}

bool
pathcache_find(struct pathcache *pc, const struct pathcache_ask *a, struct certpath_result *res)
{
	struct entry *en = find(pc, a->key);
	struct certpath_result r;

	if (en == NULL || copy(&en->res, a->leaf, 0, &r) == -1)
		return false;
	if (!certpath_again(a->trust, &r, a->now)) {
		certpath_result_done(&r);
		drop(pc, en);
		return false;
	}
	TAILQ_REMOVE(&pc->used, en, age);
	TAILQ_INSERT_HEAD(&pc->used, en, age);
	*res = r;
	return true;
}

static size_t
cost_of(const struct certpath_result *res)
{
	size_t cost = ENTRY_COST;

	for (int i = 0; i < sk_X509_num(res->path); i++) {
		int der = i2d_X509(sk_X509_value(res->path, i), NULL);

		cost += CERT_COST + 2 * (size_t)(der > 0 ? der : 0);
	}
	for (size_t i = 0; i < res->npolicies; i++)
		cost += strlen(res->policies[i]) + 32;
	return cost;
}

void
pathcache_add(
    struct pathcache *pc, const struct pathcache_key *k, const struct certpath_result *res)
{
	struct entry *en;

	if (find(pc, k) != NULL || (en = calloc(1, sizeof(*en))) == NULL)
		return;
	en->key = *k;
	if (copy(res, NULL, 1, &en->res) == -1) {
		free(en);
		return;
	}
	en->cost = cost_of(&en->res);
	LIST_INSERT_HEAD(&pc->bucket[bucket_of(k)], en, bucket);
	TAILQ_INSERT_HEAD(&pc->used, en, age);
	pc->n++;
	pc->bytes += en->cost;
	while (pc->n > PATHCACHE_ENTRIES_MAX || pc->bytes > PATHCACHE_BYTES_MAX)
		drop(pc, TAILQ_LAST(&pc->used, used_head));
}

size_t
pathcache_entries(const struct pathcache *pc)
{
	return pc->n;
}

size_t
pathcache_bytes(const struct pathcache *pc)
{
	return pc->bytes;
}
