/* idmap_explain.c - what each rule says of an identity, for the administrator */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "idmap_local.h"

struct explain {
	const struct idmap *m;
	const struct idmap_query *q;
	uint32_t trust;
	unsigned terms; /* options that are looked at */
	void (*line)(void *arg, const char *text);
	void *arg;
};

/* "MAP:LINE: what (the rule as written)" */
static void __attribute__((format(printf, 3, 4)))
say(const struct explain *x, const struct idmap_rule *r, const char *fmt, ...)
{
	char what[256], text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)snprintf(text, sizeof(text), "%s:%u: %s (%.*s)", x->m->name, r->line, what,
	    (int)r->text_len, x->m->text + r->text_at);
	x->line(x->arg, text);
}

/* The option that stands in the way of a rule; NULL: none. */
static const char *
unmet(const struct explain *x, const struct idmap_rule *r)
{
	if ((r->trust & x->trust) == 0)
		return "trust";
	return idmap_option_unmet(r, x->q, x->terms);
}

/* What a rule that grants opens behind a jump. */
static void
say_targets(const struct explain *x, const struct idmap_rule *r)
{
	for (size_t i = 0; r->options != NULL && i < r->options->ntargets; i++)
		say(x, r, "  through a jump: %s", r->options->targets[i].text);
}

static void
say_account(const struct explain *x, const struct idmap_rule *r, const char *account)
{
	const char *option = unmet(x, r);
	enum idmap_verdict key = idmap_bind_verdict(r, x->q);

	char until[60] = "";

	if (r->options != NULL && r->options->max_session != 0)
		(void)snprintf(until, sizeof(until),
		    ", until %u seconds from the connection's opening", r->options->max_session);
	if (option != NULL)
		say(x, r, "would grant %s, but %s= does not hold", account, option);
	else if (key == IDMAP_YES)
		say(x, r, "grants %s%s", account, until);
	else if (key == IDMAP_KEY_UNKNOWN)
		say(x, r, "grants %s, with an SSH key for which bind=%s holds%s", account,
		    idmap_bind_name(r->options->bind), until);
	else
		say(x, r, "would grant %s, but there is no SSH key for which bind=%s holds",
		    account, r->options == NULL ? "any" : idmap_bind_name(r->options->bind));
	if (option == NULL && (key == IDMAP_YES || key == IDMAP_KEY_UNKNOWN))
		say_targets(x, r);
}

/* Every account that the rule gives. */
static void
say_accounts(const struct explain *x, const struct idmap_rule *r, const struct idmap_captures *c)
{
	const char *account = r->accounts.first;
	char name[IDMAP_ACCOUNT_MAX + 1];

	for (size_t i = 0; i < r->accounts.n; i++, account = idmap_list_next(account)) {
		if (idmap_account_expand(account, c, name))
			say_account(x, r, name);
		else
			say(x, r, "matches, but what it captured is no account's name");
	}
}

/* Whether a template of the rule would read as the account if any uid would do. */
static bool
names_account(const struct idmap_rule *r, const struct idmap_captures *c, const char *wanted)
{
	const char *account = r->accounts.first;
	char name[IDMAP_ACCOUNT_MAX + 1];

	for (size_t i = 0; i < r->accounts.n; i++, account = idmap_list_next(account))
		if (idmap_account_expand(account, c, name) && strcmp(name, wanted) == 0)
			return true;
	return false;
}

static void
say_grant(const struct explain *x, const struct idmap_rule *r, const struct idmap_captures *c)
{
	const struct idmap_query *q = x->q;

	if (q->account == NULL)
		say_accounts(x, r, c);
	else if (!names_account(r, c, q->account))
		say(x, r, "matches, but does not name %s", q->account);
	else if (idmap_rule_grants(x->m, r, c, q))
		say_account(x, r, q->account);
	else if (q->name_only)
		say(x, r, "matches, but %s needs a rule that says this name", q->account);
	else if (!q->has_uid)
		say(x, r, "matches, but there is no account %s here", q->account);
	else
		say(x, r,
		    "matches, but an account from a capture needs a uid of at least %u, and "
		    "%s has %u",
		    x->m->capture_min_uid == 0 ? 1 : x->m->capture_min_uid, q->account, q->uid);
}

static void
say_deny(const struct explain *x, const struct idmap_rule *r)
{
	const char *option = unmet(x, r);

	if (option == NULL)
		say(x, r, "denies");
	else
		say(x, r, "would deny, but %s= does not hold", option);
}

static void
explain_rule(const struct explain *x, const struct idmap_rule *r, const struct idmap_value *v)
{
	struct idmap_captures c;

	switch (idmap_rule_match(x->m, r, v, &c)) {
	case 0:
		return;
	case 1:
		if (r->deny)
			say_deny(x, r);
		else
			say_grant(x, r, &c);
		return;
	default:
		if ((r->trust & x->trust) != 0)
			say(x, r, "denies: its pattern hit the match limit");
	}
}

void
idmap_explain(const struct idmap *m, const struct idmap_query *q,
    void (*line)(void *arg, const char *text), void *arg)
{
	struct explain x = { .m = m,
		.q = q,
		.trust = idmap_section_bits(m, q),
		.terms = TERM_ISSUER | TERM_POLICY,
		.line = line,
		.arg = arg };
	struct idmap_value v;

	/* What the administrator did not ask about is not held against a rule. */
	if (q->from != NULL)
		x.terms |= TERM_FROM;
	if (q->service != NULL && q->service[0] != '\0')
		x.terms |= TERM_SERVICE;
	for (size_t i = 0; i < m->nrules; i++) {
		const struct idmap_rule *r = &m->rules[i];
		size_t pos = 0;
		const struct id_value *from;

		while ((from = identity_next(q->id, r->field, &pos)) != NULL) {
			idmap_value_init(&v, from);
			explain_rule(&x, r, &v);
		}
	}
}
