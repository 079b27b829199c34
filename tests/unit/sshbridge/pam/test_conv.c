/* test_conv.c - what a module asks arrives untouched, and so do the answers, or nothing does */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "msgio.h"
#include "sshbridge/pam/pam.h"
#include "tests/unit/help/stage.h"

static struct login l;
static int monitor, ident, jump; /* the test's ends */

static int
pair(int *end)
{
	int p[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p));
	*end = p[1];
	return p[0];
}

static int
setup(void **state)
{
	(void)state;
	memset(&l, 0, sizeof(l));
	l.monitor = pair(&monitor);
	l.ident = pair(&ident);
	l.jump = pair(&jump);
	l.phase = 4;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	close(l.monitor);
	close(l.ident);
	if (l.jump != -1)
		close(l.jump);
	close(monitor);
	close(ident);
	close(jump);
	return 0;
}

/* REPLY waits in the socket before anything is asked. */
static void
reply(const char *const *answers, uint32_t n)
{
	uint8_t buf[8192];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_REPLY, 0);
	msg_put_u32(&o, n);
	for (uint32_t i = 0; i < n; i++)
		msg_put_bytes(&o, answers[i], strlen(answers[i]));
	stage_send(jump, &o, NULL, 0);
}

static int
say(const struct pam_message *m, int n, struct pam_response **resp)
{
	const struct pam_message *list[PAM_MAX_NUM_MSG + 1];

	for (int i = 0; i < n; i++)
		list[i] = &m[i];
	return conv(n, list, resp, &l);
}

static int
ask(struct pam_message m, struct pam_response **resp)
{
	return say(&m, 1, resp);
}

static void
expect_prompt(uint32_t echo, const char *text, struct got *g)
{
	uint32_t v;
	char s[PAM_INFO_SIZE];

	assert_int_equal(0, msg_get_u32(&g->m, &v));
	assert_int_equal(echo, v);
	assert_int_equal(0, msg_get_str(&g->m, s, sizeof(s)));
	assert_string_equal(text, s);
}

static uint32_t
expect_count(struct got *g)
{
	uint32_t n;

	stage_expect(jump, g, MSG_PROMPT);
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	return n;
}

static void
expect_info(const char *info, struct got *g)
{
	struct err e;
	char s[PAM_INFO_SIZE];

	assert_int_equal(0, msg_get_str(&g->m, s, sizeof(s)));
	assert_string_equal(info, s);
	assert_int_equal(0, msg_end(&g->m, &e));
}

static void
free_all(struct pam_response *r, int n)
{
	for (int i = 0; i < n; i++)
		free(r[i].resp);
	free(r);
}

/* ---- what goes through ----------------------------------------------------------------------- */

static void
prompts_and_answers_pass_untouched(void **state)
{
	static const char *const answers[] = { "hunter2 \xc3\xa9\x01", "" };
	static const struct pam_message m[] = {
		{ PAM_TEXT_INFO, "Two things." },
		{ PAM_PROMPT_ECHO_OFF, "Passwort f\xc3\xbcr \x1b[1malice\x1b[0m: " },
		{ PAM_ERROR_MSG, "Mind the gap." },
		{ PAM_PROMPT_ECHO_ON, "" },
	};
	struct pam_response *r;
	struct got g;

	(void)state;
	reply(answers, 2);
	assert_int_equal(PAM_SUCCESS, say(m, 4, &r));
	assert_int_equal(2, expect_count(&g));
	expect_prompt(0, m[1].msg, &g);
	expect_prompt(1, "", &g);
	expect_info("Two things.\nMind the gap.", &g);
	assert_null(r[0].resp);
	assert_string_equal(answers[0], r[1].resp);
	assert_null(r[2].resp);
	assert_string_equal("", r[3].resp);
	free_all(r, 4);
}

static void
what_is_only_said_waits_for_the_next_question(void **state)
{
	static const char *const answer[] = { "x" };
	struct pam_response *r;
	struct got g;

	(void)state;
	assert_int_equal(PAM_SUCCESS, ask((struct pam_message){ PAM_TEXT_INFO, "first\n" }, &r));
	free_all(r, 1);
	assert_int_equal(PAM_SUCCESS, ask((struct pam_message){ PAM_TEXT_INFO, "second" }, &r));
	free_all(r, 1);
	reply(answer, 1);
	assert_int_equal(PAM_SUCCESS, ask((struct pam_message){ PAM_PROMPT_ECHO_OFF, "?" }, &r));
	free_all(r, 1);
	assert_int_equal(1, expect_count(&g));
	expect_prompt(0, "?", &g);
	expect_info("first\nsecond", &g);
	assert_string_equal("", l.said);
}

