/* verdict.c - the verdict on a WHO, its answer and its log line */
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grant.h"
#include "ident.h"
#include "report.h"
#include "unbound.h"
#include "who.h"

static const char no_bridge[] =
    "no client certificate: this connection did not come through the bridge";
static const char ending[] = "the connection is ending";

/* A question with all that is known about it. */
struct case_ {
	const struct question *q;
	struct who_facts facts;
	struct leg *leg; /* that the question is about; NULL: none here */
	struct conn *conn;
	struct identity *identity;
	struct keyset keys; /* proved by the client; HOOK_KEYS: the one that it offers */
	bool keys_known;
	bool unbound; /* granted though the key is not known: open_session will tell it */
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
	if (k->q->hook == HOOK_KEYS) /* shows none */
		return 0;
	if (k->leg->cookie == 0)
		k->leg->cookie = k->facts.cookie;
	if (k->leg->cookie != k->facts.cookie)
		return deny(k, no_bridge, "another socket with the same ends asked before");
	return 0;
}

/* Is the connection, from both sides, in a state in which somebody may log in through it? */
static int
check_state(struct case_ *k)
{
	const struct conn *c = k->conn;
	struct leg *l = k->leg;
	char text[120];
	int own;

	/* nobody can be through yet, and what ends it now ends it at once (cut.c) */
	if (c->held)
		return deny(k, ending, "the record of its opening is not written yet");
	if (c->ended || l->ended || (l->target_eof && k->q->hook != HOOK_OPEN_SESSION))
		return deny(k, ending, "the connection has ended");
	if ((own = who_tcp_state(l->fd, &k->v.why)) == -1) {
		leg_ended(l);
		return verdict_refuse(&k->v, REFUSED_INTERNAL, ending);
	}
	/* our side is past its use for good; it keeps the port until the gate is through */
	if (own != TCP_ESTABLISHED && own != TCP_CLOSE_WAIT)
		leg_ended(l);
	if (state_allows(own, k->q->hook) && state_allows(k->facts.state, k->q->hook))
		return 0;
	(void)snprintf(text, sizeof(text), "TCP state %s at the bridge, %s at the server",
	    who_state_name(own), who_state_name(k->facts.state));
	return deny(k, ending, text);
}

/* The SSH keys. Text that sshd did not write is no proof of anything: a no. */
static int
read_keys(struct case_ *k)
{
	const char *info = k->q->auth_info;
	struct err e;
	int r = keyset_from_auth_info(info, strlen(info), &k->keys, &e);

	if (r == -1)
		return deny(k, "the SSH key could not be read", e.text);
	/* when the session opens all is known: no publickey line means that there was none */
	k->keys_known = r == 0 || k->q->hook == HOOK_OPEN_SESSION || k->q->hook == HOOK_KEYS;
	return 0;
}

/*
 * Where each rule that grants the account binds a key and this hook does not know it: a no, unless
 * the line of pam.d promises that open_session will ask again.
 */
static int
grant_unbound(struct ident *id, struct case_ *k)
{
	const struct verdict v = k->v;

	if (k->q->bind_session == 0 || v.map != IDMAP_KEY_UNKNOWN)
		return -1;
	/* one login waits for one key: confirming it would leave this one unconfirmed for good */
	if (unbound_for_other(k->conn, k->q->account))
		return deny(k, "another account waits for its SSH key",
		    "another account of this connection waits for its SSH key");
	if (unbound_begin(id, k->conn, k->q->account, &k->v.why) == -1)
		return verdict_refuse(&k->v, REFUSED_INTERNAL, "try again later");
	k->v = (struct verdict){
		.line = v.line, .value = v.value, .section = v.section, .max_session = v.max_session
	};
	k->unbound = true;
	return 0;
}

/* What was granted is judged again for as long as the connection lives. */
static int
keep(struct case_ *k, const struct login *login)
{
	struct conn *c = k->conn;

	if (k->q->hook == HOOK_KEYS)
		return 0;
	if (grant_keep(c, login, &k->v, k->unbound, &k->v.why) == -1)
		return verdict_refuse(&k->v, REFUSED_INTERNAL, "try again later");
	return 0;
}

static int
judge_login(struct ident *id, struct case_ *k, int64_t now)
{
	struct sockaddr_storage from;
	struct login login = { .service = k->q->service,
		.account = k->q->account,
		.has_uid = k->q->has_uid == 1,
		.uid = k->q->uid,
		.age = (uint32_t)(ident_monotonic() - k->conn->since),
		.bound_only = k->q->hook == HOOK_KEYS };

	if (read_keys(k) == -1)
		return -1;
	if ((k->identity = evidence_identity(k->conn->evidence, &k->v.why)) == NULL)
		return verdict_refuse(&k->v, REFUSED_INTERNAL, "try again later");
	endpoint_to(&k->conn->client, &from);
	if (k->keys_known)
		login.keys = &k->keys;
	if (judge_who(id->gen, k->conn->evidence, k->identity, &from, &login, now, &k->v) == -1 &&
	    grant_unbound(id, k) == -1)
		return -1;
	return keep(k, &login);
}

