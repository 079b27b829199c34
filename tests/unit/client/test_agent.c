/* test_agent.c - the agent's protocol, with an agent that lies in each way */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "client/agent.h"
#include "tests/unit/help/fakeagent.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t key[] = "the public key", other[] = "another key";
static struct fakemsg msg;

/* An answer as bytes, length included, then the end; n 0: nothing at all. */
struct bytes {
	const void *p;
	size_t n;
};
#define BYTES(s)                                 \
	{                                        \
		(s), sizeof(s) - 1 /* its NUL */ \
	}

static void
say_bytes(struct fakeagent *f, int fd, const uint8_t *req, size_t n)
{
	const struct bytes *b = f->arg;

	(void)req;
	(void)n;
	(void)fakeagent_write(fd, b->p, b->n);
}

static void
say_nothing(struct fakeagent *f, int fd, const uint8_t *req, size_t n)
{
	(void)req;
	(void)n;
	if (f->arg != NULL)
		say_bytes(f, fd, req, n);
	fakeagent_hang(fd);
}

/* The message in `msg`, one byte after the other. */
static void
say_slowly(struct fakeagent *f, int fd, const uint8_t *req, size_t n)
{
	(void)f;
	(void)req;
	(void)n;
	for (size_t i = 0; i < msg.n; i++)
		if (!fakeagent_write(fd, msg.p + i, 1))
			return;
}

static void
msg_finish(void)
{
	size_t end = msg.n;

	msg.n = 0;
	fakemsg_u32(&msg, end - 4);
	msg.n = end;
}

static struct agent
agent_at(const char *path)
{
	struct agent a;
	struct err e;

	assert_int_equal(0, agent_init(&a, path, &e));
	return a;
}

static void
keys_put(size_t count, int with_ours)
{
	fakemsg_start(&msg, 12);
	fakemsg_u32(&msg, count);
	for (size_t i = 0; i < count; i++) {
		if (with_ours && i == count - 1)
			fakemsg_string(&msg, key, sizeof(key));
		else
			fakemsg_string(&msg, other, sizeof(other));
		fakemsg_string(&msg, "comment", i % 8);
	}
	msg_finish();
}

static int
holds(size_t *keys)
{
	struct fakeagent f;
	struct agent a;
	struct err e;
	int r;

	fakeagent_start(&f, say_slowly, NULL);
	a = agent_at(f.path);
	r = agent_holds(&a, key, sizeof(key), keys, &e);
	fakeagent_stop(&f);
	return r;
}

static void
a_key_is_found_among_many_and_none_is_not(void **state)
{
	size_t keys;

	(void)state;
	keys_put(1, 1);
	assert_int_equal(1, holds(&keys));
	assert_int_equal(1, keys);
	keys_put(AGENT_KEYS, 1);
	assert_int_equal(1, holds(&keys));
	assert_int_equal(AGENT_KEYS, keys);
	keys_put(3, 0);
	assert_int_equal(0, holds(&keys));
	assert_int_equal(3, keys);
	keys_put(0, 0);
	assert_int_equal(0, holds(&keys));
	assert_int_equal(0, keys);
	keys_put(AGENT_KEYS + 1, 1);
	assert_int_equal(-1, holds(&keys));
}

static void
an_answer_cut_at_any_byte_is_an_error(void **state)
{
	size_t whole, keys;

	(void)state;
	keys_put(2, 1);
	whole = msg.n;
	for (size_t n = 0; n < whole; n++) {
		keys_put(2, 1);
		msg.n = n;
		assert_int_equal(-1, holds(&keys)); /* the connection ends */
		if (n < 5)
			continue;
		msg_finish(); /* the message says that it is that short */
		assert_int_equal(-1, holds(&keys));
	}
	keys_put(2, 1);
	fakemsg_byte(&msg, 0); /* one too many */
	msg_finish();
	assert_int_equal(-1, holds(&keys));
}

