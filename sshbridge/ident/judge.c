/* judge.c - ident's own verdict */
#include <stdio.h>
#include <string.h>

#include "judge.h"
#include "text.h"

int
verdict_refuse(struct verdict *v, enum refusal refusal, const char *user)
{
	v->refusal = refusal;
	(void)snprintf(v->user, sizeof(v->user), "%s", user);
	return -1;
}

/* RFC 5280 section 4.1.2.5: valid through notAfter itself. */
static int
judge_times(const struct path *p, enum judge_mode mode, int64_t now, struct verdict *v)
{
	char at[TEXT_TIME_SIZE];

	v->cut = CUT_EXPIRED;
	if (now < p->not_before) {
		err_set(&v->why, ERR_REFUSED, "section %s: a certificate is not valid before %s",
		    p->section, text_time(at, p->not_before));
		return verdict_refuse(v, REFUSED_CERTIFICATE, "the certificate is not valid yet");
	}
	if (now > p->not_after && mode != JUDGE_KEEP) {
		err_set(&v->why, ERR_REFUSED, "section %s: a certificate expired at %s", p->section,
		    text_time(at, p->not_after));
		return verdict_refuse(v, REFUSED_CERTIFICATE, "the certificate has expired");
	}
	return 0;
}

static int
refuse_revoked(
    const struct path *p, uint32_t depth, const struct crlindex_answer *a, struct verdict *v)
{
	const char *reason = crlindex_reason_name(a->reason);

	v->cut = CUT_REVOKED;
	err_set(&v->why, ERR_REFUSED, "section %s: %s is revoked%s%s (CRL of \"%s\", %s)",
	    p->section, depth == 0 ? "the certificate" : "a CA above the certificate",
	    *reason == '\0' ? "" : ": ", reason, a->list->name, a->list->file);
	return verdict_refuse(v, REFUSED_CERTIFICATE, "the certificate is revoked");
}

/* No list that says whether a certificate is revoked. */
static int
refuse_unknown(const struct path *p, const struct crlindex_answer *a, struct verdict *v)
{
	static const char *const states[] = {
		[CRLINDEX_OTHERS] = "is for other certificates only",
		[CRLINDEX_EARLY] = "has not begun",
		[CRLINDEX_STALE] = "has expired",
	};
	char at[TEXT_TIME_SIZE];

	v->cut = CUT_REVOKED;
	if (a->list == NULL)
		err_set(
		    &v->why, ERR_REFUSED, "section %s: there is no CRL of an issuer", p->section);
	else
		err_set(&v->why, ERR_REFUSED,
		    "section %s: the CRL of \"%s\" (%s, nextUpdate %s) %s", p->section,
		    a->list->name, a->list->file, text_time(at, a->list->next_update),
		    states[a->state]);
	return verdict_refuse(
	    v, REFUSED_CERTIFICATE, "it cannot be told whether the certificate is revoked");
}

/* Each certificate below the anchor by the CRL of its issuer. */
static int
judge_serials(const struct generation *g, uint32_t section, const struct evidence *ev,
    const struct path *p, enum judge_mode mode, int64_t now, struct verdict *v)
{
	const struct settings_section *s = &g->settings.sections[section];
	bool lenient = mode != JUDGE_NEW && s->stale_cut == 0;

	if (s->revocation == 0)
		return 0;
	for (uint32_t i = 0; i < p->n; i++) {
		const struct path_cert *c = evidence_cert(ev, p->first + i);
		const struct crlindex_query q = { .section = section,
			.issuer = c->issuer,
			.serial = c->serial,
			.is_ca = c->is_ca };
		struct crlindex_answer a;

		crlindex_ask(&g->crls, &q, now, &a);
		if (a.revoked)
			return refuse_revoked(p, i, &a, v);
		if (a.state != CRLINDEX_CURRENT && !lenient)
			return refuse_unknown(p, &a, v);
	}
	return 0;
}

static const struct path *
path_of(const struct evidence *ev, const char *section)
{
	for (uint32_t i = 0; i < ev->npaths; i++)
		if (strcmp(ev->paths[i].section, section) == 0)
			return &ev->paths[i];
	return NULL;
}