/* A session opens, or does not: by now its key is known, and no second try is waited for. */
static int
judge_session(struct ident *id, struct case_ *k, int64_t now)
{
	struct conn *c = k->conn;
	int r;

	if (unbound_for_other(c, k->q->account))
		r = deny(k, "this is not the account that was let in",
		    "the session is for another account than the one that waits for its key");
	else
		r = judge_login(id, k, now);
	if (r == 0)
		unbound_end(c);
	else if (c->unbound != NULL || k->v.map == IDMAP_NO_KEY)
		unbound_cut(id, c, k->v.why.text);
	return r;
}

static int
judge_entry(struct ident *id, struct case_ *k, int64_t now)
{
	if (check_cookie(k) == -1 || check_state(k) == -1 ||
	    locks_refuse(id, k->conn->person->name, &k->v) == -1)
		return -1;
	return k->q->hook == HOOK_OPEN_SESSION ? judge_session(id, k, now)
					       : judge_login(id, k, now);
}

static void
answer_yes(const struct case_ *k, struct answer *a)
{
	const struct conn *c = k->conn;

	a->yes = true;
	if (k->q->hook == HOOK_KEYS) /* yes or no, and nothing else */
		return;
	(void)snprintf(a->identity, sizeof(a->identity), "%s", c->person->name);
	(void)endpoint_text(&c->client, a->address);
	a->port = c->client.port;
	evidence_value(k->identity, ID_SUBJECT, a->subject, sizeof(a->subject));
	evidence_value(k->identity, ID_ISSUER, a->issuer, sizeof(a->issuer));
	evidence_value(k->identity, ID_SERIAL, a->serial, sizeof(a->serial));
	(void)text_sha256(a->fingerprint, c->evidence->leaf);
	a->not_after = c->evidence->leaf_not_after;
	(void)snprintf(a->rule, sizeof(a->rule), "map:%u", k->v.line);
}

static void
put_case(struct logline *l, const struct case_ *k, bool yes)
{
	char at[ADDR_TEXT_SIZE], key[TEXT_SHA256_SIZE];

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
	for (uint32_t i = 0; i < k->keys.n; i++)
		logline_str(l, "key", text_sha256(key, k->keys.sha256[i]));
	if (k->unbound)
		logline_str(l, "bound", "not-yet");
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

/* What is known of the connection that is asked about: from its socket, or as it was described. */
static int
get_facts(const struct ident *id, const struct question *q, int fd, struct case_ *k)
{
	if (q->hook != HOOK_KEYS)
		return who_facts(fd, &k->facts, &k->v.why);
	k->facts =
	    (struct who_facts){ .tuple = q->server, .netns = id->netns, .state = TCP_ESTABLISHED };
	return 0;
}

/*
 * The entry whose far end was shown. sshd's manual says that %C begins with the client, and OpenSSH
 * 10.0 begins with the server: what mtls-keys tells is looked up both ways. The two are of one
 * connection, and of nobody else's, as the port is held.
 */
static struct leg *
find_leg(const struct ident *id, struct case_ *k)
{
	struct tuple *shown = &k->facts.tuple;
	struct tuple ours = { .local = shown->remote, .remote = shown->local };
	struct leg *l = table_by_tuple(&id->table, &ours);

	if (l == NULL && k->q->hook == HOOK_KEYS && (l = table_by_tuple(&id->table, shown)) != NULL)
		*shown = ours;
	return l;
}

bool
who_judge(
    struct ident *id, const struct question *q, int fd, bool pass_on, int64_t now, struct answer *a)
{
	struct case_ k = { .q = q };
	enum no_kind kind;

	memset(a, 0, sizeof(*a));
	/* it is the server's end: its far end is ours */
	if (get_facts(id, q, fd, &k) == 0 && k.facts.netns == id->netns) {
		if ((k.leg = find_leg(id, &k)) != NULL)
			k.conn = k.leg->conn;
		else if (pass_on)
			return false;
	}
	if (judge_case(id, &k, now, &kind) == 0) {
		answer_yes(&k, a);
		k.conn->granted = q->hook == HOOK_KEYS ? k.conn->granted : now;
		id->stats.granted++;
	} else {
		answer_no(a, q->hook == HOOK_KEYS ? NO_CAUSE : kind,
		    q->hook == HOOK_KEYS ? "no" : k.v.user);
		id->stats.denied++;
	}
	if (k.conn != NULL && q->hook != HOOK_KEYS)
		a->conn = k.conn->id;
	/* a client may offer many keys, and mtls-keys decides nothing: account will have its line
	 */
	if (q->hook != HOOK_KEYS)
		log_case(id, &k, a);
	identity_free(k.identity);
	return true;
}
