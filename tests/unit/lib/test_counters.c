/* test_counters.c - connections counted over all gates */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "addr.h"
#include "counters.h"
#include "siphash.h"

struct two {
	struct counters a, b, monitor;
};

static int
two_gates(void **state)
{
	static struct two t;
	struct err e;
	int fd = counters_new(2, &e);

	assert_int_not_equal(-1, fd);
	assert_int_equal(0, counters_map(fd, 2, 0, &t.a, &e));
	assert_int_equal(0, counters_map(fd, 2, 1, &t.b, &e));
	assert_int_equal(0, counters_map(fd, 2, 2, &t.monitor, &e));
	close(fd);
	*state = &t;
	return 0;
}

static int
two_done(void **state)
{
	struct two *t = *state;

	counters_unmap(&t->a);
	counters_unmap(&t->b);
	counters_unmap(&t->monitor);
	return 0;
}

static uint64_t
key_of(const struct counters *c, const char *text)
{
	struct sockaddr_storage ss;
	struct err e;

	assert_int_equal(0, addr_parse(text, &ss, &e));
	return counters_key(c, &ss);
}

static void
the_limit_in_all_holds_over_both_gates(void **state)
{
	struct two *t = *state;

	assert_int_equal(0, counters_add(&t->a, 3));
	assert_int_equal(0, counters_add(&t->b, 3));
	assert_int_equal(0, counters_add(&t->a, 3));
	assert_int_equal(-1, counters_add(&t->a, 3));
	assert_int_equal(-1, counters_add(&t->b, 3));
	assert_int_equal(3, counters_total(&t->monitor));
	counters_drop(&t->b);
	assert_int_equal(0, counters_add(&t->a, 3));
	assert_int_equal(3, counters_total(&t->b));
}

static void
the_limit_of_an_address_holds_over_both_gates_and_for_it_alone(void **state)
{
	struct two *t = *state;
	uint64_t one = key_of(&t->a, "192.0.2.1"), other = key_of(&t->a, "192.0.2.2");

	assert_int_equal(0, counters_add_address(&t->a, one, 2));
	assert_int_equal(0, counters_add_address(&t->b, one, 2));
	assert_int_equal(-1, counters_add_address(&t->a, one, 2));
	assert_int_equal(-1, counters_add_address(&t->b, one, 2));
	assert_int_equal(0, counters_add_address(&t->b, other, 2));
	counters_drop_address(&t->a, one);
	assert_int_equal(1, counters_address(&t->a, one));
	assert_int_equal(0, counters_add_address(&t->b, one, 2));
	assert_int_equal(-1, counters_add_address(&t->b, one, 2));
}

static void
ipv6_addresses_of_one_64_count_together_and_others_apart(void **state)
{
	struct two *t = *state;
	uint64_t one = key_of(&t->a, "2001:db8:1:2::1");

	assert_true(one == key_of(&t->b, "2001:db8:1:2:ffff::9"));
	assert_true(one != key_of(&t->b, "2001:db8:1:3::1"));
	assert_true(key_of(&t->a, "192.0.2.1") == key_of(&t->a, "::ffff:192.0.2.1"));
	assert_true(key_of(&t->a, "192.0.2.1") != key_of(&t->a, "192.0.2.2"));
}

static void
wiping_a_dead_gate_takes_off_its_part_and_no_other(void **state)
{
	struct two *t = *state;
	uint64_t one = key_of(&t->a, "192.0.2.1");

	assert_int_equal(0, counters_add(&t->a, 9));
	assert_int_equal(0, counters_add_address(&t->a, one, 9));
	assert_int_equal(0, counters_add(&t->b, 9));
	assert_int_equal(0, counters_add_address(&t->b, one, 9));
	counters_wipe(t->monitor.mem, 0);
	assert_int_equal(1, counters_total(&t->b));
	assert_int_equal(1, counters_address(&t->b, one));
}

/* Keys that fall into one set: 16 fit, the 17th is refused until one of them is gone. */
static void
a_full_set_refuses_a_newcomer_and_keeps_those_it_knows(void **state)
{
	struct two *t = *state;
	uint64_t step = UINT64_C(1) << 40;

	for (uint64_t i = 0; i < 16; i++)
		assert_int_equal(0, counters_add_address(&t->a, 7 + i * step, 5));
	assert_int_equal(-1, counters_add_address(&t->a, 7 + 16 * step, 5));
	assert_int_equal(0, counters_add_address(&t->a, 7 + 3 * step, 5));
	counters_drop_address(&t->a, 7 + 5 * step);
	assert_int_equal(0, counters_add_address(&t->a, 7 + 16 * step, 5));
	assert_int_equal(1, counters_address(&t->b, 7 + 16 * step));
	assert_int_equal(0, counters_address(&t->b, 7 + 5 * step));
}

static void
memory_that_can_shrink_or_is_for_another_number_of_gates_is_refused(void **state)
{
	struct counters c = { 0 };
	struct err e;
	int good = counters_new(2, &e), loose = memfd_create("test", MFD_ALLOW_SEALING);

	(void)state;
	assert_int_equal(0, ftruncate(loose, (off_t)counters_size(2)));
	assert_int_equal(-1, counters_map(loose, 2, 0, &c, &e));
	assert_int_equal(ERR_PEER, e.kind);
	assert_int_equal(-1, counters_map(good, 3, 0, &c, &e));
	assert_int_equal(-1, counters_map(good, 1, 0, &c, &e));
	assert_int_equal(-1, counters_map(good, 2, 3, &c, &e));
	assert_int_equal(-1, ftruncate(good, 64));
	assert_null(c.mem);
	assert_int_equal(0, counters_map(good, 2, 1, &c, &e));
	counters_unmap(&c);
	close(good);
	close(loose);
}

static void
siphash_gives_the_values_of_its_paper(void **state)
{
	uint8_t key[16], in[64];

	(void)state;
	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	for (uint8_t i = 0; i < 64; i++)
		in[i] = i;
	assert_true(siphash(key, in, 0) == UINT64_C(0x726fdb47dd0e0e31));
	assert_true(siphash(key, in, 1) == UINT64_C(0x74f839c593dc67fd));
	assert_true(siphash(key, in, 8) == UINT64_C(0x93f5f5799a932462));
	/* appendix A of the paper: 15 bytes */
	assert_true(siphash(key, in, 15) == UINT64_C(0xa129ca6149be45e5));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    the_limit_in_all_holds_over_both_gates, two_gates, two_done),
		cmocka_unit_test_setup_teardown(
		    the_limit_of_an_address_holds_over_both_gates_and_for_it_alone, two_gates,
		    two_done),
		cmocka_unit_test_setup_teardown(
		    ipv6_addresses_of_one_64_count_together_and_others_apart, two_gates, two_done),
		cmocka_unit_test_setup_teardown(
		    wiping_a_dead_gate_takes_off_its_part_and_no_other, two_gates, two_done),
		cmocka_unit_test_setup_teardown(
		    a_full_set_refuses_a_newcomer_and_keeps_those_it_knows, two_gates, two_done),
		cmocka_unit_test(
		    memory_that_can_shrink_or_is_for_another_number_of_gates_is_refused),
		cmocka_unit_test(siphash_gives_the_values_of_its_paper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
