/* grant.c - the accounts that WHO granted on a connection */
#include <stdlib.h>
#include <string.h>

#include "grant.h"
#include "ident.h"
#include "keylogin.h"

static bool
same_login(const struct grant *g, const struct login *l)
{
	return strcmp(g->service, l->service) == 0 && strcmp(g->account, l->account) == 0 &&
	       g->has_uid == l->has_uid && g->uid == l->uid;
}

static void
grant_free(struct grant *g)
{
	free(g->keys);
	free(g);
}

static struct grant *
grant_new(const struct login *l, const struct verdict *v, struct err *e)
{
	size_t service = strlen(l->service) + 1, account = strlen(l->account) + 1;
	struct grant *g = calloc(1, sizeof(*g) + service + account + v->value->len);
	char *text = (char *)(g + 1);

	if (g == NULL || (l->keys != NULL && (g->keys = keyset_copy(l->keys)) == NULL)) {
		free(g);
		err_nomem(e, "connection");
		return NULL;
	}
	g->service = memcpy(text, l->service, service);
	g->account = memcpy(text + service, l->account, account);
	g->value = *v->value;
	g->value.data = memcpy(text + service + account, v->value->data, v->value->len);
	g->jump = l->name_only;
	g->use = l->use;
	g->has_uid = l->has_uid;
	g->uid = l->uid;
	g->line = v->line;
	memcpy(g->section, v->section, strlen(v->section) + 1);
	return g;
}

int
grant_keep(
    struct conn *c, const struct login *l, const struct verdict *v, bool unbound, struct err *e)
{
	struct grant *g, **at;
	size_t n = 0;

	for (at = &c->grants; *at != NULL && !same_login(*at, l); at = &(*at)->next)
		n++;
	if (n == GRANTS_MAX)
		return err_set(e, ERR_REFUSED, "more than %zu accounts on one connection", n);
	if ((g = grant_new(l, v, e)) == NULL)
		return -1;
	if (*at != NULL) {
		struct grant *old = *at;

		*at = old->next;
		grant_free(old);
	}
	g->unbound = unbound;
	g->next = c->grants;
	c->grants = g;
	/* of one that waits for its key another rule may have the last word */
	if (!unbound)
		c->max_session = idmap_first_end(c->max_session, v->max_session);
	if (l->name_only)
		c->key_to = v->key_to;
	return 0;
}

void
grants_free(struct conn *c)
{
	struct grant *g, *next;

	for (g = c->grants; g != NULL; g = next) {
		next = g->next;
		grant_free(g);
	}
	c->grants = NULL;
}

/* What one account is judged by, whichever it is. */
struct again {
	const struct generation *gen;
	const struct conn *conn;
	const struct evidence *ev;
	const struct accepted *accepted;
	const struct identity *id;
	struct sockaddr_storage from;
	int64_t now;
};

static int
judge_at_age(const struct again *k, const struct grant *g, uint32_t age, struct verdict *v)
{
	const struct login l = { .service = g->service,
		.account = g->account,
		.has_uid = g->has_uid,
		.uid = g->uid,
		.keys = g->keys,
		.own_key = evidence_key(k->ev),
		.age = age };
	const struct keylogin_case jump = { .gen = k->gen,
		.target = k->conn->target,
		.evidence = k->ev,
		.accepted = k->accepted,
		.identity = k->id,
		.from = &k->from,
		.account = g->account,
		.keys = g->keys,
		.use = g->use,
		.age = age,
		.now = k->now };
	struct keylogin by;

	if (g->jump)
		return keylogin_judge(&jump, &by, v);
	return judge_account(k->gen, k->accepted, k->id, &k->from, &l, v);
}

/* One account again. What ended by max-session= alone is told apart from what the map took away. */
static int
judge_grant(const struct again *k, const struct grant *g, int64_t age, struct verdict *v)
{
	struct verdict young = { 0 };

	if (judge_at_age(k, g, age > UINT32_MAX ? UINT32_MAX : (uint32_t)age, v) == 0)
		return 0;
	/* its key is still waited for, and unbound.c sees to it that it is not for long */
	if (k->conn->unbound != NULL && g->unbound && v->map == IDMAP_KEY_UNKNOWN)
		return 0;
	if ((v->cut == CUT_MAP || v->cut == CUT_KEY) && judge_at_age(k, g, 0, &young) == 0) {
		v->cut = CUT_MAX_SESSION;
		v->ends = NULL;
		err_set(&v->why, ERR_REFUSED, "max-session=%u is over", young.max_session);
	}
	return -1;
}

int
grants_judge(const struct generation *g, const struct conn *c, const struct evidence *ev,
    const struct accepted *a, const struct identity *id, int64_t now, struct verdict *v)
{
	struct again k = { .gen = g, .conn = c, .ev = ev, .accepted = a, .id = id, .now = now };
	uint32_t first_end = 0;
	int64_t key_to = 0;

	endpoint_to(&c->client, &k.from);
	if (c->grants == NULL)
		return judge_unasked(g, a, id, &k.from, v);
	for (const struct grant *one = c->grants; one != NULL; one = one->next) {
		v->key_to = 0;
		if (judge_grant(&k, one, ident_monotonic() - c->since, v) == -1)
			return -1;
		first_end = idmap_first_end(first_end, v->max_session);
		if (one->jump)
			key_to = v->key_to;
	}
	v->max_session = first_end;
	v->key_to = key_to;
	return 0;
}