static void
more_than_one_prompt_can_hold_are_asked_in_rounds(void **state)
{
	static const char *const answers[] = { "0", "1", "2", "3", "4", "5", "6", "7" };
	static const char *const more[] = { "8", "9" };
	struct pam_message m[PAM_PROMPTS_MAX + 2];
	struct pam_response *r;
	struct got g;

	(void)state;
	for (int i = 0; i < PAM_PROMPTS_MAX + 2; i++)
		m[i] = (struct pam_message){ PAM_PROMPT_ECHO_OFF, "?" };
	reply(answers, PAM_PROMPTS_MAX);
	reply(more, 2);
	assert_int_equal(PAM_SUCCESS, say(m, PAM_PROMPTS_MAX + 2, &r));
	for (int i = 0; i < PAM_PROMPTS_MAX + 2; i++)
		assert_int_equal('0' + i, r[i].resp[0]);
	assert_int_equal(PAM_PROMPTS_MAX, expect_count(&g));
	assert_int_equal(2, expect_count(&g));
	free_all(r, PAM_PROMPTS_MAX + 2);
}

static void
the_longest_prompt_passes_and_a_longer_one_is_an_error(void **state)
{
	static const char *const answer[] = { "x" };
	char text[PAM_PROMPT_SIZE + 1];
	struct pam_response *r;
	struct got g;

	(void)state;
	memset(text, 'p', sizeof(text));
	text[PAM_PROMPT_SIZE - 1] = '\0';
	reply(answer, 1);
	assert_int_equal(PAM_SUCCESS, ask((struct pam_message){ PAM_PROMPT_ECHO_ON, text }, &r));
	free_all(r, 1);
	assert_int_equal(1, expect_count(&g));
	expect_prompt(1, text, &g);
	text[PAM_PROMPT_SIZE - 1] = 'p';
	text[PAM_PROMPT_SIZE] = '\0';
	assert_int_equal(PAM_CONV_ERR, ask((struct pam_message){ PAM_PROMPT_ECHO_ON, text }, &r));
	assert_null(r);
}

/* One answer of so many bytes. */
static int
answer_of(size_t n)
{
	char text[PAM_ANSWER_MAX + 2];
	const char *answer[] = { text };
	struct pam_response *r;
	int code;

	memset(text, 'a', n);
	text[n] = '\0';
	reply(answer, 1);
	code = ask((struct pam_message){ PAM_PROMPT_ECHO_OFF, "?" }, &r);
	if (code == PAM_SUCCESS) {
		assert_string_equal(text, r[0].resp);
		free_all(r, 1);
	} else {
		assert_null(r);
	}
	return code;
}

static void
the_longest_answer_passes_and_a_longer_one_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(PAM_SUCCESS, answer_of(PAM_MAX_RESP_SIZE - 1));
	assert_int_equal(PAM_CONV_ERR, answer_of(PAM_MAX_RESP_SIZE));
	assert_int_equal(PAM_CONV_ERR, answer_of(PAM_ANSWER_MAX));
	/* it may be asked again; but not one that says more than it may */
	assert_int_equal(PAM_SUCCESS, answer_of(1));
	assert_int_equal(PAM_CONV_ERR, answer_of(PAM_ANSWER_MAX + 1));
	assert_int_equal(-1, l.jump);
}

/* ---- what does not --------------------------------------------------------------------------- */

static void
other_ways_to_ask_are_an_error(void **state)
{
	struct pam_response *r;

	(void)state;
	assert_int_equal(PAM_CONV_ERR, ask((struct pam_message){ PAM_BINARY_PROMPT, "" }, &r));
	assert_int_equal(PAM_CONV_ERR, ask((struct pam_message){ PAM_RADIO_TYPE, "y/n" }, &r));
	assert_int_equal(PAM_CONV_ERR, conv(0, NULL, &r, &l));
	assert_int_equal(PAM_CONV_ERR, conv(PAM_MAX_NUM_MSG + 1, NULL, &r, &l));
}

