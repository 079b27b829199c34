/* test_question.c - WHO is written, IS and NO are read, to the byte */
#include "pam_mtls/question.h"
#include "stack.h"

#define CONN UINT64_C(0xfedcba9876543210)

static void
question_needs_a_service_and_an_account_of_255_bytes_at_most(void **state)
{
	static uint8_t buf[MSG_MAX];
	char name[257];
	struct question q = {
		.hook = HOOK_AUTH, .service = "sshd", .account = "alice", .auth_info = ""
	};
	struct msg_out o;
	struct err e;

	(void)state;
	assert_int_equal(0, question_put(&q, &o, buf, sizeof(buf), &e));
	memset(name, 'a', sizeof(name));
	for (int i = 0; i < 2; i++) {
		const char **p = i == 0 ? &q.service : &q.account, *before = *p;

		*p = name;
		name[255] = '\0';
		assert_int_equal(0, question_put(&q, &o, buf, sizeof(buf), &e));
		name[255] = 'a';
		name[256] = '\0';
		assert_int_equal(-1, question_put(&q, &o, buf, sizeof(buf), &e));
		assert_int_equal(ERR_REFUSED, e.kind);
		*p = "";
		assert_int_equal(-1, question_put(&q, &o, buf, sizeof(buf), &e));
		assert_int_equal(ERR_REFUSED, e.kind);
		*p = before;
	}
}

static void
question_without_a_uid_says_so(void **state)
{
	static uint8_t buf[MSG_MAX];
	struct question q = { .hook = HOOK_OPEN_SESSION,
		.service = "s",
		.account = "a",
		.auth_info = "i\n",
		.has_uid = false,
		.uid = 77 };
	struct msg_out o;
	struct err e;
	const char wire[] = "\0\x1e\0\1\0\0\0\0\0\0\0\0w\0\0\0\3b\0\0\0\1s"
			    "b\0\0\0\1aw\0\0\0\0w\0\0\0\0b\0\0\0\2i\nw\0\0\0\0";

	(void)state;
	assert_int_equal(0, question_put(&q, &o, buf, sizeof(buf), &e));
	assert_int_equal(sizeof(wire) - 1, o.len);
	assert_memory_equal(wire, buf, o.len);
	/* the promise of the account line is the last byte */
	q.bind_session = true;
	assert_int_equal(0, question_put(&q, &o, buf, sizeof(buf), &e));
	assert_memory_equal(wire, buf, o.len - 1);
	assert_int_equal(1, buf[o.len - 1]);
}

static void
yes_is_read_field_by_field(void **state)
{
	uint8_t buf[2048];
	size_t n = is_message(buf, sizeof(buf), CONN, "corp/uri:spiffe://x/y", "2001:db8::1%2");
	struct answer a;
	struct err e;

	(void)state;
	assert_int_equal(0, answer_get(buf, n, &a, &e));
	assert_true(a.yes);
	assert_true(a.conn == CONN);
	assert_string_equal("corp/uri:spiffe://x/y", a.identity);
	assert_string_equal("2001:db8::1%2", a.address);
	assert_string_equal("2027-01-15T08:00:00Z", a.not_after);
	assert_string_equal("identity.map:3", a.rule);
}

static void
no_answer_cut_or_extended_anywhere_is_read(void **state)
{
	uint8_t yes[2048], no[512];
	size_t n = is_message(yes, sizeof(yes), CONN, "corp/cn:a", "192.0.2.1");
	size_t m = no_message(no, sizeof(no), CONN, 2, "no");
	struct answer a;
	struct err e;

	(void)state;
	assert_int_equal(0, answer_get(yes, n, &a, &e));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(-1, answer_get(yes, i, &a, &e));
		assert_int_equal(ERR_PEER, e.kind);
	}
	for (int more = 0; more < 256; more++) {
		yes[n] = (uint8_t)more;
		assert_int_equal(-1, answer_get(yes, n + 1, &a, &e));
	}
	assert_int_equal(0, answer_get(no, m, &a, &e));
	assert_false(a.yes);
	for (size_t i = 0; i < m; i++)
		assert_int_equal(-1, answer_get(no, i, &a, &e));
	no[m] = 0;
	assert_int_equal(-1, answer_get(no, m + 1, &a, &e));
}

/* Every bit of header, tags and lengths counts; NO never turns into a yes by one bit. */
static void
one_bit_turned_in_the_frame_is_refused(void **state)
{
	/* type and version; then the first field's tag and length; then the port's tag */
	uint8_t yes[2048], no[512];
	const char id[] = "corp/cn:a";
	size_t n = is_message(yes, sizeof(yes), CONN, id, "192.0.2.1");
	size_t m = no_message(no, sizeof(no), CONN, 2, "no");
	size_t port = MSG_HEADER + 5 + sizeof(id) - 1 + 5 + 9;
	struct answer a;
	struct err e;

	(void)state;
	assert_int_equal('w', yes[port]);
	for (size_t i = 0; i < n; i++)
		for (int bit = 0; bit < 8; bit++) {
			bool frame = i < 4 || (i >= MSG_HEADER && i < MSG_HEADER + 5) ||
				     i == port || i == port + 1;

			yes[i] ^= (uint8_t)(1U << bit);
			if (answer_get(yes, n, &a, &e) == 0 && frame)
				fail_msg("bit %d of byte %zu made no difference", bit, i);
			yes[i] ^= (uint8_t)(1U << bit);
		}
	for (size_t i = 0; i < m; i++)
		for (int bit = 0; bit < 8; bit++) {
			no[i] ^= (uint8_t)(1U << bit);
			assert_false(answer_get(no, m, &a, &e) == 0 && a.yes);
			no[i] ^= (uint8_t)(1U << bit);
		}
}

