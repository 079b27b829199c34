/*
 * renew.c - RENEW: another certificate of the same client, while its connection lives
 *
 * What the gate says is judged as an OPEN is, by what is in force here. It is taken only for the
 * same person: the trust section and the value by which the connection's rule matched must be
 * there again, and everything that was granted must still be.
 */
#include <stdlib.h>
#include <string.h>

#include "cut.h"
#include "grant.h"
#include "ident.h"
#include "report.h"

struct renewal {
	struct conn *conn;
	struct evidence *evidence;
	struct identity *identity;
	struct accepted accepted;
	char name[IDENTITY_NAME_MAX];
	struct verdict v;
};
enum outcome { TAKEN, CUT, LATER };

static enum outcome
other_identity(struct renewal *r, const char *why)
{
	r->v.cut = CUT_IDENTITY;
	err_set(&r->v.why, ERR_REFUSED, "renewal: %s", why);
	return CUT;
}

static bool
accepts(const struct accepted *a, const char *section)
{
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->names[i], section) == 0)
			return true;
	return false;
}

static bool
has_value(const struct identity *id, const struct id_value *value)
{
	const struct id_value *v;
	size_t pos = 0;

	while ((v = identity_next(id, value->field, &pos)) != NULL)
		if (idmap_same_value(v, value))
			return true;
	return false;
}

/* The new certificate's paths. A CRL that is missing or stale refuses logins, and cuts nobody. */
static enum outcome
judge_certificate(const struct ident *id, struct renewal *r, int64_t now)
{
	struct accepted live;
	struct verdict v = { 0 };

	if (judge_paths(id->gen, r->evidence, JUDGE_NEW, now, &r->accepted, &r->v) == 0)
		return TAKEN;
	return judge_paths(id->gen, r->evidence, JUDGE_LIVE, now, &live, &v) == 0 ? LATER : CUT;
}

/* The name for limits, logs and locks, as at OPEN. */
static int
name_it(const struct ident *id, struct renewal *r)
{
	const struct settings_section *s = &id->gen->settings.sections[r->accepted.index[0]];

	return identity_name(
	    r->identity, s->name, s->fields, s->nfields, r->name, sizeof(r->name), &r->v.why);
}

/* Is it the same person's? Before a login that is the name, then what the rule went by. */
static enum outcome
judge_person(const struct ident *id, struct renewal *r)
{
	if (name_it(id, r) == -1)
		return other_identity(r, "the certificate names nobody");
	/* of the old name too: its own cut may be on the way (sweep.h), and goes by the name */
	if (lock_holds(id, r->name) || lock_holds(id, r->conn->person->name)) {
		r->v.cut = CUT_OPERATOR;
		err_set(&r->v.why, ERR_REFUSED, "renewal: the identity is locked");
		return CUT;
	}
	if (r->conn->grants == NULL && strcmp(r->name, r->conn->person->name) != 0)
		return other_identity(r, r->name);
	for (const struct grant *g = r->conn->grants; g != NULL; g = g->next) {
		if (!accepts(&r->accepted, g->section))
			return other_identity(r, "another trust section");
		if (!has_value(r->identity, &g->value))
			return other_identity(r, "another value where the rule matched");
	}
	return TAKEN;
}

static enum outcome
judge(const struct ident *id, struct renewal *r, int64_t now)
{
	enum outcome o = judge_certificate(id, r, now);

	if (o == TAKEN)
		o = judge_person(id, r);
	if (o == TAKEN && grants_judge(id->gen, r->conn, r->evidence, &r->accepted, r->identity,
			      now, &r->v) == -1)
		o = CUT;
	return o;
}

/* From here on the connection is what the new certificate says. */
static enum outcome
exchange(struct ident *id, struct renewal *r, int64_t now)
{
	struct conn *c = r->conn;
	struct evidence *old = c->evidence;

	if (strcmp(r->name, c->person->name) != 0 &&
	    table_rename(&id->table, c, r->name, &r->v.why) == -1)
		return LATER;
	c->evidence = r->evidence;
	c->max_session = r->v.max_session;
	c->key_to = r->v.key_to;
	review_judged(id, c, now);
	r->evidence = old;
	report_renewed(id, c, old, r->identity);
	/* the account is still granted; a target may have been the old certificate's alone */
	if (c->jump != NULL)
		channels_review(c->jump);
	return TAKEN;
}

static void
carry_out(struct ident *id, struct renewal *r)
{
	int64_t now = ident_now();
	enum outcome o = judge(id, r, now);

	if (o == TAKEN)
		o = exchange(id, r, now);
	if (o == CUT) {
		conn_cut(id, r->conn, r->v.cut, r->v.ends, r->v.why.text);
		return;
	}
	/* the old one counts on, and the client is asked again */
	if (o == LATER)
		report(id, CHILD_WARNING, "renewal not taken now conn=%016llx why=\"%s\"",
		    (unsigned long long)r->conn->id, r->v.why.text);
	gate_send_renewed(r->conn->gate, r->conn, review_renew_at(id, r->conn, now));
}

int
renew_handle(struct gate *g, struct msg_in *m, struct err *e)
{
	struct renewal r = { 0 };
	uint32_t number;

	if (msg_get_u32(m, &number) == -1)
		return err_set(e, ERR_PEER, "RENEW: malformed");
	r.conn = table_by_number(&g->id->table, g, number);
	if (r.conn == NULL || r.conn->id != m->conn || !r.conn->live)
		return err_set(e, ERR_PEER, "RENEW: no open connection of this gate");
	if ((r.evidence = evidence_get(m, &r.identity, e)) == NULL)
		return -1;
	/* one that is cut has its CUT on the way */
	if (r.conn->cut == CUT_NOT)
		carry_out(g->id, &r);
	free(r.evidence);
	identity_free(r.identity);
	return 0;
}
