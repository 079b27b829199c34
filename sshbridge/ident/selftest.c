/* selftest.c - the whole work once, in memory, before the process says READY */
#include <stdlib.h>
#include <string.h>

#include "crldraft.h"
#include "ident.h"
#include "report.h"
#include "sealed.h"
#include "who.h"

static const char map_text[] = "email {user}@self.test {user}\n"
			       "cn /^deploy-(?<env>[a-z]+)$/ deploy-{env}\n";
static const uint8_t leaf_hash[32] = { 1 }, anchor_hash[32] = { 2 };
static const uint8_t issuer[CRLINDEX_ID] = { 3 };
static const uint8_t good_serial = 4, revoked_serial = 5;
/* The index of make_generation(), which only borrows it. */
static uint8_t *crl_bytes;

static int
fail(struct err *e, const char *what)
{
	return err_set(e, ERR_SYS, "self-test: %s", what);
}

/* One list, current from 0 to 300, with one serial number in it. */
static int
make_index(struct sealed *s, struct err *e)
{
	struct crldrafts set = { .v = NULL };
	struct crldraft d = { .list = { .this_update = 0, .next_update = 300 } };
	int r = -1;

	memcpy(d.list.issuer, issuer, sizeof(d.list.issuer));
	if (crldraft_add(&d, &revoked_serial, 1, 1, e) == 0 && crldrafts_take(&set, &d, e) == 0 &&
	    (crl_bytes = crldrafts_pack(&set, &s->n, e)) != NULL) {
		s->p = crl_bytes;
		r = 0;
	}
	crldrafts_done(&set);
	return r;
}

static struct generation *
make_generation(struct err *e)
{
	static struct settings s;
	static uint8_t text[SETTINGS_BYTES_MAX];
	struct records_writer w = { .max = 4096 };
	const struct record r = {
		.kind = RECORD_ANCHOR_SHA256, .p = anchor_hash, .n = sizeof(anchor_hash)
	};
	struct generation_parts p = {
		.settings = text, .map = (const uint8_t *)map_text, .map_len = sizeof(map_text) - 1
	};
	struct generation *g = NULL;

	s = (struct settings){ .nsections = 1,
		.ntargets = 1,
		.handshake_timeout = 1,
		.dial_timeout = 1,
		.connections = 1,
		.per_identity = 1,
		.port_first = 1,
		.port_last = 2,
		.capture_min_uid = 1000 };
	memcpy(s.sections[0].name, "self", 5);
	s.sections[0].fields[0] = ID_EMAIL;
	s.sections[0].nfields = 1;
	s.sections[0].revocation = 1;
	s.targets[0].source = SOURCE_SYSTEM;
	s.targets[0].port = 22;
	if (settings_encode(&s, text, sizeof(text), &p.settings_len, e) == 0 &&
	    records_add(&w, &r, e) == 0 && make_index(&p.crls, e) == 0) {
		p.anchors = w.buf;
		p.anchors_len = w.len;
		g = generation_new(1, &p, e);
	}
	records_done(&w);
	return g;
}

/* What a gate would say of a certificate with these values, valid from 100 to 200. */
static struct evidence *
make_evidence(uint8_t serial, struct identity **id, struct err *e)
{
	uint8_t buf[2048];
	char fp[TEXT_SHA256_SIZE];
	struct pathcert pc = { .not_before = 100, .not_after = 200, .section = "self" };
	struct identity *said = identity_new();
	struct evidence *ev = NULL;
	struct msg_out o;
	struct msg_in m;

	if (said == NULL) {
		err_nomem(e, "self-test");
		return NULL;
	}
	(void)text_sha256(fp, leaf_hash);
	msg_start(&o, buf, sizeof(buf), MSG_OPEN, 0);
	msg_put_u32(&o, 1);
	msg_put_str(&o, "self");
	if (identity_add(said, ID_EMAIL, "alice@self.test", 15, e) == 0 &&
	    identity_add(said, ID_CN, "deploy-web", 10, e) == 0 &&
	    identity_add(said, ID_FINGERPRINT, fp, strlen(fp), e) == 0) {
		identity_put(said, &o);
		msg_put_bytes(&o, "", 0);
		msg_put_u32(&o, 2);
		memcpy(pc.sha256, leaf_hash, sizeof(pc.sha256));
		memcpy(pc.issuer, issuer, sizeof(pc.issuer));
		pc.serial[0] = serial;
		pc.serial_len = 1;
		pathcert_put(&pc, &o);
		memcpy(pc.sha256, anchor_hash, sizeof(pc.sha256));
		pathcert_put(&pc, &o);
		if (msg_finish(&o, e) == 0 && msg_parse(&m, buf, o.len, e) == 0)
			ev = evidence_get(&m, id, e);
	}
	identity_free(said);
	return ev;
}

