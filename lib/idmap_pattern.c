/* idmap_pattern.c - patterns of the identity map: literals, wildcards, names, expressions */
#include <string.h>

#include "idmap_local.h"

static bool
is_name_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

int
idmap_name_find(const struct idmap_names *names, const char *name, size_t n)
{
	for (size_t i = 0; i < names->n; i++)
		if (strlen(names->name[i]) == n && memcmp(names->name[i], name, n) == 0)
			return (int)i;
	return -1;
}

size_t
idmap_name_read(const char *what, const char *p, struct err *e)
{
	size_t n = 0;

	while (is_name_char(p[1 + n], n == 0))
		n++;
	if (n == 0 || n > CAPTURE_NAME_MAX || p[1 + n] != '}') {
		err_set(e, ERR_FORMAT,
		    "%s: { begins no {name}, allowed in a name are letters, "
		    "digits and _, at most %d, no digit first; a pattern's literal { is \\{",
		    what, CAPTURE_NAME_MAX);
		return 0;
	}
	return n;
}

/* `{name}` at *p in a pattern: the mark for it, or 0 and *e. */
static uint8_t
read_capture(const char **p, struct idmap_names *names, struct err *e)
{
	size_t n = idmap_name_read("pattern", *p, e);
	const char *name = *p + 1;

	if (n == 0)
		return 0;
	if (idmap_name_find(names, name, n) != -1) {
		err_set(
		    e, ERR_FORMAT, "pattern: {%.*s} comes twice, allowed is once", (int)n, name);
		return 0;
	}
	if (names->n == CAPTURES_MAX) {
		err_set(e, ERR_FORMAT, "pattern: more than %d captures", CAPTURES_MAX);
		return 0;
	}
	memcpy(names->name[names->n], name, n);
	names->name[names->n][n] = '\0';
	*p += n + 2;
	return (uint8_t)(MARK_CAPTURE + names->n++);
}

/* What follows a backslash at *p; in a DN all but the pattern's own escapes are left as they are.
 */
static int
read_escape(const char **p, bool dn, uint8_t **out, struct err *e)
{
	char c = (*p)[1];

	if (c == '{' || c == '*' || (c == '\\' && !dn)) {
		*(*out)++ = (uint8_t)c;
		*p += 2;
		return 0;
	}
	if (!dn || c == '\0')
		return err_set(e, ERR_FORMAT,
		    "pattern: a backslash before nothing that it "
		    "escapes, allowed are \\{ \\* \\\\%s",
		    dn ? " and those of RFC 4514" : "");
	*(*out)++ = (uint8_t) * (*p)++;
	*(*out)++ = (uint8_t) * (*p)++;
	return 0;
}

/*
 * Replace wildcards by marks and take off escapes. `out` needs as many bytes as the text and a
 * NUL. *marks: how many there are. 0, or -1 and *e.
 */
static int
marks_set(const char *text, bool dn, struct idmap_names *names, uint8_t *out, size_t *marks,
    struct err *e)
{
	bool after_mark = false;

	*marks = 0;
	for (const char *p = text; *p != '\0';) {
		uint8_t mark = 0;

		if (*p == '\\') {
			if (read_escape(&p, dn, &out, e) == -1)
				return -1;
		} else if (*p == '*') {
			mark = MARK_ANY;
			p++;
		} else if (*p == '{') {
			if ((mark = read_capture(&p, names, e)) == 0)
				return -1;
		} else {
			*out++ = (uint8_t)*p++;
		}
		if (mark != 0 && after_mark)
			return err_set(e, ERR_FORMAT,
			    "pattern: two wildcards side by side, "
			    "allowed is text between them");
		after_mark = mark != 0;
		if (mark != 0) {
			*out++ = mark;
			(*marks)++;
		}
	}
	*out = '\0';
	return 0;
}

/* ---- literals whose form is known ------------------------------------------------------- */
static bool
is_serial(const char *s, size_t n)
{
	return n > 0 && strspn(s, "0123456789abcdef") == n && (s[0] != '0' || n == 1);
}

