/*
 * fuzz_record.c - any bytes as an AUDIT: what is taken becomes one line of the log, and one object
 *
 * Input: a byte that says who sends it and how long the object may be, then the message.
 */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "sshbridge/log/log.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Nothing in it steers a terminal or begins another line. */
static void
check_shown(const char *text)
{
	size_t n = strlen(text);
	char *copy = strdup(text);

	assert(copy != NULL);
	text_clean(copy);
	assert(memcmp(copy, text, n) == 0);
	free(copy);
}

static void
check_json(const struct audit *a, size_t max)
{
	const struct json_head h = { .number = a->number,
		.ms = 1763937531042,
		.host = "bastion",
		.instance = "0123456789abcdef",
		.process = "ident" };
	char json[JSON_MAX];
	size_t n = json_record(&h, a->event, &a->record, max, json);
	json_t *o;

	assert(n > 0 && n < max && strlen(json) == n);
	check_shown(json);
	assert((o = json_loads(json, JSON_REJECT_DUPLICATES, NULL)) != NULL);
	assert(json_is_string(json_object_get(o, "event")));
	assert(json_is_integer(json_object_get(o, "seq")));
	json_decref(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum audit_sender senders[] = { AUDIT_GATE, AUDIT_IDENT, AUDIT_MONITOR };
	char text[LOGLINE_TEXT_MAX];
	struct audit a;
	struct msg_in m;
	struct err e = { 0 };

	if (n < 1 || msg_parse(&m, data + 1, n - 1, &e) == -1)
		return 0;
	if (audit_get(&m, senders[data[0] % 3], &a, &e) == -1) {
		assert(e.kind == ERR_PEER && e.text[0] != '\0');
		return 0;
	}
	assert(logrecord_text(&a.record, text) == text && strlen(text) < sizeof(text));
	if (a.record.say == NULL || memchr(a.record.say->p, 0, a.record.say->n) == NULL)
		check_shown(text);
	check_json(&a, (data[0] & 0x80) != 0 ? JSON_PIPE_MAX : JSON_MAX);
	return 0;
}
