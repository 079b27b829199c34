/* crlpem.c - the PEM objects of a text */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crlpem.h"

#define BAD   0x80000000U
#define BLANK 0x40000000U

/* What each character is worth, and what it is besides. */
static uint32_t worth[256];

static void
make_worth(void)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (worth[0] != 0)
		return;
	for (size_t i = 0; i < 256; i++)
		worth[i] = BAD;
	for (uint32_t i = 0; i < 64; i++)
		worth[(uint8_t)alphabet[i]] = i;
	worth[' '] = worth['\t'] = worth['\r'] = worth['\n'] = BAD | BLANK;
}

struct line {
	const uint8_t *p;
	size_t n; /* without its newline and blanks at its end */
};

static struct line
next_line(struct crlpem *x)
{
	const uint8_t *from = x->text + x->pos, *nl = memchr(from, '\n', x->n - x->pos);
	size_t n = nl == NULL ? x->n - x->pos : (size_t)(nl - from);

	x->pos += n + (nl != NULL);
	while (n > 0 && (from[n - 1] == '\r' || from[n - 1] == ' ' || from[n - 1] == '\t'))
		n--;
	return (struct line){ from, n };
}

/* "-----BEGIN X-----" with `word` "BEGIN ": X into label. */
static int
get_label(const struct line *l, const char *word, char label[CRLPEM_LABEL_MAX])
{
	size_t begin = 5 + strlen(word), n;

	if (l->n < begin + 5 || memcmp(l->p, "-----", 5) != 0 ||
	    memcmp(l->p + 5, word, strlen(word)) != 0 || memcmp(l->p + l->n - 5, "-----", 5) != 0)
		return -1;
	n = l->n - begin - 5;
	if (n == 0 || n >= CRLPEM_LABEL_MAX || memchr(l->p + begin, '\0', n) != NULL)
		return -1;
	memcpy(label, l->p + begin, n);
	label[n] = '\0';
	return 0;
}

static bool
is_mark(const struct line *l)
{
	size_t i = 0;

	while (i < l->n && (l->p[i] == ' ' || l->p[i] == '\t'))
		i++;
	return l->n - i >= 5 && memcmp(l->p + i, "-----", 5) == 0;
}

/* Base64 with blanks anywhere. The bytes written, or SIZE_MAX: something else stands there. */
static size_t
decode(const uint8_t *p, size_t n, uint8_t *out)
{
	const uint8_t *end = p + n;
	uint8_t *to = out;
	uint32_t bits = 0, have = 0, pads = 0;

	while (p < end) {
		uint32_t v;

		/* whole groups, as they stand in each line */
		while (have == 0 && pads == 0 && end - p >= 4) {
			uint32_t a = worth[p[0]], b = worth[p[1]], c = worth[p[2]], d = worth[p[3]];

			if (((a | b | c | d) & BAD) != 0)
				break;
			v = a << 18 | b << 12 | c << 6 | d;
			to[0] = (uint8_t)(v >> 16);
			to[1] = (uint8_t)(v >> 8);
			to[2] = (uint8_t)v;
			to += 3;
			p += 4;
		}
		if (p == end)
			break;
		v = worth[*p];
		if ((v & BLANK) != 0) {
			p++;
			continue;
		}
		if (*p == '=' && (have == 3 || (have == 2 && pads == 0))) {
			have++;
			pads++;
			bits <<= 6;
		} else if ((v & BAD) != 0 || pads != 0) {
			return SIZE_MAX;
		} else {
			bits = bits << 6 | v;
			have++;
		}
		p++;
		if (have == 4) {
			uint8_t three[3] = { (uint8_t)(bits >> 16), (uint8_t)(bits >> 8),
				(uint8_t)bits };

			memcpy(to, three, 3 - pads);
			/* what padding leaves over must be zero */
			for (uint32_t i = 3 - pads; i < 3; i++)
				if (three[i] != 0)
					return SIZE_MAX;
			to += 3 - pads;
			bits = have = 0;
		}
	}
	return have == 0 ? (size_t)(to - out) : SIZE_MAX;
}

/* The next BEGIN line. 1, 0 at the end, -1: a line of dashes that is none. */
static int
find_begin(struct crlpem *x, char label[CRLPEM_LABEL_MAX], struct err *e)
{
	while (x->pos < x->n) {
		struct line l = next_line(x);
		bool unended = x->pos == x->n && x->text[x->n - 1] != '\n';

		if (is_mark(&l) && get_label(&l, "BEGIN ", label) == 0)
			return 1;
		/* a last line without its newline may be what a cut has left of BEGIN */
		if (is_mark(&l) || (unended && l.n > 0 && l.p[0] == '-'))
			return err_set(e, ERR_FORMAT,
			    "a PEM object that is cut off or misspelt, behind object %u", x->count);
	}
	return 0;
}

int
crlpem_next(struct crlpem *x, char label[CRLPEM_LABEL_MAX], uint8_t **der, size_t *n, struct err *e)
{
	char end[CRLPEM_LABEL_MAX];
	size_t from, until, got;
	struct line l = { NULL, 0 };
	uint8_t *buf;
	int r = find_begin(x, label, e);

	if (r != 1)
		return r;
	make_worth();
	from = until = x->pos;
	while (x->pos < x->n) {
		until = x->pos;
		l = next_line(x);
		if (is_mark(&l))
			break;
		until = x->pos;
	}
	if (!is_mark(&l) || get_label(&l, "END ", end) == -1 || strcmp(end, label) != 0)
		return err_set(
		    e, ERR_FORMAT, "PEM object %u is cut off: it has no END line", x->count + 1);
	if ((buf = malloc((until - from) / 4 * 3 + 3)) == NULL)
		return err_nomem(e, "PEM");
	if ((got = decode(x->text + from, until - from, buf)) == SIZE_MAX || got == 0) {
		free(buf);
		return err_set(
		    e, ERR_FORMAT, "PEM object %u is damaged, or has PEM headers", x->count + 1);
	}
	x->count++;
	*der = buf;
	*n = got;
	return 1;
}
