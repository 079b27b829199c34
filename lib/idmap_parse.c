/* idmap_parse.c - the text of an identity map, line by line */
#include <stdlib.h>
#include <string.h>

#include "idmap_local.h"
#include "utf8.h"

/*
 * What one expression may cost before it counts as a denial: calls of PCRE2's matcher (some
 * milliseconds), their depth, and KiB of memory. A value has 8 KiB at most.
 */
#define LIMIT_MATCH 100000
#define LIMIT_DEPTH 20000
#define LIMIT_HEAP  8192

/* The words of one line, unquoted. */
struct words {
	char field[IDMAP_LINE_MAX + 1];
	char pattern[IDMAP_LINE_MAX + 1];
	char accounts[IDMAP_LINE_MAX + 1];
	char option[IDMAP_LINE_MAX + 1];
};

/* ---- one line --------------------------------------------------------------------------- */
/* Tabs divide fields; every other control byte and all that is no UTF-8 is refused. */
static int
line_check(const char *line, size_t n, struct err *e)
{
	size_t start = 0;

	if (n > IDMAP_LINE_MAX)
		return err_set(
		    e, ERR_FORMAT, "line: %zu bytes, at most %d are allowed", n, IDMAP_LINE_MAX);
	if (n > 0 && line[n - 1] == '\r')
		return err_set(e, ERR_FORMAT, "line: ends in CR LF, allowed is LF alone");
	for (size_t i = 0; i <= n; i++) {
		if (i < n && line[i] != '\t')
			continue;
		if (!utf8_is_clean(line + start, i - start))
			return err_set(e, ERR_FORMAT,
			    "line: a control character or a byte that is "
			    "not UTF-8, allowed are UTF-8 text and tabs");
		start = i + 1;
	}
	return 0;
}

static int
need_word(const char **p, const char *end, const char *what, char *dst, struct err *e)
{
	int got = idmap_line_field(p, end, dst, e);

	if (got == 0)
		return err_set(e, ERR_FORMAT,
		    "%s: missing, a rule is FIELD PATTERN ACCOUNTS "
		    "[OPTION=VALUE ...]",
		    what);
	return got == 1 ? 0 : -1;
}

static int
parse_options(struct idmap *m, struct idmap_rule *r, const char *p, const char *end, char *word,
    struct err *e)
{
	struct idmap_options o = { .given = 0 }, *copy;
	unsigned seen = 0;
	int got;

	r->trust = UINT32_MAX;
	while ((got = idmap_line_field(&p, end, word, e)) == 1)
		if (idmap_option_parse(m, r, &o, &seen, word, e) == -1)
			return -1;
	if (got == -1)
		return -1;
	if (m->nsections > 1 && (seen & TERM_TRUST) == 0)
		return err_set(e, ERR_FORMAT,
		    "trust: missing, with more than one trust section "
		    "each rule needs trust=SECTION");
	if (idmap_bind_check(&o, seen, e) == -1)
		return -1;
	o.given = seen & ~(unsigned)(TERM_TRUST | TERM_KEY | TERM_TO);
	if (o.bind == BIND_ANY)
		o.given &= ~(unsigned)TERM_BIND;
	m->has_to = m->has_to || o.ntargets > 0;
	m->has_bind = m->has_bind || o.bind != BIND_ANY;
	if (o.given == 0 && o.ntargets == 0)
		return 0;
	if ((copy = idmap_arena_alloc(&m->arena, sizeof(*copy))) == NULL)
		return err_nomem(e, "identity map");
	*copy = o;
	r->options = copy;
	return 0;
}

/* The words of a rule into `r`; 0 for a line without one. */
static int
parse_rule(struct idmap *m, struct idmap_rule *r, const char *p, const char *end, struct words *w,
    struct err *e)
{
	struct idmap_names names = { .n = 0 };
	enum id_field field;
	char shown[SHOW_SIZE];
	int got = idmap_line_field(&p, end, w->field, e);

	if (got != 1)
		return got;
	if (id_field_parse(w->field, &field) == -1)
		return err_set(e, ERR_FORMAT,
		    "field: \"%s\" is unknown, allowed are subject issuer "
		    "cn ou o email upn uri dns serial fingerprint spki policy",
		    idmap_show(shown, w->field));
	if (need_word(&p, end, "pattern", w->pattern, e) == -1 ||
	    need_word(&p, end, "accounts", w->accounts, e) == -1)
		return -1;
	if ((got = idmap_accounts_deny(w->accounts, e)) == -1)
		return -1;
	r->field = (uint8_t)field;
	r->deny = got == 1;
	if (idmap_pattern_parse(m, r, w->pattern, &names, e) == -1 ||
	    idmap_accounts_parse(m, r, w->accounts, &names, e) == -1 ||
	    parse_options(m, r, p, end, w->option, e) == -1)
		return -1;
	return 1;
}

