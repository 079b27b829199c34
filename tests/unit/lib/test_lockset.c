/* test_lockset.c - locked identities as a set, and as a text that is taken whole or not at all */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "identity.h"
#include "lockset.h"

#define ALICE "corp/email:alice@corp.example"
#define BOB   "corp/subject:CN=Bob\\, the \"B\",O=\xc3\x89x"

static struct lockset
some(void)
{
	struct lockset s = { 0 };
	struct err e;

	assert_int_equal(1, lockset_add(&s, BOB, "-", 5, &e));
	assert_int_equal(1, lockset_add(&s, ALICE, "left\nus \\ \x1b[2J", 1790000000, &e));
	assert_int_equal(1, lockset_add(&s, "x/cn:-", "", 0, &e));
	return s;
}

static void
identities_count_whole(void **state)
{
	struct lockset s = some();

	(void)state;
	assert_non_null(lockset_find(&s, ALICE));
	assert_null(lockset_find(&s, ALICE "x"));
	assert_null(lockset_find(&s, "corp/email:alice@corp.exampl"));
	assert_null(lockset_find(&s, "corp/email:Alice@corp.example"));
	assert_null(lockset_find(&s, ""));
	lockset_done(&s);
}

static void
adding_twice_is_adding_once(void **state)
{
	struct lockset s = some();
	struct err e;

	(void)state;
	assert_int_equal(0, lockset_add(&s, ALICE, "", 7, &e));
	assert_int_equal(3, s.n);
	assert_string_equal("left\nus \\ \x1b[2J", lockset_find(&s, ALICE)->reason);
	assert_int_equal(0, lockset_add(&s, ALICE, "again", 7, &e));
	assert_string_equal("again", lockset_find(&s, ALICE)->reason);
	assert_int_equal(1790000000, lockset_find(&s, ALICE)->since);
	assert_true(lockset_remove(&s, ALICE));
	assert_false(lockset_remove(&s, ALICE));
	assert_null(lockset_find(&s, ALICE));
	assert_non_null(lockset_find(&s, BOB));
	assert_int_equal(2, s.n);
	lockset_done(&s);
}

static void
what_is_no_identity_is_refused(void **state)
{
	static const char *const bad[] = { "", "alice", "corp/alice", "corp/email:", "/email:x",
		"corp/mail:x", "corp:email/x", "email:alice@corp.example", "corp/:x",
		"corp/EMAIL:x" };
	static const char *const good[] = { "c/cn:x", "corp/email::", "corp/uri:a/b:c" };
	struct lockset s = { 0 };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(-1, lockset_add(&s, bad[i], "", 0, &e));
		assert_int_equal(ERR_FORMAT, e.kind);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(1, lockset_add(&s, good[i], "", 0, &e));
	lockset_done(&s);
}

static void
lengths_and_numbers_are_bounded(void **state)
{
	struct lockset s = { 0 };
	char identity[IDENTITY_NAME_MAX + 8], reason[LOCKSET_REASON_MAX + 1];
	struct err e;

	(void)state;
	memset(identity, 'x', sizeof(identity));
	memcpy(identity, "c/cn:", 5);
	identity[IDENTITY_NAME_MAX] = '\0';
	assert_int_equal(-1, lockset_add(&s, identity, "", 0, &e));
	identity[IDENTITY_NAME_MAX - 1] = '\0';
	assert_int_equal(1, lockset_add(&s, identity, "", 0, &e));
	memset(reason, 'r', sizeof(reason));
	reason[LOCKSET_REASON_MAX] = '\0';
	assert_int_equal(-1, lockset_add(&s, identity, reason, 0, &e));
	reason[LOCKSET_REASON_MAX - 1] = '\0';
	assert_int_equal(0, lockset_add(&s, identity, reason, 0, &e));
	for (int i = 1; i < LOCKSET_MAX; i++) {
		(void)snprintf(identity, sizeof(identity), "c/cn:%d", i);
		assert_int_equal(1, lockset_add(&s, identity, "", 0, &e));
	}
	assert_int_equal(-1, lockset_add(&s, "c/cn:more", "", 0, &e));
	assert_int_equal(LOCKSET_MAX, s.n);
	lockset_done(&s);
}