static void
yes_must_name_somebody_at_an_address(void **state)
{
	static const char *const good[] = { "192.0.2.1", "::1", "fe80::1%12", "::ffff:192.0.2.1" };
	static const char *const bad[] = { "", "localhost", "192.0.2", "192.0.2.1:22", "[::1]",
		"::1%", "::1%eth0", "::1%1x", "192.0.2.1%1", " ::1", "::1\n",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd" };
	uint8_t buf[2048];
	struct answer a;
	struct err e;

	(void)state;
	for (size_t i = 0; i < nitems(good); i++)
		assert_int_equal(
		    0, answer_get(buf, is_message(buf, sizeof(buf), 1, "x", good[i]), &a, &e));
	for (size_t i = 0; i < nitems(bad); i++)
		if (answer_get(buf, is_message(buf, sizeof(buf), 1, "x", bad[i]), &a, &e) != -1)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(-1, answer_get(buf, is_message(buf, sizeof(buf), 1, "", "::1"), &a, &e));
	assert_int_equal(-1, answer_get(buf, is_message(buf, sizeof(buf), 0, "x", "::1"), &a, &e));
}

/* An IS of which only numbers matter. */
static size_t
is_with(uint8_t *buf, size_t size, uint32_t port, uint64_t not_after, const char *subject)
{
	struct msg_out o;

	msg_start(&o, buf, size, MSG_IS, 1);
	msg_put_str(&o, "x");
	msg_put_str(&o, "::1");
	msg_put_u32(&o, port);
	msg_put_str(&o, subject);
	for (int i = 0; i < 3; i++)
		msg_put_str(&o, "");
	msg_put_u64(&o, not_after);
	msg_put_str(&o, "");
	return o.len;
}

static void
numbers_and_lengths_have_their_ends(void **state)
{
	uint8_t buf[4096];
	char text[1025];
	struct answer a;
	struct err e;
	size_t n;

	(void)state;
	memset(text, 's', sizeof(text));
	text[1023] = '\0';
	n = is_with(buf, sizeof(buf), 65535, 253402300799, text);
	assert_int_equal(0, answer_get(buf, n, &a, &e));
	assert_string_equal("9999-12-31T23:59:59Z", a.not_after);
	assert_string_equal(text, a.subject);
	n = is_with(buf, sizeof(buf), 0, 0, "");
	assert_int_equal(0, answer_get(buf, n, &a, &e));
	assert_string_equal("1970-01-01T00:00:00Z", a.not_after);
	n = is_with(buf, sizeof(buf), 65536, 0, "");
	assert_int_equal(-1, answer_get(buf, n, &a, &e));
	n = is_with(buf, sizeof(buf), 1, 253402300800, "");
	assert_int_equal(-1, answer_get(buf, n, &a, &e));
	n = is_with(buf, sizeof(buf), 1, UINT64_MAX, "");
	assert_int_equal(-1, answer_get(buf, n, &a, &e));
	text[1023] = 's';
	text[1024] = '\0';
	n = is_with(buf, sizeof(buf), 1, 0, text);
	assert_int_equal(-1, answer_get(buf, n, &a, &e));
}

static void
a_nul_in_a_text_is_refused(void **state)
{
	uint8_t buf[2048];
	size_t n = is_message(buf, sizeof(buf), 1, "corp/cn:root.evil", "::1");
	struct answer a;
	struct err e;

	(void)state;
	assert_int_equal('.', buf[MSG_HEADER + 5 + 12]);
	buf[MSG_HEADER + 5 + 12] = '\0';
	assert_int_equal(-1, answer_get(buf, n, &a, &e));
}

static void
only_is_and_no_are_answers(void **state)
{
	uint8_t buf[2048];
	size_t n = is_message(buf, sizeof(buf), 1, "x", "::1");
	struct answer a;
	struct err e;

	(void)state;
	for (unsigned type = 0; type < 65536; type++) {
		buf[0] = (uint8_t)(type >> 8);
		buf[1] = (uint8_t)type;
		assert_int_equal(type == MSG_IS ? 0 : -1, answer_get(buf, n, &a, &e));
	}
	n = no_message(buf, sizeof(buf), 1, 1, "");
	for (unsigned type = 0; type < 65536; type++) {
		buf[0] = (uint8_t)(type >> 8);
		buf[1] = (uint8_t)type;
		assert_int_equal(type == MSG_NO ? 0 : -1, answer_get(buf, n, &a, &e));
	}
}

static void
no_has_two_kinds(void **state)
{
	uint8_t buf[512];
	struct answer a;
	struct err e;

	(void)state;
	for (uint32_t kind = 0; kind < 300; kind++)
		assert_int_equal(kind == 1 || kind == 2 ? 0 : -1,
		    answer_get(buf, no_message(buf, sizeof(buf), 1, kind, "?"), &a, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(question_needs_a_service_and_an_account_of_255_bytes_at_most),
		cmocka_unit_test(question_without_a_uid_says_so),
		cmocka_unit_test(yes_is_read_field_by_field),
		cmocka_unit_test(no_answer_cut_or_extended_anywhere_is_read),
		cmocka_unit_test(one_bit_turned_in_the_frame_is_refused),
		cmocka_unit_test(yes_must_name_somebody_at_an_address),
		cmocka_unit_test(numbers_and_lengths_have_their_ends),
		cmocka_unit_test(a_nul_in_a_text_is_refused),
		cmocka_unit_test(only_is_and_no_are_answers),
		cmocka_unit_test(no_has_two_kinds),
	};

	return cmocka_run_group_tests_name("what is asked and answered", tests, NULL, NULL);
}
