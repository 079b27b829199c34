/* test_hash.c - looking at a whole table in slices, while it changes */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sshbridge/ident/hash.h"

enum { N = 3000, CALLS_MAX = 100000 };

struct item {
	struct hash_node node;
	unsigned seen;
	bool there;
};

static uint64_t
value_of(size_t i)
{
	return hash_bytes(42, &i, sizeof(i));
}

static void
each_is_seen_exactly_once_while_others_come_and_go(void **state)
{
	struct item *items = calloc(3 * N, sizeof(*items));
	struct hash h;
	struct err e;
	uint64_t cursor = 0;
	size_t calls = 0, added = N, removed = 0;

	(void)state;
	assert_int_equal(0, hash_init(&h, &e));
	for (size_t i = 0; i < N; i++)
		hash_add(&h, &items[i].node, value_of(i));
	do {
		for (struct hash_node *n = hash_scan(&h, &cursor); n != NULL; n = n->next)
			HASH_ENTRY(n, struct item, node)->seen++;
		/* it grows, twice, and every third of the first goes */
		if (calls % 2 == 0 && added < 3 * N) {
			hash_add(&h, &items[added].node, value_of(added));
			added++;
		}
		if (calls % 5 == 0 && removed < N) {
			hash_remove(&h, &items[removed].node);
			removed += 3;
		}
		assert_true(++calls < CALLS_MAX);
	} while (cursor != 0);
	assert_true(h.nbuckets > 4096); /* it did grow meanwhile */
	for (size_t i = 0; i < added; i++) {
		assert_true(items[i].seen <= 1);
		if (i < N && i % 3 != 0)
			assert_int_equal(1, items[i].seen);
	}
	hash_done(&h);
	free(items);
}

static void
an_empty_table_ends(void **state)
{
	struct hash h;
	struct err e;
	uint64_t cursor = 0;
	size_t calls = 0;

	(void)state;
	assert_int_equal(0, hash_init(&h, &e));
	do
		assert_null(hash_scan(&h, &cursor));
	while (cursor != 0 && ++calls < CALLS_MAX);
	assert_int_equal(h.nbuckets - 1, calls);
	/* a cursor that nobody gave out ends too */
	for (cursor = 0x123456789abcdef0U, calls = 0; cursor != 0 && calls < CALLS_MAX; calls++)
		(void)hash_scan(&h, &cursor);
	assert_true(calls <= h.nbuckets);
	hash_done(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_seen_exactly_once_while_others_come_and_go),
		cmocka_unit_test(an_empty_table_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