static const struct {
	struct bytes answer;
	int kind;
	const char *word;
} lies[] = {
	{ BYTES(""), ERR_PEER, "broke off" },
	{ BYTES("\0\0\0"), ERR_PEER, "broke off" },
	{ BYTES("\0\0\0\0"), ERR_PEER, "does not answer as" },
	{ BYTES("\0\0\0\1"), ERR_PEER, "broke off" },
	{ BYTES("\0\0\0\1\5"), ERR_REFUSED, "ssh-agent d" },
	{ BYTES("\0\0\0\1\6"), ERR_PEER, "does not answer as" },
	{ BYTES("\0\0\0\1\14"), ERR_PEER, "does not answer as" }, /* IDENTITIES_ANSWER */
	{ BYTES("\0\0\0\1\16"), ERR_PEER, "does not answer as" }, /* SIGN_RESPONSE */
	{ BYTES("\0\4\0\1\14"), ERR_PEER, "does not answer as" }, /* one byte beyond the most */
	{ BYTES("\377\377\377\377\14"), ERR_PEER, "does not answer as" },
	{ BYTES("\0\0\0\5\14\377\377\377\377"), ERR_PEER, "does not answer as" },
	{ BYTES("\0\0\0\11\14\0\0\0\1\377\377\377\377"), ERR_PEER, "does not answer as" },
	{ BYTES("\0\0\0\11\16\377\377\377\377AAAA"), ERR_PEER, "does not answer as" },
	{ BYTES("\0\0\0\10\16\0\0\0\1AAA"), ERR_PEER, "does not answer as" },
	{ BYTES("SSH-2.0-OpenSSH_9.2\r\n"), ERR_PEER, "does not answer as" },
};

static void
a_lie_is_an_error_with_a_sentence(void **state)
{
	uint8_t sig[AGENT_SIG_MAX];
	struct fakeagent f;
	struct agent a;
	struct err e;
	size_t n;

	(void)state;
	for (size_t i = 0; i < nitems(lies); i++) {
		fakeagent_start(&f, say_bytes, (void *)(uintptr_t)&lies[i].answer);
		a = agent_at(f.path);
		e.kind = ERR_NONE;
		assert_int_equal(-1, agent_holds(&a, key, sizeof(key), &n, &e));
		assert_int_equal(lies[i].kind, e.kind);
		assert_non_null(strstr(e.text, lies[i].word));
		e.kind = ERR_NONE;
		assert_int_equal(
		    -1, agent_sign(&a, key, sizeof(key), (const uint8_t *)"data", 4, sig, &n, &e));
		assert_int_equal(lies[i].kind, e.kind);
		assert_non_null(strstr(e.text, lies[i].word));
		fakeagent_stop(&f);
	}
}

static void
no_agent_is_an_error_that_says_what_to_type(void **state)
{
	char path[AGENT_PATH_MAX + 1];
	struct agent a;
	struct err e;
	size_t keys;

	(void)state;
	assert_int_equal(-1, agent_init(&a, NULL, &e));
	assert_non_null(strstr(e.text, "ssh-add"));
	assert_int_equal(-1, agent_init(&a, "", &e));
	memset(path, 'x', sizeof(path));
	path[AGENT_PATH_MAX] = '\0';
	assert_int_equal(-1, agent_init(&a, path, &e));
	path[AGENT_PATH_MAX - 1] = '\0';
	assert_int_equal(0, agent_init(&a, path, &e));
	assert_int_equal(-1, agent_holds(&a, key, sizeof(key), &keys, &e));
	assert_int_equal(ERR_SYS, e.kind);
	a = agent_at("/nonexistent\x1b/agent");
	assert_int_equal(-1, agent_holds(&a, key, sizeof(key), &keys, &e));
	assert_non_null(strstr(e.text, "SSH_AUTH_SOCK=/nonexistent\\x1b/agent: No such file"));
}

