/*
 * test_login.c - whole logins through the real libpam: the test is monitor, ident and jump
 *
 * The stacks are made of modules that every system with PAM has: pam_exec runs a script of the
 * test's, which knows the password and writes down what it was called for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sshbridge/pam/pam.h"
#include "tests/unit/help/stage.h"

#define ACCOUNT	     "alice-of-the-test" /* no user of the machine */
#define CONN	     0x1234567890abcdefULL
#define PERMIT(type) type " required pam_permit.so\n"

#ifdef SANITIZED
/* libpam 1.5 forgets the first handler of a service that it cannot read. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libpam.so";
}
#endif

static char dir[64], script[96], journal[96];
static struct stage p; /* the process under test */
static int ident, jump;

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(0, fclose(f));
	assert_int_equal(0, chmod(path, mode));
}

/* A line of a service file that runs the script. */
static const char *
exec_line(const char *type, const char *options)
{
	static char lines[4][256];
	static unsigned next;
	char *s = lines[next++ % 4];

	(void)snprintf(
	    s, sizeof(lines[0]), "%s required pam_exec.so quiet %s %s\n", type, options, script);
	return s;
}

static void
service(const char *auth, const char *account, const char *session)
{
	char path[128], text[1024];

	(void)snprintf(path, sizeof(path), "%s/jump", dir);
	(void)snprintf(text, sizeof(text), "%s%s%s", auth, account, session);
	write_file(path, text, 0644);
}

static void
start_process(void)
{
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	assert_int_not_equal(-1, p.pid = fork());
	if (p.pid == 0) {
		static struct login l = { .monitor = CHILD_CHANNEL, .confdir = dir };

		if (dup2(pair[0], CHILD_CHANNEL) == -1 || close_range(4, ~0U, 0) == -1)
			_exit(3);
		pam_serve(&l);
		exit(0); /* not _exit(): the leak checker speaks there */
	}
	close(pair[0]);
	p.monitor = pair[1];
}

static int
setup(void **state)
{
	char text[512];

	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_login.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(script, sizeof(script), "%s/script", dir);
	(void)snprintf(journal, sizeof(journal), "%s/journal", dir);
	(void)snprintf(text, sizeof(text),
	    "#!/bin/sh\n"
	    "echo \"$PAM_TYPE $PAM_SERVICE $PAM_USER $PAM_RHOST $PAM_TTY $MTLS_IDENTITY "
	    "$MTLS_CONNECTION\" >>%s\n"
	    "[ \"$PAM_TYPE\" != auth ] || [ \"$(cat)\" = 'right answer' ]\n",
	    journal);
	write_file(script, text, 0755);
	start_process();
	ident = stage_peer(&p, PEER_IDENT, 0);
	jump = -1;
	return 0;
}

static int
teardown(void **state)
{
	char path[128];

	(void)state;
	close(ident);
	if (jump != -1)
		close(jump);
	if (p.monitor != -1)
		stage_end(&p);
	(void)snprintf(path, sizeof(path), "%s/jump", dir);
	(void)unlink(path);
	(void)unlink(script);
	(void)unlink(journal);
	assert_int_equal(0, rmdir(dir));
	return 0;
}

static void
put_start(struct msg_out *o, uint8_t *buf, size_t size, const char *fact)
{
	msg_start(o, buf, size, MSG_START, CONN);
	msg_put_str(o, "jump");
	msg_put_str(o, ACCOUNT);
	msg_put_str(o, "192.0.2.7");
	msg_put_u32(o, 2);
	msg_put_str(o, "MTLS_IDENTITY=corp/email:alice@corp.example");
	msg_put_str(o, fact);
}

static void
start(void)
{
	uint8_t buf[1024];
	struct msg_out o;
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	put_start(&o, buf, sizeof(buf), "MTLS_CONNECTION=1234567890abcdef");
	stage_send(ident, &o, &pair[0], 1);
	close(pair[0]);
	jump = pair[1];
}

