/* list.c - the live connections as messages for the operator, and those of an older ident judged */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "conninfo.h"
#include "grant.h"
#include "ident.h"
#include "list.h"
#include "who.h"

/* Buckets of one page: most are empty when many connections have ended. */
enum { PAGE_BUCKETS = 256 };
/* A fact's value is cut to this; what is left of a message below that ends the facts. */
enum { FACT_MAX = 1024, FACT_ROOM = 2 * FACT_MAX };

static bool
is_listed(const struct conn *c)
{
	return c->live && !c->ended;
}

static void
describe(const struct conn *c, const struct identity *identity, struct conninfo *i)
{
	memset(i, 0, sizeof(*i));
	i->id = c->id;
	i->since = ident_wall(c->since);
	(void)snprintf(i->identity, sizeof(i->identity), "%s", c->person->name);
	endpoint_to(&c->client, &i->from);
	(void)snprintf(i->target, sizeof(i->target), "%s", c->target);
	if (c->grants != NULL)
		(void)snprintf(i->account, sizeof(i->account), "%s", c->grants->account);
	evidence_value(identity, ID_SERIAL, i->serial, sizeof(i->serial));
	(void)text_sha256(i->fingerprint, c->evidence->leaf);
	i->not_after = c->evidence->leaf_not_after;
	i->is_jump = c->to_jump;
	if (c->jump != NULL) {
		i->has_bytes = true;
		i->channels = jump_channels(c->jump);
		jump_bytes(c->jump, &i->from_client, &i->to_client);
	} else {
		i->has_bytes = bytes_of(c->leg.fd, &i->from_client, &i->to_client);
	}
}

static void
put_conn(const struct conn *c, struct msg_out *o)
{
	struct err e;
	struct identity *identity = evidence_identity(c->evidence, &e);
	struct conninfo i;

	describe(c, identity, &i);
	conninfo_put(&i, o);
	identity_free(identity);
}

/* ---- LIST ----------------------------------------------------------------------------------- */

/*
 * Whole buckets, as many as fit. A bucket that would not fit into the rest is left for the next
 * page; ids are random, so that no bucket ever holds as many as a page.
 */
static size_t
gather(const struct table *t, uint64_t *cursor, const struct conn **v)
{
	size_t n = 0;

	for (int i = 0; i < PAGE_BUCKETS; i++) {
		uint64_t next = *cursor;
		size_t before = n;

		for (struct hash_node *node = hash_scan(&t->by_id, &next); node != NULL;
		     node = node->next) {
			const struct conn *c = HASH_ENTRY(node, struct conn, by_id);

			if (!is_listed(c))
				continue;
			if (n == CONNINFO_PAGE_MAX && before > 0)
				return before;
			if (n < CONNINFO_PAGE_MAX)
				v[n++] = c;
		}
		if ((*cursor = next) == 0)
			break;
	}
	return n;
}

