/* ident_help.h - generations, evidence and entries of the table in the test's own process */
#ifndef IDENT_HELP_H
#define IDENT_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sealed.h"
#include "sshbridge/ident/ident.h"
#include "tests/unit/help/stage.h"

/* Sections corp and lab; the anchor 0xa0 belongs to corp, 0xb0 to lab. */
static inline struct generation *
make_generation(const char *map)
{
	static uint8_t text[SETTINGS_BYTES_MAX];
	struct settings s;
	struct records_writer w = { .max = 4096 };
	struct err e = { 0 };
	uint8_t hash[32];
	struct generation_parts p = {
		.settings = text, .map = (const uint8_t *)map, .map_len = strlen(map)
	};
	struct generation *g;

	stage_settings(&s, 22);
	s.nsections = 2;
	s.sections[1] = s.sections[0];
	memcpy(s.sections[1].name, "lab", 4);
	for (uint32_t i = 0; i < 2; i++) {
		memset(hash, i == 0 ? 0xa0 : 0xb0, sizeof(hash));
		assert_int_equal(
		    0, records_add(&w,
			   &(struct record){
			       .kind = RECORD_ANCHOR_SHA256, .section = i, .p = hash, .n = 32 },
			   &e));
	}
	assert_int_equal(0, settings_encode(&s, text, sizeof(text), &p.settings_len, &e));
	p.anchors = w.buf;
	p.anchors_len = w.len;
	g = generation_new(1, &p, &e);
	if (g == NULL)
		fail_msg("%s", e.text);
	records_done(&w);
	return g;
}

/* From the bytes of an OPEN: skip what stands before the sections. */
static inline struct evidence *
make_evidence(const struct stage_open *a, struct identity **id)
{
	uint8_t buf[8192];
	char name[256];
	struct msg_out o;
	struct msg_in m;
	struct sockaddr_storage ss;
	struct err e = { 0 };
	uint32_t v;
	uint64_t q;
	struct evidence *ev;

	stage_open_put(a, &o, buf, sizeof(buf));
	assert_int_equal(0, msg_parse(&m, buf, o.len, &e));
	assert_int_equal(0, msg_get_u32(&m, &v));
	assert_int_equal(0, msg_get_u64(&m, &q));
	assert_int_equal(0, msg_get_str(&m, name, sizeof(name)));
	assert_int_equal(0, addr_get(&m, &ss));
	assert_int_equal(0, addr_get(&m, &ss));
	ev = evidence_get(&m, id, &e);
	assert_non_null(ev);
	return ev;
}

/* A live connection of that address's owner; `fd` is taken over. */
static inline struct conn *
add_entry(struct ident *id, struct gate *g, uint32_t number, const char *email, int fd,
    const struct tuple *t)
{
	struct stage_open a = stage_open(number);
	struct identity *identity;
	struct err e;
	char name[IDENTITY_NAME_MAX];
	struct conn *c;

	a.email = email;
	c = conn_new(&id->table, g, number, make_evidence(&a, &identity), &e);
	assert_non_null(c);
	(void)snprintf(name, sizeof(name), "corp/email:%s", email);
	assert_int_equal(0, table_add(&id->table, c, name, &e));
	table_live(&id->table, c);
	leg_add(&id->table, &c->leg, fd, t);
	identity_free(identity);
	return c;
}

/* The i-th of many pairs of ends, to one target. */
static inline struct tuple
entry_tuple(uint32_t i, const struct endpoint *target)
{
	return (struct tuple){ .local = { .family = 4,
				   .port = (uint16_t)(i % 60000),
				   .addr = { 127, 64, (uint8_t)(i >> 8), (uint8_t)i } },
		.remote = *target };
}

#endif
