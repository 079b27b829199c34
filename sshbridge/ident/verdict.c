/* verdict.c - the verdict on a WHO, its answer and its log line */
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "grant.h"
#include "ident.h"
#include "report.h"
#include "sshkey.h"
#include "who.h"

static const char no_bridge[] =
    "no client certificate: this connection did not come through the bridge";
static const char ending[] = "the connection is ending";

/* A question with all that is known about it. */
struct case_ {
	const struct question *q;
	struct who_facts facts;
	struct conn *conn;
	struct identity *identity;
	char key[TEXT_SHA256_SIZE];
	struct verdict v;
};

/* Both sides' sockets: a new login needs ESTABLISHED, a session may open on a half-closed one. */
static bool
state_allows(int state, uint32_t hook)
{
	return state == TCP_ESTABLISHED || (state == TCP_CLOSE_WAIT && hook == HOOK_OPEN_SESSION);
}

static int
deny(struct case_ *k, const char *user, const char *why)
{
	err_set(&k->v.why, ERR_REFUSED, "%s", why);
	return verdict_refuse(&k->v, REFUSED_INTERNAL, user);
}

/*
 * The first WHO ties the entry to the socket that it showed. A socket of the same two ends that
 * comes later is another connection, whatever it says.
 */
static int
check_cookie(struct case_ *k)
{
	if (k->conn->cookie == 0)
		k->conn->cookie = k->facts.cookie;
	if (k->conn->cookie != k->facts.cookie)
		return deny(k, no_bridge, "another socket with the same ends asked before");
	return 0;
}

/* Is the connection, from both sides, in a state in which somebody may log in through it? */
static int
check_state(struct case_ *k)
{
	struct conn *c = k->conn;
	char text[120];
	int own;

	if (c->ended || (c->target_eof && k->q->hook != HOOK_OPEN_SESSION))
		return deny(k, ending, "the connection has ended");
	if ((own = who_tcp_state(c->fd, &k->v.why)) == -1) {
		c->ended = true;
		return verdict_refuse(&k->v, REFUSED_INTERNAL, ending);
	}
	/* our side is past its use for good; it keeps the port until the gate is through */
	if (own != TCP_ESTABLISHED && own != TCP_CLOSE_WAIT)
		c->ended = true;
	if (state_allows(own, k->q->hook) && state_allows(k->facts.state, k->q->hook))
		return 0;
	(void)snprintf(text, sizeof(text), "TCP state %s at the bridge, %s at the server",
	    who_state_name(own), who_state_name(k->facts.state));
	return deny(k, ending, text);
}

/* The SSH key, for the log. Text that sshd did not write is no proof of anything: a no. */
static int
read_key(struct case_ *k)
{
	struct sshkey key;
	struct err e;
	int r = sshkey_parse_auth_info(k->q->auth_info, strlen(k->q->auth_info), &key, &e);

	if (r == -1)
		return deny(k, "the SSH key could not be read", e.text);
	if (r == 0)
		(void)text_sha256(k->key, key.sha256);
	return 0;
}

static int
judge_entry(struct ident *id, struct case_ *k, int64_t now)
{
	struct sockaddr_storage from;
	const struct login login = { .service = k->q->service,
		.account = k->q->account,
		.has_uid = k->q->has_uid == 1,
		.uid = k->q->uid,
		.age = (uint32_t)(ident_monotonic() - k->conn->since) };

	if (check_cookie(k) == -1 || check_state(k) == -1 ||
	    locks_refuse(id, k->conn->person->name, &k->v) == -1 || read_key(k) == -1)
		return -1;
	if ((k->identity = evidence_identity(k->conn->evidence, &k->v.why)) == NULL)
		return verdict_refuse(&k->v, REFUSED_INTERNAL, "try again later");
	endpoint_to(&k->conn->client, &from);
	if (judge_who(id->gen, k->conn->evidence, k->identity, &from, &login, now, &k->v) == -1)
		return -1;
	if (grant_keep(k->conn, &login, &k->v, &k->v.why) == -1)
		return verdict_refuse(&k->v, REFUSED_INTERNAL, "try again later");
	if (k->conn->max_session - 1 > k->v.max_session - 1) /* 0 is the longest */
		k->conn->max_session = k->v.max_session;
	return 0;
}

