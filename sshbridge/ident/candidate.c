/* candidate.c - a generation on its way into force */
#include <time.h>

#include "candidate.h"
#include "grant.h"
#include "ident.h"
#include "report.h"
#include "review.h"

/* Fewer live connections than this may go all at once. */
enum { FEW = 10, SLICE_NS = 200000 };

static void
commit(struct ident *id)
{
	struct candidate *k = &id->candidate;
	uint64_t number = k->gen->number;

	generation_unref(id->gen);
	id->gen = k->gen;
	k->gen = NULL;
	crlage_taken(id, ident_now());
	ask_enable(id);
	keys_enable(id);
	jumps_renew(id);
	ident_ready(id, number, NULL);
	review_start(id, "a new generation");
}

static void
decide(struct ident *id)
{
	struct candidate *k = &id->candidate;
	struct err why;

	if (k->live < FEW || k->lost <= k->live / 2) {
		commit(id);
		return;
	}
	err_set(&why, ERR_REFUSED,
	    "the identity map would cut %zu of %zu live connections: reload --force takes it all "
	    "the same",
	    k->lost, k->live);
	ident_ready(id, k->gen->number, &why);
	generation_unref(k->gen);
	k->gen = NULL;
}

/*
 * Would the map cut it? By the sections that accept it now: what the candidate's trust takes away
 * is not the map's doing.
 */
static bool
map_cuts(struct ident *id, const struct conn *c, int64_t now)
{
	const struct generation *g = id->candidate.gen;
	struct accepted then, a;
	struct verdict v = { 0 };
	struct identity *identity;
	bool lost;

	if (judge_paths(g, c->evidence, review_mode(g, c), now, &then, &v) == -1 ||
	    judge_paths(id->gen, c->evidence, review_mode(id->gen, c), now, &a, &v) == -1)
		return false;
	/* without memory nothing can be said of it; the map must not pass for want of it */
	if ((identity = evidence_identity(c->evidence, &v.why)) == NULL)
		return true;
	lost = grants_judge(g, c, c->evidence, &a, identity, now, &v) == -1;
	identity_free(identity);
	return lost;
}

/* The next one; false: all are counted. */
static bool
count_next(struct ident *id, int64_t now)
{
	struct candidate *k = &id->candidate;
	struct conn_queue *q = &id->table.count;
	struct conn *c = TAILQ_FIRST(q);

	if (c == NULL || c->counted == k->pass)
		return false;
	c->counted = k->pass;
	TAILQ_REMOVE(q, c, in_count);
	TAILQ_INSERT_TAIL(q, c, in_count);
	if (!c->live || c->ended)
		return true;
	k->live++;
	k->lost += map_cuts(id, c, now);
	return true;
}

static void
on_slice(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = { 0, 0 };
	struct ident *id = arg;
	int64_t until = ident_nanoseconds() + SLICE_NS, now = ident_now();

	(void)fd;
	(void)what;
	while (count_next(id, now)) {
		if (ident_nanoseconds() < until)
			continue;
		(void)evtimer_add(id->candidate.slice, &soon);
		return;
	}
	decide(id);
}

void
candidate_offer(struct ident *id, struct generation *g, bool force)
{
	static const struct timeval soon = { 0, 0 };
	struct candidate *k = &id->candidate;

	generation_unref(k->gen);
	(void)event_del(k->slice);
	k->gen = g;
	k->pass++;
	k->live = k->lost = 0;
	if (force || id->gen == NULL || id->table.nlive < FEW || generation_same_map(id->gen, g) ||
	    evtimer_add(k->slice, &soon) == -1)
		commit(id);
}

int
candidate_init(struct ident *id, struct err *e)
{
	id->candidate.slice = evtimer_new(id->base, on_slice, id);
	return id->candidate.slice == NULL ? err_nomem(e, "candidate") : 0;
}

void
candidate_done(struct ident *id)
{
	struct candidate *k = &id->candidate;

	if (k->slice != NULL)
		event_free(k->slice);
	generation_unref(k->gen);
	k->slice = NULL;
	k->gen = NULL;
}
