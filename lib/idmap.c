/* idmap.c - the verdict: which rules match an identity, and what they say */
#include <string.h>

#include "idmap_local.h"

/*
 * How many expressions may hit the match limit in one question. Each that does costs a millisecond
 * or two, during which nobody else is answered, and a certificate has up to 256 values to try on
 * all of them. By then the verdict is a no in any case.
 */
enum { LIMITS_MAX = 16 };

/* One question on its way to a verdict. */
struct judge {
	const struct idmap *m;
	const struct idmap_query *q;
	uint32_t trust;		      /* sections that accepted, as bits */
	unsigned terms;		      /* options that are looked at */
	bool who;		      /* an account is asked for */
	const struct id_value *value; /* the one that is being tried */
	enum idmap_verdict verdict;
	const struct idmap_rule *rule;
	const struct id_value *by; /* the value by which that rule matched */
	unsigned limits;	   /* expressions that hit the match limit */
	void (*granting)(void *arg, const struct idmap_rule *r);
	void *arg;
};
typedef void judge_rule(
    struct judge *j, const struct idmap_rule *r, const struct idmap_captures *c);

uint32_t
idmap_section_bits(const struct idmap *m, const struct idmap_query *q)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < q->nsections; i++)
		for (size_t k = 0; k < m->nsections; k++)
			if (strcmp(q->sections[i], m->sections[k]) == 0)
				bits |= 1U << k;
	return bits;
}

/* Show every rule of one kind that matches one value to `see`. */
static void
match_value(struct judge *j, const struct idmap_value *v, bool deny, judge_rule *see)
{
	static const struct idmap_captures none;
	const struct idmap_rule *r = NULL;
	struct idmap_captures c;
	struct idmap_key k;
	int got;

	idmap_key_init(&k, v->field, deny, deny ? v->folded : v->plain, v->len);
	while ((r = idmap_index_next(j->m, &k, r)) != NULL)
		if ((r->trust & j->trust) != 0)
			see(j, r, &none);
	for (uint32_t i = j->m->others[v->field][deny]; i != 0; i = r->next) {
		/* Past a limit nothing can grant any more; another rule may still deny. */
		if (j->limits > 0 && !deny)
			return;
		r = &j->m->rules[i - 1];
		if ((r->trust & j->trust) == 0 ||
		    (r->kind == KIND_REGEX && j->limits >= LIMITS_MAX))
			continue;
		if ((got = idmap_rule_match(j->m, r, v, &c)) == 1)
			see(j, r, &c);
		else if (got == -1)
			j->limits++;
	}
}

static void
match_all(struct judge *j, bool deny, judge_rule *see)
{
	struct idmap_value v;

	for (size_t i = 0; i < j->q->id->nvalues; i++) {
		const struct id_value *from = &j->q->id->values[i];

		if (from->len == 0 || from->field > ID_NAMED_MAX)
			continue;
		j->value = from;
		idmap_value_init(&v, from);
		match_value(j, &v, deny, see);
	}
}

static uint32_t
max_session(const struct idmap_rule *r)
{
	return r->options == NULL ? 0 : r->options->max_session;
}

static bool
value_before(const struct id_value *a, const struct id_value *b)
{
	int c = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

	return c != 0 ? c < 0 : a->len < b->len;
}

/* Whether a rule of the same verdict is to be told instead of the one found so far. */
static bool
comes_before(const struct judge *j, const struct idmap_rule *r)
{
	/* one less than no end at all is the longest end */
	uint32_t lasts = max_session(r) - 1, lasted;

	if (j->rule == NULL)
		return true;
	lasted = max_session(j->rule) - 1;
	if (j->who && j->verdict == IDMAP_YES && lasts != lasted)
		return lasts > lasted;
	if (j->rule->line != r->line)
		return r->line < j->rule->line;
	return value_before(j->value, j->by);
}

