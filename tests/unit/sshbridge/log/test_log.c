/* test_log.c - lines keep their order, their number and their limits */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sshbridge/log/log.h"

static void
lines_come_out_in_order_also_round_the_ring(void **state)
{
	struct log_queue q;
	struct err e;
	char in[2000], out[4096];
	unsigned put = 0, got = 0;

	(void)state;
	assert_int_equal(0, log_queue_init(&q, &e));
	memset(in, 'x', sizeof(in));
	for (int round = 0; round < 3000; round++) {
		(void)snprintf(in, 12, "%010u", put++);
		in[10] = 'x';
		(void)log_queue_put(&q, in, sizeof(in));
		if (round < 300)
			continue; /* a few hundred wait all the time */
		assert_int_equal(sizeof(in), log_queue_peek(&q, out, sizeof(out)));
		assert_int_equal(got++, atoi(out));
		log_queue_drop(&q);
	}
	assert_int_equal(0, q.lost);
	log_queue_done(&q);
}

static void
a_full_queue_loses_the_newest_and_counts_them(void **state)
{
	struct log_queue q;
	struct err e;
	char in[1000], out[4096];
	unsigned fit = 0;

	(void)state;
	assert_int_equal(0, log_queue_init(&q, &e));
	memset(in, 'x', sizeof(in));
	while (q.lost == 0 && fit < 2000) {
		(void)log_queue_put(&q, in, sizeof(in));
		fit += q.lost == 0;
	}
	assert_int_equal(LOG_QUEUE_MAX / 1002, fit);
	(void)log_queue_put(&q, in, sizeof(in));
	assert_int_equal(2, q.lost);
	for (unsigned i = 0; i < fit; i++) {
		assert_int_equal(sizeof(in), log_queue_peek(&q, out, sizeof(out)));
		log_queue_drop(&q);
	}
	assert_int_equal(0, log_queue_peek(&q, out, sizeof(out)));
	log_queue_drop(&q); /* of nothing: nothing happens */
	assert_int_equal(0, q.used);
	log_queue_done(&q);
}

static void
each_destination_gets_its_form(void **state)
{
	char out[LOG_LINE_MAX + 512];

	(void)state;
	(void)log_format(out, sizeof(out), LOGTO_FILE, 1, 1763937531042, 77, "hello");
	assert_string_equal("2025-11-23T22:38:51.042Z sshbridge[77]: hello\n", out);
	(void)log_format(out, sizeof(out), LOGTO_JOURNAL, 0, 0, 77, "hello");
	assert_string_equal("<3>hello\n", out);
	(void)log_format(out, sizeof(out), LOGTO_SYSLOG, 2, 0, 77, "hello");
	assert_string_equal("<85>sshbridge[77]: hello", out);
}

static void
the_longest_line_stays_below_one_write_of_a_pipe(void **state)
{
	char out[LOG_LINE_MAX + 512], in[LOG_LINE_MAX + 100];
	size_t n;

	(void)state;
	memset(in, 'x', sizeof(in));
	in[sizeof(in) - 1] = '\0';
	n = log_format(out, sizeof(out), LOGTO_STREAM, 9, INT64_MAX / 2000, 4194304, in);
	assert_true(n < 4096);
	assert_int_equal('\n', out[n - 1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_out_in_order_also_round_the_ring),
		cmocka_unit_test(a_full_queue_loses_the_newest_and_counts_them),
		cmocka_unit_test(each_destination_gets_its_form),
		cmocka_unit_test(the_longest_line_stays_below_one_write_of_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
