/* test_pamcheck.c - service files that let somebody past pam_mtls, each beside one that does not */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sshbridge/monitor/pamcheck.h"

#define ACCOUNT "account required pam_mtls.so source=bridge bind=session\n"
#define SESSION "session required pam_mtls.so source=bridge\n"

/* Files of a folder: "sshd" and up to two others. */
static struct {
	const char *name, *text;
} files[3];
static char told[4096];

static char *
source(void *arg, const char *name, char path[PAMFILE_PATH], size_t *n, struct err *e)
{
	(void)arg;
	for (size_t i = 0; i < 3; i++) {
		if (files[i].name == NULL || strcmp(files[i].name, name) != 0)
			continue;
		(void)snprintf(path, PAMFILE_PATH, "/etc/pam.d/%s", name);
		*n = strlen(files[i].text);
		return strdup(files[i].text);
	}
	err_set(e, ERR_SYS, "/etc/pam.d/%s: No such file or directory", name);
	return NULL;
}

static void
tell(void *arg, const char *text)
{
	size_t n = strlen(told);

	(void)arg;
	(void)snprintf(told + n, sizeof(told) - n, "%s\n", text);
}

static unsigned
check(const char *sshd, const char *name, const char *other)
{
	told[0] = '\0';
	files[0].name = "sshd";
	files[0].text = sshd;
	files[1].name = name;
	files[1].text = other;
	return pamcheck_service("sshd", source, NULL, tell, NULL);
}

static void
good(const char *sshd)
{
	if (check(sshd, NULL, NULL) != 0)
		fail_msg("%s\n  told: %s", sshd, told);
}

/* Exactly one fault, of this line, which says this. */
static void
bad(const char *sshd, unsigned line, const char *says)
{
	char at[64];
	unsigned n = check(sshd, NULL, NULL);

	(void)snprintf(
	    at, sizeof(at), line == 0 ? "/etc/pam.d/sshd: " : "/etc/pam.d/sshd:%u: ", line);
	if (n != 1 || strncmp(told, at, strlen(at)) != 0 || strstr(told, says) == NULL)
		fail_msg("%s\n  told %u: %s  wanted: %s%s", sshd, n, told, at, says);
}

static void
the_two_lines_alone_are_good(void **state)
{
	(void)state;
	good(ACCOUNT SESSION);
	good(SESSION ACCOUNT);
	good("# comment\n\n" ACCOUNT "account required pam_unix.so\n" SESSION);
	good("account required /usr/lib/security/pam_mtls.so\nsession required pam_mtls.so\n");
	good("ACCOUNT Required pam_mtls.so\n" SESSION);
	good(
	    "auth sufficient pam_unix.so\npassword [success=1 default=ignore] pam_unix.so\n" ACCOUNT
		SESSION);
	/* without bind=session nothing counts on a session line */
	good("account required pam_mtls.so\n");
	good("account required pam_mtls.so bind=any\n");
}

static void
an_account_line_must_be_there_and_first(void **state)
{
	(void)state;
	bad(SESSION, 0, "no account line of pam_mtls.so");
	bad("account required pam_unix.so\n" SESSION, 0, "no account line of pam_mtls.so");
	bad("account required pam_mtls_other.so\n" SESSION, 0,
	    "write \"account required pam_mtls.so");
	bad("#" ACCOUNT SESSION, 0, "no account line of pam_mtls.so");
	bad("account required pam_nologin.so\n" ACCOUNT SESSION, 2, "not the first account line");
	good(ACCOUNT "account required pam_nologin.so\n" SESSION);
	bad(SESSION "account required pam_nologin.so\n-account optional pam_x.so\n" ACCOUNT, 4,
	    "not the first account line");
}

