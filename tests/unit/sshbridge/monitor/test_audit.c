/* test_audit.c - the monitor numbers records, counts what is lost, and tells it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "msgio.h"
#include "sshbridge/monitor/monitor.h"

static struct monitor m;
static struct generation current;
static struct conf conf;
static char to[] = "stderr";
static int log_end, ident_end;

static int
no_message(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	(void)arg, (void)buf, (void)n, (void)fds, (void)nfds, (void)e;
	return 0;
}

static void
no_end(void *arg, const struct err *why)
{
	(void)arg, (void)why;
}

/* A kid that is up, whose end the test has. */
static int
up(struct kid *k, enum kid_kind kind, size_t room)
{
	int pair[2];
	struct err e;

	kid_init(&m, k, kind, 0);
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	k->q = msgq_new(m.base, pair[0], room, no_message, no_end, k, &e);
	assert_non_null(k->q);
	k->state = KID_UP;
	k->first_record = m.trail.number + 1;
	return pair[1];
}

static int
setup(void **state)
{
	struct err e;

	(void)state;
	memset(&m, 0, sizeof(m));
	m.mode = MODE_RUN;
	assert_non_null(m.base = event_base_new());
	assert_int_equal(0, audit_init(&m, &e));
	conf = (struct conf){ .log = to, .audit_to = to };
	current = (struct generation){ .number = 1, .conf = &conf };
	m.current = &current;
	log_end = up(&m.log, KID_LOG, 1 << 20);
	ident_end = up(&m.ident, KID_IDENT, 1 << 20);
	kid_init(&m, &m.gates[0], KID_GATE, 0);
	logging_open(&m);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	kid_end(&m.log);
	kid_end(&m.ident);
	event_base_free(m.base);
	close(log_end);
	close(ident_end);
	return 0;
}

static int
from(struct kid *k, const char *word, uint64_t number, uint64_t lost)
{
	uint8_t buf[AUDIT_MESSAGE_MAX];
	struct logline l;
	struct msg_out o;
	struct msg_in in;
	struct err e;

	logline_start(&l, word);
	logline_str(&l, "why", "x");
	assert_true(audit_write(&o, buf, CHILD_NOTICE, &l, number, lost));
	assert_int_equal(0, msg_parse(&in, buf, o.len, &e));
	return audit_on_audit(k, &in, NULL, 0, &e);
}

static int
settled(uint64_t number, uint64_t child, bool ok)
{
	uint8_t buf[256];
	struct msg_out o;
	struct msg_in in;
	struct err e;

	msg_start(&o, buf, sizeof(buf), MSG_AUDITED, 0);
	msg_put_u64(&o, number);
	msg_put_u64(&o, child);
	msg_put_u32(&o, ok);
	msg_put_str(&o, ok ? "" : "full");
	assert_int_equal(0, msg_parse(&in, buf, o.len, &e));
	return audit_on_audited(&m.log, &in, NULL, 0, &e);
}

/* The next AUDIT at the log process' end: its number, its event and its count. False: none. */
struct seen {
	uint64_t number, child, count;
	uint32_t level;
	char event[LOGLINE_WORD_MAX], process[16];
};

