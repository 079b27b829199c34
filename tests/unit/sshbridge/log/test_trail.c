/* test_trail.c - the log process: records become lines and objects, and each is answered */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"
#include "sshbridge/log/log.h"
#include "tests/unit/help/stage.h"

/* ---- one record as an object ----------------------------------------------------------------- */

static struct logline l;
static char json[JSON_MAX];

static json_t *
render(size_t max)
{
	const struct json_head h = { .number = 7,
		.ms = 1763937531042,
		.host = "bastion",
		.instance = "0123456789abcdef",
		.process = "gate-3" };
	static struct logrecord r;
	struct msg_in m;
	struct err e;
	json_t *o;
	size_t n;

	assert_int_equal(0, msg_parse(&m, l.buf, l.len, &e));
	assert_int_equal(0, logrecord_get(&m, &r, &e));
	n = json_record(&h, audit_event(r.event), &r, max, json);
	assert_true(n > 0 && n < max && strlen(json) == n);
	for (size_t i = 0; i < n; i++)
		assert_true((uint8_t)json[i] >= 0x20 && json[i] != 0x7f);
	assert_non_null(o = json_loads(json, JSON_REJECT_DUPLICATES, NULL));
	return o;
}

static void
has(json_t *o, const char *name, const char *want)
{
	const char *got = json_string_value(json_object_get(o, name));

	if (got == NULL || strcmp(got, want) != 0)
		fail_msg("%s: %s, not %s, in %s", name, got, want, json);
}

static void
a_record_has_its_head_and_its_members(void **state)
{
	json_t *o;

	(void)state;
	logline_start(&l, "refused");
	logline_str(&l, "conn", "00000000000000ff");
	logline_str(&l, "from", "[2001:db8::1]:4711");
	logline_str(&l, "peer", "192.0.2.1:22");
	logline_str(&l, "sections", "corp,other");
	logline_u64(&l, "bytes-in", 5000000000);
	logline_str(&l, "code", "3");
	logline_str(&l, "why", "first");
	logline_str(&l, "why", "second");
	o = render(JSON_MAX);
	assert_string_equal(
	    "{\"time\":\"2025-11-23T22:38:51.042Z\",\"seq\":7,"
	    "\"event\":\"handshake-refused\",\"host\":\"bastion\","
	    "\"instance\":\"0123456789abcdef\",\"process\":\"gate-3\","
	    "\"connection\":\"00000000000000ff\",\"address\":\"2001:db8::1\",\"port\":4711,"
	    "\"peer\":\"192.0.2.1\",\"peer_port\":22,\"sections\":[\"corp\",\"other\"],"
	    "\"bytes_in\":5000000000,\"code\":3,\"why\":\"first\"}",
	    json);
	json_decref(o);
}

