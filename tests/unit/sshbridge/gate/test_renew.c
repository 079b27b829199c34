/* test_renew.c - the gate program asks for new certificates: what counts, what changes nothing */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/sha.h>

#include "tests/unit/help/gateplay.h"

enum { ID = 0x77 };

static struct gateplay play;
static uint8_t opened[GATEPLAY_MESSAGE], message[GATEPLAY_MESSAGE];
static size_t opened_len;

static int
started(void **state)
{
	gateplay_start(&play, 0);
	*state = &play;
	return 0;
}

static int
serving(void **state)
{
	(void)started(state);
	gateplay_serve(&play);
	return 0;
}

static int
done(void **state)
{
	gateplay_end(*state);
	return 0;
}

static struct pki_cert *
leaf(struct gateplay *p, const char *name, int64_t until)
{
	char san[100];

	(void)snprintf(san, sizeof(san), "subjectAltName=email:%s@corp.example", name);
	return pki_make(
	    &(struct pki_spec){ .subject = "CN=x,O=Corp", .until = until, .ext = { san } },
	    p->pki.inter);
}

/* An open connection whose client can be asked, and will be in a second. */
struct session {
	SSL *ssl;
	int target;
	uint32_t number;
};

static void
session_start(struct gateplay *p, struct session *s, const struct pki_cert *cert, bool pha)
{
	struct msg_in m;
	struct err e;

	s->ssl = gateplay_client(p, cert, NULL);
	SSL_set_post_handshake_auth(s->ssl, pha);
	assert_int_equal(1, SSL_connect(s->ssl));
	opened_len = gateplay_recv(p->ident, MSG_OPEN, opened);
	assert_int_equal(0, msg_parse(&m, opened, opened_len, &e));
	assert_int_equal(0, msg_get_u32(&m, &s->number));
	s->target = gateplay_opened_until(p, s->number, ID, 0, (uint64_t)time(NULL) + 1);
	assert_int_equal(0, fcntl(SSL_get_fd(s->ssl), F_SETFL, O_NONBLOCK));
}

static void
session_end(struct session *s)
{
	close(s->target);
	gateplay_client_free(s->ssl);
}

static void
present(SSL *ssl, const struct pki_cert *c)
{
	SSL_certs_clear(ssl);
	if (c != NULL)
		assert_int_equal(1, SSL_use_cert_and_key(ssl, c->cert, c->key, NULL, 1));
}

/* The client reads (and so answers what it is asked) until a channel has something for us. */
static void
read_until(SSL *ssl, int channel)
{
	struct pollfd pf[2] = { { .fd = SSL_get_fd(ssl), .events = POLLIN },
		{ .fd = channel, .events = POLLIN } };
	char byte;

	do {
		assert_true(SSL_read(ssl, &byte, 1) <= 0);
		assert_int_equal(SSL_ERROR_WANT_READ, SSL_get_error(ssl, -1));
		if (poll(pf, 2, 60000) < 1)
			fail_msg("nothing came within a minute");
	} while (pf[1].revents == 0);
}

static size_t
renewal(struct gateplay *p, struct session *s)
{
	read_until(s->ssl, p->ident);
	return gateplay_recv(p->ident, MSG_RENEW, message);
}

static bool
holds(size_t n, const struct pki_cert *c)
{
	unsigned char *der = NULL, sha[SHA256_DIGEST_LENGTH];
	int len = i2d_X509(c->cert, &der);

	(void)SHA256(der, (size_t)len, sha);
	OPENSSL_free(der);
	return memmem(message, n, sha, sizeof(sha)) != NULL;
}

static void
still_open(struct session *s)
{
	struct pollfd pf = { .fd = SSL_get_fd(s->ssl), .events = POLLIN };
	char buf[8] = "";

	assert_int_equal(2, send(s->target, "ok", 2, 0));
	while (SSL_read(s->ssl, buf, 2) != 2) {
		assert_int_equal(SSL_ERROR_WANT_READ, SSL_get_error(s->ssl, -1));
		assert_int_equal(1, poll(&pf, 1, 60000));
	}
	assert_string_equal("ok", buf);
	assert_int_equal(2, SSL_write(s->ssl, "up", 2));
	assert_int_equal(2, recv(s->target, buf, 2, 0));
}