static int
rule_add(struct idmap *m, const struct idmap_rule *r, struct err *e)
{
	if (m->nrules == IDMAP_RULES_MAX)
		return err_set(e, ERR_FORMAT, "line: more than %d rules", IDMAP_RULES_MAX);
	if (m->nrules == m->room) {
		size_t room = m->room == 0 ? 64 : m->room * 2;
		struct idmap_rule *rules = reallocarray(m->rules, room, sizeof(*rules));

		if (rules == NULL)
			return err_nomem(e, "identity map");
		m->rules = rules;
		m->room = room;
	}
	m->rules[m->nrules++] = *r;
	return 0;
}

static int
parse_line(struct idmap *m, uint32_t line, const char *p, size_t n, struct words *w, struct err *e)
{
	struct idmap_rule r = { .line = line };
	int got;

	if (line_check(p, n, e) == -1 || (got = parse_rule(m, &r, p, p + n, w, e)) == -1)
		return -1;
	if (got == 0)
		return 0;
	for (; *p == ' ' || *p == '\t'; p++)
		n--;
	r.text_at = (uint32_t)(p - m->text);
	r.text_len = (uint16_t)n;
	return rule_add(m, &r, e);
}

static int
parse_lines(struct idmap *m, size_t n, struct words *w, struct err *e)
{
	uint32_t line = 1;
	const char *p = m->text, *end = m->text + n, *newline;

	/* The text ends in a newline, so that one is always found. */
	for (; p < end; p = newline + 1, line++) {
		newline = memchr(p, '\n', (size_t)(end - p));
		if (parse_line(m, line, p, (size_t)(newline - p), w, e) == 0)
			continue;
		if (e->kind == ERR_FORMAT)
			(void)err_prefix(e, "%s:%u", m->name, line);
		return -1;
	}
	return 0;
}

/* ---- the whole -------------------------------------------------------------------------- */
static int
copy_config(struct idmap *m, const char *name, const struct idmap_config *c, struct err *e)
{
	if (c->nsections > IDMAP_SECTIONS_MAX)
		return err_set(e, ERR_FORMAT, "%s: %zu trust sections, at most %d are allowed",
		    name, c->nsections, IDMAP_SECTIONS_MAX);
	if ((m->name = strdup(name)) == NULL)
		return err_nomem(e, "identity map");
	for (size_t i = 0; i < c->nsections; i++) {
		if ((m->sections[i] = strdup(c->sections[i])) == NULL)
			return err_nomem(e, "identity map");
		m->nsections++;
	}
	m->capture_min_uid = c->capture_min_uid;
	return 0;
}

/* What a match needs is made here, so that none fails for want of memory for it. */
static int
match_prepare(struct idmap *m, struct err *e)
{
	if ((m->limits = pcre2_match_context_create(NULL)) == NULL ||
	    (m->match = pcre2_match_data_create(m->max_groups + 1, NULL)) == NULL)
		return err_nomem(e, "identity map");
	(void)pcre2_set_match_limit(m->limits, LIMIT_MATCH);
	(void)pcre2_set_depth_limit(m->limits, LIMIT_DEPTH);
	(void)pcre2_set_heap_limit(m->limits, LIMIT_HEAP);
	return 0;
}

static int
parse_text(struct idmap *m, const uint8_t *text, size_t n, struct err *e)
{
	struct words *w;
	int r;

	if (n > IDMAP_TEXT_MAX)
		return err_set(e, ERR_FORMAT, "%s: %zu bytes, at most %u are allowed", m->name, n,
		    IDMAP_TEXT_MAX);
	if (n > 0 && text[n - 1] != '\n')
		return err_set(e, ERR_FORMAT,
		    "%s: the last line has no end, allowed is a file that "
		    "ends in a newline (this one may have been cut off)",
		    m->name);
	if ((m->text = malloc(n + 1)) == NULL)
		return err_nomem(e, "identity map");
	if (n > 0)
		memcpy(m->text, text, n);
	m->text[n] = '\0';
	if ((w = malloc(sizeof(*w))) == NULL)
		return err_nomem(e, "identity map");
	r = parse_lines(m, n, w, e);
	free(w);
	return r;
}

struct idmap *
idmap_parse(
    const char *name, const uint8_t *text, size_t n, const struct idmap_config *c, struct err *e)
{
	struct idmap *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		err_nomem(e, "identity map");
		return NULL;
	}
	if (copy_config(m, name, c, e) == -1 || parse_text(m, text, n, e) == -1 ||
	    match_prepare(m, e) == -1 || idmap_index_build(m, e) == -1) {
		idmap_free(m);
		return NULL;
	}
	return m;
}

void
idmap_free(struct idmap *m)
{
	if (m == NULL)
		return;
	for (struct idmap_regex *re = m->regexes; re != NULL; re = re->next)
		pcre2_code_free(re->code);
	pcre2_match_data_free(m->match);
	pcre2_match_context_free(m->limits);
	idmap_arena_free(&m->arena);
	for (size_t i = 0; i < m->nsections; i++)
		free(m->sections[i]);
	free(m->buckets);
	free(m->rules);
	free(m->text);
	free(m->name);
	free(m);
}

bool
idmap_has_targets(const struct idmap *m)
{
	return m->has_to;
}

bool
idmap_has_bind(const struct idmap *m)
{
	return m->has_bind;
}

size_t
idmap_nrules(const struct idmap *m)
{
	return m->nrules;
}