static bool
next(struct seen *s)
{
	static uint8_t buf[MSG_MAX];
	int fds[MSG_FDS_MAX];
	size_t nfds;
	struct logrecord r;
	const struct logfield *f;
	struct msg_in in;
	struct err e;
	uint64_t ms;
	ssize_t n;
	char byte;

	while (recv(log_end, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
		n = msgio_recv(log_end, buf, sizeof(buf), fds, &nfds, &e);
		assert_true(n > 0);
		while (nfds > 0)
			close(fds[--nfds]);
		assert_int_equal(0, msg_parse(&in, buf, (size_t)n, &e));
		if (in.type != MSG_AUDIT)
			continue; /* a line, PEER, TRAIL */
		assert_int_equal(0, msg_get_u32(&in, &s->level));
		assert_int_equal(0, msg_get_u64(&in, &s->number));
		assert_int_equal(0, msg_get_u64(&in, &ms));
		assert_int_equal(0, msg_get_u64(&in, &s->child));
		assert_int_equal(0, msg_get_str(&in, s->process, sizeof(s->process)));
		assert_int_equal(0, logrecord_get(&in, &r, &e));
		memcpy(s->event, r.event, sizeof(s->event));
		f = logrecord_find(&r, "count");
		s->count = f == NULL ? 0 : f->number;
		return true;
	}
	return false;
}

/* What ident is told: 1 written, 0 not; -1 nothing. */
static int
told(uint64_t number)
{
	static uint8_t buf[MSG_MAX];
	int fds[MSG_FDS_MAX];
	size_t nfds;
	struct msg_in in;
	struct err e;
	uint64_t n;
	uint32_t ok;
	char byte;
	ssize_t len;

	if (recv(ident_end, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
		return -1;
	len = msgio_recv(ident_end, buf, sizeof(buf), fds, &nfds, &e);
	assert_true(len > 0);
	assert_int_equal(0, msg_parse(&in, buf, (size_t)len, &e));
	assert_int_equal(MSG_AUDITED, in.type);
	assert_int_equal(0, msg_get_u64(&in, &n));
	assert_int_equal(0, msg_get_u32(&in, &ok));
	assert_int_equal(0, msg_end(&in, &e));
	assert_int_equal(number, n);
	return (int)ok;
}

static void
records_are_numbered_and_answered(void **state)
{
	struct seen s;

	(void)state;
	assert_int_equal(0, from(&m.ident, "opened", 11, 0));
	assert_int_equal(0, from(&m.gates[0], "refused", 0, 0));
	assert_true(next(&s) && s.number == 1 && s.child == 11);
	assert_string_equal("ident", s.process);
	assert_true(next(&s) && s.number == 2 && s.child == 0);
	assert_string_equal("gate-0", s.process);
	assert_int_equal(-1, told(11));
	assert_int_equal(0, settled(1, 11, true));
	assert_int_equal(1, told(11));
	assert_int_equal(0, settled(2, 0, true));
	assert_int_equal(-1, told(0));
	assert_int_equal(0, m.trail.lost);
	/* nothing is owed any more */
	assert_int_equal(-1, settled(2, 0, true));
}

static void
what_is_not_written_is_told_behind_the_next_that_is(void **state)
{
	struct seen s;

	(void)state;
	assert_int_equal(0, from(&m.ident, "granted", 1, 0));
	assert_int_equal(0, from(&m.ident, "closed", 0, 0));
	assert_int_equal(0, from(&m.ident, "opened", 2, 0));
	while (next(&s))
		;
	assert_int_equal(0, settled(1, 1, false));
	assert_int_equal(0, told(1));
	assert_int_equal(0, settled(2, 0, false));
	assert_false(next(&s));
	assert_int_equal(0, settled(3, 2, true));
	assert_int_equal(1, told(2));
	assert_true(next(&s) && s.number == 4 && s.count == 2 && s.level == AUDIT_NO_LINE);
	assert_string_equal("lost", s.event);
	/* it is not written: its own number is missing too */
	assert_int_equal(0, settled(4, 0, false));
	assert_int_equal(3, m.trail.lost);
	assert_int_equal(0, from(&m.ident, "closed", 0, 0));
	assert_true(next(&s) && s.number == 5);
	assert_int_equal(0, settled(5, 0, true));
	assert_true(next(&s) && s.number == 6 && s.count == 3);
	assert_int_equal(0, settled(6, 0, true));
	assert_int_equal(0, m.trail.lost);
	assert_false(next(&s));
}

static void
losses_on_the_way_here_have_numbers_too(void **state)
{
	struct seen s;

	(void)state;
	assert_int_equal(0, from(&m.gates[0], "refused", 0, 10));
	assert_true(next(&s) && s.number == 11);
	assert_int_equal(0, settled(11, 0, true));
	assert_true(next(&s) && s.number == 12 && s.count == 10);
}

static void
what_the_log_process_had_is_lost_with_it(void **state)
{
	struct seen s;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(0, from(&m.ident, "closed", 0, 0));
	assert_int_equal(0, settled(1, 0, true));
	kid_end(&m.log);
	assert_int_equal(4, m.trail.lost);
	/* without one they are lost at once, and who asks is told */
	assert_int_equal(0, from(&m.ident, "granted", 3, 0));
	assert_int_equal(0, told(3));
	assert_int_equal(5, m.trail.lost);
	close(log_end);
	log_end = up(&m.log, KID_LOG, 1 << 20);
	logging_open(&m);
	assert_int_equal(0, from(&m.ident, "closed", 0, 0));
	assert_true(next(&s) && s.number == 7);
	assert_int_equal(0, settled(7, 0, true));
	assert_true(next(&s) && s.number == 8 && s.count == 5);
}

static void
a_log_process_that_does_not_read_costs_records_and_no_time(void **state)
{
	uint64_t sent = 0;
	struct seen s;

	(void)state;
	do {
		assert_int_equal(0, from(&m.ident, "closed", 0, 0));
		sent++;
	} while (m.trail.lost == 0 && sent < 100000);
	assert_int_equal(1, m.trail.lost);
	assert_int_equal(sent, m.trail.number);
	assert_int_equal(0, from(&m.ident, "granted", 9, 0));
	assert_int_equal(0, told(9));
	assert_int_equal(2, m.trail.lost);
	while (next(&s))
		(void)event_base_loop(m.base, EVLOOP_NONBLOCK);
}

static void
an_ident_hears_nothing_of_the_one_before_it(void **state)
{
	(void)state;
	assert_int_equal(0, from(&m.ident, "granted", 1, 0));
	kid_end(&m.ident);
	close(ident_end);
	ident_end = up(&m.ident, KID_IDENT, 1 << 20);
	assert_int_equal(0, from(&m.ident, "granted", 1, 0));
	assert_int_equal(0, settled(1, 1, true));
	assert_int_equal(-1, told(1));
	assert_int_equal(0, settled(2, 1, true));
	assert_int_equal(1, told(1));
}

static void
without_a_destination_records_are_lines_only(void **state)
{
	static char nowhere[] = "";
	struct seen s;

	(void)state;
	conf.audit_to = nowhere;
	logging_open(&m);
	assert_int_equal(0, from(&m.ident, "granted", 4, 0));
	assert_true(next(&s) && s.number == 0 && s.level == CHILD_NOTICE);
	assert_int_equal(0, told(4)); /* it asked: nothing was written */
	assert_int_equal(0, m.trail.lost + m.trail.number + m.trail.waiting);
}

static void
a_flood_is_cut_and_counted(void **state)
{
	struct seen s;
	unsigned passed = 0;

	(void)state;
	m.gates[0].lines_second = monitor_now_ms() / 1000;
	m.gates[0].records = 20000 - 1;
	m.gates[0].lines = 2000;
	for (int i = 0; i < 3; i++)
		assert_int_equal(0, from(&m.gates[0], "refused", 0, 0));
	while (next(&s))
		passed++;
	/* a second may have begun meanwhile */
	assert_int_equal(3, passed + m.trail.lost);
	assert_int_equal(3, m.trail.number);
}

static void
what_is_not_its_own_ends_a_child(void **state)
{
	uint8_t buf[AUDIT_MESSAGE_MAX + 16];
	struct logline l;
	struct msg_out o;
	struct msg_in in;
	struct err e;

	(void)state;
	assert_int_equal(-1, from(&m.gates[0], "opened", 0, 0));
	assert_int_equal(-1, from(&m.gates[0], "granted", 0, 0));
	assert_int_equal(-1, from(&m.gates[0], "refused", 5, 0)); /* only ident may ask */
	assert_int_equal(-1, from(&m.ident, "reload", 0, 0));
	assert_int_equal(-1, from(&m.ident, "lost", 0, 0));
	for (int i = 0; i < 3; i++) {
		logline_start(&l, "opened");
		(void)audit_write(&o, buf, i == 2 ? (enum child_level)4 : CHILD_NOTICE, &l, 0, 0);
		o.size = sizeof(buf);
		if (i == 0)
			o.len--;
		if (i == 1)
			msg_put_u32(&o, 1);
		assert_int_equal(0, msg_parse(&in, buf, o.len, &e));
		assert_int_equal(-1, audit_on_audit(&m.ident, &in, NULL, 0, &e));
	}
	assert_int_equal(0, m.trail.number);
}

static void
malformed_audited_ends_the_log_process(void **state)
{
	uint8_t buf[256];
	struct msg_out o;
	struct msg_in in;
	struct err e;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(0, from(&m.ident, "opened", 0, 0));
		msg_start(&o, buf, sizeof(buf), MSG_AUDITED, 0);
		msg_put_u64(&o, (uint64_t)i + 1);
		msg_put_u64(&o, 0);
		if (i > 0)
			msg_put_u32(&o, 1);
		if (i > 1) {
			msg_put_str(&o, "");
			msg_put_u32(&o, 1);
		}
		assert_int_equal(0, msg_parse(&in, buf, o.len, &e));
		assert_int_equal(-1, audit_on_audited(&m.log, &in, NULL, 0, &e));
	}
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(records_are_numbered_and_answered),
		CASE(what_is_not_written_is_told_behind_the_next_that_is),
		CASE(losses_on_the_way_here_have_numbers_too),
		CASE(what_the_log_process_had_is_lost_with_it),
		CASE(a_log_process_that_does_not_read_costs_records_and_no_time),
		CASE(an_ident_hears_nothing_of_the_one_before_it),
		CASE(without_a_destination_records_are_lines_only),
		CASE(a_flood_is_cut_and_counted),
		CASE(what_is_not_its_own_ends_a_child),
		CASE(malformed_audited_ends_the_log_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
