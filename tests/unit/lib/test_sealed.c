/* test_sealed.c - sealed memory and the records in it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "sealed.h"

static void
sealed_memory_cannot_be_written_or_resized(void **state)
{
	struct err e;
	int fd = sealed_new("test", "hello", 5, &e);

	(void)state;
	assert_int_not_equal(-1, fd);
	assert_int_equal(-1, pwrite(fd, "x", 1, 0));
	assert_int_equal(-1, ftruncate(fd, 2));
	assert_int_equal(-1, ftruncate(fd, 20));
	assert_ptr_equal(MAP_FAILED, mmap(NULL, 5, PROT_WRITE, MAP_SHARED, fd, 0));
	close(fd);
}

static void
mapping_takes_sealed_memory_only_and_not_beyond_the_limit(void **state)
{
	struct err e;
	struct sealed s;
	int fd = sealed_new("test", "hello", 5, &e), open_fd = memfd_create("x", MFD_ALLOW_SEALING);

	(void)state;
	assert_int_equal(0, sealed_map(fd, 5, &s, &e));
	assert_int_equal(5, s.n);
	assert_memory_equal("hello", s.p, 5);
	sealed_unmap(&s);
	assert_int_equal(-1, sealed_map(fd, 4, &s, &e));
	assert_int_equal(-1, sealed_map(open_fd, 5, &s, &e));
	assert_int_equal(ERR_PEER, e.kind);
	close(fd);
	close(open_fd);
}

static void
empty_memory_maps_to_nothing(void **state)
{
	struct err e;
	struct sealed s;
	int fd = sealed_new("test", "", 0, &e);

	(void)state;
	assert_int_equal(0, sealed_map(fd, 5, &s, &e));
	assert_int_equal(0, s.n);
	sealed_unmap(&s);
	close(fd);
}

static void
records_come_back_and_every_cut_is_seen(void **state)
{
	struct records_writer w = { .max = 1000 };
	const struct record a = { RECORD_ANCHOR, 1, (const uint8_t *)"one", 3 },
			    b = { RECORD_INTERMEDIATE, 2, (const uint8_t *)"", 0 };
	struct record r;
	struct err e;
	size_t pos = 0;

	(void)state;
	assert_int_equal(0, records_add(&w, &a, &e));
	assert_int_equal(0, records_add(&w, &b, &e));
	struct sealed s = { w.buf, w.len };
	assert_int_equal(1, records_next(&s, &pos, &r, &e));
	assert_int_equal(RECORD_ANCHOR, r.kind);
	assert_memory_equal("one", r.p, 3);
	assert_int_equal(1, records_next(&s, &pos, &r, &e));
	assert_int_equal(2, r.section);
	assert_int_equal(0, records_next(&s, &pos, &r, &e));
	for (size_t cut = 1; cut < w.len; cut++) {
		struct sealed c = { w.buf, cut };
		int last;

		pos = 0;
		while ((last = records_next(&c, &pos, &r, &e)) == 1)
			;
		assert_int_equal(cut == 15 ? 0 : -1, last); /* 15: between the two */
	}
	records_done(&w);
}

static void
records_have_a_limit(void **state)
{
	struct records_writer w = { .max = 20 };
	const struct record fits = { 1, 0, (const uint8_t *)"12345678", 8 },
			    not = { 1, 0, (const uint8_t *)"", 0 };
	struct err e;

	(void)state;
	assert_int_equal(0, records_add(&w, &fits, &e));
	assert_int_equal(-1, records_add(&w, &not, &e));
	assert_int_equal(20, w.len);
	records_done(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed_memory_cannot_be_written_or_resized),
		cmocka_unit_test(mapping_takes_sealed_memory_only_and_not_beyond_the_limit),
		cmocka_unit_test(empty_memory_maps_to_nothing),
		cmocka_unit_test(records_come_back_and_every_cut_is_seen),
		cmocka_unit_test(records_have_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
