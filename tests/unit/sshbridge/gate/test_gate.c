/* test_gate.c - the gate program: who is let in, what passes, how it ends */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/help/gateplay.h"

#define ALICE "subjectAltName=email:alice@corp.example"

static struct gateplay play;

static int
serving(void **state)
{
	gateplay_start(&play, 0);
	gateplay_serve(&play);
	*state = &play;
	return 0;
}

static int
done(void **state)
{
	gateplay_end(*state);
	return 0;
}

static void
expect_bytes(int fd, const char *text)
{
	char buf[256] = "";
	size_t n = 0;

	while (n < strlen(text)) {
		ssize_t r = recv(fd, buf + n, strlen(text) - n, 0);

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_string_equal(text, buf);
}

static void
expect_tls(SSL *ssl, const char *text)
{
	char buf[256] = "";
	size_t n = 0;

	while (n < strlen(text)) {
		int r = SSL_read(ssl, buf + n, (int)(strlen(text) - n));

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_string_equal(text, buf);
}

static void
a_good_certificate_is_asked_about_and_its_bytes_pass_both_ways(void **state)
{
	struct gateplay *p = *state;
	SSL *ssl = gateplay_client(p, p->pki.alice, "Bastion.Example");
	char name[256], from[128], local[64];
	struct gateplay_closed c;
	uint32_t number;
	int target;

	assert_int_equal(1, SSL_connect(ssl));
	number = gateplay_open(p, name, sizeof(name), from, sizeof(from));
	assert_string_equal("Bastion.Example", name);
	(void)snprintf(local, sizeof(local), "127.0.0.1:");
	assert_memory_equal(local, from, strlen(local));
	assert_int_equal(1, p->generation);
	target = gateplay_opened(p, number, 0x1234, 0);
	assert_int_equal(5, SSL_write(ssl, "hello", 5));
	expect_bytes(target, "hello");
	assert_int_equal(6, send(target, "answer", 6, 0));
	expect_tls(ssl, "answer");
	/* the client's end, then the target's last words, then its end */
	assert_int_equal(0, SSL_shutdown(ssl));
	assert_int_equal(0, recv(target, name, sizeof(name), 0));
	assert_int_equal(4, send(target, "last", 4, 0));
	close(target);
	expect_tls(ssl, "last");
	assert_int_equal(0, SSL_read(ssl, name, sizeof(name)));
	assert_int_equal(SSL_ERROR_ZERO_RETURN, SSL_get_error(ssl, 0));
	gateplay_closed(p, &c);
	assert_int_equal(0x1234, c.id);
	assert_int_equal(number, c.number);
	assert_int_equal(5, c.up);
	assert_int_equal(10, c.down);
	gateplay_client_free(ssl);
}

static void
a_client_that_sends_before_it_is_connected_loses_nothing(void **state)
{
	struct gateplay *p = *state;
	SSL *ssl = gateplay_client(p, p->pki.alice, NULL);
	uint32_t number;
	int target;

	assert_int_equal(1, SSL_connect(ssl));
	assert_int_equal(9, SSL_write(ssl, "SSH-2.0-x", 9));
	number = gateplay_open(p, NULL, 0, NULL, 0);
	assert_int_equal(2, SSL_write(ssl, "\r\n", 2));
	target = gateplay_opened(p, number, 1, 0);
	expect_bytes(target, "SSH-2.0-x\r\n");
	close(target);
	gateplay_client_free(ssl);
}

/* Refused in the handshake: the alert tells the client, the line tells the administrator. */
static void
expect_refusal(struct gateplay *p, const struct pki_cert *cert, int alert, const char *why)
{
	SSL *ssl = gateplay_client(p, cert, NULL);

	assert_int_equal(alert, gateplay_alert(ssl));
	gateplay_client_free(ssl);
	gateplay_log(p, "refused", "handshake=g0-", "from=127.0.0.1:", why, NULL);
	assert_true(gateplay_quiet(p->ident));
}

/* The same of a leaf made for it, with its issuer. */
static void
expect_made_refused(struct gateplay *p, const struct pki_spec *spec, struct pki_cert *issuer,
    int alert, const char *why)
{
	struct pki_cert *leaf = pki_make(spec, issuer);
	STACK_OF(X509) *more = sk_X509_new_null();
	SSL *ssl;

	assert_true(sk_X509_push(more, issuer->cert) > 0);
	ssl = gateplay_client_on(gateplay_connect(p), leaf, more, NULL, 0);
	assert_int_equal(alert, gateplay_alert(ssl));
	gateplay_log(p, "refused", why, NULL);
	gateplay_client_free(ssl);
	sk_X509_free(more);
	pki_free(leaf);
}

/* What mtls-connect would make of "internal error", "handshake failure" or "unknown CA". */
static void
the_alert_blames_what_is_to_blame(void **state)
{
	struct gateplay *p = *state;
	struct pki_cert *young = pki_make(
	    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = "CN=young" }, p->pki.root);
	char fat[17000] = "nsComment=";

	memset(fat + strlen(fat), 'x', sizeof(fat) - strlen(fat) - 1);
	expect_made_refused(p,
	    &(struct pki_spec){ .subject = "CN=x", .serial = "-1", .ext = { ALICE } }, p->pki.inter,
	    SSL_AD_BAD_CERTIFICATE, "serial number is negative");
	expect_made_refused(p, &(struct pki_spec){ .subject = "CN=x", .ext = { ALICE, fat } },
	    p->pki.inter, SSL_AD_BAD_CERTIFICATE, "too large");
	expect_made_refused(p, &(struct pki_spec){ .subject = "CN=x", .ext = { ALICE } }, young,
	    SSL_AD_CERTIFICATE_UNKNOWN, "there is no CRL for its issuer");
	pki_free(young);
}

static void
certificates_that_do_not_hold_are_refused_with_alert_and_reason(void **state)
{
	struct gateplay *p = *state;

	expect_refusal(p, NULL, SSL_AD_CERTIFICATE_REQUIRED, "no client certificate");
	expect_refusal(p, p->pki.expired, SSL_AD_CERTIFICATE_EXPIRED, "expired");
	expect_refusal(p, p->pki.revoked, SSL_AD_CERTIFICATE_REVOKED, "revoked");
	expect_refusal(p, p->pki.foreign, SSL_AD_UNKNOWN_CA, "why=");
	/* a server's certificate does not allow to be a client */
	expect_refusal(p, p->pki.server, SSL_AD_UNSUPPORTED_CERTIFICATE, "why=");
	a_client_that_sends_before_it_is_connected_loses_nothing(state);
}

static void
a_client_that_refuses_the_server_is_told_as_that(void **state)
{
	struct gateplay *p = *state;
	SSL *ssl = gateplay_client(p, p->pki.alice, NULL);

	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL); /* it trusts nobody */
	assert_int_not_equal(1, SSL_connect(ssl));
	gateplay_client_free(ssl);
	gateplay_log(p, "refused",
	    "why=\"the client does not accept the server's certificate: its TLS alert is "
	    "\\\"unknown CA\\\"\"",
	    NULL);
}