static void
the_same_certificate_gives_a_renew_with_the_same_fields_as_its_open(void **state)
{
	struct gateplay *p = *state;
	struct session s;
	size_t n;

	session_start(p, &s, p->pki.alice, true);
	n = renewal(p, &s);
	/* header with the id, number; then what OPEN has at its end */
	assert_int_equal(ID, message[11]);
	assert_memory_equal(message + 12, "w\0\0\0", 4);
	assert_int_equal(s.number, message[16]);
	assert_true(n < opened_len);
	assert_memory_equal(opened + opened_len - (n - 17), message + 17, n - 17);
	still_open(&s);
	session_end(&s);
}

static void
a_new_certificate_is_passed_on_and_the_next_is_asked_for_when_ident_says(void **state)
{
	struct gateplay *p = *state;
	struct pki_cert *second = leaf(p, "alice", 0), *third = leaf(p, "somebody.else", 0);
	struct session s;

	session_start(p, &s, p->pki.alice, true);
	present(s.ssl, second);
	assert_true(holds(renewal(p, &s), second));
	still_open(&s);
	gateplay_renewed(p, s.number, ID, (uint64_t)time(NULL) + 1);
	/* whose it is, ident judges */
	present(s.ssl, third);
	assert_true(holds(renewal(p, &s), third));
	gateplay_renewed(p, s.number, ID, 0);
	still_open(&s);
	session_end(&s);
	pki_free(second);
	pki_free(third);
}

static void
no_certificate_changes_nothing_and_the_client_is_asked_again(void **state)
{
	struct gateplay *p = *state;
	/* a quarter of what is left is less than the two seconds that are waited at least */
	struct pki_cert *old = leaf(p, "alice", (int64_t)time(NULL) + 8),
			*new = leaf(p, "alice", 0);
	struct session s;
	int answers = 0;

	session_start(p, &s, old, true);
	present(s.ssl, NULL);
	/* the request came when bytes of it were read: the answer went out with that */
	while (answers < 2) {
		struct pollfd pf = { .fd = SSL_get_fd(s.ssl), .events = POLLIN };
		char byte;

		assert_int_equal(1, poll(&pf, 1, 60000));
		assert_true(SSL_read(s.ssl, &byte, 1) <= 0);
		answers++;
	}
	assert_true(gateplay_quiet(p->ident));
	still_open(&s);
	present(s.ssl, new);
	assert_true(holds(renewal(p, &s), new));
	still_open(&s);
	session_end(&s);
	pki_free(old);
	pki_free(new);
}

static void
a_certificate_that_does_not_hold_is_logged_and_changes_nothing(void **state)
{
	struct gateplay *p = *state;
	const struct pki_cert *bad[] = { p->pki.expired, p->pki.revoked, p->pki.foreign,
		p->pki.server };
	struct session s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		session_start(p, &s, p->pki.alice, true);
		present(s.ssl, bad[i]);
		read_until(s.ssl, p->monitor);
		gateplay_log(p, "not-renewed", "conn=0000000000000077", "why=", "subject=", NULL);
		assert_true(gateplay_quiet(p->ident));
		still_open(&s);
		session_end(&s);
		(void)gateplay_recv(p->ident, MSG_CLOSED, message);
	}
}

static void
the_generation_of_the_moment_judges_not_that_of_the_login(void **state)
{
	struct gateplay *p = *state;
	struct session s;

	session_start(p, &s, p->pki.alice, true);
	gateplay_key(p, 2);
	gateplay_generation(p, 2, true);
	gateplay_ready(p, 2, true);
	present(s.ssl, p->pki.foreign);
	assert_true(holds(renewal(p, &s), p->pki.foreign));
	still_open(&s);
	session_end(&s);
}

static void
expect_end_by(struct gateplay *p, struct session *s, const char *why)
{
	struct gateplay_closed c;

	while (gateplay_quiet(p->ident)) {
		char byte;

		(void)SSL_read(s->ssl, &byte, 1);
		ERR_clear_error();
		(void)usleep(1000);
	}
	gateplay_closed(p, &c);
	assert_int_equal(ID, c.id);
	if (strstr(c.why, why) == NULL)
		fail_msg("it ended by: %s", c.why);
}