int
judge_paths(const struct generation *g, const struct evidence *ev, enum judge_mode mode,
    int64_t now, struct accepted *a, struct verdict *v)
{
	a->n = 0;
	v->cut = CUT_DISTRUSTED;
	err_set(&v->why, ERR_REFUSED, "the trust section that accepted it is gone");
	(void)verdict_refuse(v, REFUSED_CERTIFICATE, "the certificate is not trusted");
	for (uint32_t i = 0; i < g->settings.nsections; i++) {
		const struct path *p = path_of(ev, g->settings.sections[i].name);

		if (p == NULL || judge_times(p, mode, now, v) == -1)
			continue;
		if (!generation_trusts(g, i, p->anchor)) {
			v->cut = CUT_DISTRUSTED;
			err_set(&v->why, ERR_REFUSED, "section %s: its anchor is trusted no more",
			    p->section);
			(void)verdict_refuse(
			    v, REFUSED_CERTIFICATE, "the certificate is not trusted");
			continue;
		}
		if (judge_serials(g, i, ev, p, mode, now, v) == -1)
			continue;
		a->names[a->n] = g->settings.sections[i].name;
		a->index[a->n++] = i;
	}
	if (a->n == 0)
		return -1;
	*v = (struct verdict){ 0 };
	return 0;
}

static int
refuse_map(struct verdict *v, enum idmap_verdict answer, const struct idmap_rule_info *rule,
    const char *user)
{
	v->cut = CUT_MAP;
	v->line = rule->line;
	v->map = answer;
	err_set(&v->why, ERR_REFUSED, "%s", idmap_verdict_text(answer));
	return verdict_refuse(v, REFUSED_MAP, user);
}

int
judge_unasked(const struct generation *g, const struct accepted *a, const struct identity *id,
    const struct sockaddr_storage *from, struct verdict *v)
{
	struct idmap_rule_info rule = { 0 };
	const struct idmap_query q = { .id = id,
		.sections = a->names,
		.nsections = a->n,
		.from = (const struct sockaddr *)from };
	enum idmap_verdict answer = idmap_open(g->map, &q, &rule);

	if (answer != IDMAP_YES)
		return refuse_map(
		    v, answer, &rule, "this certificate gives access to nothing here");
	v->line = rule.line;
	return 0;
}

int
judge_open(const struct generation *g, const struct evidence *ev, const struct identity *id,
    const struct sockaddr_storage *from, int64_t now, char *name, struct verdict *v)
{
	struct accepted a;
	const struct settings_section *s;

	if (judge_paths(g, ev, JUDGE_NEW, now, &a, v) == -1)
		return -1;
	s = &g->settings.sections[a.index[0]];
	if (identity_name(id, s->name, s->fields, s->nfields, name, IDENTITY_NAME_MAX, &v->why) ==
	    -1)
		return verdict_refuse(v, REFUSED_MAP, "the certificate names nobody");
	return judge_unasked(g, &a, id, from, v);
}

void
judge_query(const struct accepted *a, const struct identity *id,
    const struct sockaddr_storage *from, const struct login *l, struct idmap_query *q)
{
	*q = (struct idmap_query){ .id = id,
		.sections = a->names,
		.nsections = a->n,
		.from = (const struct sockaddr *)from,
		.account = l->account,
		.has_uid = l->has_uid,
		.uid = l->uid,
		.name_only = l->name_only,
		.service = l->service,
		.age = l->age,
		.keys = l->keys,
		.own_key = l->own_key,
		.bound_only = l->bound_only };
}

int
judge_account(const struct generation *g, const struct accepted *a, const struct identity *id,
    const struct sockaddr_storage *from, const struct login *l, struct verdict *v)
{
	struct idmap_rule_info rule = { 0 };
	struct idmap_query q;
	enum idmap_verdict answer;

	judge_query(a, id, from, l, &q);
	answer = idmap_who(g->map, &q, &rule);

	if (answer == IDMAP_YES || answer == IDMAP_KEY_UNKNOWN) {
		v->line = rule.line;
		v->value = rule.value;
		v->section = rule.section;
		v->max_session = rule.max_session;
	}
	if (answer == IDMAP_YES)
		return 0;
	return refuse_map(v, answer, &rule,
	    answer == IDMAP_NO_KEY || answer == IDMAP_KEY_UNKNOWN
		? "the certificate gives no access to this account with this SSH key"
		: "the certificate gives no access to this account");
}

int
judge_who(const struct generation *g, const struct evidence *ev, const struct identity *id,
    const struct sockaddr_storage *from, const struct login *l, int64_t now, struct verdict *v)
{
	struct accepted a;
	struct login login = *l;

	login.own_key = evidence_key(ev);
	if (judge_paths(g, ev, JUDGE_NEW, now, &a, v) == -1)
		return -1;
	return judge_account(g, &a, id, from, &login, v);
}