static void
the_line_of_a_refusal_names_the_certificate(void **state)
{
	struct gateplay *p = *state;
	SSL *ssl = gateplay_client(p, p->pki.expired, NULL);

	assert_int_equal(SSL_AD_CERTIFICATE_EXPIRED, gateplay_alert(ssl));
	gateplay_client_free(ssl);
	gateplay_log(
	    p, "subject=", "CN=late", "issuer=", "CN=intermediate", "serial=", " ago", NULL);
}

static void
idents_refusal_reaches_the_client_as_one_line(void **state)
{
	struct gateplay *p = *state;
	SSL *ssl = gateplay_client(p, p->pki.alice, NULL);
	char buf[8];

	assert_int_equal(1, SSL_connect(ssl));
	gateplay_refused(p, gateplay_open(p, NULL, 0, NULL, 0), 0xabc, "no rule matches");
	expect_tls(ssl, "refused: no rule matches (connection 0000000000000abc)\r\n");
	assert_int_equal(0, SSL_read(ssl, buf, sizeof(buf)));
	assert_int_equal(SSL_ERROR_ZERO_RETURN, SSL_get_error(ssl, 0));
	gateplay_client_free(ssl);
	/* ident forgot the number with its answer: no CLOSED; the next one is served */
	gateplay_closed_before = 0;
	a_client_that_sends_before_it_is_connected_loses_nothing(state);
	assert_int_equal(0, gateplay_closed_before);
}

