/* review.c - live connections are judged again */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cut.h"
#include "grant.h"
#include "ident.h"
#include "report.h"
#include "review.h"

/*
 * How long one slice keeps WHO waiting. The clock is read once for several connections whose
 * times only are looked at: that costs less than reading it.
 */
enum { SLICE_NS = 200000, GLANCES = 32 };
/* Seconds between two questions for a new certificate. */
enum { RENEW_MIN = 5 };

enum judge_mode
review_mode(const struct generation *g, const struct conn *c)
{
	const struct settings_target *t = generation_target(g, c->target);

	return t != NULL && t->keep_expired ? JUDGE_KEEP : JUDGE_LIVE;
}

void
review_judged(struct ident *id, struct conn *c, int64_t now)
{
	bool keeps = review_mode(id->gen, c) == JUDGE_KEEP;

	c->judged = id->review.full;
	c->holds_from = INT64_MIN;
	c->holds_to = INT64_MAX;
	for (uint32_t i = 0; i < c->evidence->npaths; i++) {
		const struct path *p = &c->evidence->paths[i];

		/* one that does not hold now is none whose end could take something away */
		if (p->not_before > now || (p->not_after < now && !keeps))
			continue;
		if (p->not_before > c->holds_from)
			c->holds_from = p->not_before;
		if (p->not_after < c->holds_to && !keeps)
			c->holds_to = p->not_after;
	}
}

int64_t
review_renew_at(const struct ident *id, const struct conn *c, int64_t now)
{
	const struct settings_target *t = generation_target(id->gen, c->target);
	int64_t end = c->holds_to, at;

	if (t == NULL || t->reauth == 0 || end == INT64_MAX)
		return 0;
	at = end - t->reauth;
	if (at <= now)
		at = now + (end - now) / 2;
	if (at < now + RENEW_MIN)
		at = now + RENEW_MIN;
	return at < end ? at : 0;
}

static int64_t
age_of(const struct conn *c)
{
	return ident_monotonic() - c->since;
}

/* Nothing about its times has changed since it was judged. A clock set back is a change too. */
static bool
times_hold(const struct conn *c, int64_t now)
{
	return now >= c->holds_from && now <= c->holds_to &&
	       (c->max_session == 0 || age_of(c) < c->max_session) &&
	       (c->key_to == 0 || now <= c->key_to) &&
	       (c->jump == NULL || channels_hold(c->jump, age_of(c), now));
}

/* 0: it may go on; 1: not to be said now; -1: v says why not. */
static int
judge_live(struct ident *id, struct conn *c, int64_t now, struct verdict *v)
{
	struct accepted a;
	struct identity *identity;
	int r;

	if (judge_paths(id->gen, c->evidence, review_mode(id->gen, c), now, &a, v) == -1)
		return -1;
	/* without memory the map cannot be asked: again in a second. WHO says no meanwhile. */
	if ((identity = evidence_identity(c->evidence, &v->why)) == NULL)
		return 1;
	r = grants_judge(id->gen, c, c->evidence, &a, identity, now, v);
	identity_free(identity);
	return r;
}

static void
review_one(struct ident *id, struct conn *c, int64_t now)
{
	struct verdict v = { 0 };

	switch (judge_live(id, c, now, &v)) {
	case 0:
		c->max_session = v.max_session;
		c->key_to = v.key_to;
		review_judged(id, c, now);
		if (c->jump != NULL)
			channels_review(c->jump);
		return;
	case -1:
		id->review.cut++;
		conn_cut(id, c, v.cut, v.ends, v.why.text);
		return;
	default:
		return;
	}
}

/* The next in the queue; false: the pass is through. */
static bool
look_at_next(struct ident *id, int64_t now, bool *judged)
{
	struct conn_queue *q = &id->table.review;
	struct conn *c = TAILQ_FIRST(q);

	*judged = false;
	if (c == NULL || c->visited == id->review.pass)
		return false;
	c->visited = id->review.pass;
	TAILQ_REMOVE(q, c, in_review);
	TAILQ_INSERT_TAIL(q, c, in_review);
	if (c->cut != CUT_NOT || (c->judged >= id->review.full && times_hold(c, now)))
		return true;
	*judged = true;
	review_one(id, c, now); /* c may be gone */
	return true;
}

static void
finish(struct ident *id)
{
	struct review *r = &id->review;

	if (r->reason[0] == '\0')
		return;
	if (r->cut > 0)
		report(id, CHILD_NOTICE, "reviewed after %s: %zu connections, %llu cut", r->reason,
		    id->table.n, (unsigned long long)r->cut);
	r->reason[0] = '\0';
}

static void
on_slice(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval soon = { 0, 0 };
	struct ident *id = arg;
	int64_t until = ident_nanoseconds() + SLICE_NS, now = ident_now();
	unsigned glances = 0;
	bool judged;

	(void)fd;
	(void)what;
	while (look_at_next(id, now, &judged)) {
		if (!judged && ++glances % GLANCES != 0)
			continue;
		if (ident_nanoseconds() < until)
			continue;
		/* what waits on sockets goes before the next slice */
		(void)evtimer_add(id->review.slice, &soon);
		return;
	}
	finish(id);
}

static void
begin(struct ident *id)
{
	static const struct timeval soon = { 0, 0 };

	id->review.pass++;
	if (!evtimer_pending(id->review.slice, NULL))
		(void)evtimer_add(id->review.slice, &soon);
}

void
review_start(struct ident *id, const char *reason)
{
	struct review *r = &id->review;

	begin(id);
	r->full = r->pass;
	generation_crls_hold(id->gen, ident_now(), &r->crls_from, &r->crls_to);
	r->cut = 0;
	(void)snprintf(r->reason, sizeof(r->reason), "%s", reason);
}

/* At the beginning of each second of the wall clock, however it is set: then certificates end. */
static void
wait_for_second(struct ident *id)
{
	struct timespec ts;
	struct timeval left = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	left.tv_usec = (suseconds_t)((1000000000 - ts.tv_nsec) / 1000);
	if (left.tv_usec >= 1000000)
		left = (struct timeval){ .tv_sec = 1 };
	(void)evtimer_add(id->review.tick, &left);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct ident *id = arg;
	int64_t now = ident_now();

	(void)fd;
	(void)what;
	wait_for_second(id);
	cuts_tick(id);
	if (id->gen == NULL || id->table.n == 0)
		return;
	/* one that begins may revoke; one that ends may cut, with on-stale = "cut" */
	if (now < id->review.crls_from || now >= id->review.crls_to)
		review_start(id, "a CRL began or ended");
	else
		begin(id);
}

int
review_init(struct ident *id, struct err *e)
{
	struct review *r = &id->review;

	r->crls_from = INT64_MIN;
	r->crls_to = INT64_MAX;
	r->slice = evtimer_new(id->base, on_slice, id);
	r->tick = evtimer_new(id->base, on_tick, id);
	if (r->slice == NULL || r->tick == NULL)
		return err_nomem(e, "review");
	wait_for_second(id);
	return 0;
}

void
review_done(struct ident *id)
{
	struct review *r = &id->review;

	if (r->slice != NULL)
		event_free(r->slice);
	if (r->tick != NULL)
		event_free(r->tick);
	r->slice = r->tick = NULL;
}