/* The next PROMPT has one question, hidden, of this text; it is answered. */
static void
answer(const char *question, const char *word)
{
	uint8_t buf[256];
	struct msg_out o;
	struct got g;
	uint32_t n, echo;
	char text[256], info[256];

	stage_expect(jump, &g, MSG_PROMPT);
	assert_int_equal(0, msg_get_u32(&g.m, &n));
	assert_int_equal(1, n);
	assert_int_equal(0, msg_get_u32(&g.m, &echo));
	assert_int_equal(0, echo);
	assert_int_equal(0, msg_get_str(&g.m, text, sizeof(text)));
	assert_string_equal(question, text);
	assert_int_equal(0, msg_get_str(&g.m, info, sizeof(info)));
	msg_start(&o, buf, sizeof(buf), MSG_REPLY, 0);
	msg_put_u32(&o, 1);
	msg_put_bytes(&o, word, strlen(word));
	stage_send(jump, &o, NULL, 0);
}

static void
expect_passed(bool ok, const char *said)
{
	struct got g;
	struct err e;
	uint32_t v;
	char text[PAM_TEXT_SIZE];

	stage_expect(ident, &g, MSG_PASSED);
	assert_int_equal(CONN, g.m.conn);
	assert_int_equal(0, msg_get_u32(&g.m, &v));
	assert_int_equal(0, msg_get_str(&g.m, text, sizeof(text)));
	assert_int_equal(0, msg_end(&g.m, &e));
	assert_string_equal(said, text);
	assert_int_equal(ok, v);
}

/* Everything that the script was called for. */
static void
expect_journal(const char *wanted)
{
	static char text[4096];
	FILE *f = fopen(journal, "re");
	size_t n = 0;

	if (f != NULL) {
		n = fread(text, 1, sizeof(text) - 1, f);
		assert_int_equal(0, fclose(f));
	}
	text[n] = '\0';
	assert_string_equal(wanted, text);
}

#define TAIL " jump " ACCOUNT " 192.0.2.7 ssh corp/email:alice@corp.example 1234567890abcdef\n"

/* ---- yes ------------------------------------------------------------------------------------- */

static void
a_right_answer_opens_a_session_that_ends_with_idents_channel(void **state)
{
	char auth[256];

	(void)state;
	/* pam_exec has no say in setcred: another module must */
	(void)snprintf(
	    auth, sizeof(auth), "%s%s", exec_line("auth", "expose_authtok"), PERMIT("auth"));
	service(auth, exec_line("account", ""), exec_line("session", ""));
	start();
	answer("Password: ", "right answer");
	expect_passed(true, "");
	expect_journal("auth" TAIL "account" TAIL "open_session" TAIL);
	close(ident);
	assert_int_equal(0, stage_wait(&p));
	expect_journal("auth" TAIL "account" TAIL "open_session" TAIL "close_session" TAIL);
	ident = dup(STDERR_FILENO);
}

static void
a_session_ends_with_the_monitor_too(void **state)
{
	(void)state;
	service(PERMIT("auth"), PERMIT("account"), exec_line("session", ""));
	start();
	expect_passed(true, "");
	stage_end(&p);
	expect_journal("open_session" TAIL "close_session" TAIL);
	start_process(); /* for teardown */
}

static void
a_stack_that_asks_nothing_is_a_yes_without_a_prompt(void **state)
{
	(void)state;
	service(PERMIT("auth"), PERMIT("account"), PERMIT("session"));
	start();
	expect_passed(true, "");
}

static void
it_is_a_yes_without_a_jump_process_where_nothing_is_asked(void **state)
{
	uint8_t buf[1024];
	struct msg_out o;

	(void)state;
	service(PERMIT("auth"), PERMIT("account"), PERMIT("session"));
	put_start(&o, buf, sizeof(buf), "MTLS_CONNECTION=1");
	stage_send(ident, &o, NULL, 0);
	expect_passed(true, "");
}

static void
what_modules_say_comes_with_the_verdict(void **state)
{
	char path[128], line[256];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/words", dir);
	write_file(path, "The cellar is flooded.\n", 0644);
	(void)snprintf(line, sizeof(line), "session optional pam_echo.so file=%s\n%s", path,
	    PERMIT("session"));
	service(PERMIT("auth"), PERMIT("account"), line);
	start();
	expect_passed(true, "The cellar is flooded.");
	assert_int_equal(0, unlink(path));
}