static void
nothing_before_it_may_end_the_stack_or_jump(void **state)
{
	static const char *const over[] = { "sufficient", "SUFFICIENT",
		"[success=done default=ignore]", "[success=ok default=done]",
		"[success=1 default=bad]", "[success=ok ignore=2 default=bad]" };
	static const char *const not [] = { "required", "optional", "[success=ok default=bad]",
		"[success=ok default=die]", "[success=ignore default=reset]" };
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "account %s pam_x.so\n" ACCOUNT SESSION, over[i]);
		bad(text, 1, "of pam_x.so passes over pam_mtls.so");
		(void)snprintf(
		    text, sizeof(text), ACCOUNT "session %s pam_x.so\n" SESSION, over[i]);
		bad(text, 2, "of pam_x.so passes over pam_mtls.so");
		(void)snprintf(text, sizeof(text),
		    ACCOUNT SESSION "account %s pam_x.so\n"
				    "session %s pam_x.so\n",
		    over[i], over[i]);
		good(text);
	}
	for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "account %s pam_x.so\n" ACCOUNT SESSION, not [i]);
		bad(text, 2, "not the first account line");
		(void)snprintf(
		    text, sizeof(text), ACCOUNT "session %s pam_x.so\n" SESSION, not [i]);
		good(text);
	}
}

static void
its_own_control_must_be_required(void **state)
{
	static const char *const weak[] = { "optional", "sufficient", "[default=ignore]",
		"[success=done default=bad]", "[success=ok default=ignore]", "[success=ok]",
		"[default=bad]", "[success=ok perm_denied=ignore default=bad]",
		"[success=ok default=bad perm_denied=ok]", "[success=1 default=bad]" };
	static const char *const strong[] = { "required", "requisite", "[success=ok default=bad]",
		"[success=ok new_authtok_reqd=ok ignore=ignore default=die]",
		"[success=ok perm_denied=die default=bad]" };
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
		(void)snprintf(text, sizeof(text), "account %s pam_mtls.so\n" SESSION, weak[i]);
		bad(text, 1, "write required");
		(void)snprintf(text, sizeof(text), ACCOUNT "session %s pam_mtls.so\n", weak[i]);
		bad(text, 2, "write required");
		(void)snprintf(
		    text, sizeof(text), ACCOUNT SESSION "auth %s pam_mtls.so\n", weak[i]);
		bad(text, 3, "write required");
	}
	for (size_t i = 0; i < sizeof(strong) / sizeof(strong[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    "account %s pam_mtls.so\nsession %s pam_mtls.so\n", strong[i], strong[i]);
		good(text);
	}
	bad("-account required pam_mtls.so\n" SESSION, 1, "leave it out");
	bad(ACCOUNT "-session required pam_mtls.so\n", 2, "leave it out");
}

static void
the_session_line_stands_before_a_file_of_the_users(void **state)
{
	/* Debian's pam.d/sshd */
	static const char debian[] =
	    "session    required     pam_env.so user_readenv=1 envfile=/etc/default/locale\n";
	char text[400];

	(void)state;
	(void)snprintf(text, sizeof(text), "%s%s%s", ACCOUNT, debian, SESSION);
	bad(text, 2, "user_readenv before pam_mtls.so");
	(void)snprintf(text, sizeof(text), "%s%s%s", ACCOUNT, SESSION, debian);
	good(text);
	good(ACCOUNT "session required pam_env.so\n" SESSION);
	good(ACCOUNT "session required pam_env.so user_readenv=0\n" SESSION);
	good(ACCOUNT "session required pam_other.so user_readenv=1\n" SESSION);
	good(ACCOUNT "account required pam_env.so user_readenv=1\n" SESSION);
	bad(ACCOUNT "session optional pam_env.so debug user_readenv=2\n" SESSION, 2, "forge");
	bad(ACCOUNT "session optional pam_env.so user_readenv=0 user_readenv=1\n" SESSION, 2,
	    "forge");
	bad(ACCOUNT "session optional /lib/security/pam_env.so [user_readenv=1]\n" SESSION, 2,
	    "forge");
}

