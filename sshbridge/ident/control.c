/* control.c - the operator's questions, from sshbridgectl or a newer ident */
#include <stdlib.h>
#include <string.h>

#include "ident.h"
#include "list.h"
#include "report.h"

enum { OLDER_SECONDS = 10 };
/* Instances that drain behind one another; more than this is no question of ours. */
enum { HOPS_MAX = 16 };

/* One answer is built at a time. */
static uint8_t answer_buf[MSG_MAX];

void
control_init(struct ident *id)
{
	LIST_INIT(&id->control.clients);
	LIST_INIT(&id->control.inquiries);
}

/* ---- questions and their answers ------------------------------------------------------------ */

void
inquiry_free(struct inquiry *q)
{
	LIST_REMOVE(q, all);
	q->id->control.ninquiries--;
	if (q->client != NULL)
		q->client->inquiry = NULL;
	if (q->timer != NULL)
		event_free(q->timer);
	free(q);
}

static void
answer_start(const struct inquiry *q, struct msg_out *o)
{
	msg_start(o, answer_buf, sizeof(answer_buf), (enum msg_type)q->type,
	    q->newer == NULL ? 0 : q->newer_number);
}

/* The one answer; then the question is gone. */
static void
answer_send(struct inquiry *q, const struct msg_out *o)
{
	struct err e;

	if (msgq_send(q->newer == NULL ? q->client->q : q->newer->q, o, NULL, 0, &e) == -1)
		report(q->id, CHILD_WARNING, "%s: %s", msg_name(q->type), e.text);
	inquiry_free(q);
}

static void
answer_nothing(struct inquiry *q)
{
	struct msg_out o;

	answer_start(q, &o);
	if (q->type == MSG_CUTS)
		msg_put_u32(&o, q->sweep.n);
	else
		list_nothing(q->type, &o);
	answer_send(q, &o);
}

/*
 * The older ident took its time. Half an answer is none: sshbridgectl sees its socket close, a
 * newer ident runs into its own timer.
 */
static void
on_older_late(struct inquiry *q)
{
	struct client *c = q->client;

	report(q->id, CHILD_ERROR, "%s: the older ident did not answer in time", msg_name(q->type));
	inquiry_free(q);
	if (c != NULL) {
		client_free(c);
	}
}

/* Ask the older ident; without one the answer is what is known here. */
static void
pass_on(struct inquiry *q, struct msg_out *o)
{
	static const struct timeval limit = { .tv_sec = OLDER_SECONDS };
	struct ident *id = q->id;

	if (o == NULL || older_send(id, o, NULL) == -1 || evtimer_add(q->timer, &limit) == -1)
		answer_nothing(q);
}

/* Begin the message for the older ident; NULL: there is none. */
static struct msg_out *
older_start(struct inquiry *q, struct msg_out *o)
{
	if ((q->number = older_number(q->id)) == 0)
		return NULL;
	msg_start(o, answer_buf, sizeof(answer_buf), (enum msg_type)q->type, q->number);
	return o;
}

/* LIST and STATS name the instance by how many are before it: 0 is this one. */
static int
get_hop(struct msg_in *m, uint32_t *hop, struct err *e)
{
	if (msg_get_u32(m, hop) == -1 || *hop > HOPS_MAX)
		return err_set(e, ERR_PEER, "%s: malformed", msg_name(m->type));
	return 0;
}

static int
on_list(struct inquiry *q, struct msg_in *m, struct err *e)
{
	struct msg_out o;
	uint64_t cursor;
	uint32_t hop;

	if (get_hop(m, &hop, e) == -1)
		return -1;
	if (msg_get_u64(m, &cursor) == -1)
		return err_set(e, ERR_PEER, "LIST: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	if (hop == 0) {
		answer_start(q, &o);
		list_page(q->id, &cursor, &o);
		answer_send(q, &o);
	} else if (older_start(q, &o) == NULL) {
		pass_on(q, NULL);
	} else {
		msg_put_u32(&o, hop - 1);
		msg_put_u64(&o, cursor);
		pass_on(q, &o);
	}
	return 0;
}

static int
on_stats(struct inquiry *q, struct msg_in *m, struct err *e)
{
	struct msg_out o;
	uint32_t hop;

	if (get_hop(m, &hop, e) == -1 || msg_end(m, e) == -1)
		return -1;
	if (hop == 0) {
		answer_start(q, &o);
		list_stats(q->id, &o);
		answer_send(q, &o);
	} else if (older_start(q, &o) == NULL) {
		pass_on(q, NULL);
	} else {
		msg_put_u32(&o, hop - 1);
		pass_on(q, &o);
	}
	return 0;
}