static void
a_certificate_without_its_key_ends_the_connection(void **state)
{
	struct gateplay *p = *state;
	struct pki_cert *second = leaf(p, "alice", 0);
	EVP_PKEY *key = pki_key_with(second->key, p->pki.alice->key);
	struct session s;

	session_start(p, &s, p->pki.alice, true);
	SSL_certs_clear(s.ssl);
	assert_int_equal(1, SSL_use_cert_and_key(s.ssl, second->cert, key, NULL, 1));
	expect_end_by(p, &s, "bad signature");
	session_end(&s);
	EVP_PKEY_free(key);
	pki_free(second);
}

static void
a_chain_too_large_ends_the_connection(void **state)
{
	struct gateplay *p = *state;
	char ext[9000] = "nsComment=";
	struct pki_cert *fat;
	struct session s;

	memset(ext + strlen(ext), 'x', sizeof(ext) - 100);
	fat = pki_make(
	    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = "CN=fat", .ext = { ext } },
	    p->pki.other_root);
	session_start(p, &s, p->pki.alice, true);
	for (int i = 0; i < 5; i++)
		assert_int_equal(1, (int)SSL_add1_chain_cert(s.ssl, fat->cert));
	expect_end_by(p, &s, "excessive message size");
	session_end(&s);
	pki_free(fat);
}

static void
who_cannot_be_asked_is_not_and_goes_on(void **state)
{
	struct gateplay *p = *state;
	struct session s;
	char byte;

	session_start(p, &s, p->pki.alice, false);
	(void)usleep(2500 * 1000);
	assert_int_equal(-1, recv(SSL_get_fd(s.ssl), &byte, 1, MSG_PEEK));
	assert_int_equal(EAGAIN, errno);
	still_open(&s);
	session_end(&s);
}

