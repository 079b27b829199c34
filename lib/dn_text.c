/* dn_text.c - distinguished names from and to text (RFC 4514) */
#include <string.h>

#include "dn.h"
#include "utf8.h"

struct reader {
	const char *p; /* what is left, NUL-terminated */
	bool marks;
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool
is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

/* One escape behind its backslash: a special character or a hex pair (RFC 4514 section 2.4). */
static int
read_escape(struct reader *r, uint8_t *out, struct err *e)
{
	int high, low;

	if (is_one_of(r->p[0], "\"+,;<>\\ #=")) {
		*out = (uint8_t)*r->p++;
		return 0;
	}
	high = hex_digit(r->p[0]);
	low = high == -1 ? -1 : hex_digit(r->p[1]);
	if (low == -1)
		return err_set(e, ERR_FORMAT,
		    "distinguished name: bad escape, allowed behind a "
		    "backslash are \" + , ; < > \\ # = blank and two hex digits");
	r->p += 2;
	*out = (uint8_t)(high << 4 | low);
	if (is_control(*out))
		return err_set(e, ERR_FORMAT, "distinguished name: an escaped control character");
	return 0;
}

/* One byte of a value as it stands in the text. */
static int
read_plain(struct reader *r, uint8_t *out, struct err *e)
{
	uint8_t c = (uint8_t)*r->p;

	if (is_one_of(*r->p, "\"<>;"))
		return err_set(
		    e, ERR_FORMAT, "distinguished name: %c needs a backslash before it", *r->p);
	if (is_control(c) && !(r->marks && c < 0x20))
		return err_set(e, ERR_FORMAT, "distinguished name: a control character");
	*out = c;
	r->p++;
	return 0;
}

/* Values are clean UTF-8; marks, which stand for other text, divide them into runs. */
static bool
value_is_clean(const uint8_t *p, size_t n, bool marks)
{
	size_t start = 0;

	if (!marks)
		return utf8_is_clean(p, n);
	for (size_t i = 0; i <= n; i++) {
		if (i < n && p[i] >= 0x20)
			continue;
		if (!utf8_is_clean(p + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}

/* A value up to the next separator, unescaped into buf; its length in *len. */
static int
read_value(struct reader *r, uint8_t *buf, size_t room, size_t *len, struct err *e)
{
	bool blank_end = false;
	size_t n = 0;

	if (*r->p == '#')
		return err_set(e, ERR_FORMAT,
		    "distinguished name: values in #hex form are not "
		    "taken; a leading # is written \\#");
	if (*r->p == ' ')
		return err_set(e, ERR_FORMAT,
		    "distinguished name: a blank before a value, "
		    "allowed is none, or \"\\ \" where it belongs to the value");
	while (*r->p != '\0' && *r->p != ',' && *r->p != '+') {
		int got;

		if (n == room)
			return err_set(
			    e, ERR_FORMAT, "distinguished name: longer than %d bytes", DN_MAX);
		blank_end = *r->p == ' ';
		if (*r->p == '\\') {
			r->p++;
			got = read_escape(r, &buf[n], e);
		} else {
			got = read_plain(r, &buf[n], e);
		}
		if (got == -1)
			return -1;
		n++;
	}
	if (blank_end)
		return err_set(e, ERR_FORMAT,
		    "distinguished name: a blank behind a value, "
		    "allowed is none, or \"\\ \" where it belongs to the value");
	if (!value_is_clean(buf, n, r->marks))
		return err_set(e, ERR_FORMAT,
		    "distinguished name: not UTF-8, or a control "
		    "character");
	*len = n;
	return 0;
}

static int
read_type(struct reader *r, struct dn_ava *a, struct err *e)
{
	size_t n = strcspn(r->p, "=,+\\\"");

	if (r->p[n] != '=' || n == 0)
		return err_set(e, ERR_FORMAT,
		    "distinguished name: no TYPE=VALUE, allowed is the "
		    "form of RFC 4514, as in CN=Alice Ng,O=Corp");
	a->type = (const uint8_t *)r->p;
	a->type_len = n;
	r->p += n + 1;
	return 0;
}

/* Attributes up to the next comma or the end, added to the writer as one RDN. */
static int
read_rdn(struct reader *r, struct dn_writer *w, struct err *e)
{
	struct dn_ava avas[DN_AVAS_MAX];
	uint8_t buf[DN_MAX];
	size_t used = 0, n = 0;

	for (;;) {
		if (n == DN_AVAS_MAX)
			return err_set(e, ERR_FORMAT,
			    "distinguished name: an RDN has 1 to %d "
			    "attributes",
			    DN_AVAS_MAX);
		if (read_type(r, &avas[n], e) == -1 ||
		    read_value(r, buf + used, sizeof(buf) - used, &avas[n].value_len, e) == -1)
			return -1;
		avas[n].value = buf + used;
		used += avas[n].value_len;
		n++;
		if (*r->p != '+')
			break;
		r->p++;
	}
	return dn_writer_rdn(w, avas, n, e);
}

static int
parse(struct reader *r, struct dn_writer *w, struct err *e)
{
	dn_writer_init(w);
	for (;;) {
		if (read_rdn(r, w, e) == -1)
			return -1;
		if (*r->p == '\0')
			return 0;
		r->p++; /* the comma: behind it another RDN must follow */
	}
}

int
dn_parse(const char *text, struct dn_writer *w, struct err *e)
{
	struct reader r = { .p = text, .marks = false };

	return parse(&r, w, e);
}

int
dn_parse_marked(const char *text, struct dn_writer *w, struct err *e)
{
	struct reader r = { .p = text, .marks = true };

	return parse(&r, w, e);
}

/* ---- writing ---------------------------------------------------------------------------- */
struct out {
	char *dst;
	size_t size, len; /* len: what it would need */
	size_t end;	  /* what was written */
	bool cut;
};

/* Put all of a unit or nothing of it and of what follows. */
static void
put(struct out *o, const void *p, size_t n)
{
	if (!o->cut && n < o->size - o->end) {
		memcpy(o->dst + o->end, p, n);
		o->end += n;
	} else {
		o->cut = true;
	}
	o->len += n;
}

/* Bytes of the UTF-8 character at p, so that a cut does not divide it. */
static size_t
character_len(const uint8_t *p, size_t n)
{
	size_t len = 1;

	while (len < n && len < 4 && (p[len] & 0xc0) == 0x80)
		len++;
	return len;
}

static void
put_value(struct out *o, const uint8_t *p, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		char c = (char)p[i];

		len = 1;
		if (is_control(p[i])) {
			put(o, (char[3]){ '\\', hex[p[i] >> 4], hex[p[i] & 15] }, 3);
		} else if (is_one_of(c, "\"+,;<>\\") || (c == '#' && i == 0) ||
			   (c == ' ' && (i == 0 || i == n - 1))) {
			put(o, (char[2]){ '\\', c }, 2);
		} else {
			len = p[i] < 0x80 ? 1 : character_len(p + i, n - i);
			put(o, p + i, len);
		}
	}
}

static void
put_dn(struct out *o, const uint8_t *dn, size_t n)
{
	struct dn_ava avas[DN_AVAS_MAX];
	size_t pos = 0, count;

	for (bool first = true; (count = dn_next(dn, n, &pos, avas)) > 0; first = false) {
		if (!first)
			put(o, ",", 1);
		for (size_t i = 0; i < count; i++) {
			if (i > 0)
				put(o, "+", 1);
			put(o, avas[i].type, avas[i].type_len);
			put(o, "=", 1);
			put_value(o, avas[i].value, avas[i].value_len);
		}
	}
}

char *
dn_text(const uint8_t *dn, size_t n, char *dst, size_t size)
{
	struct out o = { .dst = dst, .size = size };

	if (size == 0)
		return dst;
	put_dn(&o, dn, n);
	dst[o.end] = '\0';
	return dst;
}

size_t
dn_text_len(const uint8_t *dn, size_t n)
{
	struct out o = { .cut = true };

	put_dn(&o, dn, n);
	return o.len;
}