static void
an_agent_that_hangs_is_given_up(void **state)
{
	static const struct bytes half = BYTES("\0\0\0\11\16\0");
	const struct bytes *arg[] = { NULL, &half };
	uint8_t sig[AGENT_SIG_MAX];
	struct fakeagent f;
	struct agent a;
	struct err e;
	size_t n;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fakeagent_start(&f, say_nothing, (void *)(uintptr_t)arg[i]);
		a = agent_at(f.path);
		a.answer_ms = a.sign_ms = 40;
		a.patience_ms = 10;
		assert_int_equal(-1, agent_holds(&a, key, sizeof(key), &n, &e));
		assert_int_equal(ERR_PEER, e.kind);
		assert_non_null(strstr(e.text, "did not answer within 1 s"));
		assert_int_equal(
		    -1, agent_sign(&a, key, sizeof(key), (const uint8_t *)"data", 4, sig, &n, &e));
		assert_non_null(strstr(e.text, "did not answer within 1 s"));
		fakeagent_stop(&f);
	}
}

/* ---- signing -------------------------------------------------------------------------------- */

static void
sign_put(size_t sig)
{
	static const uint8_t zeros[AGENT_SIG_MAX + 1];

	fakemsg_start(&msg, 14);
	fakemsg_string(&msg, zeros, sig);
	msg_finish();
}

static void
the_agent_gets_the_data_itself_and_no_flags(void **state)
{
	/* draft-miller-ssh-agent section 3.6: type, key, data, flags */
	static const uint8_t want[] = "\15\0\0\0\17the public key\0\0\0\0\4data\0\0\0\0";
	uint8_t sig[AGENT_SIG_MAX], seen[64];
	struct fakeagent f;
	struct agent a;
	struct err e;
	size_t n;

	(void)state;
	sign_put(AGENT_SIG_MAX);
	fakeagent_start(&f, say_slowly, NULL);
	a = agent_at(f.path);
	assert_int_equal(
	    0, agent_sign(&a, key, sizeof(key), (const uint8_t *)"data", 4, sig, &n, &e));
	assert_int_equal(AGENT_SIG_MAX, n);
	assert_int_equal(sizeof(want) - 1, f.last_n);
	memcpy(seen, f.last, f.last_n);
	fakeagent_stop(&f);
	assert_memory_equal(want, seen, sizeof(want) - 1);
	/* one byte more is no signature of a kind that we use */
	sign_put(AGENT_SIG_MAX + 1);
	fakeagent_start(&f, say_slowly, NULL);
	a = agent_at(f.path);
	assert_int_equal(
	    -1, agent_sign(&a, key, sizeof(key), (const uint8_t *)"data", 4, sig, &n, &e));
	fakeagent_stop(&f);
}

static void
the_largest_message_is_sent_and_one_byte_more_is_not(void **state)
{
	size_t most = AGENT_MESSAGE - 13 - sizeof(key), n;
	uint8_t sig[AGENT_SIG_MAX], *data = calloc(1, most + 1);
	struct fakeagent f;
	struct agent a;
	struct err e;

	(void)state;
	assert_non_null(data);
	sign_put(8);
	fakeagent_start(&f, say_slowly, NULL);
	a = agent_at(f.path);
	assert_int_equal(0, agent_sign(&a, key, sizeof(key), data, most, sig, &n, &e));
	assert_int_equal(AGENT_MESSAGE, f.last_n);
	assert_int_equal(-1, agent_sign(&a, key, sizeof(key), data, most + 1, sig, &n, &e));
	assert_int_equal(ERR_REFUSED, e.kind);
	assert_int_equal(-1, agent_sign(&a, key, sizeof(key), data, SIZE_MAX - 8, sig, &n, &e));
	assert_int_equal(1, f.asked);
	fakeagent_stop(&f);
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_found_among_many_and_none_is_not),
		cmocka_unit_test(an_answer_cut_at_any_byte_is_an_error),
		cmocka_unit_test(a_lie_is_an_error_with_a_sentence),
		cmocka_unit_test(no_agent_is_an_error_that_says_what_to_type),
		cmocka_unit_test(an_agent_that_hangs_is_given_up),
		cmocka_unit_test(the_agent_gets_the_data_itself_and_no_flags),
		cmocka_unit_test(the_largest_message_is_sent_and_one_byte_more_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
