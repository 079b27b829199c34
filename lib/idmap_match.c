/* idmap_match.c - a pattern against one value of a certificate */
#include <string.h>

#include "idmap_local.h"

/* ---- which case counts ------------------------------------------------------------------ */
static void
fold(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (uint8_t)(p[i] + ('a' - 'A'));
}

/* Index of the last `c`, or n. */
static size_t
find_last(const uint8_t *p, size_t n, uint8_t c)
{
	const uint8_t *at = memrchr(p, c, n);

	return at == NULL ? n : (size_t)(at - p);
}

/* Bytes of p before the first one of `stop`. */
static size_t
span_until(const uint8_t *p, size_t n, const char *stop)
{
	size_t i = 0;

	while (i < n && (p[i] == '\0' || strchr(stop, p[i]) == NULL))
		i++;
	return i;
}

/* Scheme and host (RFC 3986 sections 3.1, 3.2.2); not the user before it, nor path or query. */
static void
fold_uri(uint8_t *p, size_t n)
{
	size_t scheme = span_until(p, n, ":/?#"), authority, at;

	if (scheme == n || p[scheme] != ':')
		return;
	fold(p, scheme);
	p += scheme + 1;
	n -= scheme + 1;
	if (n < 2 || p[0] != '/' || p[1] != '/')
		return;
	p += 2;
	n -= 2;
	authority = span_until(p, n, "/?#");
	at = find_last(p, authority, '@');
	if (at == authority)
		fold(p, authority);
	else
		fold(p + at, authority - at);
}

/* Only values of attributes: in the canonical form a length can look like a letter. */
static void
fold_dn(uint8_t *dn, size_t n)
{
	struct dn_ava avas[DN_AVAS_MAX];
	size_t pos = 0, count;

	while ((count = dn_next(dn, n, &pos, avas)) > 0)
		for (size_t i = 0; i < count; i++)
			fold(dn + (avas[i].value - dn), avas[i].value_len);
}

void
idmap_fold(unsigned field, bool deny, uint8_t *p, size_t n)
{
	size_t at;

	switch (field) {
	case ID_SUBJECT:
	case ID_ISSUER:
		if (deny)
			fold_dn(p, n);
		return;
	case ID_DNS:
		fold(p, n);
		return;
	case ID_EMAIL:
		at = find_last(p, n, '@');
		if (deny)
			fold(p, n);
		else
			fold(p + at, n - at);
		return;
	case ID_URI:
		if (deny)
			fold(p, n);
		else
			fold_uri(p, n);
		return;
	default:
		if (deny)
			fold(p, n);
	}
}

void
idmap_value_init(struct idmap_value *v, const struct id_value *from)
{
	v->field = from->field;
	v->len = from->len <= IDENTITY_VALUE_MAX ? from->len : 0;
	memcpy(v->plain, from->data, v->len);
	memcpy(v->folded, from->data, v->len);
	idmap_fold(v->field, false, v->plain, v->len);
	idmap_fold(v->field, true, v->folded, v->len);
}

/* ---- wildcards -------------------------------------------------------------------------- */
/* Bytes up to the next mark. */
static size_t
literal_len(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] >= MARK_END)
		i++;
	return i;
}

static void
capture(struct idmap_captures *c, uint8_t mark, const uint8_t *p, size_t n)
{
	if (mark < MARK_CAPTURE)
		return;
	c->p[mark - MARK_CAPTURE] = p;
	c->n[mark - MARK_CAPTURE] = n;
}

/*
 * Bytes that a wildcard at p takes when `lit`, of n_lit bytes, follows; `last`: the literal must
 * end the value. 0: it cannot. A wildcard takes one part, and as little of it as it can.
 */