static void
tls_1_2_is_never_asked(void **state)
{
	struct gateplay *p = *state;
	struct session s;
	int fd;

	p->set.tls_min = TLS1_2_VERSION;
	gateplay_serve(p);
	fd = gateplay_connect(p);
	s.ssl = gateplay_client_on(fd, p->pki.alice, NULL, NULL, TLS1_2_VERSION);
	assert_int_equal(1, SSL_connect(s.ssl));
	s.number = gateplay_open(p, NULL, 0, NULL, 0);
	s.target = gateplay_opened_until(p, s.number, ID, 0, (uint64_t)time(NULL) + 1);
	assert_int_equal(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	(void)usleep(2500 * 1000);
	assert_int_equal(-1, recv(fd, message, 1, MSG_PEEK));
	still_open(&s);
	session_end(&s);
}

static void
renewed_without_renew_ends_the_gate_and_one_that_crosses_the_end_does_not(void **state)
{
	struct gateplay *p = *state;
	struct session s;

	session_start(p, &s, p->pki.alice, true);
	(void)renewal(p, &s);
	session_end(&s);
	(void)gateplay_recv(p->ident, MSG_CLOSED, message);
	gateplay_renewed(p, s.number, ID, 0);
	session_start(p, &s, p->pki.alice, true);
	still_open(&s);
	gateplay_renewed(p, s.number, ID, 0);
	gateplay_log(p, "gate-ends", "RENEWED without RENEW", NULL);
	session_end(&s);
}

/* ---- bytes in flight ------------------------------------------------------------------------- */

enum { TOTAL = 12 << 20, CHUNK = 30011 };

static uint8_t
pattern(size_t i)
{
	return (uint8_t)(i * 2654435761U >> 13);
}

struct flow {
	size_t sent, got;
};

static void
fill(uint8_t *b, size_t from)
{
	for (size_t i = 0; i < CHUNK; i++)
		b[i] = pattern(from + i);
}

static void
check(const uint8_t *b, size_t from, ssize_t n)
{
	for (ssize_t i = 0; i < n; i++)
		if (b[i] != pattern(from + (size_t)i))
			fail_msg("byte %zu is another", from + (size_t)i);
}

/* Whether a call of OpenSSL's that did nothing was only early; `ret` is what it returned. */
static bool
wants(SSL *ssl, int ret, int what)
{
	int e = SSL_get_error(ssl, ret);

	if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
		fail_msg("the client's TLS failed: %d, %s", e,
		    ERR_reason_error_string(ERR_peek_last_error()));
	return e == what;
}

/*
 * Each side writes what the other takes; without `reading` nobody takes anything. With a record of
 * its own half sent the client reads nothing: libssl could not answer a request then.
 */
static bool
move(struct session *s, struct flow *up, struct flow *down, bool reading)
{
	static uint8_t b[CHUNK];
	bool moved = false, half = false;
	ssize_t n;

	ERR_clear_error();
	fill(b, up->sent);
	if (up->sent < TOTAL) {
		if ((n = SSL_write(s->ssl, b, CHUNK)) > 0) {
			up->sent += (size_t)n;
			moved = true;
		} else {
			half = wants(s->ssl, (int)n, SSL_ERROR_WANT_WRITE);
		}
	}
	fill(b, down->sent);
	if (down->sent < TOTAL && (n = send(s->target, b, CHUNK, MSG_DONTWAIT)) > 0) {
		down->sent += (size_t)n;
		moved = true;
	}
	if (!reading)
		return moved;
	if ((n = recv(s->target, b, sizeof(b), MSG_DONTWAIT)) > 0) {
		check(b, up->got, n);
		up->got += (size_t)n;
		moved = true;
	}
	if (half)
		return moved;
	ERR_clear_error();
	if ((n = SSL_read(s->ssl, b, sizeof(b))) > 0) {
		check(b, down->got, n);
		down->got += (size_t)n;
		moved = true;
	} else {
		(void)wants(s->ssl, (int)n, 0);
	}
	return moved;
}

static void
no_byte_is_lost_while_certificates_change_under_back_pressure(void **state)
{
	struct gateplay *p = *state;
	struct pki_cert *second = leaf(p, "alice", 0);
	struct flow up = { 0 }, down = { 0 };
	struct session s;
	unsigned renewals = 0;

	session_start(p, &s, p->pki.alice, true);
	SSL_set_mode(s.ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	while (up.got < TOTAL || down.got < TOTAL || renewals < 3) {
		/* full both ways, and only then the client is asked */
		time_t until = time(NULL) + 2;

		while (time(NULL) < until && renewals < 3)
			if (!move(&s, &up, &down, false))
				(void)usleep(1000);
		present(s.ssl, renewals % 2 == 0 ? second : p->pki.alice);
		while (gateplay_quiet(p->ident) &&
		       (renewals < 3 || up.got < TOTAL || down.got < TOTAL))
			(void)move(&s, &up, &down, true);
		if (gateplay_quiet(p->ident))
			break;
		assert_true(holds(gateplay_recv(p->ident, MSG_RENEW, message),
		    renewals % 2 == 0 ? second : p->pki.alice));
		renewals++;
		gateplay_renewed(p, s.number, ID, renewals < 3 ? (uint64_t)time(NULL) + 1 : 0);
	}
	assert_int_equal(3, renewals);
	assert_true(up.got == up.sent && down.got == down.sent);
	session_end(&s);
	pki_free(second);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, serving, done)
	const struct CMUnitTest tests[] = {
		TEST(the_same_certificate_gives_a_renew_with_the_same_fields_as_its_open),
		TEST(a_new_certificate_is_passed_on_and_the_next_is_asked_for_when_ident_says),
		TEST(no_certificate_changes_nothing_and_the_client_is_asked_again),
		TEST(a_certificate_that_does_not_hold_is_logged_and_changes_nothing),
		TEST(the_generation_of_the_moment_judges_not_that_of_the_login),
		TEST(a_certificate_without_its_key_ends_the_connection),
		TEST(a_chain_too_large_ends_the_connection),
		TEST(who_cannot_be_asked_is_not_and_goes_on),
		cmocka_unit_test_setup_teardown(tls_1_2_is_never_asked, started, done),
		TEST(renewed_without_renew_ends_the_gate_and_one_that_crosses_the_end_does_not),
		TEST(no_byte_is_lost_while_certificates_change_under_back_pressure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
