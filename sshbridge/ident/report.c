/* report.c - lines to the log, through the monitor */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "grant.h"
#include "ident.h"
#include "report.h"

/* What is left of the queue is for READY. */
#define LOG_WAITING_MAX (IDENT_QUEUE_MAX / 4 * 3)

static bool
send_lost_lines(struct ident *id)
{
	uint8_t buf[256];
	char text[80];
	struct msg_out o;
	struct err e;

	(void)snprintf(
	    text, sizeof(text), "%llu log lines were lost here", (unsigned long long)id->log_lost);
	msg_start(&o, buf, sizeof(buf), MSG_LOG, 0);
	msg_put_u32(&o, CHILD_WARNING);
	msg_put_str(&o, text);
	return msgq_send(id->monitor, &o, NULL, 0, &e) == 0;
}

/* False: lost. `o` is an AUDIT or a LOG. */
static bool
send_line(struct ident *id, const struct msg_out *o)
{
	struct err e;

	if (msgq_waiting(id->monitor) <= LOG_WAITING_MAX) {
		if (id->log_lost > 0 && send_lost_lines(id))
			id->log_lost = 0;
		if (msgq_send(id->monitor, o, NULL, 0, &e) == 0)
			return true;
	}
	id->log_lost++;
	return false;
}

/* One record, which asks for an answer under `number`. False: lost. */
static bool
send_record(struct ident *id, enum child_level level, const struct logline *l, uint64_t number)
{
	uint8_t buf[AUDIT_MESSAGE_MAX];
	char text[LOGLINE_TEXT_MAX];
	struct msg_out o;
	bool audit, sent;

	if (id->monitor == NULL) {
		child_log(level, "%s", logline_text(l, text));
		return true;
	}
	audit = audit_write(&o, buf, level, l, number, id->audit_lost);
	sent = send_line(id, &o);
	if (audit)
		id->audit_lost = sent ? 0 : id->audit_lost + 1;
	return sent;
}

void
report_line(struct ident *id, enum child_level level, const struct logline *l)
{
	(void)send_record(id, level, l, 0);
}

bool
report_grant(struct ident *id, const struct logline *l, uint64_t *record)
{
	*record = 0;
	if (id->gen == NULL || id->gen->settings.audit_require == 0) {
		(void)send_record(id, CHILD_NOTICE, l, 0);
		return true;
	}
	*record = ++id->audit_number;
	return send_record(id, CHILD_NOTICE, l, *record);
}

void
report(struct ident *id, enum child_level level, const char *fmt, ...)
{
	uint8_t buf[1200];
	char line[1024];
	struct msg_out o;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (id->monitor == NULL) {
		child_log(level, "%s", line);
		return;
	}
	msg_start(&o, buf, sizeof(buf), MSG_LOG, 0);
	msg_put_u32(&o, level);
	msg_put_str(&o, line);
	(void)send_line(id, &o);
}

static void
put_value(struct logline *l, const char *key, const struct identity *id, enum id_field field)
{
	char text[512];
	size_t pos = 0;
	const struct id_value *v = identity_next(id, field, &pos);

	if (v != NULL)
		logline_str(l, key, id_value_text(v, text, sizeof(text)));
}

/* Refused before anybody was named: then the log needs what the certificate says of its holder. */
static void
put_holder(struct logline *l, const struct identity *id)
{
	put_value(l, "subject", id, ID_SUBJECT);
	put_value(l, "uri", id, ID_URI);
	put_value(l, "upn", id, ID_UPN);
	put_value(l, "email", id, ID_EMAIL);
}

static void
put_certificate(struct logline *l, const struct evidence *ev, bool named)
{
	char fingerprint[TEXT_SHA256_SIZE], sections[SECTIONS_MAX * SECTION_MAX] = "";
	struct err e;
	struct identity *id = evidence_identity(ev, &e);
	size_t n = 0;

	logline_str(l, "fingerprint", text_sha256(fingerprint, ev->leaf));
	if (id != NULL) {
		if (!named)
			put_holder(l, id);
		put_value(l, "serial", id, ID_SERIAL);
		put_value(l, "issuer", id, ID_ISSUER);
		identity_free(id);
	}
	for (uint32_t i = 0; i < ev->npaths; i++)
		n += (size_t)snprintf(sections + n, sizeof(sections) - n, "%s%s", i == 0 ? "" : ",",
		    ev->paths[i].section);
	logline_str(l, "sections", sections);
}

