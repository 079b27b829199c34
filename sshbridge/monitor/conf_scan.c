/*
 * conf_scan.c - what must hold of the text before libconfuse sees it.
 *
 * libconfuse 3.3 takes a comment or string that the end of the file cuts off, expands ${ENV},
 * skips characters that it does not know, lets a later value replace an earlier one, merges
 * sections, and counts the lines of comments twice. So this file holds the lexical form to a
 * small part of what libconfuse can read, knows every keyword, and hands on blanks for comments.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "conf_local.h"

enum token_type { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_MARK };

struct token {
	enum token_type type;
	char mark;     /* of TOKEN_MARK: { } = , */
	const char *p; /* as written, a string without its quotes */
	size_t n;
};

struct scan {
	const char *file;
	char *text; /* our copy, ends in NUL */
	size_t n, at;
	unsigned line;
	struct token last[2]; /* [0] the newest */
	enum conf_section section;
	unsigned opened_line;	     /* where `section` began */
	const struct conf_row *list; /* the row whose list is open */
	uint64_t given_top, given;   /* bits of rows in the top level, in this section */
	unsigned given_sections;     /* bits of those without title */
};
_Static_assert(CONF_NROWS <= 64, "struct scan has a bit for each row");

/* Fail at `line`. */
static int
scan_fail(const struct scan *s, unsigned line, struct err *e, const char *what)
{
	return err_set(e, ERR_FORMAT, "%.160s:%u: %s", s->file, line, what);
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

/* Blank a comment at s->at; stays before the newline that ends a one-line comment. */
static int
scan_comment(struct scan *s, struct err *e)
{
	unsigned first = s->line;
	const char *end;

	if (s->text[s->at] == '#' || s->text[s->at + 1] == '/') {
		while (s->at < s->n && s->text[s->at] != '\n')
			s->text[s->at++] = ' ';
		return 0;
	}
	/* There is no NUL in the text: strstr sees all of it. */
	if ((end = strstr(s->text + s->at + 2, "*/")) == NULL)
		return scan_fail(s, first, e, "this comment is not closed, a */ must follow");
	for (char *p = s->text + s->at; p < end + 2; p++) {
		if (*p == '\n')
			s->line++;
		else
			*p = ' ';
	}
	s->at = (size_t)(end + 2 - s->text);
	return 0;
}

/* The byte at s->at within a string; 0 or -1. */
static int
scan_string_byte(const struct scan *s, struct err *e)
{
	unsigned char c = (unsigned char)s->text[s->at];

	if (c == '\n' || c == '\0')
		return scan_fail(
		    s, s->line, e, "a string is not closed on its line, a \" must end it");
	if (c < 0x20 || c == 0x7f)
		return scan_fail(s, s->line, e, "a control character in a string, none is allowed");
	if (c == '$')
		return scan_fail(s, s->line, e,
		    "a $ in a string: variables are not expanded, no $ is "
		    "allowed");
	if (c == '\\' && s->text[s->at + 1] != '"' && s->text[s->at + 1] != '\\')
		return scan_fail(s, s->line, e, "a \\ in a string, allowed: \\\" and \\\\");
	return 0;
}

static int
scan_string(struct scan *s, struct token *t, struct err *e)
{
	size_t start = ++s->at;

	for (; s->text[s->at] != '"'; s->at++) {
		if (scan_string_byte(s, e) == -1)
			return -1;
		if (s->text[s->at] == '\\')
			s->at++;
	}
	*t = (struct token){ TOKEN_STRING, 0, s->text + start, s->at - start };
	s->at++;
	return 0;
}

/* What to do instead of a character that has no place outside strings. */
static int
scan_stray(const struct scan *s, struct err *e)
{
	switch (s->text[s->at]) {
	case '\r':
		return scan_fail(
		    s, s->line, e, "a carriage return, lines must end in a newline alone");
	case '\'':
		return scan_fail(s, s->line, e, "a ' begins no string here, use \"");
	case '+':
		return scan_fail(s, s->line, e, "+ is not known here, give the whole list with =");
	default:
		return err_set(e, ERR_FORMAT,
		    "%.160s:%u: stray byte 0x%02x, allowed outside strings: "
		    "words, { } = , and comments; put other values in \"\"",
		    s->file, s->line, (unsigned)(unsigned char)s->text[s->at]);
	}
}

static int
scan_token(struct scan *s, struct token *t, struct err *e)
{
	for (;;) {
		const char *p = s->text + s->at;
		size_t n = 0;

		while (is_word(p[n]))
			n++;
		if (s->at == s->n) {
			*t = (struct token){ .type = TOKEN_END };
			return 0;
		} else if (n > 0) {
			*t = (struct token){ TOKEN_WORD, 0, p, n };
			s->at += n;
			return 0;
		} else if (*p == '"') {
			return scan_string(s, t, e);
		} else if (strchr("{}=,", *p) != NULL) {
			*t = (struct token){ TOKEN_MARK, *p, p, 1 };
			s->at++;
			return 0;
		} else if (*p == ' ' || *p == '\t' || *p == '\n') {
			s->line += *p == '\n';
			s->at++;
		} else if (*p == '#' || (*p == '/' && (p[1] == '/' || p[1] == '*'))) {
			if (scan_comment(s, e) == -1)
				return -1;
		} else {
			return scan_stray(s, e);
		}
	}
}

/* Put FILE:LINE and the section before the text of *e. */
static int
scan_where(const struct scan *s, struct err *e)
{
	const char *section = conf_sections[s->section].name;

	return err_prefix(
	    e, "%.160s:%u%s%s", s->file, s->line, *section == '\0' ? "" : ": ", section);
}

/* KEYWORD before `=`: known here, and not given before. */
static int
scan_option(struct scan *s, struct err *e)
{
	uint64_t *given = s->section == CONF_TOP ? &s->given_top : &s->given;
	const struct token *t = &s->last[0];
	int row;

	if (t->type != TOKEN_WORD)
		return scan_fail(s, s->line, e, "the name of an option must stand before =");
	if (conf_section_find(t->p, t->n) != CONF_TOP && s->section == CONF_TOP) {
		err_set(e, ERR_FORMAT, "%.*s: is a section, not a value, allowed: { } after it",
		    (int)t->n, t->p);
		return scan_where(s, e);
	}
	if ((row = conf_row_find(s->section, t->p, t->n)) == -1) {
		(void)conf_unknown(s->section, t->p, t->n, e);
		return scan_where(s, e);
	}
	if ((*given & UINT64_C(1) << row) != 0) {
		err_set(e, ERR_FORMAT, "%s: given twice, allowed: once", conf_rows[row].name);
		return scan_where(s, e);
	}
	*given |= UINT64_C(1) << row;
	return 0;
}

/* The token of a section's keyword before `{`: KEYWORD or KEYWORD TITLE. */
static int
scan_section_open(struct scan *s, struct err *e)
{
	const struct token *key = &s->last[0];
	enum conf_section section;

	if (s->last[1].type == TOKEN_WORD && key->type != TOKEN_MARK &&
	    conf_section_find(s->last[1].p, s->last[1].n) != CONF_TOP)
		key = &s->last[1];
	if (key->type != TOKEN_WORD)
		return scan_fail(s, s->line, e, "the name of a section must stand before {");
	if (s->section != CONF_TOP || (section = conf_section_find(key->p, key->n)) == CONF_TOP) {
		(void)conf_unknown(s->section, key->p, key->n, e);
		return scan_where(s, e);
	}
	if (conf_sections[section].title == NULL) {
		if ((s->given_sections & 1U << section) != 0)
			return err_set(e, ERR_FORMAT, "%.160s:%u: %s: given twice, allowed: once",
			    s->file, s->line, conf_sections[section].name);
		s->given_sections |= 1U << section;
	}
	s->section = section;
	s->opened_line = s->line;
	s->given = 0;
	return 0;
}

static int
scan_open(struct scan *s, struct err *e)
{
	const struct token *name = &s->last[1];
	int row;

	if (s->last[0].type != TOKEN_MARK || s->last[0].mark != '=')
		return scan_section_open(s, e);
	/* A list: the keyword before = was checked when the = came. */
	row = conf_row_find(s->section, name->p, name->n);
	assert(row != -1);
	if (!CONF_IS_LIST(conf_rows[row].type)) {
		err_set(e, ERR_FORMAT, "%s: a list, allowed: one value", conf_rows[row].name);
		return scan_where(s, e);
	}
	s->list = &conf_rows[row];
	return 0;
}

static int
scan_close(struct scan *s, struct err *e)
{
	const struct conf_row *r = s->list;

	if (r == NULL) {
		s->section = CONF_TOP; /* libconfuse refuses one too many */
		return 0;
	}
	s->list = NULL;
	if (s->last[0].type != TOKEN_MARK || s->last[0].mark != '{' || r->min == 0)
		return 0;
	err_set(e, ERR_FORMAT, "%s: an empty list, allowed: %lld to %lld values", r->name,
	    (long long)r->min, (long long)r->max);
	return scan_where(s, e);
}

static int
scan_mark(struct scan *s, char mark, struct err *e)
{
	if (mark == '=')
		return scan_option(s, e);
	if (mark == '{')
		return scan_open(s, e);
	if (mark == '}')
		return scan_close(s, e);
	return 0;
}

static int
scan_all(struct scan *s, struct err *e)
{
	struct token t;

	for (;;) {
		if (scan_token(s, &t, e) == -1)
			return -1;
		if (t.type == TOKEN_END)
			break;
		if (t.type == TOKEN_MARK && scan_mark(s, t.mark, e) == -1)
			return -1;
		s->last[1] = s->last[0];
		s->last[0] = t;
	}
	if (s->section != CONF_TOP)
		return err_set(e, ERR_FORMAT,
		    "%.160s:%u: the file ends inside section %s, which line "
		    "%u opens: a } is missing",
		    s->file, s->line - 1, conf_sections[s->section].name, s->opened_line);
	return 0;
}

char *
conf_scan(const char *file, const uint8_t *text, size_t n, size_t room, struct err *e)
{
	struct scan s = { .file = file, .n = n, .line = 1 };

	if (n > CONF_TEXT_MAX) {
		err_set(e, ERR_FORMAT, "%.160s: %zu bytes, allowed: at most %u", file, n,
		    CONF_TEXT_MAX);
		return NULL;
	}
	if (n == 0 || text[n - 1] != '\n') {
		err_set(e, ERR_FORMAT, "%.160s: does not end in a newline: is it cut off?", file);
		return NULL;
	}
	if (memchr(text, '\0', n) != NULL) {
		err_set(e, ERR_FORMAT, "%.160s: holds a NUL byte: it is not a text", file);
		return NULL;
	}
	if ((s.text = malloc(n + room + 1)) == NULL) {
		(void)err_nomem(e, file);
		return NULL;
	}
	memcpy(s.text, text, n);
	s.text[n] = '\0';
	if (scan_all(&s, e) == -1) {
		free(s.text);
		return NULL;
	}
	return s.text;
}
