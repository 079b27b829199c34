/* test_setup.c - the stanza, and the ssh_config that it goes to */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/options.h"
#include "client/setup.h"
#include "client/sshconfig.h"

static char stanza[8192];

static const char *
stanza_of(int argc, const char *const *argv)
{
	struct options o;
	struct err e;
	char *copy[32];

	assert_true(argc < 32);
	for (int i = 0; i < argc; i++)
		assert_non_null(copy[i] = strdup(argv[i]));
	if (options_parse(argc, copy, &o, &e) == -1 ||
	    setup_stanza(&o, "mtls-connect", stanza, sizeof(stanza), &e) == -1)
		fail_msg("%s", e.text);
	for (int i = 0; i < argc; i++)
		free(copy[i]);
	return stanza;
}
#define STANZA(...)                                                                             \
	stanza_of(                                                                              \
	    (int)(sizeof((const char *const[]){ "x", "setup", __VA_ARGS__ }) / sizeof(char *)), \
	    (const char *const[]){ "x", "setup", __VA_ARGS__ })

static void
the_stanza_holds_what_differs_from_the_defaults(void **state)
{
	(void)state;
	assert_string_equal("Host bastion.example\n\tProxyCommand mtls-connect %h:8443\n"
			    "\tServerAliveInterval 20\n\tServerAliveCountMax 3\n",
	    STANZA("bastion.example"));
	assert_string_equal("Host b\n\tProxyCommand mtls-connect --cert /c.pem --key /k.pem "
			    "--ca /ca.pem --server-name x.example --min-version 1.2 --timeout 5 -4 "
			    "%h:443\n\tUser alice\n"
			    "\tServerAliveInterval 20\n\tServerAliveCountMax 3\n",
	    STANZA("b", "--port", "443", "--user=alice", "--cert", "/c.pem", "--key", "/k.pem",
		"--ca", "/ca.pem", "--server-name", "x.example", "--min-version", "1.2",
		"--timeout", "5", "-4"));
	assert_non_null(
	    strstr(STANZA("[::1]:443"), "Host ::1\n\tProxyCommand mtls-connect '[%h]:443'\n"));
	assert_non_null(strstr(STANZA("b", "--timeout", "15"), "mtls-connect %h:8443\n"));
}

static void
targets_get_a_stanza_that_jumps_through_the_first(void **state)
{
	(void)state;
	assert_string_equal("Host jump.example\n\tProxyCommand mtls-connect %h:8443\n\tUser alice\n"
			    "\tServerAliveInterval 20\n\tServerAliveCountMax 3\n\n"
			    "Host *.prod.example !old.prod.example db\n\tProxyJump jump.example\n",
	    STANZA("jump.example", "--user", "alice", "--targets",
		"*.prod.example,!old.prod.example,db"));
	assert_non_null(strstr(
	    STANZA("[::1]", "--targets=10.0.0.?"), "\n\nHost 10.0.0.?\n\tProxyJump [::1]\n"));
}

/* Nothing may end the line, the word, or mean more than a pattern. */
static void
targets_are_patterns_and_nothing_else(void **state)
{
	static const char *const bad[] = { "", ",", "a,", ",a", "a b", "a\nProxyCommand id", "a#",
		"\"a\"", "-a", "a,-b", "!", "!!a", "a,!", "$(id)", "%h", "a\\b", "a=b" };
	struct options o;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char copy[64], *argv[] = { "x", "setup", "--targets", copy, "jump", NULL };

		(void)snprintf(copy, sizeof(copy), "%s", bad[i]);
		assert_int_equal(-1, options_parse(5, argv, &o, &e));
		assert_non_null(strstr(e.text, "--targets"));
	}
}

static const char *
quoted(const char *word)
{
	static char q[256];
	struct err e;

	return setup_quote(word, q, sizeof(q), &e) == -1 ? NULL : q;
}

