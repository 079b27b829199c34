/* test_list_many.c - listing and sweeping ten thousand connections holds no login up */
#include "tests/unit/sshbridge/ident/ident_help.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "conninfo.h"
#include "sshbridge/ident/list.h"

enum { MANY = 10000, TURNS_MAX = 100000 };

struct bench {
	struct ident id;
	struct gate gate;
};

static int
setup(void **state)
{
	const struct endpoint target = { .family = 4, .port = 22, .addr = { 127, 0, 0, 1 } };
	struct bench *b = calloc(1, sizeof(*b));
	struct err e;

	assert_non_null(b);
	assert_int_equal(0, ident_init(&b->id, &e));
	b->gate.id = &b->id;
	LIST_INIT(&b->gate.conns);
	TAILQ_INIT(&b->gate.cuts);
	for (uint32_t i = 0; i < MANY; i++) {
		struct tuple t = entry_tuple(i, &target);

		/* one in a hundred has a socket that the kernel is asked about */
		(void)add_entry(&b->id, &b->gate, i, "alice@corp.example",
		    i % 100 == 0 ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1, &t);
	}
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	const struct conn_end end = { .why = NULL };
	struct bench *b = *state;
	struct conn *c;

	while ((c = LIST_FIRST(&b->gate.conns)) != NULL)
		table_remove(&b->id, c, &end);
	ident_done(&b->id);
	free(b);
	return 0;
}

/* CPU time of this process, so that others on the machine do not count. */
static int64_t
cpu_us(void)
{
	struct timespec ts;

	assert_int_equal(0, clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts));
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

struct turns {
	int64_t us[TURNS_MAX];
	size_t n;
};

static int
compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
tell(const char *what, struct turns *t)
{
	qsort(t->us, t->n, sizeof(t->us[0]), compare);
	print_message("# note: %s of %d: %zu turns, CPU median %lld us, p99 %lld us\n", what, MANY,
	    t->n, (long long)t->us[t->n / 2], (long long)t->us[t->n * 99 / 100]);
}

static void
a_page_is_a_short_turn(void **state)
{
	static struct turns t;
	static uint8_t buf[MSG_MAX];
	struct bench *b = *state;
	uint64_t cursor = 0, ignored;
	uint32_t n, older, total = 0;
	struct msg_out o;
	struct msg_in m;
	struct err e;

	do {
		int64_t from = cpu_us();

		msg_start(&o, buf, sizeof(buf), MSG_LIST, 0);
		list_page(&b->id, &cursor, &o);
		t.us[t.n++] = cpu_us() - from;
		assert_int_equal(0, msg_finish(&o, &e));
		assert_int_equal(0, msg_parse(&m, buf, o.len, &e));
		assert_int_equal(0, msg_get_u64(&m, &ignored));
		assert_int_equal(0, msg_get_u32(&m, &older));
		assert_int_equal(0, msg_get_u32(&m, &n));
		assert_true(n <= CONNINFO_PAGE_MAX);
		total += n;
		assert_true(t.n < TURNS_MAX);
	} while (cursor != 0);
	assert_int_equal(MANY, total);
	tell("a page", &t);
}

static void
a_slice_of_a_sweep_is_a_short_turn(void **state)
{
	static struct turns t;
	struct bench *b = *state;
	struct sweep k = { .by = SWEEP_SERIAL, .value = "1a2" };
	bool last;

	do {
		int64_t from = cpu_us();

		last = sweep_step(&b->id, &k);
		t.us[t.n++] = cpu_us() - from;
		assert_true(t.n < TURNS_MAX);
	} while (!last);
	assert_int_equal(0, k.n);
	assert_true(t.n > 100);
	tell("a slice by serial number", &t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_a_short_turn),
		cmocka_unit_test(a_slice_of_a_sweep_is_a_short_turn),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
