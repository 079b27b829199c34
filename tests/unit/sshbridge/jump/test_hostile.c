/* test_hostile.c - each kind of packet before and after authentication, signatures, GSSAPI, tags */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/help/jumpplay.h"
#include "tests/unit/help/sshraw.h"

enum { DISCONNECT = 1, FAILURE = 51, SUCCESS = 52, BANNER = 53, SERVICE_ACCEPT = 6 };
enum { IGNORE = 2, KEXINIT = 20 };
enum { GLOBAL_REQUEST = 80, REQUEST_FAILURE = 82 };
enum { CHANNEL_OPEN = 90, OPEN_CONFIRMATION, OPEN_FAILURE, WINDOW_ADJUST, CHANNEL_DATA };
enum { CHANNEL_CLOSE = 97, CHANNEL_REQUEST };

static struct jumpplay p;
static struct sshraw *raw;

/* The next packet of the server's; 0: it has ended. Its payload in *payload. */
static int
next(const uint8_t **payload)
{
	size_t n;
	bool end = false;

	for (int i = 0; i < 6000; i++) {
		struct pollfd pf = { .fd = sshraw_fd(raw), .events = POLLIN };
		const uint8_t *got;

		if (sshraw_flush(raw) == -1)
			return 0;
		if ((got = sshraw_next(raw, &n, &end)) != NULL) {
			*payload = got;
			return got[0];
		}
		if (end)
			return 0;
		if (poll(&pf, 1, 10) == 0)
			(void)jumpplay_answer(&p, 0);
		else
			(void)jumpplay_answer(&p, 0);
	}
	fail_msg("nothing came");
	return 0;
}

static void
start(void)
{
	const uint8_t *got;
	size_t n;
	bool end = false;

	jumpplay_start(&p);
	jumpplay_ready(&p);
	raw = sshraw_new(jumpplay_connect(&p));
	assert_non_null(raw);
	for (int i = 0; i < 6000 && !sshraw_ready(raw); i++) {
		struct pollfd pf = { .fd = sshraw_fd(raw), .events = POLLIN };

		assert_int_equal(0, sshraw_flush(raw));
		(void)poll(&pf, 1, 10);
		got = sshraw_next(raw, &n, &end);
		assert_null(got);
		assert_false(end);
	}
}

static void
ask_service(void)
{
	const uint8_t *got;

	sshraw_sendf(raw, "bs", 5, "ssh-userauth");
	assert_int_equal(SERVICE_ACCEPT, next(&got));
}

static void
log_in(void)
{
	const uint8_t *got;

	ask_service();
	sshraw_userauth(raw, "alice");
	assert_int_equal(SUCCESS, next(&got));
}

/* Nothing but a farewell comes, and the process ends by itself. */
static void
is_ended(void)
{
	const uint8_t *got;
	int type;

	while ((type = next(&got)) != 0)
		if (type == SUCCESS)
			fail_msg("authenticated");
	sshraw_free(raw);
	assert_int_equal(0, jumpplay_status(&p));
	jumpplay_end(&p);
}

static void
leave(void)
{
	sshraw_free(raw);
	assert_int_equal(0, jumpplay_status(&p));
	jumpplay_end(&p);
}