static void
a_client_that_leaves_before_it_is_connected_is_closed_and_a_late_answer_dropped(void **state)
{
	struct gateplay *p = *state;
	SSL *ssl = gateplay_client(p, p->pki.alice, NULL);
	struct gateplay_closed c;
	uint32_t number;
	char byte;
	int target;

	assert_int_equal(1, SSL_connect(ssl));
	number = gateplay_open(p, NULL, 0, NULL, 0);
	assert_int_equal(3, SSL_write(ssl, "abc", 3)); /* unread bytes must not hide the end */
	gateplay_client_free(ssl);
	gateplay_closed(p, &c);
	assert_int_equal(0, c.id);
	assert_int_equal(number, c.number);
	target = gateplay_opened(p, number, 7, 0);
	assert_int_equal(0, recv(target, &byte, 1, 0));
	close(target);
	a_client_that_sends_before_it_is_connected_loses_nothing(state);
}

static void
a_client_that_resets_before_it_is_connected_is_closed(void **state)
{
	struct gateplay *p = *state;
	SSL *ssl = gateplay_client(p, p->pki.alice, NULL);
	struct linger reset = { .l_onoff = 1 };
	struct gateplay_closed c;
	uint32_t number;

	assert_int_equal(1, SSL_connect(ssl));
	number = gateplay_open(p, NULL, 0, NULL, 0);
	(void)setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	gateplay_client_free(ssl);
	gateplay_closed(p, &c);
	assert_int_equal(number, c.number);
}

static void
an_idle_connection_is_ended_after_its_time_and_a_busy_one_not(void **state)
{
	struct gateplay *p = *state;
	SSL *idle = gateplay_client(p, p->pki.alice, NULL),
	    *busy = gateplay_client(p, p->pki.alice, NULL);
	uint32_t number;
	struct gateplay_closed c;
	int targets[2];
	char byte;

	assert_int_equal(1, SSL_connect(busy));
	targets[0] = gateplay_opened(p, gateplay_open(p, NULL, 0, NULL, 0), 1, 60);
	assert_int_equal(1, SSL_connect(idle));
	number = gateplay_open(p, NULL, 0, NULL, 0);
	targets[1] = gateplay_opened(p, number, 2, 1);
	gateplay_closed(p, &c);
	assert_int_equal(number, c.number);
	assert_string_equal("idle timeout", c.why);
	assert_int_equal(0, recv(targets[1], &byte, 1, 0));
	assert_int_equal(1, SSL_write(busy, "x", 1));
	expect_bytes(targets[0], "x");
	close(targets[0]);
	close(targets[1]);
	gateplay_client_free(busy);
	gateplay_client_free(idle);
}

static SSL *
open_client(struct gateplay *p, const struct pki_cert *cert, uint64_t id, int *target)
{
	SSL *ssl = gateplay_client(p, cert, NULL);

	assert_int_equal(1, SSL_connect(ssl));
	*target = gateplay_opened(p, gateplay_open(p, NULL, 0, NULL, 0), id, 0);
	return ssl;
}

static void
a_new_generation_counts_for_new_clients_and_cuts_nobody(void **state)
{
	struct gateplay *p = *state;
	int old, new;
	SSL *a = open_client(p, p->pki.alice, 1, &old), *b;

	expect_refusal(p, p->pki.foreign, SSL_AD_UNKNOWN_CA, "why=");
	gateplay_key(p, 2);
	gateplay_generation(p, 2, true);
	gateplay_ready(p, 2, true);
	b = open_client(p, p->pki.foreign, 2, &new);
	assert_int_equal(2, p->generation);
	assert_int_equal(3, SSL_write(a, "old", 3));
	expect_bytes(old, "old");
	assert_int_equal(3, SSL_write(b, "new", 3));
	expect_bytes(new, "new");
	close(old);
	close(new);
	gateplay_client_free(a);
	gateplay_client_free(b);
}