static void
words_are_quoted_for_the_shell_and_for_ssh(void **state)
{
	static const struct {
		const char *word, *want;
	} rows[] = { { "/usr/bin/a-b_c.d", "/usr/bin/a-b_c.d" }, { "", "''" }, { "a b", "'a b'" },
		{ "100%h", "'100%%h'" }, { "it's", "'it'\\''s'" },
		{ "$(id)`id`;|&", "'$(id)`id`;|&'" }, { "~/x", "'~/x'" }, { "*", "'*'" },
		{ "\xc3\xa4", "'\xc3\xa4'" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(rows[i].want, quoted(rows[i].word));
	assert_null(quoted("a\nProxyCommand id"));
	assert_null(quoted("a\x7f"));
}

/* The shell gives back each word that was quoted; %% is ssh's part. */
static void
the_shell_gives_every_quoted_byte_back(void **state)
{
	char word[8] = "a?b", cmd[300], got[16];
	FILE *p;

	(void)state;
	for (int c = 0x20; c < 0x7f; c++) {
		if (c == '%')
			continue;
		word[1] = (char)c;
		(void)snprintf(cmd, sizeof(cmd), "printf %%s. %s", quoted(word));
		assert_non_null(p = popen(cmd, "re"));
		memset(got, 0, sizeof(got));
		assert_int_equal(4, fread(got, 1, sizeof(got) - 1, p));
		assert_int_equal(0, pclose(p));
		assert_memory_equal(word, got, 3);
	}
}

static void
a_host_is_found_only_where_a_host_line_names_it(void **state)
{
	static const struct {
		const char *text;
		unsigned line, wild;
	} rows[] = {
		{ "", 0, 0 },
		{ "Host b.example\n", 1, 0 },
		{ "# Host b.example\nHost a B.EXAMPLE c", 2, 0 },
		{ "\thost=\"b.example\"\n", 1, 0 },
		{ "Host \"b.example\"\r\n", 1, 0 },
		{ "Host b.example.org xb.example\n", 0, 0 },
		{ "HostName b.example\nHostKeyAlias b.example\n", 0, 0 },
		{ "Host a # b.example\n", 0, 0 },
		{ "Host *.example\nHost b.example\n", 2, 1 },
		{ "Host x\nHost *\n", 0, 2 },
		{ "Match host b.example\n", 0, 1 },
		{ "Host !b.example\n", 0, 0 },
	};
	unsigned wild;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(rows[i].line, sshconfig_find(rows[i].text, "b.example", &wild));
		assert_int_equal(rows[i].wild, wild);
	}
}

static char dir[] = "/tmp/test_setup.XXXXXX";
static char file[64], sub[64];

static int
dir_make(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(sub, sizeof(sub), "%s/.ssh", dir);
	(void)snprintf(file, sizeof(file), "%s/.ssh/config", dir);
	return 0;
}

static int
dir_free(void **state)
{
	(void)state;
	(void)unlink(file);
	(void)rmdir(sub);
	return rmdir(dir);
}

static const char *
content(void)
{
	static char text[1024];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_int_not_equal(-1, fd);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	(void)close(fd);
	text[n] = '\0';
	return text;
}

static void
a_stanza_is_appended_once_and_mode_and_text_stay(void **state)
{
	struct stat st;
	struct err e;
	unsigned wild;

	(void)state;
	assert_int_equal(0, sshconfig_append(file, "a", "Host a\n", &wild, &e));
	assert_int_equal(0, stat(file, &st));
	assert_int_equal(0600, st.st_mode & 07777);
	assert_int_equal(0, stat(sub, &st));
	assert_int_equal(0700, st.st_mode & 07777);
	assert_int_equal(-1, sshconfig_append(file, "a", "Host a\n", &wild, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_string_equal("Host a\n", content());
	assert_int_equal(0, chmod(file, 0644));
	assert_int_equal(0, sshconfig_append(file, "b", "Host b\n", &wild, &e));
	assert_string_equal("Host a\n\nHost b\n", content());
	assert_int_equal(0, stat(file, &st));
	assert_int_equal(0644, st.st_mode & 07777);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stanza_holds_what_differs_from_the_defaults),
		cmocka_unit_test(targets_get_a_stanza_that_jumps_through_the_first),
		cmocka_unit_test(targets_are_patterns_and_nothing_else),
		cmocka_unit_test(words_are_quoted_for_the_shell_and_for_ssh),
		cmocka_unit_test(the_shell_gives_every_quoted_byte_back),
		cmocka_unit_test(a_host_is_found_only_where_a_host_line_names_it),
		cmocka_unit_test(a_stanza_is_appended_once_and_mode_and_text_stay),
	};

	return cmocka_run_group_tests(tests, dir_make, dir_free);
}
