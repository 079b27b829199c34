/* idmap_help.h - maps and identities for the tests of the identity map */
#ifndef IDMAP_HELP_H
#define IDMAP_HELP_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dn.h"
#include "idmap.h"

#define MIN_UID 1000

static const char *const one_section[] = { "corp" };
static const char *const two_sections[] = { "corp", "partner" };

/* A map of sections "corp", or "corp" and "partner"; the test fails when it is refused. */
static inline struct idmap *
map_of(const char *text, size_t nsections)
{
	struct idmap_config c = {
		.sections = two_sections, .nsections = nsections, .capture_min_uid = MIN_UID
	};
	struct err e = { 0 };
	struct idmap *m = idmap_parse("map", (const uint8_t *)text, strlen(text), &c, &e);

	if (m == NULL)
		fail_msg("refused: %s", e.text);
	return m;
}

/* The text is refused, and the error begins with `want` ("map:2: pattern: "). */
static inline void
assert_map_error(const char *text, const char *want)
{
	struct idmap_config c = {
		.sections = one_section, .nsections = 1, .capture_min_uid = MIN_UID
	};
	struct err e = { 0 };
	struct idmap *m = idmap_parse("map", (const uint8_t *)text, strlen(text), &c, &e);

	if (m != NULL)
		fail_msg("taken: %s", text);
	assert_int_equal(ERR_FORMAT, e.kind);
	if (strncmp(e.text, want, strlen(want)) != 0)
		fail_msg("%s\n  error: %s\n  wanted: %s...", text, e.text, want);
}

static inline void
id_add(struct identity *id, enum id_field field, const char *value)
{
	static struct dn_writer w;
	struct err e = { 0 };
	int r;

	if (field == ID_SUBJECT || field == ID_ISSUER) {
		assert_int_equal(0, dn_parse(value, &w, &e));
		r = identity_add(id, field, w.buf, w.len, &e);
	} else {
		r = identity_add(id, field, value, strlen(value), &e);
	}
	if (r == -1)
		fail_msg("%s", e.text);
}

/* FIELD, VALUE, FIELD, VALUE, ..., 0 */
static inline struct identity *
id_of(int field, ...)
{
	struct identity *id = identity_new();
	va_list ap;

	assert_non_null(id);
	va_start(ap, field);
	for (int f = field; f != 0; f = va_arg(ap, int))
		id_add(id, (enum id_field)f, va_arg(ap, const char *));
	va_end(ap);
	return id;
}

static inline void
address_set(struct sockaddr_storage *ss, const char *text)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		return;
	}
	assert_int_equal(1, inet_pton(AF_INET6, text, &in6->sin6_addr));
	in6->sin6_family = AF_INET6;
}

/* One question with everything usual: section corp, service sshd, from 192.0.2.1, uid 1001. */
static inline enum idmap_verdict
ask(const struct idmap *m, const struct identity *id, const char *account, unsigned *line)
{
	struct sockaddr_storage from;
	struct idmap_rule_info rule;
	struct idmap_query q = { .id = id,
		.sections = one_section,
		.nsections = 1,
		.from = (struct sockaddr *)&from,
		.account = account,
		.has_uid = true,
		.uid = 1001,
		.service = "sshd" };
	enum idmap_verdict v;

	address_set(&from, "192.0.2.1");
	v = idmap_who(m, &q, &rule);
	if (line != NULL)
		*line = rule.line;
	return v;
}

static inline enum idmap_verdict
ask_open(const struct idmap *m, const struct identity *id)
{
	struct sockaddr_storage from;
	struct idmap_rule_info rule;
	struct idmap_query q = {
		.id = id, .sections = one_section, .nsections = 1, .from = (struct sockaddr *)&from
	};

	address_set(&from, "192.0.2.1");
	return idmap_open(m, &q, &rule);
}

/* One rule, one value, one account. */
static inline void
assert_who(enum idmap_verdict want, const char *map, enum id_field field, const char *value,
    const char *account)
{
	struct idmap *m = map_of(map, 1);
	struct identity *id = id_of((int)field, value, 0);
	enum idmap_verdict v = ask(m, id, account, NULL);

	if (v != want)
		fail_msg("%s  with %s as %s: %s", map, value, account, idmap_verdict_text(v));
	identity_free(id);
	idmap_free(m);
}

#endif
