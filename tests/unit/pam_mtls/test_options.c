/* test_options.c - a line in pam.d is taken as a whole or not at all */
#include "pamoptions.h"
#include "stack.h"

/* Up to four words. */
static int
parse(struct pamoptions *o, struct err *e, const char *a, const char *b, const char *c)
{
	const char *argv[3];
	int argc = 0;

	for (size_t i = 0; i < 3; i++) {
		const char *word = i == 0 ? a : i == 1 ? b : c;

		if (word != NULL)
			argv[argc++] = word;
	}
	return pamoptions_parse(argc, argv, true, o, e);
}

static void
an_empty_line_has_the_defaults(void **state)
{
	struct pamoptions o;
	struct err e;

	(void)state;
	assert_int_equal(0, pamoptions_parse(0, NULL, true, &o, &e));
	assert_string_equal("/run/sshbridge/ident.sock", o.socket);
	assert_int_equal(2000, o.timeout_ms);
	assert_false(o.debug);
}

static void
words_are_taken_in_any_order(void **state)
{
	struct pamoptions o;
	struct err e;

	(void)state;
	assert_int_equal(0, parse(&o, &e, "debug", "socket=/a/b.c", "timeout=100"));
	assert_true(o.debug);
	assert_string_equal("/a/b.c", o.socket);
	assert_int_equal(100, o.timeout_ms);
	assert_int_equal(0, parse(&o, &e, "timeout=60000", "bind=any", "source=bridge"));
	assert_int_equal(60000, o.timeout_ms);
	assert_false(o.bind_session);
	assert_int_equal(0, parse(&o, &e, "bind=session", NULL, NULL));
	assert_true(o.bind_session);
}

static void
bind_session_stands_on_the_account_line_only(void **state)
{
	const char *session[] = { "bind=session" }, *any[] = { "bind=any" };
	struct pamoptions o;
	struct err e;

	(void)state;
	assert_int_equal(0, pamoptions_parse(1, session, true, &o, &e));
	assert_int_equal(-1, pamoptions_parse(1, session, false, &o, &e));
	assert_non_null(strstr(e.text, "account line"));
	assert_int_equal(0, pamoptions_parse(1, any, false, &o, &e));
	assert_false(o.bind_session);
}

static void
one_bad_word_spoils_the_line_and_is_named(void **state)
{
	static const struct {
		const char *word, *says;
	} bad[] = {
		{ "", "unknown" },
		{ "=", "unknown" },
		{ "colour", "unknown" },
		{ "sourc=bridge", "unknown" },
		{ "source =bridge", "unknown" },
		{ "Timeout=300", "unknown" },
		{ "timeout =300", "unknown" },
		{ "source", "value" },
		{ "source=", "not in this version" },
		{ "source=in-band", "not in this version" },
		{ "source=agent", "not in this version" },
		{ "source=session", "not in this" },
		{ "source=bridge,", "not in this version" },
		{ "source=BRIDGE", "not in this" },
		{ "source=bridge,bridge", "not in this version" },
		{ "source=bridge,in-band", "not in this version" },
		{ "bind", "value" },
		{ "bind=same-key", "identity map" },
		{ "bind=extension", "must be any or session" },
		{ "bind=anything", "must be any or session" },
		{ "bind=Session", "must be any or session" },
		{ "bind=session,any", "must be any or session" },
		{ "max-age=60", "not in this version" },
		{ "max-age", "value" },
		{ "timeout=99", "100 to 60000" },
		{ "timeout=60001", "100 to 60000" },
		{ "timeout=0", "100 to 60000" },
		{ "timeout=0200", "100 to 60000" },
		{ "timeout= 200", "100 to 60000" },
		{ "timeout=200 ", "100 to 60000" },
		{ "timeout=2e3", "100 to 60000" },
		{ "timeout=+200", "100 to 60000" },
		{ "timeout=4294967496", "100 to 60000" },
		{ "timeout=18446744073709551816", "100 to 60000" },
		{ "socket=", "absolute" },
		{ "socket=run/a.sock", "absolute" },
		{ "socket=/", "absolute" },
		{ "socket=/run/", "absolute" },
		{ "socket=//run/a", "absolute" },
		{ "socket=/run//a", "absolute" },
		{ "socket=/run/./a", "absolute" },
		{ "socket=/run/../a", "absolute" },
		{ "socket=/run/..", "absolute" },
		{ "socket=/run/.", "absolute" },
		{ "socket=@abstract", "absolute" },
		{ "debug=", "without a value" },
		{ "debug=yes", "without a value" },
		{ "colour=\033[31m", "\\x1b[31m" },
	};
	struct pamoptions o;
	struct err e;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++) {
		for (int at = 0; at < 2; at++) {
			memset(&o, 0x55, sizeof(o));
			e = (struct err){ 0 };
			if (parse(&o, &e, at ? NULL : bad[i].word, NULL, at ? bad[i].word : NULL) !=
			    -1)
				fail_msg("taken: %s", bad[i].word);
			assert_int_equal(ERR_FORMAT, e.kind);
			if (strstr(e.text, bad[i].says) == NULL)
				fail_msg("%s: %s", bad[i].word, e.text);
			assert_int_equal(0x55555555, o.timeout_ms);
		}
	}
}

static void
no_word_may_come_twice(void **state)
{
	static const char *const words[] = { "source=bridge", "bind=any", "timeout=200",
		"socket=/a/b", "debug" };
	struct pamoptions o;
	struct err e;

	(void)state;
	for (size_t i = 0; i < nitems(words); i++) {
		assert_int_equal(0, parse(&o, &e, words[i], NULL, NULL));
		assert_int_equal(-1, parse(&o, &e, words[i], words[i], NULL));
		assert_non_null(strstr(e.text, "given twice"));
	}
	assert_int_equal(-1, parse(&o, &e, "timeout=200", "debug", "timeout=300"));
	assert_int_equal(-1, parse(&o, &e, "bind=any", "bind=session", NULL));
}

static void
socket_path_has_at_most_107_bytes(void **state)
{
	char word[200] = "socket=/";
	struct pamoptions o;
	struct err e;

	(void)state;
	memset(word + 8, 'a', sizeof(word) - 9);
	word[7 + 107] = '\0';
	assert_int_equal(0, parse(&o, &e, word, NULL, NULL));
	assert_int_equal(107, strlen(o.socket));
	word[7 + 107] = 'a';
	word[7 + 108] = '\0';
	assert_int_equal(-1, parse(&o, &e, word, NULL, NULL));
	assert_non_null(strstr(e.text, "107"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_line_has_the_defaults),
		cmocka_unit_test(words_are_taken_in_any_order),
		cmocka_unit_test(bind_session_stands_on_the_account_line_only),
		cmocka_unit_test(one_bad_word_spoils_the_line_and_is_named),
		cmocka_unit_test(no_word_may_come_twice),
		cmocka_unit_test(socket_path_has_at_most_107_bytes),
	};

	return cmocka_run_group_tests_name("options of pam_mtls", tests, NULL, NULL);
}
