/* test_judge.c - times, anchors and sections at their edges; the table; the socket's cookie */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "sshbridge/ident/source.h"
#include "sshbridge/ident/who.h"
#include "tests/unit/sshbridge/ident/ident_help.h"

static const char two_sections[] = "email {user}@corp.example {user} trust=corp\n"
				   "email {user}@corp.example guest trust=lab\n";

static void
certificate_holds_through_its_last_second(void **state)
{
	struct generation *g = make_generation(two_sections);
	struct stage_open a = stage_open(1);
	struct identity *id;
	struct evidence *ev;
	struct accepted acc;
	struct verdict v = { 0 };

	(void)state;
	a.not_before = 1000;
	a.not_after = 2000;
	ev = make_evidence(&a, &id);
	assert_int_equal(-1, judge_paths(g, ev, JUDGE_NEW, 999, &acc, &v));
	assert_non_null(strstr(v.why.text, "not valid before 1970-01-01T00:16:40Z"));
	assert_int_equal(0, judge_paths(g, ev, JUDGE_NEW, 1000, &acc, &v));
	assert_int_equal(0, judge_paths(g, ev, JUDGE_NEW, 2000, &acc, &v));
	assert_int_equal(-1, judge_paths(g, ev, JUDGE_NEW, 2001, &acc, &v));
	assert_non_null(strstr(v.why.text, "expired at 1970-01-01T00:33:20Z"));
	identity_free(id);
	free(ev);
	generation_unref(g);
}

static void
anchor_counts_for_its_own_section_only(void **state)
{
	struct generation *g = make_generation(two_sections);
	struct stage_open a = stage_open(1);
	struct identity *id;
	struct evidence *ev;
	struct accepted acc;
	struct verdict v = { 0 };

	(void)state;
	a.sections[0] = "lab"; /* with the anchor of corp */
	ev = make_evidence(&a, &id);
	assert_int_equal(-1, judge_paths(g, ev, JUDGE_NEW, time(NULL), &acc, &v));
	identity_free(id);
	free(ev);
	a.anchor = 0xb0;
	ev = make_evidence(&a, &id);
	assert_int_equal(0, judge_paths(g, ev, JUDGE_NEW, time(NULL), &acc, &v));
	assert_int_equal(1, acc.n);
	assert_string_equal("lab", acc.names[0]);
	identity_free(id);
	free(ev);
	generation_unref(g);
}

static void
section_that_no_longer_holds_is_dropped_with_its_rules(void **state)
{
	struct generation *g = make_generation(two_sections);
	struct stage_open a = stage_open(1);
	struct identity *id;
	struct evidence *ev;
	struct sockaddr_storage from;
	struct err e;
	char name[IDENTITY_NAME_MAX];
	struct verdict v = { 0 };
	const struct login
	    alice = { .service = "sshd", .account = "alice", .has_uid = true, .uid = 1001 },
	    guest = { .service = "sshd", .account = "guest", .has_uid = true, .uid = 1002 };

	(void)state;
	assert_int_equal(0, addr_parse("192.0.2.7", &from, &e));
	a.sections[0] = "lab"; /* the order of the gate does not count */
	a.sections[1] = "corp";
	ev = make_evidence(&a, &id);
	assert_int_equal(0, judge_open(g, ev, id, &from, time(NULL), name, &v));
	assert_string_equal("corp/email:alice@corp.example", name);
	/* lab's path ends in corp's anchor: only corp holds */
	assert_int_equal(0, judge_who(g, ev, id, &from, &alice, time(NULL), &v));
	assert_int_equal(-1, judge_who(g, ev, id, &from, &guest, time(NULL), &v));
	identity_free(id);
	free(ev);
	generation_unref(g);
}

static void
source_addresses_are_sixteen_of_ones_own(void **state)
{
	struct source s = { .mode = SOURCE_PER_IDENTITY,
		.name = "corp/email:alice@corp.example",
		.port_first = 1,
		.port_last = 2 };
	struct sockaddr_storage to, at, first;
	struct err e;
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_int_equal(0, addr_parse("127.0.0.1", &to, &e));
	s.client = &to;
	assert_int_equal(16, source_address(&s, &to, 0, &first));
	for (unsigned i = 1; i < 16; i++) {
		struct cidr c;

		assert_int_equal(16, source_address(&s, &to, i, &at));
		assert_false(addr_equal(&first, &at));
		assert_int_equal(0, cidr_parse("127.64.0.0/10", &c, &e));
		assert_true(cidr_contains(&c, &at));
		(void)snprintf(text + 40, 30, "%s/28", addr_text(&first, text));
		assert_int_equal(0, cidr_parse(text + 40, &c, &e));
		assert_true(cidr_contains(&c, &at));
	}
	/* elsewhere the system chooses the address */
	assert_int_equal(0, addr_parse("192.0.2.1", &to, &e));
	assert_int_equal(1, source_address(&s, &to, 0, &at));
	assert_string_equal("0.0.0.0", addr_text(&at, text));
	assert_int_equal(0, addr_parse("::1", &to, &e));
	assert_int_equal(1, source_address(&s, &to, 0, &at));
	assert_string_equal("::", addr_text(&at, text));
}

static void
target_port_is_never_the_own_port(void **state)
{
	struct source s = {
		.mode = SOURCE_SYSTEM, .name = "x", .port_first = 20100, .port_last = 20100
	};
	struct sockaddr_storage to, at;
	struct err e = { 0 };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(0, addr_parse("127.0.0.1", &to, &e));
	s.client = &to;
	addr_set_port(&to, 20100);
	assert_int_equal(-1, source_bind(fd, &s, &to, &e));
	assert_non_null(strstr(e.text, "no free port"));
	addr_set_port(&to, 20101);
	assert_int_equal(0, source_bind(fd, &s, &to, &e));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&at, &n));
	assert_int_equal(20100, addr_port(&at));
	close(fd);
}

