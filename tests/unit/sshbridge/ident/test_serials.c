/* test_serials.c - ident's own look at CRLs: new logins, live connections, on-stale */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crldraft.h"
#include "sshbridge/ident/ident.h"
#include "tests/unit/help/stage.h"

#define FROM  1000
#define UNTIL 2000

/* What a list of the leaf's issuer is like, and the section that asks it. */
struct setup {
	bool none; /* there is no list */
	bool required, cut;
	uint8_t serial[2]; /* what it lists; the leaf is 1a2b */
	unsigned reason;
	uint32_t scope, section;
};

static uint8_t *bytes; /* of the index */

static struct generation *
make_generation(const struct setup *s)
{
	static uint8_t text[SETTINGS_BYTES_MAX];
	struct settings set;
	struct records_writer w = { .max = 4096 };
	struct crldrafts lists = { .v = NULL };
	struct crldraft d = { .list = { .this_update = FROM,
				  .next_update = UNTIL,
				  .scope = s->scope,
				  .section = s->section,
				  .file = "corp.crl",
				  .name = "CN=CA" } };
	struct generation_parts p = {
		.settings = text, .map = (const uint8_t *)stage_map, .map_len = strlen(stage_map)
	};
	struct err e = { 0 };
	uint8_t hash[32];
	struct generation *g;

	stage_settings(&set, 22);
	set.sections[0].revocation = s->required;
	set.sections[0].stale_cut = s->cut;
	memset(hash, STAGE_ANCHOR, sizeof(hash));
	assert_int_equal(
	    0, records_add(
		   &w, &(struct record){ .kind = RECORD_ANCHOR_SHA256, .p = hash, .n = 32 }, &e));
	assert_int_equal(0, settings_encode(&set, text, sizeof(text), &p.settings_len, &e));
	assert_int_equal(0, crldraft_add(&d, s->serial, 2, s->reason, &e));
	if (!s->none)
		assert_int_equal(0, crldrafts_take(&lists, &d, &e));
	crldraft_done(&d);
	assert_non_null(bytes = crldrafts_pack(&lists, &p.crls.n, &e));
	crldrafts_done(&lists);
	p.crls.p = bytes;
	p.anchors = w.buf;
	p.anchors_len = w.len;
	if ((g = generation_new(1, &p, &e)) == NULL)
		fail_msg("%s", e.text);
	records_done(&w);
	return g;
}

static struct evidence *
make_evidence(void)
{
	uint8_t buf[8192];
	char name[256];
	struct stage_open a = stage_open(1);
	struct identity *id;
	struct msg_out o;
	struct msg_in m;
	struct sockaddr_storage ss;
	struct err e = { 0 };
	uint32_t v;
	uint64_t q;
	struct evidence *ev;

	a.not_before = 0;
	a.not_after = INT64_MAX;
	stage_open_put(&a, &o, buf, sizeof(buf));
	assert_int_equal(0, msg_parse(&m, buf, o.len, &e));
	assert_int_equal(0, msg_get_u32(&m, &v));
	assert_int_equal(0, msg_get_u64(&m, &q));
	assert_int_equal(0, msg_get_str(&m, name, sizeof(name)));
	assert_int_equal(0, addr_get(&m, &ss));
	assert_int_equal(0, addr_get(&m, &ss));
	assert_non_null(ev = evidence_get(&m, &id, &e));
	identity_free(id);
	return ev;
}

/* NULL: accepted; else a word of the reason. */
struct row {
	struct setup setup;
	int64_t now;
	const char *new, *live;
};

static void
check(const char *what, size_t row, int r, const struct verdict *v, const char *word)
{
	if ((r == 0) != (word == NULL) || (word != NULL && strstr(v->why.text, word) == NULL))
		fail_msg("row %zu, %s: %d %s", row, what, r, v->why.text);
	if (r == -1)
		assert_int_equal(REFUSED_CERTIFICATE, v->refusal);
}