static void
a_verdict_is_a_member_that_is_true_or_false(void **state)
{
	static const struct {
		const char *word, *event, *flag;
		bool value;
	} rows[] = { { "granted", "pam", "granted", true }, { "denied", "pam", "granted", false },
		{ "reload", "reload", "ok", true }, { "reload-refused", "reload", "ok", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *o;

		logline_start(&l, rows[i].word);
		logline_say(&l, "a sentence");
		o = render(JSON_MAX);
		has(o, "event", rows[i].event);
		assert_int_equal(rows[i].value, json_is_true(json_object_get(o, rows[i].flag)));
		assert_null(strstr(json, "sentence"));
		json_decref(o);
	}
}

static void
a_value_stays_one_value(void **state)
{
	static const struct {
		const char *in, *out;
		bool escaped;
	} rows[] = {
		{ "plain \"quoted\" back\\slash", "plain \"quoted\" back\\slash", false },
		{ "\",\"granted\":true,\"x\":\"", "\",\"granted\":true,\"x\":\"", false },
		{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb8",
		    "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb8", false },
		{ "a\nb", "a\\x0ab", true },
		{ "a\n\"\\", "a\\x0a\\\"\\\\", true },
		{ "\x1b[2J", "\\x1b[2J", true },
		{ "\xc2\x9b", "\\xc2\\x9b", true },
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae", true },
		{ "\xff", "\\xff", true },
		{ "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *o, *names;

		logline_start(&l, "denied");
		logline_str(&l, "account", rows[i].in);
		o = render(JSON_MAX);
		has(o, "account", rows[i].out);
		names = json_object_get(o, "escaped");
		assert_int_equal(rows[i].escaped, names != NULL);
		if (names != NULL)
			assert_string_equal("account", json_string_value(json_array_get(names, 0)));
		json_decref(o);
	}
	logline_start(&l, "denied");
	logline_bytes(&l, "account", "a\0b", 3);
	json_decref(render(JSON_MAX));
	assert_non_null(strstr(json, "a\\\\x00b"));
}

static void
the_worst_record_fits_and_says_what_was_cut(void **state)
{
	char value[2000], key[LOGLINE_WORD_MAX];

	(void)state;
	for (int bad = 0; bad < 2; bad++) {
		json_t *o;

		memset(value, bad ? 0x1b : '"', sizeof(value));
		logline_start(&l, "denied");
		for (int i = 0; i < LOGLINE_FIELDS_MAX; i++) {
			(void)snprintf(key, sizeof(key), "k%030d", i);
			logline_bytes(&l, key, value, i < 7 ? sizeof(value) : 30);
		}
		o = render(JSON_PIPE_MAX);
		assert_non_null(strstr(json, "...\""));
		assert_true(json_array_size(json_object_get(o, "truncated")) >= 7);
		json_decref(o);
		json_decref(render(JSON_MAX));
	}
}

/* ---- the process ----------------------------------------------------------------------------- */

static void
put_trail(struct msg_out *o, uint8_t *buf, uint32_t dest)
{
	msg_start(o, buf, 256, MSG_TRAIL, 0);
	msg_put_u32(o, dest);
	msg_put_u32(o, 42);
	msg_put_u32(o, 0);
	msg_put_str(o, "0123456789abcdef");
}

static void
put_audit(struct msg_out *o, uint8_t *buf, uint32_t level, uint64_t number, uint64_t child)
{
	logline_start(&l, "opened");
	logline_str(&l, "target", "login");
	msg_start(o, buf, AUDIT_MESSAGE_MAX, MSG_AUDIT, 0);
	msg_put_u32(o, level);
	msg_put_u64(o, number);
	msg_put_u64(o, 1763937531042);
	msg_put_u64(o, child);
	msg_put_str(o, "ident");
	logline_put(&l, o);
}

static void
send_trail(struct stage *p, uint32_t dest, int fd)
{
	uint8_t buf[256];
	struct msg_out o;

	put_trail(&o, buf, dest);
	stage_send(p->monitor, &o, &fd, fd == -1 ? 0 : 1);
}

static void
send_audit(struct stage *p, uint32_t level, uint64_t number, uint64_t child)
{
	uint8_t buf[AUDIT_MESSAGE_MAX];
	struct msg_out o;

	put_audit(&o, buf, level, number, child);
	stage_send(p->monitor, &o, NULL, 0);
}

static void
audited(struct stage *p, uint64_t number, uint64_t child, bool written, const char *why)
{
	struct got *g = malloc(sizeof(*g));
	uint64_t n, c;
	uint32_t ok;
	char text[256];
	struct err e;

	assert_non_null(g);
	stage_expect(p->monitor, g, MSG_AUDITED);
	assert_int_equal(0, msg_get_u64(&g->m, &n));
	assert_int_equal(0, msg_get_u64(&g->m, &c));
	assert_int_equal(0, msg_get_u32(&g->m, &ok));
	assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_int_equal(number, n);
	assert_int_equal(child, c);
	assert_int_equal(written, ok);
	assert_non_null(strstr(text, why));
	free(g);
}

static char *
content(int fd)
{
	static char text[65536];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static void
a_record_is_written_and_answered(void **state)
{
	struct stage p;
	int fd = memfd_create("audit", MFD_CLOEXEC), log = memfd_create("log", MFD_CLOEXEC);
	uint8_t buf[64];
	struct msg_out o;
	char *text;

	(void)state;
	stage_start(&p, "log");
	msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
	msg_put_u32(&o, PEER_LOG_TO);
	msg_put_u32(&o, LOGTO_FILE);
	msg_put_u32(&o, 42);
	stage_send(p.monitor, &o, &log, 1);
	send_trail(&p, LOGTO_FILE, fd);
	send_audit(&p, CHILD_NOTICE, 5, 9);
	audited(&p, 5, 9, true, "");
	send_audit(&p, AUDIT_NO_LINE, 6, 0);
	audited(&p, 6, 0, true, "");
	send_audit(&p, CHILD_NOTICE, 0, 0); /* a line only: no answer */
	send_audit(&p, AUDIT_NO_LINE, 7, 0);
	audited(&p, 7, 0, true, "");
	stage_end(&p);
	text = content(fd);
	assert_non_null(strstr(text, "\"seq\":5,\"event\":\"opened\""));
	assert_non_null(strstr(text, "\"target\":\"login\"}\n{\"time\":"));
	assert_non_null(strstr(text, "\"seq\":7"));
	assert_string_equal("2025-11-23T22:38:51.042Z sshbridge[42]: ident: opened target=login\n"
			    "2025-11-23T22:38:51.042Z sshbridge[42]: ident: opened target=login\n",
	    content(log));
	close(fd);
	close(log);
}

static void
without_a_destination_it_is_not_written_and_that_is_said(void **state)
{
	struct stage p;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	stage_start(&p, "log");
	send_trail(&p, LOGTO_FILE, fd);
	send_audit(&p, AUDIT_NO_LINE, 1, 4);
	audited(&p, 1, 4, false, "the audit log cannot be written: No space left");
	send_trail(&p, LOGTO_NONE, -1);
	stage_end(&p);
	close(fd);
}

static void
what_the_queue_does_not_take_is_answered_at_once(void **state)
{
	struct stage p;
	int pipefd[2];
	uint64_t n = 0, written = 0;
	struct got *g = malloc(sizeof(*g));
	uint32_t ok = 1;

	(void)state;
	assert_non_null(g);
	assert_int_equal(0, pipe2(pipefd, O_CLOEXEC));
	stage_start(&p, "log");
	send_trail(&p, LOGTO_STREAM, pipefd[1]);
	while (ok == 1) { /* the pipe's records are written, the queue's wait, one is too many */
		uint64_t number, child;

		send_audit(&p, AUDIT_NO_LINE, ++n, 0);
		while (recv(p.monitor, g->buf, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && ok == 1) {
			stage_expect(p.monitor, g, MSG_AUDITED);
			assert_int_equal(0, msg_get_u64(&g->m, &number));
			assert_int_equal(0, msg_get_u64(&g->m, &child));
			assert_int_equal(0, msg_get_u32(&g->m, &ok));
			written += ok;
		}
	}
	assert_true(written > 100 && n - written > LOG_QUEUE_MAX / 400);
	close(pipefd[0]); /* what waits cannot be written any more */
	close(pipefd[1]);
	free(g);
	stage_end(&p);
}

/* Each message short, long, with too many descriptors, and with a value that is none. */
static void
a_monitor_that_breaks_the_protocol_ends_it(void **state)
{
	uint8_t buf[AUDIT_MESSAGE_MAX + 16];
	struct msg_out o;

	(void)state;
	for (int i = 0; i < 12; i++) {
		struct stage p;
		int fds[2] = { dup(0), dup(0) };
		size_t nfds = i < 6 ? 0 : 1;

		stage_start(&p, "log");
		if (i < 6)
			put_audit(&o, buf, i == 0 ? 5 : 2, 1, 0);
		else
			put_trail(&o, buf, i == 6 ? 5 : i == 7 ? LOGTO_NONE : LOGTO_FILE);
		if (i == 1 || i == 8) /* short */
			o.len--;
		if (i == 2 || i == 9) /* long */
			msg_put_u32(&o, 0);
		if (i == 3)
			nfds = 1;
		if (i == 4) /* a header and nothing else */
			o.len = MSG_HEADER;
		if (i == 5) /* AUDITED is not for it */
			msg_start(&o, buf, sizeof(buf), MSG_AUDITED, 0);
		if (i == 10)
			nfds = 2;
		if (i == 11)
			nfds = 0;
		stage_send(p.monitor, &o, fds, nfds);
		assert_int_equal(0, stage_wait(&p));
		close(fds[0]);
		close(fds[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_has_its_head_and_its_members),
		cmocka_unit_test(a_verdict_is_a_member_that_is_true_or_false),
		cmocka_unit_test(a_value_stays_one_value),
		cmocka_unit_test(the_worst_record_fits_and_says_what_was_cut),
		cmocka_unit_test(a_record_is_written_and_answered),
		cmocka_unit_test(without_a_destination_it_is_not_written_and_that_is_said),
		cmocka_unit_test(what_the_queue_does_not_take_is_answered_at_once),
		cmocka_unit_test(a_monitor_that_breaks_the_protocol_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