/* ---- no -------------------------------------------------------------------------------------- */

static void
a_wrong_answer_is_a_no_and_opens_no_session(void **state)
{
	(void)state;
	service(exec_line("auth", "expose_authtok"), exec_line("account", ""),
	    exec_line("session", ""));
	start();
	answer("Password: ", "wrong answer");
	expect_passed(false, "authentication failed");
	assert_int_equal(0, stage_wait(&p));
	expect_journal("auth" TAIL);
}

/* Runs a stack of no questions that ends in a no, and what the user hears. */
static void
refused(const char *auth, const char *account, const char *session, const char *text)
{
	service(auth, account, session);
	start();
	expect_passed(false, text);
	assert_int_equal(0, stage_wait(&p));
}

static void
an_expired_account_is_a_no_that_says_so(void **state)
{
	(void)state;
	refused(PERMIT("auth"), "account required pam_debug.so acct=acct_expired\n",
	    exec_line("session", ""), "acct=acct_expired");
	expect_journal("");
}

static void
a_silent_module_is_spoken_for(void **state)
{
	char path[128], line[256];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/access", dir);
	write_file(path, "-:ALL:ALL\n", 0644);
	(void)snprintf(line, sizeof(line), "account required pam_access.so accessfile=%s\n", path);
	refused(PERMIT("auth"), line, exec_line("session", ""), "this account is not known here");
	assert_int_equal(0, unlink(path));
	expect_journal("");
}

static void
a_module_that_says_why_is_quoted(void **state)
{
	char path[128], line[256];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/words", dir);
	write_file(path, "Come back on Monday.\n", 0644);
	(void)snprintf(line, sizeof(line),
	    "account optional pam_echo.so file=%s\n"
	    "account required pam_deny.so\n",
	    path);
	refused(PERMIT("auth"), line, PERMIT("session"), "Come back on Monday.");
	assert_int_equal(0, unlink(path));
}

static void
an_expired_password_is_a_no(void **state)
{
	(void)state;
	refused(PERMIT("auth"), "account required pam_debug.so acct=new_authtok_reqd\n",
	    PERMIT("session"), "acct=new_authtok_reqd");
}

static void
a_session_that_cannot_be_opened_is_a_no(void **state)
{
	(void)state;
	refused(PERMIT("auth"), PERMIT("account"), "session required pam_deny.so\n",
	    "no session could be opened");
}

static void
credentials_that_are_refused_are_a_no(void **state)
{
	(void)state;
	refused("auth required pam_debug.so auth=success cred=cred_err\n", PERMIT("account"),
	    exec_line("session", ""), "auth=success\ncred=cred_err");
	expect_journal("");
}

static void
a_service_that_is_not_there_is_a_no(void **state)
{
	uint8_t buf[1024];
	struct msg_out o;

	(void)state;
	put_start(&o, buf, sizeof(buf), "MTLS_CONNECTION=1");
	stage_send(ident, &o, NULL, 0);
	expect_passed(false, "authentication failed");
	assert_non_null(
	    strstr(stage_log(&p, "connection 1234567890abcdef"), "account \"" ACCOUNT "\""));
}

static void
a_module_that_changes_the_account_is_a_no(void **state)
{
	(void)state;
	/* pam_ftp turns a user of its list into `ftp`, whatever he answers */
	service("auth required pam_ftp.so users=" ACCOUNT " ignore\n", PERMIT("account"),
	    exec_line("session", ""));
	start();
	answer("Guest login ok, send your complete e-mail address as password.", "a@example");
	expect_passed(false, "this account may not log in here, or not now");
	expect_journal("");
}