static void
text_is_one_line_a_lock_and_comes_back_the_same(void **state)
{
	struct lockset s = some(), back;
	struct err e;
	size_t n, lines = 0;
	char *text = lockset_text(&s, &n, &e);

	(void)state;
	assert_non_null(text);
	assert_int_equal(n, strlen(text));
	for (size_t i = 0; i < n; i++) {
		lines += text[i] == '\n';
		assert_true(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f));
	}
	assert_int_equal(5, lines);
	assert_int_equal(0, lockset_parse((uint8_t *)text, n, &back, &e));
	assert_int_equal(s.n, back.n);
	for (size_t i = 0; i < s.n; i++) {
		assert_string_equal(s.v[i].identity, back.v[i].identity);
		assert_string_equal(s.v[i].reason, back.v[i].reason);
		assert_int_equal(s.v[i].since, back.v[i].since);
	}
	lockset_done(&back);
	lockset_done(&s);
	free(text);
}

static void
text_cut_at_every_byte_is_refused(void **state)
{
	struct lockset s = some(), back;
	struct err e;
	size_t n;
	char *text = lockset_text(&s, &n, &e);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		/* of that size, so that a sanitizer sees a byte too many */
		uint8_t *cut = malloc(i == 0 ? 1 : i);

		memcpy(cut, text, i);
		assert_int_equal(-1, lockset_parse(cut, i, &back, &e));
		assert_int_equal(ERR_FORMAT, e.kind);
		assert_int_equal(0, back.n);
		free(cut);
	}
	lockset_done(&s);
	free(text);
}

static void
each_damaged_line_is_refused_beside_its_neighbour(void **state)
{
	static const struct {
		const char *line;
		int r;
	} rows[] = {
		{ "5 c/cn:x -\nend 1\n", 0 },
		{ "5 c/cn:x -\nend 2\n", -1 },
		{ "5 c/cn:x -\nend 01\n", -1 },
		{ "5 c/cn:x -\nend 1\n\n", -1 },
		{ "5 c/cn:x -\nend 1\nend 1\n", -1 },
		{ "5 c/cn:x -\n5 c/cn:x -\nend 2\n", -1 },
		{ "5 c/cn:x -\n5 c/cn:y -\nend 2\n", 0 },
		{ "5  c/cn:x -\nend 1\n", -1 },
		{ "5 c/cn:x\nend 1\n", -1 },
		{ "5 c/cn:x \nend 1\n", -1 },
		{ "5 c/cn:x a b\nend 1\n", -1 },
		{ "5 c/cn:x a\\x20b\nend 1\n", 0 },
		{ "5 c/cn:x a\\x2\nend 1\n", -1 },
		{ "5 c/cn:x a\\x2g\nend 1\n", -1 },
		{ "5 c/cn:x a\\x2G\nend 1\n", -1 },
		{ "5 c/cn:x a\\n\nend 1\n", -1 },
		{ "5 c/cn:x a\\x00\nend 1\n", -1 },
		{ "5 c/cn:x \xc3\xa9\nend 1\n", -1 },
		{ "5 c/cn:x\t-\nend 1\n", -1 },
		{ "-5 c/cn:x -\nend 1\n", -1 },
		{ "05 c/cn:x -\nend 1\n", -1 },
		{ "9999999999999999 c/cn:x -\nend 1\n", -1 },
		{ "5 alice -\nend 1\n", -1 },
		{ "end 0\n", 0 },
		{ "end 0\r\n", -1 },
		{ "end -0\n", -1 },
		{ "\nend 0\n", -1 },
	};
	char text[256];
	struct lockset s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), "sshbridge locks 1\n%s", rows[i].line);
		if (lockset_parse((uint8_t *)text, strlen(text), &s, &e) != rows[i].r)
			fail_msg("%s", text);
		lockset_done(&s);
	}
	assert_int_equal(
	    -1, lockset_parse((const uint8_t *)"sshbridge locks 2\nend 0\n", 24, &s, &e));
	assert_int_equal(-1, lockset_parse((const uint8_t *)"", 0, &s, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identities_count_whole),
		cmocka_unit_test(adding_twice_is_adding_once),
		cmocka_unit_test(what_is_no_identity_is_refused),
		cmocka_unit_test(lengths_and_numbers_are_bounded),
		cmocka_unit_test(text_is_one_line_a_lock_and_comes_back_the_same),
		cmocka_unit_test(text_cut_at_every_byte_is_refused),
		cmocka_unit_test(each_damaged_line_is_refused_beside_its_neighbour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