/* Packets that no client sends so early, or at all (RFC 4250 section 4.1.2). */
static void
nothing_but_authentication_comes_before_it(void **state)
{
	static const struct {
		const char *what;
		uint8_t type;
		const char *text;
	} early[] = {
		{ "SERVICE_ACCEPT", 6, "ssh-userauth" },
		{ "KEXDH_INIT", 30, "x" },
		{ "NEWKEYS", 21, "" },
		{ "USERAUTH_FAILURE", 51, "publickey" },
		{ "USERAUTH_SUCCESS", 52, "" },
		{ "INFO_REQUEST", 60, "x" },
		{ "INFO_RESPONSE", 61, "x" },
		{ "GLOBAL_REQUEST", 80, "tcpip-forward" },
		{ "REQUEST_SUCCESS", 81, "" },
		{ "CHANNEL_OPEN", 90, "session" },
		{ "CHANNEL_OPEN_CONFIRMATION", 91, "x" },
		{ "CHANNEL_WINDOW_ADJUST", 93, "x" },
		{ "CHANNEL_DATA", 94, "x" },
		{ "CHANNEL_EOF", 96, "x" },
		{ "CHANNEL_CLOSE", 97, "x" },
		{ "CHANNEL_REQUEST", 98, "x" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(early) / sizeof(early[0]); i++) {
		start();
		if (i % 2 == 1)
			ask_service();
		print_message("# %s\n", early[i / 2].what);
		sshraw_sendf(raw, "bsuuu", early[i / 2].type, early[i / 2].text, 0U, 0U, 0U);
		is_ended();
		assert_int_equal(0, p.logins + p.dials + p.abouts);
	}
}

static void
the_service_is_one_and_comes_first(void **state)
{
	static const struct {
		const char *first, *second; /* services */
	} cases[] = {
		{ "ssh-connection", NULL },
		{ "", NULL },
		{ "ssh-userauth", "ssh-userauth" },
		{ "ssh-userauth", "ssh-connection" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start();
		sshraw_sendf(raw, "bs", 5, cases[i].first);
		if (cases[i].second != NULL)
			sshraw_sendf(raw, "bs", 5, cases[i].second);
		is_ended();
	}
	start();
	sshraw_userauth(raw, "alice"); /* without one */
	is_ended();
	assert_int_equal(0, p.logins);
}

static void
another_service_is_never_granted(void **state)
{
	const uint8_t *got;

	(void)state;
	start();
	ask_service();
	sshraw_sendf(raw, "bsss", 50, "alice", "ssh-other", "none");
	assert_int_equal(FAILURE, next(&got));
	sshraw_sendf(raw, "bsss", 50, "alice", "ssh-other", "publickey");
	assert_int_equal(FAILURE, next(&got));
	assert_int_equal(0, p.logins);
	leave();
}

static void
other_methods_are_refused(void **state)
{
	static const char *const names[] = { "hostbased", "password", "keyboard-interactive", "x" };
	const uint8_t *got;

	(void)state;
	start();
	ask_service();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sshraw_sendf(
		    raw, "bsssssss", 50, "alice", "ssh-connection", names[i], "", "", "", "");
		assert_int_equal(FAILURE, next(&got));
		assert_memory_equal("\x00\x00\x00\x09publickey\x00", got + 1, 14);
	}
	assert_int_equal(0, p.logins);
	sshraw_userauth(raw, "alice");
	assert_int_equal(SUCCESS, next(&got));
	leave();
}

/* libssh would take it to its library, which opens files: there is no mechanism, and no answer. */
static void
gssapi_is_refused_alive(void **state)
{
	const uint8_t *got;

	(void)state;
	start();
	ask_service();
	sshraw_sendf(raw, "bsssun", 50, "alice", "ssh-connection", "gssapi-with-mic", 1U,
	    "\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02", (size_t)11);
	assert_int_equal(FAILURE, next(&got));
	sshraw_userauth(raw, "alice");
	assert_int_equal(SUCCESS, next(&got));
	leave();
}

static void
a_bad_signature_is_left_to_the_login_timer(void **state)
{
	uint8_t blob[256], sig[83] = { 0, 0, 0, 11, 's', 's', 'h', '-', 'e', 'd', '2', '5', '5',
		'1', '9', 0, 0, 0, 64, 1 };
	size_t n = sshraw_blob(blob, sizeof(blob));
	const uint8_t *got;
	int type;

	(void)state;
	start();
	ask_service();
	sshraw_sendf(raw, "bsssbsnn", 50, "alice", "ssh-connection", "publickey", 1, "ssh-ed25519",
	    blob, n, sig, sizeof(sig));
	/* it was not taken for anything: the right one still goes, and only that was asked about */
	sshraw_userauth(raw, "alice");
	while ((type = next(&got)) == FAILURE)
		;
	assert_int_equal(SUCCESS, type);
	assert_int_equal(1, p.logins);
	assert_true(p.last_proven);
	leave();
}

static void
certificates_are_refused_as_keys(void **state)
{
	static const char type[] = "ssh-ed25519-cert-v01@openssh.com";
	struct sshraw_payload cert;
	const uint8_t *got;

	(void)state;
	start();
	ask_service();
	sshraw_pack(&cert, "sssuuuussuuuusss", type, "nonce-nonce-nonce-nonce-nonce-32",
	    "0123456789abcdef0123456789abcdef", 0U, 1U, 1U, 0U, "id", "alice", 0U, 0U, 0xffffffffU,
	    0xffffffffU, "", "", "");
	sshraw_sendf(
	    raw, "bsssbsn", 50, "alice", "ssh-connection", "publickey", 0, type, cert.buf, cert.n);
	/* libssh drops what it cannot read, without an answer; what it reads we refuse */
	sshraw_sendf(raw, "bsss", 50, "alice", "ssh-connection", "none");
	assert_int_equal(FAILURE, next(&got));
	assert_int_equal(0, p.logins);
	leave();
}

static void
authentication_after_it_ends_it(void **state)
{
	(void)state;
	start();
	log_in();
	sshraw_userauth(raw, "alice");
	is_ended();
	assert_int_equal(1, p.logins);
	start();
	log_in();
	sshraw_sendf(raw, "bs", 5, "ssh-userauth");
	is_ended();
}

static void
what_is_not_offered_is_refused_after_it(void **state)
{
	static const char *const types[] = { "x11", "auth-agent@openssh.com",
		"direct-streamlocal@openssh.com", "tun@openssh.com", "unknown" };
	const uint8_t *got;

	(void)state;
	start();
	log_in();
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		sshraw_sendf(raw, "bsuuususu", 90, types[i], (uint32_t)i, 1000000U, 32768U, "a", 1U,
		    "b", 2U);
		assert_int_equal(92, next(&got)); /* OPEN_FAILURE */
		assert_int_equal(i, sshraw_u32(got + 1));
	}
	sshraw_sendf(raw, "bsbsu", 80, "tcpip-forward", 1, "0.0.0.0", 8080U);
	assert_int_equal(82, next(&got));
	sshraw_sendf(raw, "bsbs", 80, "streamlocal-forward@openssh.com", 1, "/tmp/x");
	assert_int_equal(82, next(&got));
	assert_int_equal(0, p.dials);
	leave();
}

