/* test_hostile.c - each kind of packet before and after authentication, signatures, GSSAPI, tags */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "raw_help.h"

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

/* It is there before the process has the connection; and who left meanwhile is no error of ours. */
static void
what_was_sent_before_the_start_ends_in_order_too(void **state)
{
	static const struct {
		const char *sent, *why;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n\r\n", "No version of SSH" },
		{ "SSH-2.0-x\r\n", "an error that libssh does not name" },
		{ NULL, "the client left" },
	};
	static const char zeros[65536];
	int pair[2];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		jumpplay_start(&p);
		jumpplay_ready(&p);
		assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
		if (cases[i].sent != NULL) {
			assert_true(write(pair[0], cases[i].sent, strlen(cases[i].sent)) > 0);
			assert_int_equal(sizeof(zeros), write(pair[0], zeros, sizeof(zeros)));
		} else {
			close(pair[0]);
		}
		jumpplay_give(&p, pair[1]);
		jumpplay_log(&p, "ssh-ended", cases[i].why);
		assert_int_equal(0, jumpplay_status(&p));
		if (cases[i].sent != NULL)
			close(pair[0]);
		jumpplay_end(&p);
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

/* As paramiko does; and the banner is shown once. */
static void
the_service_may_be_asked_for_again_before_each_request(void **state)
{
	const uint8_t *got;

	(void)state;
	start();
	for (int i = 0; i < 2; i++) {
		ask_service();
		sshraw_sendf(raw, "bsss", 50, "alice", "ssh-connection", "none");
		assert_int_equal(FAILURE, next(&got));
	}
	ask_service();
	sshraw_userauth(raw, "alice");
	assert_int_equal(SUCCESS, next(&got));
	leave();
	start();
	ask_service();
	sshraw_sendf(raw, "bsss", 50, "alice", "ssh-connection", "none");
	assert_int_equal(FAILURE, next(&got));
	ask_service();
	sshraw_sendf(raw, "bs", 5, "ssh-userauth"); /* without a request in between */
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

/* The connection ends with these words. */
static void
is_told(const char *text)
{
	const uint8_t *got;

	assert_int_equal(DISCONNECT, next(&got));
	assert_int_equal(strlen(text), got[8]);
	assert_memory_equal(text, got + 9, strlen(text));
	assert_int_equal(0, next(&got));
}

static void
a_bad_signature_ends_the_connection(void **state)
{
	uint8_t blob[256], sig[83] = { 0, 0, 0, 11, 's', 's', 'h', '-', 'e', 'd', '2', '5', '5',
		'1', '9', 0, 0, 0, 64, 1 };
	size_t n = sshraw_blob(blob, sizeof(blob));

	(void)state;
	start();
	ask_service();
	sshraw_sendf(raw, "bsssbsnn", 50, "alice", "ssh-connection", "publickey", 1, "ssh-ed25519",
	    blob, n, sig, sizeof(sig));
	/* nor does a right one that comes together with it count */
	sshraw_userauth(raw, "alice");
	is_told("the signature of the SSH key is wrong");
	assert_int_equal(0, p.logins);
	jumpplay_log(&p, "ssh-ended", "a signature that is wrong");
	leave();
}

static void
packets_without_end_are_no_login(void **state)
{
	(void)state;
	start();
	ask_service();
	for (int i = 0; i < 1000; i++)
		sshraw_sendf(raw, "bs", IGNORE, "");
	is_told("too many tries");
	jumpplay_log(&p, "ssh-ended", "too many packets without a login");
	leave();
}

/* Clients from before RFC 8332; libssh says nothing to it, and they would wait. */
static void
rsa_with_sha1_ends_it_at_once(void **state)
{
	struct sshraw_payload key, sig;
	uint8_t number[257] = { 0 };

	(void)state;
	memset(number + 1, 0x81, sizeof(number) - 1);
	sshraw_pack(&key, "snn", "ssh-rsa", "\x01\x00\x01", (size_t)3, number, sizeof(number));
	sshraw_pack(&sig, "sn", "ssh-rsa", number + 1, sizeof(number) - 1);
	start();
	ask_service();
	sshraw_sendf(raw, "bsssbsnn", 50, "alice", "ssh-connection", "publickey", 1, "ssh-rsa",
	    key.buf, key.n, sig.buf, sig.n);
	jumpplay_log(&p, "ssh-ended", "an RSA key must sign with SHA-2");
	is_ended();
	assert_int_equal(0, p.logins);
}

/* An agent's other keys: each is refused, and then one may let in. */
static void
the_same_reason_is_told_once(void **state)
{
	static const char *const texts[] = { "not this key", "not this key", "nor that one" };
	const uint8_t *got;

	(void)state;
	start();
	p.proven = JUMPPLAY_NO;
	ask_service();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		p.text = texts[i];
		sshraw_userauth(raw, "alice");
		if (i != 1) {
			assert_int_equal(BANNER, next(&got));
			assert_memory_equal(texts[i], got + 5, strlen(texts[i]));
		}
		assert_int_equal(FAILURE, next(&got));
	}
	assert_int_equal(3, p.logins);
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
		cmocka_unit_test(what_was_sent_before_the_start_ends_in_order_too),
		cmocka_unit_test(the_service_is_one_and_comes_first),
		cmocka_unit_test(the_service_may_be_asked_for_again_before_each_request),
		cmocka_unit_test(another_service_is_never_granted),
		cmocka_unit_test(other_methods_are_refused),
		cmocka_unit_test(gssapi_is_refused_alive),
		cmocka_unit_test(a_bad_signature_ends_the_connection),
		cmocka_unit_test(packets_without_end_are_no_login),
		cmocka_unit_test(rsa_with_sha1_ends_it_at_once),
		cmocka_unit_test(the_same_reason_is_told_once),
		cmocka_unit_test(certificates_are_refused_as_keys),
		cmocka_unit_test(authentication_after_it_ends_it),
		cmocka_unit_test(what_is_not_offered_is_refused_after_it),
		cmocka_unit_test(a_wrong_tag_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