void
list_page(struct ident *id, uint64_t *cursor, struct msg_out *o)
{
	const struct conn *v[CONNINFO_PAGE_MAX];
	size_t n = gather(&id->table, cursor, v);

	msg_put_u64(o, *cursor);
	msg_put_u32(o, id->older.q != NULL);
	msg_put_u32(o, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		put_conn(v[i], o);
}

/* ---- SHOW ----------------------------------------------------------------------------------- */

static void
put_fact(struct msg_out *o, const char *key, const char *value)
{
	if (o->size - o->len < FACT_ROOM || value[0] == '\0')
		return;
	msg_put_str(o, key);
	msg_put_str(o, value);
}

static void
put_identity(struct msg_out *o, const struct identity *id)
{
	char text[FACT_MAX];

	for (unsigned f = 1; f <= ID_FIELD_MAX; f++) {
		const struct id_value *v;
		size_t pos = 0;

		while ((v = identity_next(id, (enum id_field)f, &pos)) != NULL)
			put_fact(o, id_field_name(f), id_value_text(v, text, sizeof(text)));
	}
}

static void
put_login(struct msg_out *o, const struct conn *c)
{
	char text[64], at[TEXT_TIME_SIZE];

	if (c->grants == NULL)
		return;
	put_fact(o, "service", c->grants->service);
	(void)snprintf(text, sizeof(text), "map:%u", c->grants->line);
	put_fact(o, "rule", text);
	put_fact(o, "granted", text_time(at, c->granted));
}

/* "3 to db1.prod.example:22 at 10.0.0.5:22 since TIME, 12 in, 34 out" */
static void
put_channel(struct msg_out *o, const struct channel *ch)
{
	char text[FACT_MAX], to[REACH_TEXT_SIZE], at[ADDR_TEXT_SIZE], since[TEXT_TIME_SIZE];
	uint64_t in = 0, out = 0;

	if (!ch->open)
		return;
	if (!bytes_of(ch->leg.fd, &in, &out))
		in = out = 0;
	(void)snprintf(text, sizeof(text),
	    "%" PRIu32 " to %s at %s since %s, %" PRIu64 " in, %" PRIu64 " out%s", ch->number,
	    reach_text(&ch->to, to), endpoint_text_port(&ch->leg.tuple.remote, at),
	    text_time(since, ident_wall(ch->since)), in, out, ch->leg.ended ? ", ending" : "");
	put_fact(o, "channel", text);
}

static void
put_jump(struct msg_out *o, const struct jump *j)
{
	const struct channel *ch;
	const struct refusal_note *note;
	char text[FACT_MAX], at[TEXT_TIME_SIZE], key[TEXT_SHA256_SIZE];

	(void)snprintf(text, sizeof(text), "%" PRIu32, j->number);
	put_fact(o, "jump", text);
	if (j->phase == JUMP_IN)
		put_fact(o, "key", text_sha256(key, j->key.sha256));
	LIST_FOREACH(ch, &j->channels, of_jump)
	put_channel(o, ch);
	for (unsigned i = 0; (note = refusals_get(&j->refusals, i)) != NULL; i++) {
		(void)snprintf(text, sizeof(text), "%s at %s: %s", note->to,
		    text_time(at, note->at), note->why);
		put_fact(o, "refused", text);
	}
}

static void
put_paths(struct msg_out *o, const struct evidence *ev)
{
	char text[FACT_MAX], from[TEXT_TIME_SIZE], until[TEXT_TIME_SIZE], anchor[TEXT_SHA256_SIZE];

	for (uint32_t i = 0; i < ev->npaths; i++) {
		const struct path *p = &ev->paths[i];

		(void)snprintf(text, sizeof(text), "%s from %s until %s, anchor %s", p->section,
		    text_time(from, p->not_before), text_time(until, p->not_after),
		    text_sha256(anchor, p->anchor));
		put_fact(o, "trust", text);
	}
}

static void
put_facts(struct msg_out *o, const struct conn *c)
{
	char text[64], at[ADDR_TEXT_SIZE];
	struct err e;

	(void)snprintf(text, sizeof(text), "g%u-%u", (unsigned)c->gate->index, (unsigned)c->number);
	put_fact(o, "handshake", text);
	if (c->leg.listed) {
		put_fact(o, "via", endpoint_text_port(&c->leg.tuple.local, at));
		put_fact(o, "server", endpoint_text_port(&c->leg.tuple.remote, at));
		put_fact(o, "state", who_state_name(who_tcp_state(c->leg.fd, &e)));
	}
	put_login(o, c);
	put_paths(o, c->evidence);
}

int
list_show(struct ident *id, uint64_t conn, struct msg_out *o)
{
	const struct conn *c = table_by_id(&id->table, conn);
	struct identity *identity;
	struct err e;

	if (c == NULL || !is_listed(c))
		return -1;
	msg_put_u32(o, 1);
	put_conn(c, o);
	put_facts(o, c);
	if ((identity = evidence_identity(c->evidence, &e)) != NULL)
		put_identity(o, identity);
	identity_free(identity);
	/* last: of very many channels some are left out */
	if (c->jump != NULL)
		put_jump(o, c->jump);
	msg_put_str(o, "");
	return 0;
}

/* ---- STATS ---------------------------------------------------------------------------------- */

/* Gates of one STATS; more than that there are while instances change only. */
enum { STATS_GATES_MAX = 1024 };
/* u64s before the gates */
enum { STATS_NUMBERS = 12 };

void
list_stats(const struct ident *id, struct msg_out *o)
{
	const struct gate *g;
	uint32_t n = 0;

	msg_put_u32(o, id->older.q != NULL);
	msg_put_u64(o, id->gen == NULL ? 0 : id->gen->number);
	msg_put_u64(o, id->table.nlive);
	msg_put_u64(o, id->table.n - id->table.nlive);
	msg_put_u64(o, id->stats.opened);
	msg_put_u64(o, id->stats.refused);
	msg_put_u64(o, id->stats.closed);
	msg_put_u64(o, id->stats.granted);
	msg_put_u64(o, id->stats.denied);
	msg_put_u64(o, id->locks.set.n);
	msg_put_u64(o, id->stats.channels_opened);
	msg_put_u64(o, id->stats.channels_refused);
	msg_put_u64(o, id->jumps.nready);
	LIST_FOREACH(g, &id->gates, all)
	n += n < STATS_GATES_MAX;
	msg_put_u32(o, n);
	LIST_FOREACH(g, &id->gates, all)
	{
		if (n-- == 0)
			break;
		msg_put_u32(o, g->index);
		msg_put_u32(o, g->nconns);
	}
}

/* ---- what an older ident says --------------------------------------------------------------- */

static int
check_page(struct msg_in *m)
{
	struct conninfo c;
	uint64_t cursor;
	uint32_t older, n;

	if (msg_get_u64(m, &cursor) == -1 || msg_get_u32(m, &older) == -1 ||
	    msg_get_u32(m, &n) == -1 || older > 1 || n > CONNINFO_PAGE_MAX)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		if (conninfo_get(m, &c) == -1)
			return -1;
	return 0;
}

static int
check_show(struct msg_in *m)
{
	struct conninfo c;
	char key[64], value[FACT_MAX];
	uint32_t found;

	if (msg_get_u32(m, &found) == -1 || found > 1)
		return -1;
	if (found == 0)
		return 0;
	if (conninfo_get(m, &c) == -1)
		return -1;
	for (;;) {
		if (msg_get_str(m, key, sizeof(key)) == -1)
			return -1;
		if (key[0] == '\0')
			return 0;
		if (msg_get_str(m, value, sizeof(value)) == -1)
			return -1;
	}
}

static int
check_stats(struct msg_in *m)
{
	uint64_t v;
	uint32_t older, n, w;

	if (msg_get_u32(m, &older) == -1 || older > 1)
		return -1;
	for (int i = 0; i < STATS_NUMBERS; i++)
		if (msg_get_u64(m, &v) == -1)
			return -1;
	if (msg_get_u32(m, &n) == -1 || n > STATS_GATES_MAX)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		if (msg_get_u32(m, &w) == -1 || msg_get_u32(m, &w) == -1)
			return -1;
	return 0;
}

int
list_check(const struct msg_in *m, struct err *e)
{
	struct msg_in copy = *m;
	int r = m->type == MSG_LIST   ? check_page(&copy)
		: m->type == MSG_SHOW ? check_show(&copy)
				      : check_stats(&copy);

	if (r == -1)
		return err_set(e, ERR_PEER, "%s: malformed", msg_name(m->type));
	return msg_end(&copy, e);
}

void
list_nothing(unsigned type, struct msg_out *o)
{
	if (type == MSG_LIST) {
		msg_put_u64(o, 0);
		msg_put_u32(o, 0);
		msg_put_u32(o, 0);
	} else if (type == MSG_SHOW) {
		msg_put_u32(o, 0);
	} else {
		msg_put_u32(o, 0);
		for (int i = 0; i < STATS_NUMBERS; i++)
			msg_put_u64(o, 0);
		msg_put_u32(o, 0);
	}
}
