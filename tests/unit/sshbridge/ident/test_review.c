/* test_review.c - ten thousand connections judged again: who is cut, how soon, and who waits */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "msgio.h"
#include "sshbridge/ident/grant.h"
#include "sshbridge/ident/who.h"
#include "tests/unit/sshbridge/ident/ident_help.h"

enum { MANY = 10000, SAMPLES = 100000 };

static const char map_all[] = "email {user}@corp.example {user} trust=corp\n";
/* users 0 to 4 of each ten are gone */
static const char map_half[] = "email /(?<user>user[0-9]*[5-9])@corp\\.example/ {user} trust=corp\n"
			       "email alice@corp.example alice trust=corp\n";
static const char map_none[] = "email alice@corp.example alice trust=corp\n";

/* The wall clock as the test sets it, for this program and its event loop. */
static int64_t clock_offset;

int
clock_gettime(clockid_t which, struct timespec *ts)
{
	int r = (int)syscall(SYS_clock_gettime, which, ts);

	if (which == CLOCK_REALTIME)
		ts->tv_sec += clock_offset;
	return r;
}

/* alice's connection is real, so that WHO can be asked about it; the others are entries only. */
struct bench {
	struct ident id;
	struct gate *gate;
	int gate_end, monitor_end, listener, fd, far;
	struct conn *alice;
	struct conn *many[MANY];
	bool cut[MANY + 1]; /* CUT came, by number; alice's is MANY */
	size_t ncut;
};

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct err e = { 0 };
	struct tuple t;
	uint16_t port;
	int pair[2];

	assert_non_null(b);
	clock_offset = 0;
	assert_int_equal(0, ident_init(&b->id, &e));
	assert_int_equal(0, who_netns(&b->id.netns, &e));
	b->id.gen = make_generation(map_all);
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	assert_int_equal(0, ident_start(&b->id, pair[0], &e)); /* nobody reads the log */
	b->monitor_end = pair[1];
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	assert_int_equal(0, fcntl(pair[1], F_SETFL, O_RDWR | O_NONBLOCK));
	assert_int_equal(0, gates_add(&b->id, 0, pair[0], &e));
	b->gate = LIST_FIRST(&b->id.gates);
	b->gate_end = pair[1];
	b->listener = stage_listener(&port);
	b->fd = socket(AF_INET, SOCK_STREAM, 0);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons(port);
	assert_int_equal(0, connect(b->fd, (struct sockaddr *)&in, sizeof(in)));
	b->far = accept(b->listener, NULL, NULL);
	assert_int_equal(0, tuple_of(b->fd, &t, &e));
	b->alice = add_entry(&b->id, b->gate, MANY, "alice@corp.example", dup(b->fd), &t);
	review_judged(&b->id, b->alice, ident_now());
	*state = b;
	return 0;
}

/* user0 to user9999, each logged in. */
static void
add_many(struct bench *b)
{
	char email[64], account[32];
	struct err e;

	for (uint32_t i = 0; i < MANY; i++) {
		struct tuple t = entry_tuple(i, &b->alice->leg.tuple.remote);
		const struct login l = {
			.service = "sshd", .account = account, .has_uid = true, .uid = 1001
		};
		struct id_value value = { .field = ID_EMAIL, .data = (uint8_t *)email };
		struct verdict v = { .value = &value, .section = "corp" };

		value.len = (size_t)snprintf(email, sizeof(email), "user%u@corp.example", i);
		(void)snprintf(account, sizeof(account), "user%u", i);
		b->many[i] = add_entry(&b->id, b->gate, i, email, -1, &t);
		assert_int_equal(0, grant_keep(b->many[i], &l, &v, false, &e));
		review_judged(&b->id, b->many[i], ident_now());
	}
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	ident_done(&b->id);
	close(b->gate_end);
	close(b->monitor_end);
	close(b->fd);
	close(b->far);
	close(b->listener);
	free(b);
	return 0;
}

/* What the gate was told until now. */
static void
read_cuts(struct bench *b)
{
	uint8_t buf[1024];
	int fds[MSG_FDS_MAX];
	size_t nfds;
	ssize_t n;
	struct err e;
	struct msg_in m;
	uint32_t number;

	for (;;) {
		if ((n = msgio_recv(b->gate_end, buf, sizeof(buf), fds, &nfds, &e)) <= 0)
			return;
		assert_int_equal(0, msg_parse(&m, buf, (size_t)n, &e));
		assert_int_equal(MSG_CUT, m.type);
		assert_int_equal(0, msg_get_u32(&m, &number));
		assert_in_range(number, 0, MANY);
		assert_false(b->cut[number]);
		b->cut[number] = true;
		b->ncut++;
	}
}