/* ---- a session channel that the server has closed, and the client has not ---------------------
 */

/* Open one, ask, read up to the server's CLOSE; its number there. */
static uint32_t
answered(void)
{
	const uint8_t *got;
	uint32_t theirs;

	sshraw_sendf(raw, "bsuuu", CHANNEL_OPEN, "session", 7U, 1U << 20, 32768U);
	assert_int_equal(OPEN_CONFIRMATION, next(&got));
	assert_int_equal(7, sshraw_u32(got + 1));
	theirs = sshraw_u32(got + 5);
	sshraw_sendf(raw, "busbs", CHANNEL_REQUEST, theirs, "exec", 0, "list --json");
	while (next(&got) != CHANNEL_CLOSE)
		assert_int_not_equal(0, got[0]);
	return theirs;
}

/* libssh queues the request with the address of its channel, and the CLOSE behind frees that. */
static void
a_request_whose_channel_is_gone_is_not_answered(void **state)
{
	struct sshraw_payload request, bye;
	const uint8_t *got;

	(void)state;
	start();
	log_in();
	for (int i = 0; i < 8; i++) {
		uint32_t theirs = answered();

		sshraw_pack(&request, "busb", CHANNEL_REQUEST, theirs, "no-such-request", 1);
		sshraw_pack(&bye, "bu", CHANNEL_CLOSE, theirs);
		/* in one read of the server's */
		sshraw_send(raw, request.buf, request.n);
		sshraw_send(raw, bye.buf, bye.n);
		/* queued behind it, as libssh's own answers are not */
		sshraw_sendf(raw, "bsbsu", GLOBAL_REQUEST, "tcpip-forward", 1, "localhost", 0U);
		assert_int_equal(REQUEST_FAILURE, next(&got));
	}
	leave();
}

static size_t
memory_kb(void)
{
	char path[64], line[256];
	size_t kb = 0;
	FILE *fp;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)p.stage.pid);
	assert_non_null(fp = fopen(path, "r"));
	while (fgets(line, sizeof(line), fp) != NULL)
		(void)sscanf(line, "VmHWM: %zu kB", &kb);
	fclose(fp);
	return kb;
}

static void
data_after_the_answer_is_not_kept(void **state)
{
	static const uint8_t zeros[32768];
	const uint8_t *got;
	uint32_t theirs;
	size_t before;

	(void)state;
	start();
	log_in();
	theirs = answered();
	before = memory_kb();
	for (int i = 0; i < 64; i++) {
		for (int k = 0; k < 32; k++)
			sshraw_sendf(raw, "bun", CHANNEL_DATA, theirs, zeros, sizeof(zeros));
		sshraw_sendf(raw, "bsb", GLOBAL_REQUEST, "are you there", 1);
		/* between them, windows */
		while (next(&got) != REQUEST_FAILURE)
			assert_int_equal(WINDOW_ADJUST, got[0]);
	}
	print_message("# note: 64 MB: %zu kB more\n", memory_kb() - before);
#ifndef SANITIZED
	assert_true(memory_kb() - before < 8192);
#endif
	leave();
}