/* A rule comes before another by verdict, then by line: never by the order of values or rules. */
static void
judge_set(struct judge *j, enum idmap_verdict v, const struct idmap_rule *r)
{
	static const int rank[] = {
		[IDMAP_NO_RULE] = 0,
		[IDMAP_NO_ACCOUNT] = 1,
		[IDMAP_NO_OPTION] = 2,
		[IDMAP_NO_KEY] = 3,
		[IDMAP_KEY_UNKNOWN] = 4,
		[IDMAP_YES] = 5,
		[IDMAP_DENY] = 6,
	};

	if (rank[v] < rank[j->verdict])
		return;
	if (rank[v] == rank[j->verdict] && !comes_before(j, r))
		return;
	j->verdict = v;
	j->rule = r;
	j->by = j->value;
}

static void
see_deny(struct judge *j, const struct idmap_rule *r, const struct idmap_captures *c)
{
	(void)c;
	/*
	 * A rule counts only when all its options hold. At OPEN the service is not known: a deny
	 * with service= waits for idmap_who().
	 */
	if (r->options != NULL && (r->options->given & ~j->terms) != 0)
		return;
	if (idmap_option_unmet(r, j->q, j->terms) == NULL)
		judge_set(j, IDMAP_DENY, r);
}

/* Whether one account, as the rule writes it, is the one asked for and may be given. */
static bool
account_granted(const struct idmap *m, const char *account, const struct idmap_captures *c,
    const struct idmap_query *q)
{
	char name[IDMAP_ACCOUNT_MAX + 1];

	if (idmap_account_is_literal(account))
		return strcmp(account, q->account) == 0;
	if (q->name_only ? strcmp(q->account, "root") == 0
			 : q->uid == 0 || q->uid < m->capture_min_uid)
		return false;
	return idmap_account_expand(account, c, name) && strcmp(name, q->account) == 0;
}

bool
idmap_rule_grants(const struct idmap *m, const struct idmap_rule *r, const struct idmap_captures *c,
    const struct idmap_query *q)
{
	const char *account = r->accounts.first;

	/* An account without a uid does not exist here, nor need it where only its name counts. */
	if (q->account == NULL || (!q->has_uid && !q->name_only))
		return false;
	for (size_t i = 0; i < r->accounts.n; i++, account = idmap_list_next(account))
		if (account_granted(m, account, c, q))
			return true;
	return false;
}

/* Whether the rule gives any account at all: captures may hold what no account is called. */
static bool
grants_any(const struct idmap_rule *r, const struct idmap_captures *c)
{
	const char *account = r->accounts.first;
	char name[IDMAP_ACCOUNT_MAX + 1];

	for (size_t i = 0; i < r->accounts.n; i++, account = idmap_list_next(account))
		if (idmap_account_expand(account, c, name))
			return true;
	return false;
}

static void
see_grant(struct judge *j, const struct idmap_rule *r, const struct idmap_captures *c)
{
	bool grants = j->who ? idmap_rule_grants(j->m, r, c, j->q) : grants_any(r, c);
	enum idmap_verdict v;

	if (!grants)
		v = IDMAP_NO_ACCOUNT;
	else if (idmap_option_unmet(r, j->q, j->terms) != NULL)
		v = IDMAP_NO_OPTION;
	else
		v = j->who ? idmap_bind_verdict(r, j->q) : IDMAP_YES;
	judge_set(j, v, r);
	if (v == IDMAP_YES && j->granting != NULL)
		j->granting(j->arg, r);
}

/* The first of the sections that accepted which the rule is for. */
static const char *
rule_section(const struct judge *j)
{
	for (size_t i = 0; i < j->q->nsections; i++)
		for (size_t k = 0; k < j->m->nsections; k++)
			if ((j->rule->trust & 1U << k) != 0 &&
			    strcmp(j->q->sections[i], j->m->sections[k]) == 0)
				return j->q->sections[i];
	return NULL;
}

