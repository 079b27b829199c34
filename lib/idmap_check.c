/* idmap_check.c - rules that are no error, but that the administrator may not have meant so */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idmap_local.h"

struct report {
	const struct idmap *m;
	size_t left; /* lines that may still be written */
	void (*line)(void *arg, const char *text);
	void *arg;
};

static void __attribute__((format(printf, 3, 4)))
say(struct report *p, const struct idmap_rule *r, const char *fmt, ...)
{
	char what[400], text[500];
	va_list ap;

	if (p->left == 0)
		return;
	p->left--;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)snprintf(text, sizeof(text), "%s:%u: %s", p->m->name, r->line, what);
	p->line(p->arg, text);
}

/* ---- the same rule twice ---------------------------------------------------------------- */
/* The words of a rule, unquoted, with a tab before each: equal for rules that say the same. */
static void
rule_words(const struct idmap *m, const struct idmap_rule *r, char *dst)
{
	const char *p = m->text + r->text_at, *end = p + r->text_len;
	struct err e;

	/* The line was parsed before: it has no error, and fits. */
	while (idmap_line_field(&p, end, dst + 1, &e) == 1) {
		*dst = '\t';
		dst += strlen(dst);
	}
	*dst = '\0';
}

struct fingerprint {
	struct idmap_key key;
	uint32_t rule;
};

static int
fingerprint_compare(const void *a, const void *b)
{
	const struct fingerprint *x = a, *y = b;

	if (x->key.hash != y->key.hash)
		return x->key.hash < y->key.hash ? -1 : 1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

static void
check_pair(struct report *p, const struct idmap_rule *a, const struct idmap_rule *b)
{
	char one[2 * IDMAP_LINE_MAX + 2], two[2 * IDMAP_LINE_MAX + 2];

	rule_words(p->m, a, one);
	rule_words(p->m, b, two);
	if (strcmp(one, two) == 0)
		say(p, b, "the same rule as in line %u", a->line);
}

static void
check_duplicates(struct report *p)
{
	const struct idmap *m = p->m;
	struct fingerprint *f = reallocarray(NULL, m->nrules, sizeof(*f));
	char words[2 * IDMAP_LINE_MAX + 2];

	if (f == NULL) {
		say(p, &m->rules[0], "no memory to look for rules that come twice");
		return;
	}
	for (size_t i = 0; i < m->nrules; i++) {
		rule_words(m, &m->rules[i], words);
		idmap_key_init(&f[i].key, 0, false, (uint8_t *)words, strlen(words));
		f[i].rule = (uint32_t)i;
	}
	qsort(f, m->nrules, sizeof(*f), fingerprint_compare);
	for (size_t i = 1; i < m->nrules && p->left > 0; i++)
		if (f[i].key.hash == f[i - 1].key.hash)
			check_pair(p, &m->rules[f[i - 1].rule], &m->rules[f[i].rule]);
	free(f);
}

/* ---- an account on weaker terms --------------------------------------------------------- */
struct grant {
	const char *account;
	uint32_t rule;
	unsigned given; /* enum idmap_term */
};

static int
grant_compare(const void *a, const void *b)
{
	const struct grant *x = a, *y = b;
	int c = strcmp(x->account, y->account);

	if (c != 0)
		return c;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

/* "service= from=" of the terms. */
static void
terms_text(unsigned terms, char *dst, size_t size)
{
	size_t len = 0;

	dst[0] = '\0';
	for (unsigned bit = TERM_SERVICE; bit < TERMS_END && len < size; bit <<= 1)
		if ((terms & bit) != 0)
			len += (size_t)snprintf(dst + len, size - len, "%s%s=", len == 0 ? "" : " ",
			    idmap_term_name(bit));
}

/*
 * All rules that name one account: of each set of options the first rule. One set that lacks
 * options of another is weaker: whoever has a certificate for the weaker rule escapes the other's.
 */
static void
check_account(struct report *p, const struct grant *g, size_t n)
{
	const struct grant *first[TERMS_END] = { NULL };
	unsigned sets[TERMS_END], nsets = 0;
	char lacks[80];

	for (size_t i = n; i-- > 0;)
		first[g[i].given] = &g[i];
	for (unsigned given = 0; given < TERMS_END; given++)
		if (first[given] != NULL)
			sets[nsets++] = given;
	for (unsigned i = 0; i < nsets; i++) {
		for (unsigned k = 0; k < nsets; k++) {
			unsigned weak = sets[i], strong = sets[k];

			if (weak == strong || (weak & strong) != weak)
				continue;
			terms_text(strong & ~weak, lacks, sizeof(lacks));
			say(p, &p->m->rules[first[weak]->rule],
			    "gives %s without %s, which line "
			    "%u demands",
			    g->account, lacks, p->m->rules[first[strong]->rule].line);
		}
	}
}

/* Accounts that stand as names in the rules; what a capture becomes is not known here. */
static size_t
collect_grants(const struct idmap *m, struct grant *g)
{
	size_t n = 0;

	for (size_t i = 0; i < m->nrules; i++) {
		const struct idmap_rule *r = &m->rules[i];
		const char *account = r->accounts.first;

		for (size_t k = 0; k < r->accounts.n; k++, account = idmap_list_next(account)) {
			if (!idmap_account_is_literal(account))
				continue;
			if (g != NULL)
				g[n] = (struct grant){ .account = account,
					.rule = (uint32_t)i,
					.given = r->options == NULL ? 0 : r->options->given };
			n++;
		}
	}
	return n;
}

static void
check_terms(struct report *p)
{
	size_t n = collect_grants(p->m, NULL), from = 0;
	struct grant *g;

	if (n == 0)
		return;
	if ((g = reallocarray(NULL, n, sizeof(*g))) == NULL) {
		say(p, &p->m->rules[0], "no memory to look for accounts on weaker terms");
		return;
	}
	collect_grants(p->m, g);
	qsort(g, n, sizeof(*g), grant_compare);
	for (size_t i = 1; i <= n && p->left > 0; i++) {
		if (i < n && strcmp(g[i].account, g[from].account) == 0)
			continue;
		check_account(p, g + from, i - from);
		from = i;
	}
	free(g);
}

/* ---- targets that nobody reaches --------------------------------------------------------- */
static void
check_targets(struct report *p)
{
	for (size_t i = 0; i < p->m->nrules && p->left > 0; i++) {
		const struct idmap_rule *r = &p->m->rules[i];

		if (r->options != NULL && r->options->ntargets > 0 &&
		    !idmap_service_allowed(r, IDMAP_JUMP))
			say(p, r, "to= counts for a jump only, and service= does not have %s",
			    IDMAP_JUMP);
	}
}

void
idmap_check(const struct idmap *m, size_t max, void (*line)(void *arg, const char *text), void *arg)
{
	struct report p = { .m = m, .left = max, .line = line, .arg = arg };

	if (m->nrules == 0)
		return;
	check_duplicates(&p);
	check_terms(&p);
	check_targets(&p);
}