static int
on_show(struct inquiry *q, struct msg_in *m, struct err *e)
{
	struct msg_out o;
	uint64_t conn;

	if (msg_get_u64(m, &conn) == -1)
		return err_set(e, ERR_PEER, "SHOW: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	answer_start(q, &o);
	if (list_show(q->id, conn, &o) == 0) {
		answer_send(q, &o);
		return 0;
	}
	if (older_start(q, &o) == NULL) {
		pass_on(q, NULL);
		return 0;
	}
	msg_put_u64(&o, conn);
	pass_on(q, &o);
	return 0;
}

static void
pass_cuts_on(struct inquiry *q)
{
	struct msg_out o;

	if (q->id->older.lost)
		report(q->id, CHILD_ERROR, "cut: not in an instance that is not reached any more");
	if (older_start(q, &o) == NULL) {
		pass_on(q, NULL);
		return;
	}
	msg_put_u32(&o, q->sweep.by);
	msg_put_u64(&o, q->sweep.id);
	msg_put_str(&o, q->sweep.value);
	pass_on(q, &o);
}

/* The next slice, in a turn of the loop of its own. */
static void
step_sweep(struct inquiry *q)
{
	static const struct timeval now = { 0, 0 };

	if (sweep_step(q->id, &q->sweep)) {
		pass_cuts_on(q);
	} else if (evtimer_add(q->timer, &now) == -1) {
		report(q->id, CHILD_ERROR, "CUTS: out of memory");
		answer_nothing(q);
	}
}

static int
on_cuts(struct inquiry *q, struct msg_in *m, struct err *e)
{
	uint32_t by;

	if (msg_get_u32(m, &by) == -1 || msg_get_u64(m, &q->sweep.id) == -1 ||
	    msg_get_str(m, q->sweep.value, sizeof(q->sweep.value)) == -1 || by < SWEEP_ID ||
	    by > SWEEP_SERIAL)
		return err_set(e, ERR_PEER, "CUTS: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	q->sweep.by = (enum sweep_by)by;
	step_sweep(q);
	return 0;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct inquiry *q = arg;

	(void)fd;
	(void)what;
	if (q->number != 0)
		on_older_late(q);
	else
		step_sweep(q);
}

struct inquiry *
inquiry_new(struct ident *id, unsigned type, struct err *e)
{
	struct inquiry *q = calloc(1, sizeof(*q));

	if (q == NULL || (q->timer = evtimer_new(id->base, on_timer, q)) == NULL) {
		free(q);
		err_nomem(e, "a question");
		return NULL;
	}
	q->id = id;
	q->type = type;
	LIST_INSERT_HEAD(&id->control.inquiries, q, all);
	id->control.ninquiries++;
	return q;
}

int
inquiry_ask(struct inquiry *q, struct msg_in *m, struct err *e)
{
	static const struct {
		unsigned type;
		int (*handle)(struct inquiry *, struct msg_in *, struct err *);
	} questions[] = {
		{ MSG_LIST, on_list },
		{ MSG_SHOW, on_show },
		{ MSG_CUTS, on_cuts },
		{ MSG_STATS, on_stats },
	};
	int r = -1;

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (questions[i].type == m->type && (r = questions[i].handle(q, m, e)) == 0)
			return 0;
	inquiry_free(q);
	return r;
}

/* ---- a newer ident -------------------------------------------------------------------------- */

int
control_newer(struct ident *id, struct newer *n, struct msg_in *m, struct err *e)
{
	struct inquiry *q;

	if (m->conn == 0)
		return err_set(e, ERR_PEER, "%s: without a number", msg_name(m->type));
	/* it bounds its own; the one that is too many runs into its timer there */
	if (id->control.ninquiries >= INQUIRIES_MAX || (q = inquiry_new(id, m->type, e)) == NULL) {
		report(id, CHILD_ERROR, "newer ident: too many questions at once");
		return 0;
	}
	q->newer = n;
	q->newer_number = m->conn;
	return inquiry_ask(q, m, e);
}

void
control_newer_gone(struct ident *id, const struct newer *n)
{
	struct inquiry *q, *next;

	for (q = LIST_FIRST(&id->control.inquiries); q != NULL; q = next) {
		next = LIST_NEXT(q, all);
		if (q->newer == n)
			inquiry_free(q);
	}
}

/* ---- the older ident ------------------------------------------------------------------------ */

static int
add_cuts(struct inquiry *q, struct msg_in *m, struct err *e)
{
	uint32_t n;

	if (msg_get_u32(m, &n) == -1)
		return err_set(e, ERR_PEER, "CUTS: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	q->sweep.n += n;
	answer_nothing(q);
	return 0;
}

int
control_answered(struct ident *id, struct msg_in *m, struct err *e)
{
	struct inquiry *q;
	struct msg_out o;

	LIST_FOREACH(q, &id->control.inquiries, all)
	if (q->number == m->conn)
		break;
	/* nobody waits for it any more; but it must be an answer all the same */
	if (q == NULL)
		return m->type == MSG_CUTS ? 0 : list_check(m, e);
	if (q->type != m->type)
		return err_set(
		    e, ERR_PEER, "%s is no answer to %s", msg_name(m->type), msg_name(q->type));
	if (q->type == MSG_CUTS)
		return add_cuts(q, m, e);
	if (list_check(m, e) == -1)
		return -1;
	answer_start(q, &o);
	msg_put_rest(&o, m);
	answer_send(q, &o);
	return 0;
}

void
control_older_gone(struct ident *id)
{
	struct inquiry *q, *next;

	for (q = LIST_FIRST(&id->control.inquiries); q != NULL; q = next) {
		next = LIST_NEXT(q, all);
		if (q->number != 0)
			answer_nothing(q);
	}
}

void
control_end(struct ident *id)
{
	struct inquiry *q, *next;

	for (q = LIST_FIRST(&id->control.inquiries); q != NULL; q = next) {
		next = LIST_NEXT(q, all);
		if (q->type == MSG_CUTS)
			answer_nothing(q);
	}
}

void
control_done(struct ident *id)
{
	while (!LIST_EMPTY(&id->control.clients))
		client_free(LIST_FIRST(&id->control.clients));
	while (!LIST_EMPTY(&id->control.inquiries))
		inquiry_free(LIST_FIRST(&id->control.inquiries));
}
