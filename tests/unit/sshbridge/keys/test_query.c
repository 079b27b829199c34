/* test_query.c - what sshd hands to mtls-keys, and what may come back */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sshbridge/keys/query.h"
#include "tests/unit/help/sshkeys.h"

static void
the_connection_is_four_words(void **state)
{
	static const char *const bad[] = { "", "192.0.2.1", "192.0.2.1 1 192.0.2.2",
		"192.0.2.1 1 192.0.2.2 22 ", " 192.0.2.1 1 192.0.2.2 22",
		"192.0.2.1  1 192.0.2.2 22", "192.0.2.1 1 192.0.2.2 22 x",
		"192.0.2.1 0 192.0.2.2 22", "192.0.2.1 65536 192.0.2.2 22",
		"192.0.2.1 01 192.0.2.2 22", "192.0.2.1 +1 192.0.2.2 22",
		"192.0.2.1 1 192.0.2.2 022", "localhost 1 192.0.2.2 22", "192.0.2 1 192.0.2.2 22",
		"192.0.2.1\t1 192.0.2.2 22", "UNKNOWN 65535 UNKNOWN 65535" };
	static const struct {
		const char *text, *client, *server;
	} good[] = {
		{ "192.0.2.1 1 192.0.2.2 22", "192.0.2.1:1", "192.0.2.2:22" },
		{ "::1 65535 2001:db8::2 22", "[::1]:65535", "[2001:db8::2]:22" },
		{ "::ffff:192.0.2.1 7 ::ffff:192.0.2.2 22", "192.0.2.1:7", "192.0.2.2:22" },
	};
	struct query q = { 0 };
	struct err e;
	char at[ADDR_TEXT_SIZE], text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(0, query_connection(&q, good[i].text, &e));
		assert_string_equal(good[i].client, addr_text_port(&q.client, at));
		assert_string_equal(good[i].server, addr_text_port(&q.server, at));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (query_connection(&q, bad[i], &e) == 0)
			fail_msg("taken: \"%s\"", bad[i]);
	memset(text, ' ', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(-1, query_connection(&q, text, &e));
}

/* sshd takes the line that is printed: it must hold the key and no option, comment or second line.
 */
static void
the_key_is_one_word_of_each(void **state)
{
	struct query q = { 0 };
	struct err e;
	char text[9000];

	(void)state;
	for (size_t i = 0; i < sizeof(sshkeys) / sizeof(sshkeys[0]); i++)
		assert_int_equal(0, query_key(&q, sshkeys[i].type, sshkeys[i].base64, &e));
	assert_int_equal(-1, query_key(&q, sshkeys[0].type, sshkeys[1].base64, &e));
	assert_int_equal(-1, query_key(&q, "", sshkeys[0].base64, &e));
	assert_int_equal(-1, query_key(&q, sshkeys[0].type, "", &e));
	(void)snprintf(text, sizeof(text), "%s comment", sshkeys[0].base64);
	assert_int_equal(-1, query_key(&q, sshkeys[0].type, text, &e));
	(void)snprintf(text, sizeof(text), "%s\n", sshkeys[0].base64);
	assert_int_equal(-1, query_key(&q, sshkeys[0].type, text, &e));
	(void)snprintf(text, sizeof(text), "%s\nssh-ed25519 AAAA", sshkeys[0].base64);
	assert_int_equal(-1, query_key(&q, sshkeys[0].type, text, &e));
	(void)snprintf(text, sizeof(text), "%s\t%s", sshkeys[0].type, sshkeys[0].base64);
	assert_int_equal(-1, query_key(&q, text, sshkeys[0].base64, &e));
	(void)snprintf(text, sizeof(text), "%s", sshkey_cert);
	*strchr(text, ' ') = '\0';
	assert_int_equal(-1, query_key(&q, text, text + strlen(text) + 1, &e));
	memset(text, 'A', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(-1, query_key(&q, sshkeys[0].type, text, &e));
}

static void
only_is_is_a_yes_and_only_no_a_no(void **state)
{
	uint8_t buf[256];
	struct msg_out o;
	struct err e;

	(void)state;
	for (unsigned type = 0; type < 80; type++) {
		int want = type == MSG_IS ? 1 : type == MSG_NO ? 0 : -1;

		msg_start(&o, buf, sizeof(buf), (enum msg_type)type, 0);
		assert_int_equal(want, query_answer(buf, o.len, &e));
		assert_int_equal(-1, query_answer(buf, o.len - 1, &e));
	}
}

static void
names_that_are_too_long_are_not_asked(void **state)
{
	static uint8_t buf[MSG_MAX];
	static char name[300];
	struct query q = { .service = "sshd", .account = name };
	struct msg_out o;
	struct err e;

	(void)state;
	assert_int_equal(0, query_connection(&q, "192.0.2.1 1 192.0.2.2 22", &e));
	assert_int_equal(0, query_key(&q, sshkeys[0].type, sshkeys[0].base64, &e));
	memset(name, 'a', 255);
	assert_int_equal(0, query_put(&q, &o, buf, sizeof(buf), &e));
	name[255] = 'a';
	assert_int_equal(-1, query_put(&q, &o, buf, sizeof(buf), &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_connection_is_four_words),
		cmocka_unit_test(the_key_is_one_word_of_each),
		cmocka_unit_test(only_is_is_a_yes_and_only_no_a_no),
		cmocka_unit_test(names_that_are_too_long_are_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