static void
put_open(struct logline *l, const char *event, const struct conn *c, const struct verdict *v)
{
	char at[ADDR_TEXT_SIZE];

	logline_start(l, event);
	logline_fmt(l, "conn", "%016llx", (unsigned long long)c->id);
	logline_fmt(l, "handshake", "g%u-%u", (unsigned)c->gate->index, (unsigned)c->number);
	logline_str(l, "from", endpoint_text_port(&c->client, at));
	logline_str(l, "target", c->target);
	if (c->leg.listed)
		logline_str(l, "via", endpoint_text_port(&c->leg.tuple.local, at));
	if (v != NULL && v->line != 0)
		logline_fmt(l, "rule", "map:%u", v->line);
	if (v != NULL)
		logline_str(l, "why", v->why.text);
	if (c->person != NULL)
		logline_str(l, "identity", c->person->name);
	put_certificate(l, c->evidence, c->person != NULL);
}

void
report_refused(struct ident *id, const struct conn *c, const struct verdict *v)
{
	struct logline l;

	put_open(&l, "refused", c, v);
	report_line(id, CHILD_NOTICE, &l);
}

bool
report_opened(struct ident *id, const struct conn *c, uint64_t *record)
{
	struct logline l;

	put_open(&l, "opened", c, NULL);
	return report_grant(id, &l, record);
}

void
report_denied(
    struct ident *id, const struct conn *c, const struct question_names *q, const char *why)
{
	struct logline l;
	char at[ADDR_TEXT_SIZE];

	logline_start(&l, "denied");
	if (c != NULL)
		logline_fmt(&l, "conn", "%016llx", (unsigned long long)c->id);
	logline_str(&l, "service", q->service);
	logline_str(&l, "account", q->account);
	logline_str(&l, "hook", hook_name(q->hook));
	if (c != NULL) {
		logline_str(&l, "identity", c->person->name);
		logline_str(&l, "from", endpoint_text_port(&c->client, at));
	}
	logline_str(&l, "why", why);
	report_line(id, CHILD_NOTICE, &l);
}

void
report_closed(struct ident *id, const struct conn *c, int64_t seconds, const struct conn_end *end)
{
	struct logline l;
	struct verdict v = { 0 };
	char at[ADDR_TEXT_SIZE];

	if (end->why == NULL)
		return;
	if (!c->live) {
		err_set(&v.why, ERR_REFUSED, "%s", end->why);
		report_refused(id, c, &v);
		return;
	}
	logline_start(&l, "closed");
	logline_fmt(&l, "conn", "%016llx", (unsigned long long)c->id);
	logline_str(&l, "identity", c->person->name);
	if (end->has_bytes) {
		logline_u64(&l, "bytes-in", end->from_client);
		logline_u64(&l, "bytes-out", end->to_client);
	}
	logline_u64(&l, "seconds", seconds < 0 ? 0 : (uint64_t)seconds);
	logline_str(&l, "why", end->why);
	/* behind what people have read for long */
	logline_str(&l, "from", endpoint_text_port(&c->client, at));
	logline_str(&l, "target", c->target);
	report_line(id, CHILD_NOTICE, &l);
}

void
report_cut(struct ident *id, const struct conn *c, const char *why)
{
	struct logline l;
	char at[ADDR_TEXT_SIZE], fingerprint[TEXT_SHA256_SIZE];

	logline_start(&l, "cut");
	logline_fmt(&l, "conn", "%016llx", (unsigned long long)c->id);
	logline_str(&l, "identity", c->person->name);
	logline_str(&l, "from", endpoint_text_port(&c->client, at));
	logline_str(&l, "fingerprint", text_sha256(fingerprint, c->evidence->leaf));
	if (c->grants != NULL)
		logline_str(&l, "account", c->grants->account);
	logline_str(&l, "for", cut_name(c->cut));
	logline_str(&l, "why", why);
	report_line(id, CHILD_NOTICE, &l);
}

void
report_renewed(
    struct ident *id, const struct conn *c, const struct evidence *old, const struct identity *now)
{
	struct logline l;
	char at[ADDR_TEXT_SIZE], fingerprint[TEXT_SHA256_SIZE], until[TEXT_TIME_SIZE];
	struct err e;
	struct identity *then = evidence_identity(old, &e);

	logline_start(&l, "renewed");
	logline_fmt(&l, "conn", "%016llx", (unsigned long long)c->id);
	logline_str(&l, "identity", c->person->name);
	logline_str(&l, "from", endpoint_text_port(&c->client, at));
	if (then != NULL)
		put_value(&l, "old-serial", then, ID_SERIAL);
	identity_free(then);
	put_value(&l, "serial", now, ID_SERIAL);
	logline_str(&l, "fingerprint", text_sha256(fingerprint, c->evidence->leaf));
	logline_str(&l, "not-after", text_time(until, c->evidence->leaf_not_after));
	report_line(id, CHILD_NOTICE, &l);
}