void
idmap_rule_tell(const struct idmap *m, const struct idmap_rule *r, struct idmap_rule_info *info)
{
	size_t n;

	*info = (struct idmap_rule_info){ .line = r->line, .max_session = max_session(r) };
	n = r->text_len;
	if (n > sizeof(info->text) - 1)
		n = sizeof(info->text) - 1;
	/* a cut must not leave half a character */
	while (n < r->text_len && n > 0 && ((uint8_t)m->text[r->text_at + n] & 0xc0) == 0x80)
		n--;
	memcpy(info->text, m->text + r->text_at, n);
	info->text[n] = '\0';
}

static void
rule_info(const struct judge *j, struct idmap_rule_info *info)
{
	*info = (struct idmap_rule_info){ 0 };
	if (j->rule == NULL)
		return;
	idmap_rule_tell(j->m, j->rule, info);
	info->value = j->by;
	info->section = rule_section(j);
}

/*
 * Deny first, over all values, then grants. Nothing stops early at a yes, so that the verdict does
 * not depend on which rule or value came first; a limit that was hit leaves no yes.
 */
static enum idmap_verdict
judge(struct judge *j, struct idmap_rule_info *info)
{
	j->verdict = IDMAP_NO_RULE;
	j->trust = idmap_section_bits(j->m, j->q);
	match_all(j, true, see_deny);
	if (j->verdict != IDMAP_DENY && j->limits == 0)
		match_all(j, false, see_grant);
	if (j->verdict != IDMAP_DENY && j->limits > 0) {
		j->verdict = IDMAP_LIMIT;
		j->rule = NULL;
	}
	rule_info(j, info);
	return j->verdict;
}

enum idmap_verdict
idmap_open(const struct idmap *m, const struct idmap_query *q, struct idmap_rule_info *rule)
{
	struct judge j = {
		.m = m, .q = q, .who = false, .terms = TERM_FROM | TERM_ISSUER | TERM_POLICY
	};

	return judge(&j, rule);
}

#define TERMS_WHO (TERM_FROM | TERM_ISSUER | TERM_POLICY | TERM_SERVICE | TERM_MAX_SESSION)

enum idmap_verdict
idmap_who(const struct idmap *m, const struct idmap_query *q, struct idmap_rule_info *rule)
{
	struct judge j = { .m = m, .q = q, .who = true, .terms = TERMS_WHO };

	return judge(&j, rule);
}

enum idmap_verdict
idmap_granting(const struct idmap *m, const struct idmap_query *q,
    void (*see)(void *arg, const struct idmap_rule *r), void *arg)
{
	struct judge j = {
		.m = m, .q = q, .who = true, .terms = TERMS_WHO, .granting = see, .arg = arg
	};
	struct idmap_rule_info rule;

	return judge(&j, &rule);
}

const char *
idmap_verdict_text(enum idmap_verdict v)
{
	switch (v) {
	case IDMAP_YES:
		return "a rule grants this account";
	case IDMAP_DENY:
		return "a rule denies this identity";
	case IDMAP_NO_RULE:
		return "no rule matches this identity";
	case IDMAP_NO_ACCOUNT:
		return "no rule grants this account";
	case IDMAP_NO_OPTION:
		return "the options of the rules that grant this account do not hold";
	case IDMAP_NO_KEY:
		return "the SSH key is none that the rules that grant this account bind to";
	case IDMAP_KEY_UNKNOWN:
		return "the SSH key is not known yet, and the rules that grant this account "
		       "bind to one";
	case IDMAP_LIMIT:
		return "a pattern hit the match limit";
	}
	return "no verdict";
}

bool
idmap_same_value(const struct id_value *a, const struct id_value *b)
{
	struct idmap_value x, y;

	if (a->field != b->field || a->len != b->len || a->len > IDENTITY_VALUE_MAX)
		return false;
	idmap_value_init(&x, a);
	idmap_value_init(&y, b);
	return memcmp(x.plain, y.plain, a->len) == 0;
}
