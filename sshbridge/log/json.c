/*
 * json.c - a record as one object of the audit trail (docs/audit.md)
 *
 * A value that is well-formed UTF-8 and can be shown goes as it is. Any other is escaped as in the
 * log (lib/text), and its member is named in "escaped", so that a reader can tell \x1b in the
 * value from an escape character that was there.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "log.h"
#include "text.h"

#define NAME_MAX_ (LOGLINE_WORD_MAX + 8)

void
json_init(void)
{
	size_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed) || seed == 0)
		seed = (size_t)getpid();
	json_object_seed(seed);
}

/* An object as it grows. */
struct growing {
	json_t *o, *escaped, *truncated;
	size_t value_max;
};

static void
add(struct growing *g, const char *name, json_t *v)
{
	/* the first of a name counts */
	if (json_object_get(g->o, name) == NULL)
		(void)json_object_set(g->o, name, v);
	json_decref(v);
}

static void
note(json_t **list, const char *name)
{
	if (*list == NULL)
		*list = json_array();
	(void)json_array_append_new(*list, json_string(name));
}

/* Whether the log would show these bytes as they are, but for quotes and backslashes. */
static bool
can_be_shown(const char *p, size_t n)
{
	char copy[LOGLINE_VALUE_MAX + 1];

	if (memchr(p, '\0', n) != NULL)
		return false;
	memcpy(copy, p, n);
	copy[n] = '\0';
	text_clean(copy);
	return memcmp(copy, p, n) == 0;
}

/* The longest beginning of at most `max` bytes that ends between characters. */
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
add_text(struct growing *g, const char *name, const struct logfield *f)
{
	char text[4 * LOGLINE_VALUE_MAX + 8];
	size_t n = cut_at(f->p, f->n, g->value_max);
	bool cut = n < f->n || f->kind == LOGFIELD_CUT;

	if (can_be_shown((const char *)f->p, n)) {
		memcpy(text, f->p, n);
		text[n] = '\0';
	} else {
		(void)text_escape(text, sizeof(text) - 4, f->p, n);
		note(&g->escaped, name);
	}
	if (cut) {
		(void)strcat(text, "...");
		note(&g->truncated, name);
	}
	add(g, name, json_string(text));
}

/* A number that was printed: digits and nothing else. */
static void
add_number(struct growing *g, const char *name, const struct logfield *f)
{
	char text[20];
	size_t n = f->n < sizeof(text) ? f->n : 0;

	if (f->kind == LOGFIELD_NUMBER) {
		add(g, name, json_integer((json_int_t)(f->number & INT64_MAX)));
		return;
	}
	memcpy(text, f->p, n);
	text[n] = '\0';
	if (n == 0 || strspn(text, "0123456789") != n)
		add_text(g, name, f);
	else
		add(g, name, json_integer(strtoll(text, NULL, 10)));
}

/* "203.0.113.9:4711" or "[2001:db8::1]:4711": two members. */
static void
add_endpoint(struct growing *g, const char *name, const struct logfield *f)
{
	struct logfield host = *f, port = *f;
	char port_name[NAME_MAX_];
	size_t colon = f->n;

	while (colon > 0 && f->p[colon - 1] != ':')
		colon--;
	if (colon == 0) {
		add_text(g, name, f);
		return;
	}
	host.n = colon - 1;
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
		host.p++;
		host.n -= 2;
	}
	port.p += colon;
	port.n -= colon;
	if (strcmp(name, "address") == 0)
		(void)snprintf(port_name, sizeof(port_name), "port");
	else
		(void)snprintf(port_name, sizeof(port_name), "%.32s_port", name);
	add_text(g, name, &host);
	add_number(g, port_name, &port);
}

/* "a,b": ["a", "b"]; the names of trust sections have no comma. */
static void
add_list(struct growing *g, const char *name, const struct logfield *f)
{
	json_t *list = json_array();
	size_t at = 0;

	if (!can_be_shown((const char *)f->p, f->n)) {
		json_decref(list);
		add_text(g, name, f);
		return;
	}
	while (at < f->n) {
		size_t n = 0;

		while (at + n < f->n && f->p[at + n] != ',')
			n++;
		(void)json_array_append_new(list, json_stringn((const char *)f->p + at, n));
		at += n + 1;
	}
	add(g, name, list);
}

/* Keys of the log whose member has another name or form; any other is a text or a number. */
static const struct {
	const char *key, *name;
	void (*add)(struct growing *, const char *, const struct logfield *);
} members[] = {
	{ "conn", "connection", add_text },
	{ "from", "address", add_endpoint },
	{ "peer", "peer", add_endpoint },
	{ "sections", "sections", add_list },
	{ "code", "code", add_number },
};

static void
add_field(struct growing *g, const struct logfield *f)
{
	char name[LOGLINE_WORD_MAX];

	if (f->kind == LOGFIELD_SAY)
		return;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strcmp(members[i].key, f->key) == 0) {
			members[i].add(g, members[i].name, f);
			return;
		}
	(void)snprintf(name, sizeof(name), "%s", f->key);
	for (char *s = name; *s != '\0'; s++)
		if (*s == '-')
			*s = '_';
	(f->kind == LOGFIELD_NUMBER ? add_number : add_text)(g, name, f);
}

static void
add_head(struct growing *g, const struct json_head *h, const struct audit_event *event)
{
	char at[TEXT_TIME_SIZE], when[TEXT_TIME_SIZE + 8];

	(void)text_time(at, h->ms / 1000);
	at[19] = '\0'; /* without its Z: milliseconds follow */
	(void)snprintf(when, sizeof(when), "%s.%03dZ", at, (int)(h->ms % 1000));
	add(g, "time", json_string(when));
	add(g, "seq", json_integer((json_int_t)(h->number & INT64_MAX)));
	add(g, "event", json_string(event->event));
	add(g, "host", json_string(h->host));
	add(g, "instance", json_string(h->instance));
	add(g, "process", json_string(h->process[0] == '\0' ? "monitor" : h->process));
	if (event->flag != NULL)
		add(g, event->flag, json_boolean(event->value));
}

/* 0: out of memory, or more than `max` bytes. */
static size_t
render(const struct json_head *h, const struct audit_event *event, const struct logrecord *r,
    size_t value_max, size_t max, char *dst)
{
	struct growing g = { .o = json_object(), .value_max = value_max };
	size_t n = 0;

	if (g.o == NULL)
		return 0;
	add_head(&g, h, event);
	for (size_t i = 0; i < r->n; i++)
		add_field(&g, &r->fields[i]);
	if (g.escaped != NULL)
		add(&g, "escaped", g.escaped);
	if (g.truncated != NULL)
		add(&g, "truncated", g.truncated);
	n = json_dumpb(g.o, dst, max, JSON_COMPACT);
	json_decref(g.o);
	return n < max ? n : 0;
}

size_t
json_record(const struct json_head *h, const struct audit_event *event, const struct logrecord *r,
    size_t max, char dst[JSON_MAX])
{
	static const size_t limits[] = { LOGLINE_VALUE_MAX, 512, 256, 128, 64, 16 };
	size_t n = 0;

	for (size_t i = 0; n == 0 && i < sizeof(limits) / sizeof(limits[0]); i++)
		n = render(h, event, r, limits[i], max < JSON_MAX ? max : JSON_MAX - 1, dst);
	dst[n] = '\0';
	return n;
}
