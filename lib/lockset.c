/* lockset.c - identities that an operator has locked: as a set, and as the text of its file */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "lockset.h"
#include "text.h"

static const char first_line[] = "sshbridge locks 1\n";
#define NO_REASON "-" /* a reason that is a hyphen is written as \x2d */

void
lockset_done(struct lockset *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].identity);
		free(s->v[i].reason);
	}
	free(s->v);
	*s = (struct lockset){ 0 };
}

/* Where it is, or would be. */
static size_t
position(const struct lockset *s, const char *identity, bool *found)
{
	size_t lo = 0, hi = s->n;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(identity, s->v[mid].identity);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

const struct lock *
lockset_find(const struct lockset *s, const char *identity)
{
	bool found;
	size_t at = position(s, identity, &found);

	return found ? &s->v[at] : NULL;
}

int
lockset_identity(const char *identity, struct err *e)
{
	const char *slash = strchr(identity, '/');
	const char *colon = slash == NULL ? NULL : strchr(slash, ':');
	char word[32], shown[160];
	enum id_field field;
	size_t n;

	if (strlen(identity) >= IDENTITY_NAME_MAX)
		return err_set(
		    e, ERR_FORMAT, "an identity has at most %d bytes", IDENTITY_NAME_MAX - 1);
	if (colon != NULL && slash != identity && colon[1] != '\0' &&
	    (n = (size_t)(colon - slash) - 1) < sizeof(word)) {
		memcpy(word, slash + 1, n);
		word[n] = '\0';
		if (id_field_parse(word, &field) == 0)
			return 0;
	}
	return err_set(e, ERR_FORMAT,
	    "\"%s\" is no identity: SECTION/FIELD:VALUE, whole, as sshbridgectl list --json "
	    "shows it",
	    text_escape(shown, sizeof(shown), identity, strlen(identity)));
}

static int
make_room(struct lockset *s, struct err *e)
{
	size_t room = s->room == 0 ? 16 : s->room * 2;
	struct lock *v;

	if (s->n < s->room)
		return 0;
	if (s->n >= LOCKSET_MAX)
		return err_set(e, ERR_FORMAT, "more than %d locks", LOCKSET_MAX);
	if ((v = realloc(s->v, room * sizeof(*v))) == NULL)
		return err_nomem(e, "locks");
	s->v = v;
	s->room = room;
	return 0;
}

int
lockset_add(
    struct lockset *s, const char *identity, const char *reason, int64_t since, struct err *e)
{
	struct lock l = { .since = since };
	bool found;
	size_t at;

	if (lockset_identity(identity, e) == -1)
		return -1;
	if (strlen(reason) >= LOCKSET_REASON_MAX)
		return err_set(
		    e, ERR_FORMAT, "a reason has at most %d bytes", LOCKSET_REASON_MAX - 1);
	at = position(s, identity, &found);
	if (found && reason[0] == '\0')
		return 0;
	if ((l.reason = strdup(reason)) == NULL)
		return err_nomem(e, "locks");
	if (found) {
		free(s->v[at].reason);
		s->v[at].reason = l.reason;
		return 0;
	}
	if ((l.identity = strdup(identity)) == NULL || make_room(s, e) == -1) {
		if (l.identity == NULL)
			err_nomem(e, "locks");
		free(l.identity);
		free(l.reason);
		return -1;
	}
	memmove(&s->v[at + 1], &s->v[at], (s->n - at) * sizeof(l));
	s->v[at] = l;
	s->n++;
	return 1;
}

bool
lockset_remove(struct lockset *s, const char *identity)
{
	bool found;
	size_t at = position(s, identity, &found);

	if (!found)
		return false;
	free(s->v[at].identity);
	free(s->v[at].reason);
	s->n--;
	memmove(&s->v[at], &s->v[at + 1], (s->n - at) * sizeof(s->v[0]));
	return true;
}

/* ---- the text ------------------------------------------------------------------------------- */

static void
put_word(FILE *fp, const char *word)
{
	bool hyphen = strcmp(word, NO_REASON) == 0;

	for (const unsigned char *p = (const unsigned char *)word; *p != '\0'; p++) {
		if (*p > 0x20 && *p < 0x7f && *p != '\\' && !hyphen)
			(void)fputc(*p, fp);
		else
			(void)fprintf(fp, "\\x%02x", *p);
	}
}

char *
lockset_text(const struct lockset *s, size_t *n, struct err *e)
{
	char *text = NULL;
	size_t len = 0;
	FILE *fp = open_memstream(&text, &len);

	if (fp == NULL) {
		err_nomem(e, "locks");
		return NULL;
	}
	(void)fputs(first_line, fp);
	for (size_t i = 0; i < s->n; i++) {
		(void)fprintf(fp, "%" PRId64 " ", s->v[i].since);
		put_word(fp, s->v[i].identity);
		(void)fputc(' ', fp);
		if (s->v[i].reason[0] == '\0')
			(void)fputs(NO_REASON, fp);
		else
			put_word(fp, s->v[i].reason);
		(void)fputc('\n', fp);
	}
	(void)fprintf(fp, "end %zu\n", s->n);
	if (fclose(fp) == EOF) {
		free(text);
		err_nomem(e, "locks");
		return NULL;
	}
	*n = len;
	return text;
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One escaped byte at *p, of which `end` is the end; 0: it is none (nor may it be a NUL). */
static unsigned char
get_byte(const uint8_t **p, const uint8_t *end)
{
	const uint8_t *s = *p;
	int hi, lo;

	if (*s <= 0x20 || *s >= 0x7f)
		return 0;
	if (*s != '\\') {
		*p = s + 1;
		return *s;
	}
	if (end - s < 4 || s[1] != 'x' || (hi = hex_digit(s[2])) == -1 ||
	    (lo = hex_digit(s[3])) == -1)
		return 0;
	*p = s + 4;
	return (unsigned char)(hi << 4 | lo);
}

/* The word in [p, end); false: it is empty, badly escaped or does not fit. */
static bool
get_word(const uint8_t *p, const uint8_t *end, char *dst, size_t size)
{
	size_t n = 0;

	while (p < end) {
		unsigned char c = get_byte(&p, end);

		if (c == 0 || n + 1 >= size)
			return false;
		dst[n++] = (char)c;
	}
	dst[n] = '\0';
	return n > 0;
}

/* Digits only, without a leading zero, of [p, end). */
static bool
get_number(const uint8_t *p, const uint8_t *end, int64_t *v)
{
	*v = 0;
	if (p == end || end - p > 15 || (*p == '0' && end - p > 1))
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return false;
		*v = *v * 10 + (*p - '0');
	}
	return true;
}

/* A lock's line, without its newline. */
static int
parse_lock(const uint8_t *p, size_t n, struct lockset *s, struct err *e)
{
	const uint8_t *end = p + n, *a = memchr(p, ' ', n), *b;
	char identity[IDENTITY_NAME_MAX], reason[LOCKSET_REASON_MAX];
	int64_t since;
	int r;

	if (a == NULL || (b = memchr(a + 1, ' ', (size_t)(end - a) - 1)) == NULL ||
	    !get_number(p, a, &since) || !get_word(a + 1, b, identity, sizeof(identity)) ||
	    !get_word(b + 1, end, reason, sizeof(reason)))
		return err_set(e, ERR_FORMAT, "this is no lock");
	if (end - b == 2 && b[1] == NO_REASON[0])
		reason[0] = '\0';
	if (lockset_find(s, identity) != NULL)
		return err_set(e, ERR_FORMAT, "the same identity again");
	if ((r = lockset_add(s, identity, reason, since, e)) == -1)
		return -1;
	return 0;
}

/* 1: that was the last line. */
static int
parse_line(const uint8_t *p, size_t n, struct lockset *s, struct err *e)
{
	int64_t count;

	if (n < 4 || memcmp(p, "end ", 4) != 0)
		return parse_lock(p, n, s, e);
	if (!get_number(p + 4, p + n, &count) || (size_t)count != s->n)
		return err_set(e, ERR_FORMAT, "the number of locks is not %zu", s->n);
	return 1;
}

static int
parse_lines(const uint8_t *p, size_t n, struct lockset *s, struct err *e)
{
	const size_t head = sizeof(first_line) - 1;
	const uint8_t *end = p + n, *newline;
	unsigned line = 1;
	int r = 0;

	if (n < head || memcmp(p, first_line, head) != 0)
		return err_set(e, ERR_FORMAT, "line 1: not a file of locks");
	for (p += head; r == 0; p = newline + 1) {
		line++;
		if (p == end || (newline = memchr(p, '\n', (size_t)(end - p))) == NULL)
			return err_set(e, ERR_FORMAT, "line %u: the file is cut off", line);
		if ((r = parse_line(p, (size_t)(newline - p), s, e)) == -1)
			return err_prefix(e, "line %u", line);
	}
	if (p != end)
		return err_set(e, ERR_FORMAT, "line %u: something behind the last line", line + 1);
	return 0;
}

int
lockset_parse(const uint8_t *text, size_t n, struct lockset *s, struct err *e)
{
	*s = (struct lockset){ 0 };
	if (parse_lines(text, n, s, e) == 0)
		return 0;
	lockset_done(s);
	return -1;
}