/* Its path was accepted and kept: by the old generation. */
static void
a_certificate_that_a_reload_revokes_is_refused_though_it_was_accepted_before(void **state)
{
	struct gateplay *p = *state;
	struct pki_cert *mallory = p->pki.revoked;
	struct gateplay_closed c;

	a_client_that_sends_before_it_is_connected_loses_nothing(state);
	gateplay_closed(p, &c);
	a_client_that_sends_before_it_is_connected_loses_nothing(state);
	gateplay_closed(p, &c);
	p->pki.revoked = p->pki.alice;
	gateplay_key(p, 2);
	gateplay_generation(p, 2, false);
	p->pki.revoked = mallory;
	gateplay_ready(p, 2, true);
	expect_refusal(p, p->pki.alice, SSL_AD_CERTIFICATE_REVOKED, "revoked");
}

static void
a_known_certificate_without_its_key_is_refused(void **state)
{
	struct gateplay *p = *state;
	struct pki_cert stolen = { .cert = p->pki.alice->cert,
		.key = pki_key_with(p->pki.alice->key, p->pki.revoked->key) };
	struct gateplay_closed c;

	a_client_that_sends_before_it_is_connected_loses_nothing(state);
	gateplay_closed(p, &c);
	expect_refusal(p, &stolen, SSL_AD_DECRYPT_ERROR, "bad signature");
	EVP_PKEY_free(stolen.key);
}

static void
a_generation_that_cannot_be_taken_leaves_the_old_one_in_force(void **state)
{
	struct gateplay *p = *state;
	struct pki_cert *server = p->pki.server;

	gateplay_generation(p, 2, true); /* no key came */
	gateplay_ready(p, 2, false);
	p->pki.server = p->pki.alice; /* a key of another certificate */
	gateplay_key(p, 3);
	p->pki.server = server;
	gateplay_generation(p, 3, true);
	gateplay_ready(p, 3, false);
	expect_refusal(p, p->pki.foreign, SSL_AD_UNKNOWN_CA, "why=");
	a_client_that_sends_before_it_is_connected_loses_nothing(state);
	assert_int_equal(1, p->generation);
}

static void
a_draining_gate_serves_those_who_are_in_and_says_when_the_last_is_gone(void **state)
{
	struct gateplay *p = *state;
	uint8_t buf[GATEPLAY_MESSAGE];
	char byte;
	int target, late;
	SSL *ssl = open_client(p, p->pki.alice, 1, &target);

	gateplay_drain(p);
	assert_int_equal(2, SSL_write(ssl, "in", 2));
	expect_bytes(target, "in");
	assert_true(gateplay_quiet(p->monitor));
	/* nobody listens any more: the test's own copy of the listener is closed */
	while ((late = gateplay_try_connect(p)) != -1)
		close(late);
	close(target);
	assert_int_equal(0, SSL_read(ssl, &byte, 1));
	gateplay_client_free(ssl);
	(void)gateplay_recv(p->monitor, MSG_IDLE, buf);
}

