/* logrecord.c - a record is read, and shown as a line */
#include <stdio.h>
#include <string.h>

#include "logline.h"
#include "text.h"

/* ---- reading --------------------------------------------------------------------------------- */

static int
get_word(struct msg_in *m, char dst[LOGLINE_WORD_MAX], bool may_be_empty)
{
	if (msg_get_str(m, dst, LOGLINE_WORD_MAX) == -1)
		return -1;
	if (dst[strspn(dst, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
		return -1;
	return *dst == '\0' && !may_be_empty ? -1 : 0;
}

static int
get_value(struct msg_in *m, struct logfield *f)
{
	switch (f->kind) {
	case LOGFIELD_NUMBER:
		return msg_get_u64(m, &f->number);
	case LOGFIELD_TEXT:
	case LOGFIELD_CUT:
	case LOGFIELD_SAY:
		return msg_get_bytes(m, &f->p, &f->n, LOGLINE_VALUE_MAX);
	default:
		return -1;
	}
}

static int
get_field(struct msg_in *m, struct logrecord *r)
{
	struct logfield *f = &r->fields[r->n];
	uint32_t kind;

	*f = (struct logfield){ 0 };
	if (msg_get_u32(m, &kind) == -1)
		return -1;
	f->kind = (enum logfield_kind)kind;
	if (get_word(m, f->key, kind == LOGFIELD_SAY) == -1 ||
	    (kind == LOGFIELD_SAY) != (f->key[0] == '\0') || get_value(m, f) == -1)
		return -1;
	if (kind == LOGFIELD_SAY)
		r->say = f;
	r->n++;
	return 0;
}

int
logrecord_get(struct msg_in *m, struct logrecord *r, struct err *e)
{
	r->n = 0;
	r->say = NULL;
	if (get_word(m, r->event, false) == -1)
		return err_set(e, ERR_PEER, "record: its event is malformed");
	while (m->left > 0)
		if (r->n == LOGLINE_FIELDS_MAX || get_field(m, r) == -1)
			return err_set(e, ERR_PEER, "record: field %zu is malformed", r->n);
	return msg_end(m, e);
}

const struct logfield *
logrecord_find(const struct logrecord *r, const char *key)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->fields[i].key, key) == 0)
			return &r->fields[i];
	return NULL;
}

/* ---- as a line ------------------------------------------------------------------------------- */

struct line {
	char *dst;
	size_t len;
};

static void
add(struct line *l, const char *s)
{
	size_t n = strlen(s), room = LOGLINE_TEXT_MAX - 1 - l->len;

	if (n > room)
		n = room;
	memcpy(l->dst + l->len, s, n);
	l->len += n;
	l->dst[l->len] = '\0';
}

static void
add_field(struct line *l, const char *key, const uint8_t *p, size_t n)
{
	char buf[512];
	bool quote = n == 0;

	for (size_t i = 0; i < n && !quote; i++)
		quote = p[i] <= ' ' || p[i] == '"' || p[i] == '=' || p[i] == '\\' || p[i] >= 0x7f;
	add(l, " ");
	add(l, key);
	add(l, quote ? "=\"" : "=");
	add(l, text_escape(buf, sizeof(buf), p, n));
	if (quote)
		add(l, "\"");
}

char *
logrecord_text(const struct logrecord *r, char dst[LOGLINE_TEXT_MAX])
{
	struct line l = { .dst = dst };
	char number[24];

	dst[0] = '\0';
	if (r->say != NULL) {
		(void)snprintf(
		    dst, LOGLINE_TEXT_MAX, "%.*s", (int)r->say->n, (const char *)r->say->p);
		text_clean(dst);
		return dst;
	}
	add(&l, r->event);
	for (size_t i = 0; i < r->n; i++) {
		const struct logfield *f = &r->fields[i];

		if (f->kind == LOGFIELD_NUMBER) {
			(void)snprintf(
			    number, sizeof(number), "%llu", (unsigned long long)f->number);
			add_field(&l, f->key, (const uint8_t *)number, strlen(number));
		} else {
			add_field(&l, f->key, f->p, f->n);
		}
	}
	return dst;
}
