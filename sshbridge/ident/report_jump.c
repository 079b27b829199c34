/* report_jump.c - records of jump connections: logins, and what they opened */
#include <string.h>

#include "grant.h"
#include "ident.h"
#include "keylogin.h"
#include "report.h"

static void
put_login(struct logline *l, const char *event, const struct jump *j, const struct jump_key *key,
    const struct verdict *v)
{
	const struct conn *c = j->conn;
	char at[ADDR_TEXT_SIZE], fingerprint[TEXT_SHA256_SIZE];
	static const uint8_t none[32];

	logline_start(l, event);
	logline_fmt(l, "conn", "%016llx", (unsigned long long)c->id);
	logline_str(l, "service", KEYLOGIN_SERVICE);
	logline_str(l, "account", key->account);
	logline_str(l, "hook", "jump");
	logline_str(l, "identity", c->person->name);
	if (v->line != 0)
		logline_fmt(l, "rule", "map:%u", v->line);
	logline_str(l, "from", endpoint_text_port(&c->client, at));
	if (memcmp(key->sha256, none, sizeof(none)) != 0)
		logline_str(l, "key", text_sha256(fingerprint, key->sha256));
}

void
report_login_denied(
    struct ident *id, const struct jump *j, const struct jump_key *key, const struct verdict *v)
{
	struct logline l;

	put_login(&l, "denied", j, key, v);
	logline_str(&l, "why", v->why.text);
	report_line(id, CHILD_NOTICE, &l);
}

bool
report_login_granted(
    struct ident *id, const struct jump *j, const struct verdict *v, uint64_t *record)
{
	struct logline l;

	put_login(&l, "granted", j, &j->key, v);
	return report_grant(id, &l, record);
}

static void
put_channel(struct logline *l, const char *event, const struct channel *ch)
{
	const struct jump *j = ch->jump;
	char to[REACH_TEXT_SIZE], at[ADDR_TEXT_SIZE];

	logline_start(l, event);
	logline_fmt(l, "conn", "%016llx", (unsigned long long)j->conn->id);
	logline_u64(l, "channel", ch->number);
	logline_str(l, "to", reach_text(&ch->to, to));
	if (ch->leg.listed)
		logline_str(l, "server", endpoint_text_port(&ch->leg.tuple.remote, at));
	logline_str(l, "identity", j->conn->person->name);
	logline_str(l, "account", j->key.account);
}

/* Behind what people read: who asked for it, as far as he says himself. */
static void
put_origin(struct logline *l, const struct channel *ch)
{
	char at[ADDR_TEXT_SIZE], fingerprint[TEXT_SHA256_SIZE];

	logline_str(l, "key", text_sha256(fingerprint, ch->jump->key.sha256));
	logline_str(l, "from", endpoint_text_port(&ch->jump->conn->client, at));
	logline_str(l, "originator", ch->originator);
}

bool
report_channel_opened(struct ident *id, const struct channel *ch, uint64_t *record)
{
	struct logline l;
	char at[ADDR_TEXT_SIZE];

	put_channel(&l, "channel-opened", ch);
	logline_str(&l, "via", endpoint_text_port(&ch->leg.tuple.local, at));
	if (ch->rule != 0)
		logline_fmt(&l, "rule", "map:%u", ch->rule);
	put_origin(&l, ch);
	return report_grant(id, &l, record);
}

void
report_channel_refused(struct ident *id, const struct channel *ch, const struct verdict *v)
{
	struct logline l;

	put_channel(&l, "channel-refused", ch);
	logline_str(&l, "why", v->why.text);
	put_origin(&l, ch);
	report_line(id, CHILD_NOTICE, &l);
}

void
report_channel_closed(struct ident *id, const struct channel *ch, const struct conn_end *end)
{
	struct logline l;
	int64_t seconds = ident_monotonic() - ch->since;

	/* one that never was opened has carried nothing */
	put_channel(&l, ch->open ? "channel-closed" : "channel-refused", ch);
	if (ch->open && end->has_bytes) {
		logline_u64(&l, "bytes-in", end->from_client);
		logline_u64(&l, "bytes-out", end->to_client);
	}
	if (ch->open)
		logline_u64(&l, "seconds", seconds < 0 ? 0 : (uint64_t)seconds);
	logline_str(&l, "why", end->why);
	if (!ch->open)
		put_origin(&l, ch);
	report_line(id, CHILD_NOTICE, &l);
}