static void
a_stale_list_refuses_who_comes_and_a_revoked_one_goes_in_any_case(void **state)
{
	static const struct row rows[] = {
		{ { .required = true, .serial = { 1, 1 } }, FROM, NULL, NULL },
		{ { .required = true, .serial = { 1, 1 } }, FROM - 1, "has not begun", NULL },
		{ { .required = true, .serial = { 1, 1 } }, UNTIL - 1, NULL, NULL },
		{ { .required = true, .serial = { 1, 1 } }, UNTIL, "has expired", NULL },
		{ { .required = true, .cut = true, .serial = { 1, 1 } }, UNTIL, "has expired",
		    "has expired" },
		{ { .required = true, .none = true, .serial = { 1, 1 } }, FROM, "there is no CRL",
		    NULL },
		{ { .required = true, .none = true, .cut = true, .serial = { 1, 1 } }, FROM,
		    "there is no CRL", "there is no CRL" },
		{ { .required = false, .none = true, .cut = true, .serial = { 1, 1 } }, FROM, NULL,
		    NULL },
		{ { .required = true, .serial = { 0x1a, 0x2b }, .reason = 1 }, FROM,
		    "the certificate is revoked: keyCompromise (CRL of \"CN=CA\", corp.crl)",
		    "revoked" },
		{ { .required = true, .serial = { 0x1a, 0x2b }, .reason = 6 }, FROM,
		    "certificateHold", "certificateHold" },
		{ { .required = true, .serial = { 0x1a, 0x2b } }, UNTIL, "is revoked (CRL",
		    "is revoked (CRL" },
		{ { .required = false, .serial = { 0x1a, 0x2b } }, FROM, NULL, NULL },
		{ { .required = true, .serial = { 0x1a, 0x2c } }, FROM, NULL, NULL },
		/* a list for the other kind, or of another section */
		{ { .required = true, .serial = { 1, 1 }, .scope = CRLINDEX_CAS }, FROM,
		    "for other certificates only", NULL },
		{ { .required = true, .serial = { 1, 1 }, .scope = CRLINDEX_USERS }, FROM, NULL,
		    NULL },
		{ { .required = true, .serial = { 1, 1 }, .section = 1 }, FROM, "there is no CRL",
		    NULL },
	};
	struct evidence *ev = make_evidence();

	(void)state;
	assert_int_equal(1, ev->ncerts); /* the anchor is nobody's to revoke */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct generation *g = make_generation(&rows[i].setup);
		struct accepted a;
		struct verdict v = { 0 };

		check(
		    "new", i, judge_paths(g, ev, JUDGE_NEW, rows[i].now, &a, &v), &v, rows[i].new);
		v = (struct verdict){ 0 };
		check("live", i, judge_paths(g, ev, JUDGE_LIVE, rows[i].now, &a, &v), &v,
		    rows[i].live);
		generation_unref(g);
		free(bytes);
	}
	free(ev);
}

static void
a_list_that_ages_is_told_of_once_and_daily(void **state)
{
	static const struct setup s = { .required = true, .serial = { 1, 1 } };
	struct ident id = { .gen = make_generation(&s) };
	const int64_t day = 86400;

	(void)state;
	/* no monitor reads what is reported: a line that cannot be sent is counted */
	crlage_taken(&id, FROM);
	crlage_check(&id, FROM);
	assert_int_equal(0, id.crlage.v[0].told);
	crlage_check(&id, FROM + 749);
	assert_int_equal(0, id.crlage.v[0].told);
	crlage_check(&id, FROM + 750);
	assert_int_equal(FROM + 750, id.crlage.v[0].told);
	crlage_check(&id, FROM + 751);
	assert_int_equal(FROM + 750, id.crlage.v[0].told);
	crlage_check(&id, UNTIL); /* that it has ended is news */
	assert_int_equal(UNTIL, id.crlage.v[0].told);
	crlage_check(&id, UNTIL + day - 1);
	assert_int_equal(UNTIL, id.crlage.v[0].told);
	crlage_check(&id, UNTIL + day);
	assert_int_equal(UNTIL + day, id.crlage.v[0].told);
	/* the same list in another generation is none that is new */
	crlage_taken(&id, UNTIL + day + 1);
	assert_int_equal(UNTIL + day, id.crlage.v[0].told);
	crlage_done(&id);
	/* of one that comes old the load process has told */
	crlage_taken(&id, FROM + 800);
	crlage_check(&id, FROM + 801);
	assert_int_equal(FROM + 800, id.crlage.v[0].told);
	crlage_done(&id);
	generation_unref(id.gen);
	free(bytes);
}