static void
first_value(const struct identity *id, enum id_field field, char *dst, size_t size)
{
	size_t pos = 0;
	const struct id_value *v = identity_next(id, field, &pos);

	dst[0] = '\0';
	if (v != NULL)
		(void)id_value_text(v, dst, size);
}

static void
answer_yes(const struct case_ *k, struct answer *a)
{
	const struct conn *c = k->conn;

	a->yes = true;
	(void)snprintf(a->identity, sizeof(a->identity), "%s", c->person->name);
	(void)endpoint_text(&c->client, a->address);
	a->port = c->client.port;
	first_value(k->identity, ID_SUBJECT, a->subject, sizeof(a->subject));
	first_value(k->identity, ID_ISSUER, a->issuer, sizeof(a->issuer));
	first_value(k->identity, ID_SERIAL, a->serial, sizeof(a->serial));
	(void)text_sha256(a->fingerprint, c->evidence->leaf);
	a->not_after = c->evidence->leaf_not_after;
	(void)snprintf(a->rule, sizeof(a->rule), "map:%u", k->v.line);
}

static void
put_case(struct logline *l, const struct case_ *k, bool yes)
{
	char at[ADDR_TEXT_SIZE];

	logline_start(l, yes ? "granted" : "denied");
	if (k->conn != NULL)
		logline_fmt(l, "conn", "%016llx", (unsigned long long)k->conn->id);
	logline_str(l, "service", k->q->service);
	logline_str(l, "account", k->q->account);
	logline_str(l, "hook", hook_name(k->q->hook));
	if (k->conn != NULL)
		logline_str(l, "identity", k->conn->person->name);
	if (k->v.line != 0)
		logline_fmt(l, "rule", "map:%u", k->v.line);
	if (k->conn != NULL)
		logline_str(l, "from", endpoint_text_port(&k->conn->client, at));
	else if (k->facts.tuple.remote.family != 0)
		logline_str(l, "peer", endpoint_text_port(&k->facts.tuple.remote, at));
	if (k->key[0] != '\0')
		logline_str(l, "key", k->key);
	if (!yes)
		logline_str(l, "why", k->v.why.text);
}

/* One record of the verdict. A yes that cannot be written becomes a no, where it must be. */
static void
log_case(struct ident *id, struct case_ *k, struct answer *a)
{
	struct logline l;

	put_case(&l, k, a->yes);
	if (a->yes) {
		if (report_grant(id, &l, &a->record))
			return;
		answer_no(a, NO_CAUSE, HOLD_REFUSAL);
		err_set(&k->v.why, ERR_REFUSED, HOLD_REFUSAL);
		put_case(&l, k, false);
	}
	report_line(id, CHILD_NOTICE, &l);
}

/* 0 granted, -1 denied with k->v. */
static int
judge_case(struct ident *id, struct case_ *k, int64_t now, enum no_kind *kind)
{
	*kind = NO_CAUSE;
	if (k->v.why.kind != ERR_NONE)
		return verdict_refuse(&k->v, REFUSED_INTERNAL, no_bridge);
	if (k->facts.netns != id->netns)
		return deny(k, no_bridge, "the socket is of another network namespace");
	if (k->conn != NULL)
		return judge_entry(id, k, now);
	*kind = NO_EVIDENCE;
	return deny(k, no_bridge, "no such connection came through the bridge");
}

bool
who_judge(
    struct ident *id, const struct question *q, int fd, bool pass_on, int64_t now, struct answer *a)
{
	struct case_ k = { .q = q };
	enum no_kind kind;
	struct tuple ours;

	memset(a, 0, sizeof(*a));
	/* the socket is the server's end: its far end is ours */
	if (who_facts(fd, &k.facts, &k.v.why) == 0) {
		ours =
		    (struct tuple){ .local = k.facts.tuple.remote, .remote = k.facts.tuple.local };
		if (k.facts.netns == id->netns) {
			if ((k.conn = table_by_tuple(&id->table, &ours)) == NULL && pass_on)
				return false;
		}
	}
	if (judge_case(id, &k, now, &kind) == 0) {
		answer_yes(&k, a);
		k.conn->granted = now;
		id->stats.granted++;
	} else {
		answer_no(a, kind, k.v.user);
		id->stats.denied++;
	}
	if (k.conn != NULL)
		a->conn = k.conn->id;
	log_case(id, &k, a);
	identity_free(k.identity);
	return true;
}