static void
tls_1_2_is_refused_unless_it_is_configured_and_nothing_resumes(void **state)
{
	struct gateplay *p = *state;
	SSL *ssl =
	    gateplay_client_on(gateplay_connect(p), p->pki.alice, NULL, NULL, TLS1_2_VERSION);
	SSL_SESSION *s;
	int target;

	assert_int_equal(SSL_AD_PROTOCOL_VERSION, gateplay_alert(ssl));
	gateplay_client_free(ssl);
	gateplay_log(p, "refused", "protocol", NULL);
	p->set.tls_min = TLS1_2_VERSION;
	gateplay_key(p, 2);
	gateplay_generation(p, 2, false);
	gateplay_ready(p, 2, true);
	ssl = gateplay_client_on(gateplay_connect(p), p->pki.alice, NULL, NULL, TLS1_2_VERSION);
	assert_int_equal(1, SSL_connect(ssl));
	assert_int_equal(TLS1_2_VERSION, SSL_version(ssl));
	assert_non_null(strstr(SSL_get_cipher_name(ssl), "ECDHE"));
	target = gateplay_opened(p, gateplay_open(p, NULL, 0, NULL, 0), 1, 0);
	assert_int_equal(2, SSL_write(ssl, "ok", 2));
	expect_bytes(target, "ok");
	s = SSL_get1_session(ssl);
	assert_int_equal(0, SSL_SESSION_is_resumable(s));
	SSL_SESSION_free(s);
	close(target);
	gateplay_client_free(ssl);
}

/* A gate that took them would work a third of a second for each of a stranger's hellos. */
static void
finite_field_groups_are_refused_and_curves_are_not(void **state)
{
	static const char *const slow[] = { "ffdhe2048", "ffdhe3072", "ffdhe8192" };
	static const char *const good[] = {
		"X25519",
		"secp256r1",
		"X448",
		"secp384r1",
		"secp521r1",
		"ffdhe8192:X25519",
#if OPENSSL_VERSION_NUMBER >= 0x30500000L
		"X25519MLKEM768",
#endif
	};
	struct gateplay *p = *state;

	for (size_t i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		SSL *ssl = gateplay_client(p, p->pki.alice, NULL);

		assert_int_equal(1, SSL_set1_groups_list(ssl, slow[i]));
		assert_int_equal(SSL_AD_HANDSHAKE_FAILURE, gateplay_alert(ssl));
		gateplay_client_free(ssl);
		gateplay_log(p, "refused", "no suitable", NULL);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		SSL *ssl = gateplay_client(p, p->pki.alice, NULL);

		assert_int_equal(1, SSL_set1_groups_list(ssl, good[i]));
		assert_int_equal(1, SSL_connect(ssl));
		close(gateplay_opened(p, gateplay_open(p, NULL, 0, NULL, 0), i + 1, 0));
		gateplay_client_free(ssl);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_good_certificate_is_asked_about_and_its_bytes_pass_both_ways, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_client_that_sends_before_it_is_connected_loses_nothing, serving, done),
		cmocka_unit_test_setup_teardown(the_alert_blames_what_is_to_blame, serving, done),
		cmocka_unit_test_setup_teardown(
		    certificates_that_do_not_hold_are_refused_with_alert_and_reason, serving, done),
		cmocka_unit_test_setup_teardown(
		    the_line_of_a_refusal_names_the_certificate, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_client_that_refuses_the_server_is_told_as_that, serving, done),
		cmocka_unit_test_setup_teardown(
		    idents_refusal_reaches_the_client_as_one_line, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_client_that_leaves_before_it_is_connected_is_closed_and_a_late_answer_dropped,
		    serving, done),
		cmocka_unit_test_setup_teardown(
		    a_client_that_resets_before_it_is_connected_is_closed, serving, done),
		cmocka_unit_test_setup_teardown(
		    an_idle_connection_is_ended_after_its_time_and_a_busy_one_not, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_new_generation_counts_for_new_clients_and_cuts_nobody, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_certificate_that_a_reload_revokes_is_refused_though_it_was_accepted_before,
		    serving, done),
		cmocka_unit_test_setup_teardown(
		    a_known_certificate_without_its_key_is_refused, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_generation_that_cannot_be_taken_leaves_the_old_one_in_force, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_draining_gate_serves_those_who_are_in_and_says_when_the_last_is_gone, serving,
		    done),
		cmocka_unit_test_setup_teardown(
		    tls_1_2_is_refused_unless_it_is_configured_and_nothing_resumes, serving, done),
		cmocka_unit_test_setup_teardown(
		    finite_field_groups_are_refused_and_curves_are_not, serving, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
