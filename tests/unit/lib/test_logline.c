/* test_logline.c - a record: one line whatever is in it, the same on both sides of a message */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "audit.h"

static struct logline l;
static char text[LOGLINE_TEXT_MAX];

static void
read_back(struct logrecord *r)
{
	struct msg_in m;
	struct err e;

	assert_int_equal(0, msg_parse(&m, l.buf, l.len, &e));
	assert_int_equal(0, logrecord_get(&m, r, &e));
}

static void
line_quotes_what_could_forge_a_field(void **state)
{
	(void)state;
	logline_start(&l, "opened");
	logline_str(&l, "user", "alice");
	logline_str(&l, "cn", "x\" rule=9 y");
	logline_str(&l, "none", "");
	logline_u64(&l, "more", 18446744073709551615U);
	logline_fmt(&l, "rule", "map:%u", 3U);
	assert_string_equal("opened user=alice cn=\"x\\\" rule=9 y\" none=\"\" "
			    "more=18446744073709551615 rule=map:3",
	    logline_text(&l, text));
}

static void
line_is_one_line_whatever_is_in_it(void **state)
{
	static const char bad[] = "a\nb\r\033[2J\x9b\xe2\x80\xae\xc2\x85\xff\0z";

	(void)state;
	logline_start(&l, "denied");
	logline_bytes(&l, "account", bad, sizeof(bad) - 1);
	assert_string_equal("denied account=\"a\\x0ab\\x0d\\x1b[2J\\x9b\\xe2\\x80\\xae\\xc2\\x85"
			    "\\xff\\x00z\"",
	    logline_text(&l, text));
}

static void
line_and_record_are_bounded_and_marked(void **state)
{
	char value[3000];
	struct logrecord r;

	(void)state;
	memset(value, 'v', sizeof(value));
	logline_start(&l, "denied");
	for (unsigned i = 0; i < 3 * LOGLINE_FIELDS_MAX; i++)
		logline_bytes(&l, "k", value, sizeof(value));
	assert_true(l.len <= LOGLINE_BYTES && l.n <= LOGLINE_FIELDS_MAX);
	assert_int_equal(LOGLINE_TEXT_MAX - 1, strlen(logline_text(&l, text)));
	assert_non_null(strstr(text, "vvv... k=vvv"));
	read_back(&r);
	assert_int_equal(LOGFIELD_CUT, r.fields[0].kind);
	assert_int_equal(LOGLINE_VALUE_MAX, r.fields[0].n);
	/* the neighbour: just not cut */
	logline_start(&l, "denied");
	logline_bytes(&l, "k", value, LOGLINE_VALUE_MAX);
	read_back(&r);
	assert_int_equal(LOGFIELD_TEXT, r.fields[0].kind);
}

static void
a_value_is_cut_between_characters(void **state)
{
	char value[LOGLINE_VALUE_MAX + 10];
	struct logrecord r;

	(void)state;
	memset(value, 'v', sizeof(value));
	memcpy(value + LOGLINE_VALUE_MAX - 2, "\xe2\x82\xac", 3);
	logline_start(&l, "denied");
	logline_bytes(&l, "k", value, sizeof(value));
	read_back(&r);
	assert_int_equal(LOGLINE_VALUE_MAX - 2, r.fields[0].n);
}

static void
a_sentence_is_the_whole_line(void **state)
{
	struct logrecord r;

	(void)state;
	logline_start(&l, "reload");
	logline_u64(&l, "generation", 3);
	logline_say(&l, "generation %d is \033in force", 3);
	assert_string_equal("generation 3 is ?in force", logline_text(&l, text));
	read_back(&r);
	assert_string_equal("reload", r.event);
	assert_int_equal(3, logrecord_find(&r, "generation")->number);
	assert_null(logrecord_find(&r, "rules"));
}

/* ---- what another process may send ----------------------------------------------------------- */

static uint8_t buf[MSG_MAX];
static struct msg_out o;

static void
begin(const char *event)
{
	msg_start(&o, buf, sizeof(buf), MSG_AUDIT, 0);
	msg_put_str(&o, event);
}

static void
add(uint32_t kind, const char *key, const char *value)
{
	msg_put_u32(&o, kind);
	msg_put_str(&o, key);
	if (kind == LOGFIELD_NUMBER)
		msg_put_u64(&o, 7);
	else
		msg_put_str(&o, value);
}

static int
take(void)
{
	struct logrecord r;
	struct msg_in m;
	struct err e;

	assert_int_equal(0, msg_parse(&m, buf, o.len, &e));
	return logrecord_get(&m, &r, &e);
}