/* Whoever is live is judged again when the list begins, and when it ends. */
static void
crls_hold_between_their_times(void **state)
{
	static const struct {
		int64_t now, from, to;
	} cases[] = {
		{ FROM - 1, INT64_MIN, FROM },
		{ FROM, FROM, UNTIL },
		{ UNTIL - 1, FROM, UNTIL },
		{ UNTIL, UNTIL, INT64_MAX },
	};
	const struct setup with = { .required = true, .serial = { 0x55, 0x55 } },
			   none = { .none = true };
	struct generation *g = make_generation(&with);
	int64_t from, to;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		generation_crls_hold(g, cases[i].now, &from, &to);
		assert_true(from == cases[i].from && to == cases[i].to);
	}
	generation_unref(g);
	free(bytes);
	g = make_generation(&none);
	generation_crls_hold(g, FROM, &from, &to);
	assert_true(from == INT64_MIN && to == INT64_MAX);
	generation_unref(g);
	free(bytes);
}

static struct generation *
mapped(const char *map, uint32_t dial_timeout, const struct generation *before)
{
	static uint8_t text[SETTINGS_BYTES_MAX];
	struct crldrafts none = { .v = NULL };
	struct settings set;
	struct err e = { 0 };
	struct generation *g;
	size_t n;
	struct authkeys *nobody = authkeys_new(&e);
	int fds[GENERATION_FDS];

	stage_settings(&set, 22);
	set.dial_timeout = dial_timeout;
	assert_int_equal(0, settings_encode(&set, text, sizeof(text), &n, &e));
	fds[0] = sealed_new("settings", text, n, &e);
	fds[1] = sealed_new("anchors", "", 0, &e);
	fds[2] = sealed_new("map", map, strlen(map), &e);
	fds[3] = crldrafts_seal(&none, &e);
	fds[4] = authkeys_seal(nobody, &e);
	authkeys_free(nobody);
	if ((g = generation_map(1, fds, before, &e)) == NULL)
		fail_msg("%s", e.text);
	for (size_t i = 0; i < GENERATION_FDS; i++)
		close(fds[i]);
	return g;
}

static void
a_map_that_is_the_same_is_not_parsed_again(void **state)
{
	struct generation *a = mapped(stage_map, 5, NULL), *b = mapped(stage_map, 5, a);
	struct generation *c = mapped("email x@corp.example x\n", 5, b), *d;

	(void)state;
	assert_ptr_equal(a->map, b->map);
	assert_ptr_not_equal(b->map, c->map);
	generation_unref(a);
	/* b's is still there, whoever read it */
	d = mapped(stage_map, 5, b);
	assert_ptr_equal(b->map, d->map);
	generation_unref(d);
	d = mapped(stage_map, 6, b); /* other settings */
	assert_ptr_not_equal(b->map, d->map);
	generation_unref(b);
	assert_int_equal(1, idmap_nrules(c->map));
	assert_true(idmap_nrules(d->map) > 0);
	generation_unref(c);
	generation_unref(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crls_hold_between_their_times),
		cmocka_unit_test(a_stale_list_refuses_who_comes_and_a_revoked_one_goes_in_any_case),
		cmocka_unit_test(a_list_that_ages_is_told_of_once_and_daily),
		cmocka_unit_test(a_map_that_is_the_same_is_not_parsed_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
