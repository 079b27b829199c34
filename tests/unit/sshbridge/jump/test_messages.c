/* test_messages.c - each message to a jump process: short, long, twice, out of phase, malformed */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/help/jumpplay.h"

static struct jumpplay p;

enum from { MONITOR, IDENT };
enum when { NEW, READY, LOGIN }; /* how far it is */

/* Fields: w a u32, q a u64, b bytes; f after them: a descriptor. */
static const struct {
	enum from from;
	unsigned type;
	enum when when; /* where it may come */
	const char *fields;
	uint64_t values[4];
} messages[] = {
	{ MONITOR, MSG_PEER, NEW, "wwf", { 5, 0 } },
	{ MONITOR, MSG_HOSTKEY, NEW, "qwbb", { 1, 0 } },
	{ MONITOR, MSG_GENERATION, NEW, "qf", { 1 } },
	{ IDENT, MSG_START, READY, "wbf", { 0 } },
	{ IDENT, MSG_CUT, LOGIN, "wb", { 2 } },
	{ IDENT, MSG_LOGGED, LOGIN, "wwb", { 1, 1 } },
	{ IDENT, MSG_PASSED, LOGIN, "wb", { 1 } },
	{ IDENT, MSG_OPENED, LOGIN, "wf", { 1 } },
	{ IDENT, MSG_REFUSED, LOGIN, "wwb", { 1, 2 } },
	{ IDENT, MSG_ABOUT, LOGIN, "wbbbqw", { 1, 0, 0 } },
};

static int
go_to(enum when when)
{
	jumpplay_start(&p);
	if (when == NEW) {
		p.ident = -1;
		return -1;
	}
	jumpplay_ready(&p);
	return when == LOGIN ? jumpplay_connect(&p) : -1;
}

/* `cut`: so many fields less; `more`: one too many. */
static void
send_message(size_t i, size_t cut, bool more)
{
	uint8_t buf[512];
	struct msg_out o;
	int pair[2];
	size_t n = strlen(messages[i].fields), k = 0;
	bool fd = messages[i].fields[n - 1] == 'f';

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	msg_start(&o, buf, sizeof(buf), (enum msg_type)messages[i].type,
	    messages[i].from == IDENT ? JUMPPLAY_CONN : 0);
	for (size_t f = 0; f < n - fd - cut; f++)
		if (messages[i].fields[f] == 'w')
			msg_put_u32(&o, (uint32_t)messages[i].values[k++]);
		else if (messages[i].fields[f] == 'q')
			msg_put_u64(&o, messages[i].values[k++]);
		else
			msg_put_str(&o, "text");
	if (more)
		msg_put_u32(&o, 0);
	stage_send(messages[i].from == IDENT ? p.ident : p.stage.monitor, &o, &pair[1], fd);
	close(pair[0]);
	close(pair[1]);
}

/* It ends with a line that says why. */
static void
breaks(const char *what, size_t i)
{
	int status;

	print_message("# %s %s\n", msg_name(messages[i].type), what);
	(void)shutdown(p.stage.monitor, SHUT_WR);
	status = jumpplay_status(&p);
	assert_int_equal(1, status);
	jumpplay_end(&p);
}

static void
short_and_long_ones_end_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		size_t n = strcspn(messages[i].fields, "f");

		for (size_t cut = 1; cut <= n + 1; cut++) {
			int fd = go_to(messages[i].when);

			send_message(i, cut > n ? 0 : cut, cut > n);
			(void)stage_log(&p.stage, "jump-ends");
			breaks(cut > n ? "long" : "short", i);
			if (fd != -1)
				close(fd);
		}
	}
}

static void
out_of_their_phase_they_end_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		for (int when = NEW; when <= LOGIN; when++) {
			int fd;

			if (when == (int)messages[i].when ||
			    (messages[i].from == IDENT && when == NEW))
				continue;
			fd = go_to((enum when)when);
			send_message(i, 0, false);
			(void)stage_log(&p.stage, "jump-ends");
			breaks("out of phase", i);
			if (fd != -1)
				close(fd);
		}
}

/* Well-formed, but nothing was asked. */
static void
answers_to_no_question_end_it(void **state)
{
	static const unsigned types[] = { MSG_LOGGED, MSG_PASSED, MSG_OPENED, MSG_REFUSED,
		MSG_ABOUT };

	(void)state;
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++)
		for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
			int fd;

			if (messages[i].type != types[t])
				continue;
			fd = go_to(LOGIN);
			send_message(i, 0, false);
			(void)stage_log(&p.stage, "jump-ends");
			breaks("unasked", i);
			close(fd);
		}
}

static void
twice_ends_it(void **state)
{
	(void)state;
	jumpplay_start(&p);
	p.ident = stage_peer(&p.stage, 5, 0);
	close(stage_peer(&p.stage, 5, 0));
	(void)stage_log(&p.stage, "jump-ends");
	breaks("twice", 0);
	(void)go_to(READY);
	jumpplay_generation(&p, 2);
	(void)stage_log(&p.stage, "jump-ends");
	breaks("twice", 2);
}

static void
what_is_wrong_with_a_generation_is_told(void **state)
{
	static const struct {
		const char *what;
		unsigned nhost_keys, keys; /* wanted, sent */
		uint64_t generation;
	} cases[] = {
		{ "no host key came with it", 1, 0, 1 },
		{ "no host key came with it", 1, 1, 2 },
		{ "1 host keys of 2 came", 2, 1, 1 },
		{ "two host keys of one kind", 2, 2, 1 },
	};
	char why[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		jumpplay_start(&p);
		p.set.targets[0].nhost_keys = cases[i].nhost_keys;
		p.ident = stage_peer(&p.stage, 5, 0);
		for (unsigned k = 0; k < cases[i].keys; k++)
			jumpplay_hostkey(&p, 1, 0, p.host);
		jumpplay_generation(&p, cases[i].generation);
		assert_false(stage_ready(&p.stage, cases[i].generation, why, sizeof(why)));
		if (strstr(why, cases[i].what) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", cases[i].what, why);
		jumpplay_end(&p);
	}
}

static void
a_file_that_is_no_host_key_is_named(void **state)
{
	char why[512];

	(void)state;
	jumpplay_start(&p);
	p.ident = stage_peer(&p.stage, 5, 0);
	jumpplay_hostkey_text(&p, 1, 0, "ssh-ed25519 AAAA the public half\n");
	jumpplay_generation(&p, 1);
	assert_false(stage_ready(&p.stage, 1, why, sizeof(why)));
	assert_string_equal(
	    "host-keys: /test/key: no private key is in it, or one with a passphrase", why);
	jumpplay_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_and_long_ones_end_it),
		cmocka_unit_test(out_of_their_phase_they_end_it),
		cmocka_unit_test(answers_to_no_question_end_it),
		cmocka_unit_test(twice_ends_it),
		cmocka_unit_test(what_is_wrong_with_a_generation_is_told),
		cmocka_unit_test(a_file_that_is_no_host_key_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