/* The neighbour that is listed gets nothing. */
static int
test_revoked(const struct generation *g, struct err *e)
{
	struct accepted a;
	struct verdict v = { 0 };
	struct identity *id = NULL;
	struct evidence *ev = make_evidence(revoked_serial, &id, e);
	int r;

	if (ev == NULL)
		return -1;
	r = judge_paths(g, ev, JUDGE_NEW, 150, &a, &v);
	identity_free(id);
	free(ev);
	return r == -1 ? 0 : fail(e, "a revoked certificate is accepted");
}

static int
test_verdicts(const struct generation *g, const struct evidence *ev, const struct identity *id,
    char *name, struct err *e)
{
	static const struct {
		const char *account;
		int64_t now;
		int verdict;
	} cases[] = {
		{ "alice", 200, 0 },
		{ "deploy-web", 100, 0 },
		{ "bob", 150, -1 },
		{ "alice", 201, -1 },
		{ "alice", 99, -1 },
	};
	struct sockaddr_storage from;
	struct verdict v = { 0 };

	if (addr_parse("192.0.2.1", &from, e) == -1)
		return -1;
	if (judge_open(g, ev, id, &from, 150, name, &v) == -1)
		return fail(e, v.why.text);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct login l = {
			.service = "sshd", .account = cases[i].account, .has_uid = true, .uid = 1000
		};

		v = (struct verdict){ 0 };
		if (judge_who(g, ev, id, &from, &l, cases[i].now, &v) != cases[i].verdict)
			return fail(e, "a wrong verdict on an account");
	}
	return 0;
}

/* In, found, out, no longer found. Takes ev over. */
static int
test_table(struct ident *id, struct evidence *ev, const char *name, struct err *e)
{
	static struct gate g;
	const struct tuple t = { .local = { .family = 4, .port = 1 }, .remote = { .family = 4 } };
	const struct conn_end end = { .why = NULL };
	struct conn *c = conn_new(&id->table, &g, 1, ev, e);

	if (c == NULL) {
		free(ev);
		return -1;
	}
	if (table_add(&id->table, c, name, e) == -1) {
		conn_free(c);
		return -1;
	}
	table_live(&id->table, c);
	leg_add(&id->table, &c->leg, -1, &t);
	if (table_by_tuple(&id->table, &t) != &c->leg || table_by_number(&id->table, &g, 1) != c ||
	    table_count(&id->table, name) != 1)
		return fail(e, "an entry is not found");
	table_remove(id, c, &end);
	if (table_by_tuple(&id->table, &t) != NULL || table_count(&id->table, name) != 0)
		return fail(e, "an entry is still found");
	return 0;
}

int
ident_selftest(struct ident *id, struct err *e)
{
	char name[IDENTITY_NAME_MAX];
	struct generation *g;
	struct evidence *ev = NULL;
	struct identity *identity = NULL;
	int r = -1;

	if (who_netns(&id->netns, e) == -1 || (g = make_generation(e)) == NULL)
		return -1;
	if ((ev = make_evidence(good_serial, &identity, e)) != NULL) {
		if (test_verdicts(g, ev, identity, name, e) == 0 && test_revoked(g, e) == 0)
			r = test_table(id, ev, name, e);
		else
			free(ev);
	}
	identity_free(identity);
	generation_unref(g);
	free(crl_bytes);
	id->stats = (struct ident_stats){ 0 }; /* what was done here was nobody's */
	if (r == 0)
		report(id, CHILD_DEBUG, "self-test passed");
	return r;
}