static void
bind_session_needs_a_session_line_and_stands_in_account(void **state)
{
	(void)state;
	bad(ACCOUNT, 1, "bind=session without a session line");
	bad(ACCOUNT "session required pam_mtls.so bind=session\n", 2,
	    "must stand on the account line only");
	bad("auth required pam_mtls.so bind=session\n" ACCOUNT SESSION, 1,
	    "must stand on the account line only");
	good("auth required pam_mtls.so\n" ACCOUNT SESSION);
}

static void
words_that_the_module_refuses_are_a_fault(void **state)
{
	(void)state;
	bad("account required pam_mtls.so bind=sesion\n" SESSION, 1,
	    "refuses every login by this line: bind=sesion: must be any or session");
	bad("account required pam_mtls.so soruce=bridge\n", 1, "\"soruce=bridge\" is unknown");
	bad(ACCOUNT "session required pam_mtls.so timeout=9\n", 2, "timeout: must be 100");
	bad("auth required pam_mtls.so debug debug\n" ACCOUNT SESSION, 1, "debug: given twice");
	good("account required pam_mtls.so source=bridge timeout=500 debug socket=/run/x\n");
}

static void
lines_go_on_and_comments_end_them(void **state)
{
	(void)state;
	good("account \\\n  required \\\n\n# between\n pam_mtls.so \\\n bind=session\n" SESSION);
	/* numbers are those of where a line begins */
	bad("account \\\n required pam_nologin.so\n" ACCOUNT SESSION, 3, "not the first");
	bad("account required pam_nologin.so # \\\n" ACCOUNT SESSION, 2, "not the first");
	bad("account optional pam_mtls.so # required\n" SESSION, 1, "write required");
	good("account required pam_mtls.so # optional\n" SESSION);
	good("account\trequired\tpam_mtls.so\tbind=session\r\nsession\trequired\tpam_mtls.so");
	bad("account [success=ok \\\n default=ignore] pam_mtls.so\n" SESSION, 1, "write required");
}

static void
what_libpam_cannot_read_is_a_fault(void **state)
{
	(void)state;
	bad("acount required pam_unix.so\n" ACCOUNT SESSION, 1, "PAM does not take the line");
	bad(ACCOUNT "account\n" SESSION, 2, "lacks a control");
	bad(ACCOUNT "account required\n" SESSION, 2, "lacks a control or a module");
	bad(ACCOUNT "account require pam_unix.so\n" SESSION, 2, "control \"require\" is unknown");
	bad(ACCOUNT "account [success=ok pam_unix.so\n" SESSION, 2, "lacks");
	bad(ACCOUNT "@include\n" SESSION, 2, "names no file");
	bad(ACCOUNT "@include common-x\n" SESSION, 2, "\"common-x\", which cannot be read");
	bad(ACCOUNT "account include common-x\n" SESSION, 2, "cannot be read");
}

static void
included_files_count_where_they_stand(void **state)
{
	(void)state;
	assert_int_equal(0, check("@include mtls\n", "mtls", ACCOUNT SESSION));
	assert_int_equal(1,
	    check("@include mtls\n" ACCOUNT SESSION, "mtls", "account sufficient pam_unix.so\n"));
	assert_string_equal("/etc/pam.d/mtls:1: sufficient of pam_unix.so passes over pam_mtls.so, "
			    "which stands below it: put the line of pam_mtls.so first\n",
	    told);
	assert_int_equal(1, check(ACCOUNT "@include mtls\n" SESSION, "mtls",
				"\nsession required pam_env.so user_readenv=1\n"));
	assert_non_null(strstr(told, "/etc/pam.d/mtls:2: pam_env.so"));
	/* `include` takes lines of its own type only, `@include` all */
	assert_int_equal(
	    0, check("account include mtls\nsession include mtls\n", "mtls", ACCOUNT SESSION));
	assert_int_equal(0, check("session include mtls\n" ACCOUNT SESSION, "mtls",
				"account sufficient pam_unix.so\n"));
	assert_int_equal(1,
	    check("@include mtls\n" ACCOUNT SESSION, "mtls", "account sufficient pam_unix.so\n"));
	assert_int_equal(0, check("account include /abs\n" SESSION, "/abs", ACCOUNT));
}