static size_t
wildcard_len(const uint8_t *p, size_t n, const uint8_t *lit, size_t n_lit, bool last)
{
	size_t part = span_until(p, n, "@/,= "), span;
	const uint8_t *at;

	if (part == 0)
		return 0;
	if (last) {
		if (n <= n_lit || n - n_lit > part || memcmp(p + n - n_lit, lit, n_lit) != 0)
			return 0;
		return n - n_lit;
	}
	span = n - part < n_lit ? n : part + n_lit;
	if ((at = memmem(p + 1, span - 1, lit, n_lit)) == NULL)
		return 0;
	return (size_t)(at - p);
}

/*
 * No two wildcards are neighbours (the parser sees to it). Taking the first place for each literal
 * but the last finds a match if there is one: a wildcard cannot step over a separator, so a literal
 * with one in it has a single place, and one without leaves most to what follows when it is first.
 */
bool
idmap_glob_match(const uint8_t *g, size_t gn, const uint8_t *p, size_t n, struct idmap_captures *c)
{
	size_t lit = literal_len(g, gn), take;

	if (lit > n || memcmp(g, p, lit) != 0)
		return false;
	g += lit, gn -= lit;
	p += lit, n -= lit;
	while (gn > 0) {
		uint8_t mark = *g++;

		gn--;
		lit = literal_len(g, gn);
		if ((take = wildcard_len(p, n, g, lit, lit == gn)) == 0)
			return false;
		capture(c, mark, p, take);
		g += lit, gn -= lit;
		p += take + lit, n -= take + lit;
	}
	return n == 0;
}

bool
idmap_dn_match(
    const uint8_t *dn, size_t dn_len, const uint8_t *p, size_t n, struct idmap_captures *c)
{
	struct dn_ava want[DN_AVAS_MAX], have[DN_AVAS_MAX];
	size_t at = 0, pos = 0, count;

	while ((count = dn_next(dn, dn_len, &at, want)) > 0) {
		if (dn_next(p, n, &pos, have) != count)
			return false;
		for (size_t i = 0; i < count; i++)
			if (want[i].type_len != have[i].type_len ||
			    memcmp(want[i].type, have[i].type, want[i].type_len) != 0 ||
			    !idmap_glob_match(want[i].value, want[i].value_len, have[i].value,
				have[i].value_len, c))
				return false;
	}
	return pos == n;
}

/* ---- regular expressions ---------------------------------------------------------------- */
static int
regex_match(const struct idmap *m, const struct idmap_regex *re, const uint8_t *p, size_t n,
    struct idmap_captures *c)
{
	const PCRE2_SIZE *ov;
	int rc = pcre2_match(re->code, p, n, 0, 0, m->match, m->limits);

	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	/* A limit, no memory, anything that is no clear answer: the caller denies. */
	if (rc <= 0)
		return -1;
	ov = pcre2_get_ovector_pointer(m->match);
	if (ov[1] != n)
		return 0;
	for (size_t i = 0; i < CAPTURES_MAX && re->group[i] != 0; i++) {
		size_t from = ov[2 * re->group[i]], to = ov[2 * re->group[i] + 1];

		if (from == PCRE2_UNSET || to == PCRE2_UNSET || from > to || to > n)
			continue;
		c->p[i] = p + from;
		c->n[i] = to - from;
	}
	return 1;
}

int
idmap_rule_match(const struct idmap *m, const struct idmap_rule *r, const struct idmap_value *v,
    struct idmap_captures *c)
{
	const uint8_t *p = r->deny ? v->folded : v->plain;

	memset(c, 0, sizeof(*c));
	if (r->field != v->field || v->len == 0)
		return 0;
	switch ((enum idmap_kind)r->kind) {
	case KIND_LITERAL:
		return r->key_len == v->len && memcmp(r->key, p, v->len) == 0;
	case KIND_GLOB:
		return idmap_glob_match(r->key, r->key_len, p, v->len, c);
	case KIND_DN:
		return idmap_dn_match(r->key, r->key_len, p, v->len, c);
	case KIND_REGEX:
		/* PCRE2 ignores case for itself: the text stays as it is */
		return regex_match(m, r->regex, v->plain, v->len, c);
	}
	return -1;
}