/* A REPLY of these fields: the conversation fails, and the jump process is asked no more. */
static void
refused(const struct msg_out *o)
{
	struct pam_response *r;

	stage_send(jump, o, NULL, 0);
	assert_int_equal(PAM_CONV_ERR, ask((struct pam_message){ PAM_PROMPT_ECHO_OFF, "?" }, &r));
	assert_int_equal(-1, l.jump);
	assert_false(l.over);
	close(jump);
	l.jump = pair(&jump);
	memset(&l.from_jump, 0, sizeof(l.from_jump));
}

static void
a_reply_that_is_short_long_or_another_message_is_no_answer(void **state)
{
	uint8_t buf[256];
	struct msg_out o;

	(void)state;
	msg_start(&o, buf, sizeof(buf), MSG_REPLY, 0);
	refused(&o);
	msg_put_u32(&o, 1);
	refused(&o);
	msg_put_bytes(&o, "a", 1);
	msg_put_u32(&o, 0);
	refused(&o);
	msg_start(&o, buf, sizeof(buf), MSG_REPLY, 0); /* two answers to one question */
	msg_put_u32(&o, 2);
	msg_put_bytes(&o, "a", 1);
	msg_put_bytes(&o, "b", 1);
	refused(&o);
	msg_start(&o, buf, sizeof(buf), MSG_REPLY, 0); /* a NUL would hide what follows it */
	msg_put_u32(&o, 1);
	msg_put_bytes(&o, "a\0b", 3);
	refused(&o);
	msg_start(&o, buf, sizeof(buf), MSG_PASSED, 0);
	msg_put_u32(&o, 1);
	msg_put_str(&o, "");
	refused(&o);
}

static void
without_a_jump_process_questions_fail_and_words_do_not(void **state)
{
	struct pam_response *r;

	(void)state;
	close(jump);
	assert_int_equal(PAM_CONV_ERR, ask((struct pam_message){ PAM_PROMPT_ECHO_OFF, "?" }, &r));
	close(l.jump);
	l.jump = -1;
	assert_int_equal(PAM_CONV_ERR, ask((struct pam_message){ PAM_PROMPT_ECHO_OFF, "?" }, &r));
	assert_int_equal(PAM_SUCCESS, ask((struct pam_message){ PAM_TEXT_INFO, "hello" }, &r));
	free_all(r, 1);
	assert_false(l.over);
	jump = dup(monitor);
}

static void
ident_gone_or_speaking_ends_the_question(void **state)
{
	struct pam_response *r;

	(void)state;
	close(ident);
	assert_int_equal(PAM_CONV_ERR, ask((struct pam_message){ PAM_PROMPT_ECHO_OFF, "?" }, &r));
	assert_true(l.over);
	ident = dup(monitor);
}

static void
a_stack_cannot_ask_for_ever(void **state)
{
	static const char *const answer[] = { "x" };
	struct pam_response *r;
	struct got g;

	(void)state;
	for (int i = 0; i < PAM_ROUNDS_MAX; i++) {
		reply(answer, 1);
		assert_int_equal(
		    PAM_SUCCESS, ask((struct pam_message){ PAM_PROMPT_ECHO_OFF, "?" }, &r));
		free_all(r, 1);
		assert_int_equal(1, expect_count(&g));
	}
	reply(answer, 1);
	assert_int_equal(PAM_CONV_ERR, ask((struct pam_message){ PAM_PROMPT_ECHO_OFF, "?" }, &r));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(prompts_and_answers_pass_untouched),
		TEST(what_is_only_said_waits_for_the_next_question),
		TEST(more_than_one_prompt_can_hold_are_asked_in_rounds),
		TEST(the_longest_prompt_passes_and_a_longer_one_is_an_error),
		TEST(the_longest_answer_passes_and_a_longer_one_is_an_error),
		TEST(other_ways_to_ask_are_an_error),
		TEST(a_reply_that_is_short_long_or_another_message_is_no_answer),
		TEST(without_a_jump_process_questions_fail_and_words_do_not),
		TEST(ident_gone_or_speaking_ends_the_question),
		TEST(a_stack_cannot_ask_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