/* ---- who_judge() in this process ------------------------------------------------------------- */
struct bench {
	struct ident id;
	struct gate gate;
	int listener, fd, far;
	struct conn *conn;
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct err e = { 0 };
	struct tuple t;
	uint16_t port;

	assert_non_null(b);
	assert_int_equal(0, ident_init(&b->id, &e));
	assert_int_equal(0, who_netns(&b->id.netns, &e));
	b->id.gen = make_generation(two_sections);
	b->listener = stage_listener(&port);
	b->fd = socket(AF_INET, SOCK_STREAM, 0);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons(port);
	assert_int_equal(0, connect(b->fd, (struct sockaddr *)&in, sizeof(in)));
	b->far = accept(b->listener, NULL, NULL);
	assert_int_equal(0, tuple_of(b->fd, &t, &e));
	b->conn = add_entry(&b->id, &b->gate, 0, "alice@corp.example", dup(b->fd), &t);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;
	const struct conn_end end = { .why = "over" };

	while (!LIST_EMPTY(&b->gate.conns))
		table_remove(&b->id, LIST_FIRST(&b->gate.conns), &end);
	assert_int_equal(0, b->id.table.n);
	assert_int_equal(0, b->id.table.people.n);
	ident_done(&b->id);
	close(b->fd);
	close(b->far);
	close(b->listener);
	free(b);
	return 0;
}

static const struct question alice = {
	.hook = HOOK_ACCOUNT, .service = "sshd", .account = "alice", .has_uid = 1, .uid = 1001
};

static void
first_socket_that_asks_is_the_only_one(void **state)
{
	struct bench *b = *state;
	struct answer a;

	assert_true(who_judge(&b->id, &alice, b->far, false, time(NULL), &a));
	assert_true(a.yes);
	assert_true(who_judge(&b->id, &alice, b->far, false, time(NULL), &a));
	assert_true(a.yes);
	b->conn->leg.cookie ^= 1; /* as if another socket had asked first */
	assert_true(who_judge(&b->id, &alice, b->far, false, time(NULL), &a));
	assert_false(a.yes);
	assert_int_equal(NO_CAUSE, a.kind);
}

static void
entry_that_ended_grants_nothing(void **state)
{
	struct bench *b = *state;
	struct question session = alice;
	struct answer a;

	session.hook = HOOK_OPEN_SESSION;
	b->conn->leg.target_eof = true;
	assert_true(who_judge(&b->id, &alice, b->far, false, time(NULL), &a));
	assert_false(a.yes);
	assert_true(who_judge(&b->id, &session, b->far, false, time(NULL), &a));
	assert_true(a.yes);
	b->conn->ended = true;
	assert_true(who_judge(&b->id, &session, b->far, false, time(NULL), &a));
	assert_false(a.yes);
	assert_int_equal(NO_CAUSE, a.kind);
}

static void
other_namespace_cookie_is_denied_and_unknown_passed_on(void **state)
{
	struct bench *b = *state;
	struct answer a;

	assert_false(who_judge(&b->id, &alice, b->fd, true, time(NULL), &a));
	assert_true(who_judge(&b->id, &alice, b->fd, false, time(NULL), &a));
	assert_int_equal(NO_EVIDENCE, a.kind);
	b->id.netns ^= 1;
	assert_true(who_judge(&b->id, &alice, b->far, true, time(NULL), &a));
	assert_false(a.yes);
	assert_int_equal(NO_CAUSE, a.kind);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
one_of_ten_thousand_is_found(void **state)
{
	enum { N = 10000, ASKED = 2000 };
	struct bench *b = *state;
	static double us[ASKED];
	struct answer a;
	char email[64];

	for (uint32_t i = 1; i <= N; i++) {
		struct tuple t = entry_tuple(i, &b->conn->leg.tuple.remote);

		(void)snprintf(email, sizeof(email), "user%u@corp.example", i / 8);
		(void)add_entry(&b->id, &b->gate, i, email, -1, &t);
	}
	assert_int_equal(N + 1, b->id.table.nlive);
	for (int i = 0; i < ASKED; i++) {
		struct timespec from, to;

		(void)clock_gettime(CLOCK_MONOTONIC, &from);
		assert_true(who_judge(&b->id, &alice, b->far, false, time(NULL), &a));
		(void)clock_gettime(CLOCK_MONOTONIC, &to);
		assert_true(a.yes);
		us[i] = (double)(to.tv_sec - from.tv_sec) * 1e6 +
			(double)(to.tv_nsec - from.tv_nsec) / 1e3;
	}
	qsort(us, ASKED, sizeof(us[0]), compare);
	print_message("# note: WHO among %d entries: median %.1f us, p99 %.1f us\n", N,
	    us[ASKED / 2], us[ASKED * 99 / 100]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificate_holds_through_its_last_second),
		cmocka_unit_test(anchor_counts_for_its_own_section_only),
		cmocka_unit_test(section_that_no_longer_holds_is_dropped_with_its_rules),
		cmocka_unit_test(source_addresses_are_sixteen_of_ones_own),
		cmocka_unit_test(target_port_is_never_the_own_port),
		cmocka_unit_test_setup_teardown(
		    first_socket_that_asks_is_the_only_one, setup, teardown),
		cmocka_unit_test_setup_teardown(entry_that_ended_grants_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    other_namespace_cookie_is_denied_and_unknown_passed_on, setup, teardown),
		cmocka_unit_test_setup_teardown(one_of_ten_thousand_is_found, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