static void
a_substack_ends_by_itself_and_is_no_place_for_it(void **state)
{
	(void)state;
	assert_int_equal(
	    0, check(ACCOUNT "session substack sub\n" SESSION, "sub",
		   "session sufficient pam_x.so\nsession [success=1 default=bad] pam_y.so\n"));
	assert_int_equal(1, check("account substack sub\n" SESSION, "sub", ACCOUNT));
	assert_non_null(strstr(told, "/etc/pam.d/sub:1: pam_mtls.so is in a substack"));
	/* what reads a user's file does so in a substack too */
	assert_int_equal(1, check(ACCOUNT "session substack sub\n" SESSION, "sub",
				"session required pam_env.so user_readenv=1\n"));
}

static void
files_that_include_each_other_end(void **state)
{
	char *text = malloc(70000);
	size_t n = 0;

	(void)state;
	assert_true(check(ACCOUNT SESSION "@include sshd\n", NULL, NULL) > 0);
	assert_true(
	    check("@include loop\n@include loop\n", "loop", "@include sshd\n@include loop\n") > 0);
	assert_non_null(text);
	for (unsigned i = 0; i < PAMFILE_LINES + 10; i++)
		n += (size_t)sprintf(text + n, "session optional pam_%u.so\n", i);
	assert_true(check(text, NULL, NULL) > 0);
	memset(text, 'a', 60000);
	memcpy(text, "account required ", 17);
	text[60000] = '\n';
	text[60001] = '\0';
	assert_true(check(text, NULL, NULL) > 0);
	assert_non_null(strstr(told, "a line of more than"));
	free(text);
}

static void
a_service_without_a_file_is_a_fault(void **state)
{
	(void)state;
	files[0].name = NULL;
	files[1].name = NULL;
	told[0] = '\0';
	assert_int_equal(1, pamcheck_service("sshd", source, NULL, tell, NULL));
	assert_non_null(strstr(told, "pam-services: \"sshd\": /etc/pam.d/sshd: No such file"));
}

static void
the_shipped_file_is_good(void **state)
{
	static char text[8192];
	FILE *fp = fopen("packaging/pam.d/sshd", "re");
	struct pamfile *f;
	struct err e = { 0 };

	(void)state;
	assert_non_null(fp);
	text[fread(text, 1, sizeof(text) - 1, fp)] = '\0';
	fclose(fp);
	told[0] = '\0';
	files[0].name = "sshd";
	files[0].text = text;
	files[1].name = NULL;
	assert_non_null(f = pamfile_read("sshd", source, NULL, &e));
	/* Debian's common-* files are not here: those lines are all that is wrong */
	assert_int_equal(4, f->nfaults);
	pamfile_free(f);
	assert_int_equal(4, pamcheck_service("sshd", source, NULL, tell, NULL));
	assert_null(strstr(told, "pam_mtls"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_two_lines_alone_are_good),
		cmocka_unit_test(an_account_line_must_be_there_and_first),
		cmocka_unit_test(nothing_before_it_may_end_the_stack_or_jump),
		cmocka_unit_test(its_own_control_must_be_required),
		cmocka_unit_test(the_session_line_stands_before_a_file_of_the_users),
		cmocka_unit_test(bind_session_needs_a_session_line_and_stands_in_account),
		cmocka_unit_test(words_that_the_module_refuses_are_a_fault),
		cmocka_unit_test(lines_go_on_and_comments_end_them),
		cmocka_unit_test(what_libpam_cannot_read_is_a_fault),
		cmocka_unit_test(included_files_count_where_they_stand),
		cmocka_unit_test(a_substack_ends_by_itself_and_is_no_place_for_it),
		cmocka_unit_test(files_that_include_each_other_end),
		cmocka_unit_test(a_service_without_a_file_is_a_fault),
		cmocka_unit_test(the_shipped_file_is_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