/* Such channels count as open: there are four. */
static void
a_client_that_closes_nothing_uses_up_its_channels(void **state)
{
	const uint8_t *got;
	uint32_t theirs = 0;

	(void)state;
	start();
	log_in();
	for (int i = 0; i < 4; i++)
		theirs = answered();
	sshraw_sendf(raw, "bsuuu", CHANNEL_OPEN, "session", 8U, 1U << 20, 32768U);
	assert_int_equal(OPEN_FAILURE, next(&got));
	/* one is closed and the next is opened in one read of the server's */
	sshraw_sendf(raw, "bu", CHANNEL_CLOSE, theirs);
	(void)answered();
	assert_int_equal(5, p.abouts);
	leave();
}

static void
send_all(void)
{
	while (sshraw_unsent(raw)) {
		struct pollfd pf = { .fd = sshraw_fd(raw), .events = POLLOUT };

		(void)poll(&pf, 1, 10);
		(void)sshraw_flush(raw); /* its end is seen by reading */
	}
}

static void
a_client_that_needs_no_answers_may_go_on(void **state)
{
	const uint8_t *got;

	(void)state;
	start();
	log_in();
	for (int i = 0; i < 200; i++) {
		for (int k = 0; k < 1000; k++)
			sshraw_sendf(raw, "bs", IGNORE, "x");
		send_all();
	}
	sshraw_sendf(raw, "bsb", GLOBAL_REQUEST, "are you there", 1);
	assert_int_equal(REQUEST_FAILURE, next(&got));
	leave();
}

/* All that is answered while the server waits for a key exchange is kept by libssh. */
static void
a_key_exchange_that_is_not_gone_on_with_ends_it(void **state)
{
	static const uint8_t zeros[32768];
	const uint8_t *got;
	size_t before, most, n;
	bool end = false;

	(void)state;
	start();
	log_in();
	sshraw_no_rekey(raw);
	/* it begins one after 1 GB */
	do {
		for (int k = 0; k < 32; k++)
			sshraw_sendf(raw, "bn", IGNORE, zeros, sizeof(zeros));
		send_all();
		got = sshraw_next(raw, &n, &end);
	} while (got == NULL && !end);
	assert_true(got != NULL && got[0] == KEXINIT);
	before = most = memory_kb();
	for (int i = 0; i < 300; i++) {
		for (int k = 0; k < 1000; k++)
			sshraw_sendf(raw, "bsb", GLOBAL_REQUEST, "x", 1);
		send_all();
		n = memory_kb(); /* 0: it has ended */
		most = n > most ? n : most;
	}
	print_message("# note: %zu kB more\n", most - before);
#ifndef SANITIZED
	assert_true(most - before < 16384);
#endif
	jumpplay_log(&p, "ssh-ended", "key exchange");
	is_ended();
}

/* A byte of the last packet's tag turned round: aes128-gcm is what this client speaks. */
static void
a_wrong_tag_ends_it(void **state)
{
	(void)state;
	for (int authenticated = 0; authenticated < 2; authenticated++) {
		start();
		if (authenticated)
			log_in();
		sshraw_break_tag(raw);
		sshraw_sendf(raw, "bs", 2, "ignore me");
		is_ended();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_but_authentication_comes_before_it),
		cmocka_unit_test(the_service_is_one_and_comes_first),
		cmocka_unit_test(another_service_is_never_granted),
		cmocka_unit_test(other_methods_are_refused),
		cmocka_unit_test(gssapi_is_refused_alive),
		cmocka_unit_test(a_bad_signature_is_left_to_the_login_timer),
		cmocka_unit_test(certificates_are_refused_as_keys),
		cmocka_unit_test(authentication_after_it_ends_it),
		cmocka_unit_test(what_is_not_offered_is_refused_after_it),
		cmocka_unit_test(a_request_whose_channel_is_gone_is_not_answered),
		cmocka_unit_test(data_after_the_answer_is_not_kept),
		cmocka_unit_test(a_client_that_closes_nothing_uses_up_its_channels),
		cmocka_unit_test(a_client_that_needs_no_answers_may_go_on),
		cmocka_unit_test(a_key_exchange_that_is_not_gone_on_with_ends_it),
		cmocka_unit_test(a_wrong_tag_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