/* The file that we ship, as it stands: it asks, and lets in nobody whom the host does not know. */
static void
the_shipped_stack_asks_and_refuses_a_stranger(void **state)
{
	char path[128], text[4096];
	FILE *f = fopen("packaging/pam.d/sshbridge", "re");
	size_t n;

	(void)state;
	assert_non_null(f); /* else: run this from the top of the tree */
	n = fread(text, 1, sizeof(text) - 1, f);
	assert_int_equal(0, fclose(f));
	text[n] = '\0';
	(void)snprintf(path, sizeof(path), "%s/jump", dir);
	write_file(path, text, 0644);
	start();
	answer("Password: ", "guess");
	expect_passed(false, "this account is not known here");
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void
ident_gone_in_the_middle_of_a_question_ends_it(void **state)
{
	struct got g;

	(void)state;
	service(exec_line("auth", "expose_authtok"), PERMIT("account"), exec_line("session", ""));
	start();
	stage_expect(jump, &g, MSG_PROMPT);
	close(ident);
	ident = dup(STDERR_FILENO);
	assert_int_equal(0, stage_wait(&p));
	expect_journal("");
}

static void
a_jump_process_gone_in_the_middle_of_a_question_is_a_no(void **state)
{
	struct got g;

	(void)state;
	service(exec_line("auth", "expose_authtok"), PERMIT("account"), exec_line("session", ""));
	start();
	stage_expect(jump, &g, MSG_PROMPT);
	close(jump);
	jump = -1;
	expect_passed(false, "authentication failed");
}

static void
start_that_is_short_long_or_sets_another_name_is_refused(void **state)
{
	static const char *const bad[] = { "LD_PRELOAD=/tmp/x", "MTLS_X", "" };
	uint8_t buf[1024];
	struct msg_out o;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		put_start(&o, buf, sizeof(buf), i < 3 ? bad[i] : "MTLS_CONNECTION=1");
		if (i == 3)
			msg_put_u32(&o, 0);
		if (i == 4)
			o.len -= 3;
		stage_send(ident, &o, NULL, 0);
		stage_expect_end(ident);
		close(ident);
		assert_int_equal(0, stage_wait(&p));
		start_process();
		ident = stage_peer(&p, PEER_IDENT, 0);
	}
}

static void
start_twice_ends_the_session(void **state)
{
	uint8_t buf[1024];
	struct msg_out o;

	(void)state;
	service(PERMIT("auth"), PERMIT("account"), exec_line("session", ""));
	start();
	expect_passed(true, "");
	put_start(&o, buf, sizeof(buf), "MTLS_CONNECTION=1");
	stage_send(ident, &o, NULL, 0);
	assert_int_equal(0, stage_wait(&p));
	expect_journal("open_session" TAIL "close_session" TAIL);
}

static void
another_peer_than_ident_is_refused(void **state)
{
	(void)state;
	close(ident);
	assert_int_equal(0, stage_wait(&p));
	start_process();
	ident = stage_peer(&p, PEER_GATE, 0);
	stage_expect_end(ident);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_right_answer_opens_a_session_that_ends_with_idents_channel),
		TEST(a_session_ends_with_the_monitor_too),
		TEST(a_stack_that_asks_nothing_is_a_yes_without_a_prompt),
		TEST(it_is_a_yes_without_a_jump_process_where_nothing_is_asked),
		TEST(what_modules_say_comes_with_the_verdict),
		TEST(a_wrong_answer_is_a_no_and_opens_no_session),
		TEST(an_expired_account_is_a_no_that_says_so),
		TEST(a_silent_module_is_spoken_for),
		TEST(a_module_that_says_why_is_quoted),
		TEST(an_expired_password_is_a_no),
		TEST(a_session_that_cannot_be_opened_is_a_no),
		TEST(credentials_that_are_refused_are_a_no),
		TEST(a_service_that_is_not_there_is_a_no),
		TEST(a_module_that_changes_the_account_is_a_no),
		TEST(the_shipped_stack_asks_and_refuses_a_stranger),
		TEST(ident_gone_in_the_middle_of_a_question_ends_it),
		TEST(a_jump_process_gone_in_the_middle_of_a_question_is_a_no),
		TEST(start_that_is_short_long_or_sets_another_name_is_refused),
		TEST(start_twice_ends_the_session),
		TEST(another_peer_than_ident_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