/* What is ready, once: as much as keeps a question waiting. */
static void
turn(struct bench *b)
{
	b->gate->silent = 0; /* it closes nothing here, and is not what is tried */
	(void)event_base_loop(b->id.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static bool
reviewing(const struct bench *b)
{
	return b->id.review.reason[0] != '\0';
}

static double
us_since(int64_t from)
{
	return (double)(ident_nanoseconds() - from) / 1e3;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of this thread: others on the machine are no fault of ours. */
static double
cpu_us(void)
{
	struct timespec ts;

	assert_int_equal(0, clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts));
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* As a PAM module sees it: whatever the loop does first, then the answer. In CPU time. */
static double
ask(struct bench *b)
{
	static const struct question q = { .hook = HOOK_ACCOUNT,
		.service = "sshd",
		.account = "alice",
		.has_uid = 1,
		.uid = 1001 };
	double from = cpu_us();
	struct answer a;

	turn(b);
	assert_true(who_judge(&b->id, &q, b->far, false, ident_now(), &a));
	assert_true(a.yes);
	return cpu_us() - from;
}

static void
swap_map(struct bench *b, const char *map)
{
	generation_unref(b->id.gen);
	b->id.gen = make_generation(map);
	review_start(&b->id, "a test");
}

static void
note(const char *what, double *us, size_t n)
{
	qsort(us, n, sizeof(us[0]), compare);
	print_message(
	    "# note: WHO %s: %zu asked, CPU median %.0f us, p99 %.0f us, longest %.0f us\n", what,
	    n, us[n / 2], us[n * 99 / 100], us[n - 1]);
}

static void
half_of_ten_thousand_are_cut_while_who_is_answered(void **state)
{
	struct bench *b = *state;
	double *us = calloc(SAMPLES, sizeof(*us));
	int64_t from;
	size_t n = 0;

	assert_non_null(us);
	add_many(b);
	/* one pass in which nobody is cut */
	from = ident_nanoseconds();
	for (swap_map(b, map_all); reviewing(b) && n < SAMPLES;)
		us[n++] = ask(b);
	print_message("# note: %d connections reviewed in %.0f ms\n", MANY, us_since(from) / 1e3);
	note("during a review", us, n);
	read_cuts(b);
	assert_int_equal(0, b->ncut);

	from = ident_nanoseconds();
	n = 0;
	for (swap_map(b, map_half); reviewing(b) && n < SAMPLES;) {
		us[n++] = ask(b);
		read_cuts(b);
	}
	print_message("# note: half of %d cut in %.0f ms\n", MANY, us_since(from) / 1e3);
	note("while half are cut", us, n);
	while (b->ncut < MANY / 2) {
		turn(b);
		read_cuts(b);
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(i % 10 < 5, b->cut[i]);
		assert_int_equal(i % 10 < 5 ? CUT_MAP : CUT_NOT, b->many[i]->cut);
		assert_int_equal(i % 10 < 5, b->many[i]->ended);
	}
	assert_false(b->cut[MANY]);
	free(us);
}

/* More than fits into the gate's queue: each is told all the same, once, and the gate is kept. */
static void
ten_thousand_cuts_wait_for_a_slow_gate(void **state)
{
	struct bench *b = *state;

	add_many(b);
	for (swap_map(b, map_none); reviewing(b);)
		turn(b);
	for (int i = 0; i < MANY; i++)
		assert_true(b->many[i]->ended);
	assert_false(TAILQ_EMPTY(&b->gate->cuts));
	/* one of those that wait is closed by the gate meanwhile */
	struct conn *c = TAILQ_LAST(&b->gate->cuts, conn_queue);
	const struct conn_end end = { .why = "client left" };

	table_remove(&b->id, c, &end);
	while (b->ncut < MANY - 1) {
		read_cuts(b);
		turn(b);
	}
	assert_true(TAILQ_EMPTY(&b->gate->cuts));
	assert_int_equal(MANY - 1, b->gate->ncut);
	assert_false(b->cut[MANY]);
	(void)ask(b);
}

static void
changes_that_never_end_starve_nobody(void **state)
{
	struct bench *b = *state;
	int64_t until = ident_nanoseconds() + 60LL * 1000000000;

	add_many(b);
	/* a new one begins after each slice */
	generation_unref(b->id.gen);
	b->id.gen = make_generation(map_none);
	while (b->id.review.cut < MANY && ident_nanoseconds() < until) {
		uint64_t cut = b->id.review.cut;

		review_start(&b->id, "a flood");
		b->id.review.cut = cut;
		turn(b);
	}
	for (int i = 0; i < MANY; i++)
		assert_int_equal(CUT_MAP, b->many[i]->cut);
	assert_int_equal(CUT_NOT, b->alice->cut);
}

/* Run the loop until the tick has looked at everybody. */
static void
next_second(struct bench *b)
{
	uint64_t pass = b->id.review.pass;

	while (b->id.review.pass == pass)
		(void)event_base_loop(b->id.base, EVLOOP_ONCE);
	for (int i = 0; i < 50; i++)
		turn(b);
}

static void
clock_that_is_set_is_seen(void **state)
{
	struct bench *b = *state;
	struct tuple t = entry_tuple(1, &b->alice->leg.tuple.remote);
	struct conn *bob = add_entry(&b->id, b->gate, 1, "bob@corp.example", -1, &t);

	/* bob's holds for longer */
	bob->evidence->paths[0].not_after += 100000;
	bob->evidence->paths[0].not_before -= 100000;
	review_judged(&b->id, bob, ident_now());
	next_second(b);
	assert_int_equal(CUT_NOT, b->alice->cut);
	clock_offset = 1500; /* past alice's end */
	next_second(b);
	assert_int_equal(CUT_EXPIRED, b->alice->cut);
	assert_int_equal(CUT_NOT, bob->cut);
	clock_offset = -1500; /* before her certificate began: bob's has */
	next_second(b);
	assert_int_equal(CUT_NOT, bob->cut);
	clock_offset = -200000;
	next_second(b);
	assert_int_equal(CUT_EXPIRED, bob->cut);
}

static void
glance_at_the_times_decodes_nothing(void **state)
{
	struct bench *b = *state;
	double us[64];
	size_t n = 0;

	add_many(b);
	next_second(b);
	/* were any of them judged, it would not hold by this map */
	generation_unref(b->id.gen);
	b->id.gen = make_generation(map_none);
	next_second(b);
	assert_int_equal(0, b->id.review.cut);
	for (uint64_t pass = b->id.review.pass; n < 64;) {
		us[n] = ask(b);
		n += b->id.review.pass != pass;
	}
	note("while the times are looked at", us, n);
}

/* ---- a generation that is not in force yet --------------------------------------------------- */
static void
count_of_ten_thousand_stalls_nobody(void **state)
{
	struct bench *b = *state;
	struct generation *old = b->id.gen;
	double *us = calloc(SAMPLES, sizeof(*us));
	size_t n = 0;
	int64_t from;

	assert_non_null(us);
	add_many(b);
	from = ident_nanoseconds();
	candidate_offer(&b->id, make_generation(map_none), false);
	while (b->id.candidate.gen != NULL && n < SAMPLES)
		us[n++] = ask(b);
	print_message("# note: %d connections counted in %.0f ms\n", MANY, us_since(from) / 1e3);
	note("during a count", us, n);
	assert_ptr_equal(old, b->id.gen);
	assert_int_equal(MANY + 1, b->id.candidate.live);
	assert_int_equal(MANY, b->id.candidate.lost);
	/* exactly half is not more than half */
	candidate_offer(&b->id, make_generation(map_half), false);
	while (b->id.candidate.gen != NULL)
		turn(b);
	assert_int_equal(MANY / 2, b->id.candidate.lost);
	assert_ptr_not_equal(old, b->id.gen);
	free(us);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(half_of_ten_thousand_are_cut_while_who_is_answered),
		TEST(ten_thousand_cuts_wait_for_a_slow_gate),
		TEST(changes_that_never_end_starve_nobody),
		TEST(clock_that_is_set_is_seen),
		TEST(glance_at_the_times_decodes_nothing),
		TEST(count_of_ten_thousand_stalls_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