static void
malformed_records_are_refused(void **state)
{
	static const struct {
		const char *event;
		uint32_t kind;
		const char *key, *value;
		int want;
	} rows[] = {
		{ "opened", LOGFIELD_TEXT, "k", "v", 0 },
		{ "opened", LOGFIELD_NUMBER, "k", "", 0 },
		{ "opened", LOGFIELD_SAY, "", "x", 0 },
		{ "", LOGFIELD_TEXT, "k", "v", -1 },
		{ "Opened", LOGFIELD_TEXT, "k", "v", -1 },
		{ "open ed", LOGFIELD_TEXT, "k", "v", -1 },
		{ "opened\n", LOGFIELD_TEXT, "k", "v", -1 },
		{ "opened-opened-opened-opened-open", LOGFIELD_TEXT, "k", "v", -1 },
		{ "opened", 0, "k", "v", -1 },
		{ "opened", 5, "k", "v", -1 },
		{ "opened", LOGFIELD_TEXT, "", "v", -1 },
		{ "opened", LOGFIELD_TEXT, "k=", "v", -1 },
		{ "opened", LOGFIELD_TEXT, "k\"", "v", -1 },
		{ "opened", LOGFIELD_SAY, "k", "v", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(rows[i].event);
		add(rows[i].kind, rows[i].key, rows[i].value);
		if (take() != rows[i].want)
			fail_msg("row %zu", i);
	}
	begin("opened");
	assert_int_equal(0, take());
	add(LOGFIELD_TEXT, "k", "v");
	o.len--;
	assert_int_equal(-1, take());
}

static void
too_many_fields_and_too_long_values_are_refused(void **state)
{
	char value[LOGLINE_VALUE_MAX + 2];

	(void)state;
	begin("opened");
	for (int i = 0; i < LOGLINE_FIELDS_MAX; i++)
		add(LOGFIELD_TEXT, "k", "v");
	assert_int_equal(0, take());
	add(LOGFIELD_TEXT, "k", "v");
	assert_int_equal(-1, take());
	memset(value, 'v', sizeof(value));
	value[LOGLINE_VALUE_MAX] = '\0';
	begin("opened");
	add(LOGFIELD_TEXT, "k", value);
	assert_int_equal(0, take());
	value[LOGLINE_VALUE_MAX] = 'v';
	value[LOGLINE_VALUE_MAX + 1] = '\0';
	begin("opened");
	add(LOGFIELD_TEXT, "k", value);
	assert_int_equal(-1, take());
}

/* ---- AUDIT ----------------------------------------------------------------------------------- */

static int
send_as(const char *word, enum audit_sender sender, struct audit *a)
{
	uint8_t out[AUDIT_MESSAGE_MAX];
	struct msg_out w;
	struct msg_in m;
	struct err e = { 0 };

	logline_start(&l, word);
	logline_str(&l, "why", "x");
	assert_true(audit_write(&w, out, CHILD_NOTICE, &l, 5, 6));
	assert_int_equal(0, msg_finish(&w, &e));
	assert_int_equal(0, msg_parse(&m, out, w.len, &e));
	assert_int_equal(MSG_AUDIT, m.type);
	if (audit_get(&m, sender, a, &e) == -1) {
		assert_int_equal(ERR_PEER, e.kind);
		return -1;
	}
	return 0;
}

static void
a_gate_does_not_get_to_say_that_somebody_logged_in(void **state)
{
	static const char *const idents[] = { "opened", "closed", "granted", "denied", "cut",
		"renewed" };
	static const char *const monitors[] = { "start", "stop", "drain", "reload",
		"reload-refused", "lost" };
	struct audit a;

	(void)state;
	assert_int_equal(0, send_as("refused", AUDIT_GATE, &a));
	assert_string_equal("handshake-refused", a.event->event);
	assert_int_equal(5, a.number);
	assert_int_equal(6, a.lost);
	assert_int_equal(CHILD_NOTICE, a.level);
	for (size_t i = 0; i < sizeof(idents) / sizeof(idents[0]); i++) {
		assert_int_equal(0, send_as(idents[i], AUDIT_IDENT, &a));
		assert_int_equal(-1, send_as(idents[i], AUDIT_GATE, &a));
	}
	for (size_t i = 0; i < sizeof(monitors) / sizeof(monitors[0]); i++) {
		assert_int_equal(-1, send_as(monitors[i], AUDIT_IDENT, &a));
		assert_int_equal(-1, send_as(monitors[i], AUDIT_GATE, &a));
	}
}

static void
any_other_record_is_a_line_of_the_log(void **state)
{
	uint8_t out[AUDIT_MESSAGE_MAX];
	struct msg_out w;
	struct msg_in m;
	struct err e;
	uint32_t level;

	(void)state;
	logline_start(&l, "cannot-accept");
	logline_str(&l, "why", "too many files");
	assert_false(audit_write(&w, out, CHILD_ERROR, &l, 0, 9));
	assert_int_equal(0, msg_parse(&m, out, w.len, &e));
	assert_int_equal(MSG_LOG, m.type);
	assert_int_equal(0, msg_get_u32(&m, &level));
	assert_int_equal(CHILD_ERROR, level);
	assert_int_equal(0, msg_get_str(&m, text, sizeof(text)));
	assert_string_equal("cannot-accept why=\"too many files\"", text);
	assert_int_equal(0, msg_end(&m, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_quotes_what_could_forge_a_field),
		cmocka_unit_test(line_is_one_line_whatever_is_in_it),
		cmocka_unit_test(line_and_record_are_bounded_and_marked),
		cmocka_unit_test(a_value_is_cut_between_characters),
		cmocka_unit_test(a_sentence_is_the_whole_line),
		cmocka_unit_test(malformed_records_are_refused),
		cmocka_unit_test(too_many_fields_and_too_long_values_are_refused),
		cmocka_unit_test(a_gate_does_not_get_to_say_that_somebody_logged_in),
		cmocka_unit_test(any_other_record_is_a_line_of_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
