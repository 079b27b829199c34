/* gates.c - the gates: messages from and to them */
#include <stdio.h>
#include <stdlib.h>

#include "ident.h"
#include "report.h"

/* Gates of several generations may drain side by side; more than this is no bridge of ours. */
enum { GATES_MAX = 4096 };

static int
on_open(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	(void)fds;
	(void)nfds;
	return open_handle(ctx, m, e);
}

static int
on_renew(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	(void)fds;
	(void)nfds;
	return renew_handle(ctx, m, e);
}

/* The last word of a number. It names the connection by both, or by the number alone (id 0). */
static int
on_closed(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct gate *g = ctx;
	struct conn_end end = { .has_bytes = true };
	struct conn *c;
	char why[512];
	uint32_t number;

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &number) == -1 || msg_get_u64(m, &end.from_client) == -1 ||
	    msg_get_u64(m, &end.to_client) == -1 || msg_get_str(m, why, sizeof(why)) == -1)
		return err_set(e, ERR_PEER, "CLOSED: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	c = table_by_number(&g->id->table, g, number);
	if (m->conn != 0 && (c == NULL || c->id != m->conn))
		return err_set(e, ERR_PEER, "CLOSED: a connection that is not this gate's");
	/* without an id it may have crossed our REFUSED: then there is nothing to end */
	if (c == NULL)
		return 0;
	end.why = why;
	table_remove(g->id, c, &end);
	return 0;
}

enum { PH_WAITING = 1, PH_SERVING = 2 }; /* before and after the first generation */

static const struct msg_rule from_gate[] = {
	{ MSG_OPEN, PH_SERVING, 0, 0, on_open },
	{ MSG_RENEW, PH_SERVING, 0, 0, on_renew },
	{ MSG_CLOSED, PH_SERVING, 0, 0, on_closed },
};

static int
on_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct gate *g = arg;

	return msg_dispatch(from_gate, sizeof(from_gate) / sizeof(from_gate[0]), &g->seen,
	    g->id->gen == NULL ? PH_WAITING : PH_SERVING, g, buf, n, fds, nfds, e);
}

static void
on_end(void *arg, const struct err *why)
{
	struct gate *g = arg;

	if (why->kind != ERR_NONE)
		report(g->id, CHILD_ERROR, "gate %u: %s", (unsigned)g->index, why->text);
	gates_remove(g, "the gate ended");
}

static void
on_broken(evutil_socket_t fd, short what, void *arg)
{
	struct gate *g = arg;

	(void)fd;
	(void)what;
	report(g->id, CHILD_ERROR, "gate %u does not take answers: its connections end",
	    (unsigned)g->index);
	gates_remove(g, "the gate did not take its answers");
}

static void
gate_free(struct gate *g)
{
	msgq_free(g->q);
	if (g->broken != NULL)
		event_free(g->broken);
	free(g);
}

int
gates_add(struct ident *id, uint32_t index, int fd, struct err *e)
{
	struct gate *g, *other;
	size_t n = 0;

	LIST_FOREACH(other, &id->gates, all)
	n++;
	if (n >= GATES_MAX)
		return err_set(e, ERR_PEER, "more than %d gates", GATES_MAX);
	if ((g = calloc(1, sizeof(*g))) == NULL)
		return err_nomem(e, "gate");
	g->id = id;
	g->index = index;
	LIST_INIT(&g->conns);
	TAILQ_INIT(&g->cuts);
	if ((g->broken = event_new(id->base, -1, 0, on_broken, g)) == NULL) {
		gate_free(g);
		return err_nomem(e, "gate");
	}
	if ((g->q = msgq_new(id->base, fd, IDENT_QUEUE_MAX, on_msg, on_end, g, e)) == NULL) {
		gate_free(g);
		return -1;
	}
	LIST_INSERT_HEAD(&id->gates, g, all);
	return 0;
}

void
gates_remove(struct gate *g, const char *why)
{
	const struct conn_end end = { .why = why };
	struct conn *c;

	while ((c = LIST_FIRST(&g->conns)) != NULL)
		table_remove(g->id, c, &end);
	LIST_REMOVE(g, all);
	gate_free(g);
}

/* A lost answer would leave a client hanging and a number in use: the gate is given up instead. */
static void
send_answer(struct gate *g, const struct msg_out *o, const int *fds, size_t nfds)
{
	struct err e;

	if (msgq_send(g->q, o, fds, nfds, &e) == -1)
		event_active(g->broken, EV_TIMEOUT, 0);
}

void
gate_send_opened(struct gate *g, const struct conn *c, int64_t renew_at, int fd)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_OPENED, c->id);
	msg_put_u32(&o, c->number);
	msg_put_u32(&o, c->idle_timeout);
	msg_put_str(&o, c->target);
	msg_put_u64(&o, (uint64_t)renew_at);
	send_answer(g, &o, &fd, 1);
}

void
gate_send_refused(struct gate *g, const struct conn *c, const struct verdict *v)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_REFUSED, c->id);
	msg_put_u32(&o, c->number);
	msg_put_u32(&o, v->refusal);
	msg_put_str(&o, v->user);
	send_answer(g, &o, NULL, 0);
}

void
gate_send_renewed(struct gate *g, const struct conn *c, int64_t renew_at)
{
	uint8_t buf[64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_RENEWED, c->id);
	msg_put_u32(&o, c->number);
	msg_put_u64(&o, (uint64_t)renew_at);
	send_answer(g, &o, NULL, 0);
}

void
gate_send_cut(struct gate *g, const struct conn *c, const char *user)
{
	uint8_t buf[512];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_CUT, c->id);
	msg_put_u32(&o, c->number);
	msg_put_u32(&o, c->cut);
	msg_put_str(&o, user);
	send_answer(g, &o, NULL, 0);
}
