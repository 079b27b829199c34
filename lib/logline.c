/* logline.c - a record is built and encoded */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "logline.h"

static bool
word_ok(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n < LOGLINE_WORD_MAX && s[n] == '\0';
}

static struct msg_out
reopen(struct logline *l)
{
	return (struct msg_out){ .buf = l->buf, .size = sizeof(l->buf), .len = l->len };
}

void
logline_start(struct logline *l, const char *event)
{
	struct msg_out o;

	assert(word_ok(event));
	msg_start(&o, l->buf, sizeof(l->buf), MSG_AUDIT, 0);
	msg_put_str(&o, event);
	l->len = o.len;
	l->n = 0;
}

/* The longest beginning of at most `max` bytes that does not end within a character of UTF-8. */
static size_t
cut_at(const uint8_t *p, size_t n, size_t max)
{
	size_t k = max;

	if (n <= max)
		return n;
	while (k > 0 && max - k < 3 && (p[k] & 0xc0) == 0x80)
		k--;
	return k;
}

static void
put_field(struct logline *l, enum logfield_kind kind, const char *key, const void *value, size_t n)
{
	struct msg_out o = reopen(l);
	size_t k = cut_at(value, n, LOGLINE_VALUE_MAX);

	/* a record with more than fits loses its last fields: it is for people, and bounded */
	if (l->n == LOGLINE_FIELDS_MAX)
		return;
	msg_put_u32(&o, k < n ? LOGFIELD_CUT : kind);
	msg_put_str(&o, key);
	msg_put_bytes(&o, value, k);
	if (o.overflow)
		return;
	l->len = o.len;
	l->n++;
}

void
logline_bytes(struct logline *l, const char *key, const void *value, size_t n)
{
	assert(word_ok(key));
	put_field(l, LOGFIELD_TEXT, key, n == 0 ? "" : value, n);
}

void
logline_str(struct logline *l, const char *key, const char *value)
{
	logline_bytes(l, key, value, strlen(value));
}

void
logline_fmt(struct logline *l, const char *key, const char *fmt, ...)
{
	char buf[LOGLINE_VALUE_MAX + 8];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	logline_str(l, key, buf);
}

void
logline_u64(struct logline *l, const char *key, uint64_t value)
{
	struct msg_out o = reopen(l);

	assert(word_ok(key));
	if (l->n == LOGLINE_FIELDS_MAX)
		return;
	msg_put_u32(&o, LOGFIELD_NUMBER);
	msg_put_str(&o, key);
	msg_put_u64(&o, value);
	if (o.overflow)
		return;
	l->len = o.len;
	l->n++;
}

void
logline_say(struct logline *l, const char *fmt, ...)
{
	char buf[LOGLINE_VALUE_MAX + 1];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	put_field(l, LOGFIELD_SAY, "", buf, strlen(buf));
}

void
logline_put(const struct logline *l, struct msg_out *o)
{
	struct msg_in m = { .p = l->buf + MSG_HEADER, .left = l->len - MSG_HEADER };

	msg_put_rest(o, &m);
}

char *
logline_text(const struct logline *l, char dst[LOGLINE_TEXT_MAX])
{
	struct logrecord r;
	struct msg_in m;
	struct err e;
	int ok = msg_parse(&m, l->buf, l->len, &e) == 0 && logrecord_get(&m, &r, &e) == 0;

	assert(ok);
	return logrecord_text(&r, dst);
}