/* "SHA256:" and 43 characters of base64: 256 bits, so that the last one has two bits to spare. */
static bool
is_sha256(const char *s, size_t n)
{
	static const char b64[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	return n == 50 && strncmp(s, "SHA256:", 7) == 0 && strspn(s + 7, b64) == 43 &&
	       ((strchr(b64, s[49]) - b64) & 3) == 0;
}

static int
literal_check(unsigned field, const char *s, struct err *e)
{
	size_t n = strlen(s);
	char shown[SHOW_SIZE];

	switch (field) {
	case ID_SERIAL:
		if (!is_serial(s, n))
			return err_set(e, ERR_FORMAT,
			    "pattern: serial \"%s\", allowed is "
			    "lower-case hex without leading zeros or colons",
			    idmap_show(shown, s));
		return 0;
	case ID_FINGERPRINT:
	case ID_SPKI:
		if (!is_sha256(s, n))
			return err_set(e, ERR_FORMAT,
			    "pattern: %s \"%s\", allowed is SHA256: and "
			    "43 characters of unpadded base64",
			    id_field_name(field), idmap_show(shown, s));
		return 0;
	case ID_POLICY:
		if (!dn_is_oid(s, n))
			return err_set(e, ERR_FORMAT,
			    "pattern: policy \"%s\", allowed is a dotted "
			    "OID",
			    idmap_show(shown, s));
		return 0;
	default:
		return 0;
	}
}

/* ---- the kinds -------------------------------------------------------------------------- */
static int
key_set(struct idmap *m, struct idmap_rule *r, const uint8_t *key, size_t n, struct err *e)
{
	uint8_t *copy = idmap_arena_alloc(&m->arena, n);

	if (copy == NULL)
		return err_nomem(e, "identity map");
	memcpy(copy, key, n);
	idmap_fold(r->field, r->deny, copy, n);
	r->key = copy;
	r->key_len = (uint16_t)n;
	return 0;
}

static int
parse_text(struct idmap *m, struct idmap_rule *r, const char *text, struct idmap_names *names,
    struct err *e)
{
	uint8_t out[IDMAP_LINE_MAX + 1];
	size_t marks;

	if (marks_set(text, false, names, out, &marks, e) == -1)
		return -1;
	if (marks == 0 && literal_check(r->field, (const char *)out, e) == -1)
		return -1;
	r->kind = marks == 0 ? KIND_LITERAL : KIND_GLOB;
	return key_set(m, r, out, strlen((const char *)out), e);
}

static int
parse_dn(struct idmap *m, struct idmap_rule *r, const char *text, struct idmap_names *names,
    struct err *e)
{
	uint8_t out[IDMAP_LINE_MAX + 1];
	struct dn_writer w;
	size_t marks;

	if (marks_set(text, true, names, out, &marks, e) == -1)
		return -1;
	if (dn_parse_marked((const char *)out, &w, e) == -1)
		return err_prefix(e, "pattern");
	r->kind = marks == 0 ? KIND_LITERAL : KIND_DN;
	return key_set(m, r, w.buf, w.len, e);
}

int
idmap_pattern_issuer(
    struct idmap *m, const char *text, bool deny, const uint8_t **p, size_t *n, struct err *e)
{
	struct idmap_rule r = { .field = ID_ISSUER, .deny = deny };
	struct idmap_names names = { .n = 0 };

	if (text[0] == '/')
		return err_set(e, ERR_FORMAT,
		    "pattern: an expression, allowed is a name as in "
		    "issuer=\"CN=CI CA,O=Corp\"");
	if (parse_dn(m, &r, text, &names, e) == -1)
		return -1;
	if (names.n > 0)
		return err_set(e, ERR_FORMAT, "pattern: {%s} captures nothing here, allowed is *",
		    names.name[0]);
	*p = r.key;
	*n = r.key_len;
	return 0;
}

/* Count the compiled expression in, and put it on the map's list so that it is freed. */
static int
regex_add(struct idmap *m, struct idmap_rule *r, pcre2_code *code, struct err *e)
{
	struct idmap_regex *re = idmap_arena_alloc(&m->arena, sizeof(*re));
	size_t size = 0;
	uint32_t groups = 0;

	if (re == NULL) {
		pcre2_code_free(code);
		return err_nomem(e, "identity map");
	}
	re->code = code;
	re->next = m->regexes;
	m->regexes = re;
	r->regex = re;
	(void)pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
	(void)pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (groups > m->max_groups)
		m->max_groups = groups;
	if (size > IDMAP_REGEX_BYTES - m->regex_bytes)
		return err_set(e, ERR_FORMAT,
		    "pattern: all expressions together need more than "
		    "%u bytes",
		    IDMAP_REGEX_BYTES);
	m->regex_bytes += size;
	return 0;
}

static int
parse_regex(struct idmap *m, struct idmap_rule *r, const char *text, struct err *e)
{
	/* The whole value, always; "$" is its very end; \C could divide a character. */
	uint32_t flags = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY | PCRE2_UTF |
			 PCRE2_NEVER_BACKSLASH_C;
	size_t n = strlen(text), at;
	pcre2_code *code;
	int number;
	char why[120] = "";

	if (n < 3 || text[n - 1] != '/')
		return err_set(e, ERR_FORMAT,
		    "pattern: / begins an expression that has no end, "
		    "allowed is /EXPRESSION/, in quotes when it holds a blank");
	if (r->field == ID_SUBJECT || r->field == ID_ISSUER)
		return err_set(e, ERR_FORMAT,
		    "pattern: an expression on %s, which is compared RDN "
		    "by RDN; allowed are a name, or the fields cn, ou and o",
		    id_field_name(r->field));
	if (r->deny || r->field == ID_DNS)
		flags |= PCRE2_CASELESS;
	code = pcre2_compile((PCRE2_SPTR)text + 1, n - 2, flags, &number, &at, NULL);
	if (code == NULL) {
		(void)pcre2_get_error_message(number, (PCRE2_UCHAR *)why, sizeof(why));
		return err_set(e, ERR_FORMAT,
		    "pattern: expression, at byte %zu: %s, allowed is "
		    "what pcre2pattern(3) describes",
		    at + 1, why);
	}
	r->kind = KIND_REGEX;
	return regex_add(m, r, code, e);
}

int
idmap_pattern_parse(struct idmap *m, struct idmap_rule *r, const char *text,
    struct idmap_names *names, struct err *e)
{
	if (text[0] == '\0')
		return err_set(e, ERR_FORMAT, "pattern: empty, an empty value matches nothing");
	if (text[0] == '/')
		return parse_regex(m, r, text, e);
	if (r->field == ID_SUBJECT || r->field == ID_ISSUER)
		return parse_dn(m, r, text, names, e);
	return parse_text(m, r, text, names, e);
}
