/* open.c - OPEN: judged by ident's own generation, then dialled */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dial.h"
#include "ident.h"
#include "report.h"

/* What OPEN says before the certificate. */
struct request {
	uint32_t number;
	char server_name[SETTINGS_HOST_MAX];
	struct endpoint client;
	struct sockaddr_storage from;
};

static int
read_request(struct msg_in *m, struct request *r, struct err *e)
{
	struct sockaddr_storage listener;
	uint64_t generation;

	if (m->conn != 0)
		return err_set(e, ERR_PEER, "OPEN: with a connection id");
	/* the gate's generation is not looked at: the one in force here judges */
	if (msg_get_u32(m, &r->number) == -1 || msg_get_u64(m, &generation) == -1 ||
	    msg_get_str(m, r->server_name, sizeof(r->server_name)) == -1 ||
	    addr_get(m, &r->from) == -1 || addr_get(m, &listener) == -1 ||
	    addr_fold(&r->from) == -1)
		return err_set(e, ERR_PEER, "OPEN: malformed");
	endpoint_from(&r->from, &r->client);
	return 0;
}

static void
on_dialled(void *arg, int fd)
{
	struct conn *c = arg;

	open_connected(c->gate->id, c, fd);
}

static void
on_not_reached(void *arg, const struct err *why)
{
	struct conn *c = arg;
	struct verdict v = { .why = *why };

	(void)verdict_refuse(&v, REFUSED_TARGET, "the server behind the bridge cannot be reached");
	open_failed(c->gate->id, c, &v);
}

static int
dial(struct ident *id, struct conn *c, const struct settings_target *target, struct verdict *v)
{
	const struct dial_to to = { .conn = c,
		.host = target->host,
		.port = target->port,
		.source = (enum settings_source)target->source,
		.connected = on_dialled,
		.failed = on_not_reached,
		.arg = c };

	if ((c->dial = dial_start(id, &to, &v->why)) == NULL)
		return verdict_refuse(
		    v, REFUSED_TARGET, "the server behind the bridge cannot be reached");
	return 0;
}

/* Over a limit the new connection is refused. */
static int
check_limits(const struct ident *id, const struct gate *g, const char *name, struct verdict *v)
{
	const struct settings *s = &id->gen->settings;

	if (table_count(&id->table, name) >= s->per_identity) {
		err_set(&v->why, ERR_REFUSED, "per-identity: %u connections",
		    (unsigned)s->per_identity);
		return verdict_refuse(v, REFUSED_LIMIT, "too many connections of this identity");
	}
	if (id->table.n >= s->connections)
		err_set(&v->why, ERR_REFUSED, "connections: %u", (unsigned)s->connections);
	else if (g->nconns >= s->gate_connections)
		err_set(&v->why, ERR_REFUSED, "connections of one gate: %u",
		    (unsigned)s->gate_connections);
	else
		return 0;
	return verdict_refuse(v, REFUSED_LIMIT, "the bridge is full, try again later");
}

static int
admit(struct gate *g, struct conn *c, const struct request *r, const struct identity *identity,
    struct verdict *v)
{
	struct ident *id = g->id;
	const struct settings_target *target = settings_target(&id->gen->settings, r->server_name);
	char name[IDENTITY_NAME_MAX];
	int64_t now = ident_now();

	memcpy(c->target, target->name, sizeof(c->target));
	if (judge_open(id->gen, c->evidence, identity, &r->from, now, name, v) == -1 ||
	    locks_refuse(id, name, v) == -1 || check_limits(id, g, name, v) == -1)
		return -1;
	if (table_add(&id->table, c, name, &v->why) == -1)
		return verdict_refuse(v, REFUSED_INTERNAL, "the bridge is full, try again later");
	review_judged(id, c, now);
	c->idle_timeout = target->idle_timeout;
	c->to_jump = target->mode == TARGET_JUMP;
	return c->to_jump ? jumps_want(id, c, v) : dial(id, c, target, v);
}

int
open_handle(struct gate *g, struct msg_in *m, struct err *e)
{
	struct request r;
	struct identity *identity;
	struct evidence *ev;
	struct conn *c;
	struct verdict v = { 0 };

	if (read_request(m, &r, e) == -1)
		return -1;
	if (table_by_number(&g->id->table, g, r.number) != NULL)
		return err_set(e, ERR_PEER, "OPEN: a number that is in use");
	/* out of memory ends the gate too: nobody could be told of the number otherwise */
	if ((ev = evidence_get(m, &identity, e)) == NULL)
		return -1;
	if ((c = conn_new(&g->id->table, g, r.number, ev, e)) == NULL) {
		free(ev);
		identity_free(identity);
		return -1;
	}
	c->client = r.client;
	if (admit(g, c, &r, identity, &v) == -1)
		open_failed(g->id, c, &v);
	identity_free(identity);
	return 0;
}

void
open_failed(struct ident *id, struct conn *c, const struct verdict *v)
{
	const struct conn_end told = { .why = NULL };

	id->stats.refused++;
	report_refused(id, c, v);
	gate_send_refused(c->gate, c, v);
	if (c->person == NULL)
		conn_free(c);
	else
		table_remove(id, c, &told);
}

void
open_connected(struct ident *id, struct conn *c, int fd)
{
	struct verdict v = { 0 };

	dial_free(c->dial);
	c->dial = NULL;
	if (leg_hold(id, &c->leg, fd, &v.why) == -1) {
		close(fd);
		(void)verdict_refuse(&v, REFUSED_INTERNAL, "the bridge is full, try again later");
		open_failed(id, c, &v);
		return;
	}
	table_live(&id->table, c);
	open_report(id, c, fd);
}

void
open_report(struct ident *id, struct conn *c, int fd)
{
	uint64_t record;

	if (!report_opened(id, c, &record))
		open_release(id, c, fd, false);
	else if (record == 0)
		open_release(id, c, fd, true);
	else if (!hold_opened(id, c, record, fd))
		open_release(id, c, fd, false);
}

void
open_release(struct ident *id, struct conn *c, int fd, bool recorded)
{
	struct verdict v = { 0 };

	c->held = false;
	if (recorded && (!c->to_jump || jump_start(c) == 0)) {
		id->stats.opened++;
		gate_send_opened(c->gate, c, review_renew_at(id, c, ident_now()), fd);
		return;
	}
	close(fd);
	if (recorded)
		err_set(&v.why, ERR_SYS, "the jump process ended before it began");
	else
		err_set(&v.why, ERR_REFUSED, HOLD_REFUSAL);
	(void)verdict_refuse(
	    &v, REFUSED_INTERNAL, recorded ? "try again in a moment" : HOLD_REFUSAL);
	open_failed(id, c, &v);
}
