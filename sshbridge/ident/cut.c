/*
 * cut.c - ending a connection that no longer holds
 *
 * The cut itself is ours: the duplicate is shut down, and WHO finds a connection that has ended.
 * The gate is told so that it can tell the client; nothing depends on its doing so.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "channel.h"
#include "cut.h"
#include "ident.h"
#include "report.h"

/* Seconds without one CLOSED while some are owed. A gate lingers two for the client's sake. */
enum { SILENT_MAX = 5, FLUSH_USEC = 10000 };
/*
 * A jump process has this long to tell the client why, and when it has ended the gate has this long
 * to hand that on: a gate that gets CUT drops what it has not read.
 */
enum { JUMP_SECONDS = 1, GRACE_USEC = 250000 };
/* Thousands may be cut at once. The other half is for OPENED, REFUSED and RENEWED. */
#define CUTS_WAITING_MAX (IDENT_QUEUE_MAX / 2)

static const struct {
	const char *name, *user;
	enum refusal refusal; /* before there is anything to cut */
} codes[] = {
	[CUT_NOT] = { "not", "", REFUSED_INTERNAL },
	[CUT_EXPIRED] = { "expired", "the certificate has expired", REFUSED_CERTIFICATE },
	[CUT_REVOKED] = { "revoked", "the certificate was revoked", REFUSED_CERTIFICATE },
	[CUT_DISTRUSTED] = { "distrusted", "the certificate is not trusted any more",
	    REFUSED_CERTIFICATE },
	[CUT_MAP] = { "map", "the certificate gives no access to this account any more",
	    REFUSED_MAP },
	[CUT_OPERATOR] = { "operator", "the operator has ended this connection", REFUSED_MAP },
	[CUT_IDENTITY] = { "identity", "the new certificate is not for this session", REFUSED_MAP },
	[CUT_KEY] = { "key", "the SSH key does not belong to the certificate", REFUSED_MAP },
	[CUT_MAX_SESSION] = { "max-session", "the longest time for a session is over",
	    REFUSED_MAP },
	[CUT_PAM] = { "pam", "the PAM session has ended", REFUSED_MAP },
};

static bool
is_code(uint32_t code)
{
	return code > CUT_NOT && code < sizeof(codes) / sizeof(codes[0]);
}

const char *
cut_name(uint32_t code)
{
	return codes[is_code(code) ? code : CUT_NOT].name;
}

static const char *
words(const struct conn *c)
{
	return c->cut_text == NULL ? codes[c->cut].user : c->cut_text;
}

/* False: no room in the gate's queue now. */
static bool
send_cut(struct conn *c)
{
	if (msgq_waiting(c->gate->q) > CUTS_WAITING_MAX)
		return false;
	gate_send_cut(c->gate, c, words(c));
	return true;
}

static void
flush_later(struct ident *id)
{
	static const struct timeval pause = { .tv_usec = FLUSH_USEC };

	if (!evtimer_pending(id->cuts.flush, NULL))
		(void)evtimer_add(id->cuts.flush, &pause);
}

static void
stop_waiting(struct conn *c)
{
	TAILQ_REMOVE(&c->gate->cuts, c, in_cuts);
	c->cut_waits = false;
}

static void
on_flush(evutil_socket_t fd, short what, void *arg)
{
	struct ident *id = arg;
	struct gate *g;
	struct conn *c;

	(void)fd;
	(void)what;
	LIST_FOREACH(g, &id->gates, all)
	{
		while ((c = TAILQ_FIRST(&g->cuts)) != NULL) {
			if (!send_cut(c)) {
				flush_later(id);
				break;
			}
			stop_waiting(c);
		}
	}
}

/* The gate has no socket of it yet: there is nothing to cut, and a refusal is what the client
 * understands. */
static void
refuse(struct ident *id, struct conn *c, const char *user, const char *why)
{
	struct verdict v = { 0 };

	err_set(&v.why, ERR_REFUSED, "%s", why);
	(void)verdict_refuse(&v, codes[c->cut].refusal, user);
	open_failed(id, c, &v);
}

/* The gate has CUT, now or as soon as there is room. */
static void
tell_gate(struct ident *id, struct conn *c)
{
	if (c->cut_told)
		return;
	c->cut_told = true;
	if (c->jump != NULL)
		channels_shut(c->jump);
	if (c->gate->ncut++ == 0)
		c->gate->silent = 0;
	/* those that wait go first: a gate must not be able to starve one by the others */
	if (!TAILQ_EMPTY(&c->gate->cuts) || !send_cut(c)) {
		c->cut_waits = true;
		TAILQ_INSERT_TAIL(&c->gate->cuts, c, in_cuts);
		flush_later(id);
	}
	(void)shutdown(c->leg.fd, SHUT_RDWR);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	tell_gate(c->gate->id, c);
}

/* Its own words reach the client inside of SSH, if it is given the time; then the gate ends it. */
static void
tell_jump(struct ident *id, struct conn *c)
{
	static const struct timeval limit = { .tv_sec = JUMP_SECONDS };

	c->cut_late = evtimer_new(id->base, on_late, c);
	jump_cut(c->jump, c->cut, words(c));
	if (c->cut_late == NULL || evtimer_add(c->cut_late, &limit) == -1)
		tell_gate(id, c);
}

void
cut_jump_gone(struct ident *id, struct conn *c)
{
	static const struct timeval grace = { .tv_usec = GRACE_USEC };

	/* the gate sees the end of what the process wrote, and mostly closes by itself */
	if (c->cut != CUT_NOT && !c->cut_told && evtimer_add(c->cut_late, &grace) == -1)
		tell_gate(id, c);
}

void
conn_cut(struct ident *id, struct conn *c, enum cut_code code, const char *user, const char *why)
{
	assert(is_code(code));
	if (c->cut != CUT_NOT)
		return;
	c->cut = code;
	c->ended = true;
	if (!c->live || c->held) {
		refuse(id, c, user == NULL ? codes[code].user : user, why);
		return;
	}
	report_cut(id, c, why);
	c->cut_text = user == NULL ? NULL : strdup(user);
	if (c->jump != NULL)
		tell_jump(id, c);
	else
		tell_gate(id, c);
}

void
cut_forget(struct conn *c)
{
	if (c->cut_late != NULL)
		event_free(c->cut_late);
	c->cut_late = NULL;
	free(c->cut_text);
	c->cut_text = NULL;
	if (!c->cut_told)
		return;
	if (c->cut_waits)
		stop_waiting(c);
	c->gate->ncut--;
	c->gate->silent = 0;
}

void
cuts_tick(struct ident *id)
{
	struct gate *g, *next;

	/*
	 * Counted in turns of the loop, in each of which a gate's messages are read: time in which
	 * this process itself did not run is not held against anybody.
	 */
	for (g = LIST_FIRST(&id->gates); g != NULL; g = next) {
		next = LIST_NEXT(g, all);
		if (g->ncut == 0 || ++g->silent <= SILENT_MAX)
			continue;
		report(id, CHILD_ERROR, "gate %u does not end what was cut: its connections end",
		    (unsigned)g->index);
		gates_remove(g, "the gate did not end what was cut");
	}
}

int
cuts_init(struct ident *id, struct err *e)
{
	id->cuts.flush = evtimer_new(id->base, on_flush, id);
	return id->cuts.flush == NULL ? err_nomem(e, "cuts") : 0;
}

void
cuts_done(struct ident *id)
{
	if (id->cuts.flush != NULL)
		event_free(id->cuts.flush);
	id->cuts.flush = NULL;
}
