/* test_cut.c - the gate program ends connections at ident's word, and says why where it can */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>

#include "sshbridge/gate/notice.h"
#include "tests/unit/help/gateplay.h"

enum { ID = 0x77 };

static struct gateplay play;
static char heard[512];

static int
serving(void **state)
{
	gateplay_start(&play, 0);
	gateplay_serve(&play);
	*state = &play;
	heard[0] = '\0';
	return 0;
}

static int
done(void **state)
{
	gateplay_end(*state);
	return 0;
}

static int
on_notice(SSL *ssl, unsigned type, unsigned context, const unsigned char *in, size_t n, X509 *x,
    size_t chain_index, int *alert, void *arg)
{
	(void)ssl;
	(void)type;
	(void)context;
	(void)x;
	(void)chain_index;
	(void)alert;
	(void)arg;
	(void)snprintf(heard, sizeof(heard), "%.*s", (int)n, (const char *)in);
	return 1;
}

struct session {
	SSL *ssl;
	int target;
	uint32_t number;
};

/* pha: the client can be told; knows: it also knows our extension. */
static void
session_start(struct gateplay *p, struct session *s, bool pha, bool knows)
{
	s->ssl = gateplay_client(p, p->pki.alice, NULL);
	if (knows)
		assert_int_equal(
		    1, SSL_CTX_add_custom_ext(SSL_get_SSL_CTX(s->ssl), NOTICE_EXTENSION,
			   SSL_EXT_TLS1_3_CERTIFICATE_REQUEST, NULL, NULL, NULL, on_notice, NULL));
	if (knows) { /* an SSL has the extensions of its context's beginning */
		SSL *again = SSL_new(SSL_get_SSL_CTX(s->ssl));

		assert_int_equal(1, SSL_set_fd(again, SSL_get_fd(s->ssl)));
		SSL_set_connect_state(again);
		SSL_free(s->ssl);
		s->ssl = again;
	}
	SSL_set_post_handshake_auth(s->ssl, pha);
	assert_int_equal(1, SSL_connect(s->ssl));
	s->number = gateplay_open(p, NULL, 0, NULL, 0);
	s->target = gateplay_opened(p, s->number, ID, 0);
}

static void
session_end(struct session *s)
{
	if (s->target != -1)
		close(s->target);
	gateplay_client_free(s->ssl);
}

/* The client's stream ends by close_notify, after these bytes. */
static void
expect_stream(struct session *s, size_t bytes)
{
	static char b[65536];
	size_t n = 0;
	int k;

	while ((k = SSL_read(s->ssl, b, sizeof(b))) > 0)
		n += (size_t)k;
	assert_int_equal(SSL_ERROR_ZERO_RETURN, SSL_get_error(s->ssl, k));
	if (n < bytes)
		fail_msg("%zu of %zu bytes", n, bytes);
}

static void
expect_closed(struct gateplay *p, struct session *s, struct gateplay_closed *c)
{
	gateplay_closed(p, c);
	assert_int_equal(ID, c->id);
	assert_int_equal(s->number, c->number);
	assert_string_equal("cut", c->why);
}

static void
others_go_on(struct gateplay *p)
{
	struct session s;
	char b[2];

	session_start(p, &s, true, false);
	assert_int_equal(2, send(s.target, "ok", 2, 0));
	assert_int_equal(2, SSL_read(s.ssl, b, 2));
	session_end(&s);
}

static void
a_client_that_can_hear_it_is_told_why(void **state)
{
	struct gateplay *p = *state;
	struct gateplay_closed c;
	struct session s;
	char b[8];

	session_start(p, &s, true, true);
	assert_int_equal(3, SSL_write(s.ssl, "abc", 3));
	assert_int_equal(3, recv(s.target, b, sizeof(b), 0));
	assert_int_equal(4, send(s.target, "last", 4, 0));
	assert_int_equal(4, SSL_read(s.ssl, b, sizeof(b)));
	gateplay_cut(p, s.number, ID, "your certificate \x1b[2J has expired");
	expect_closed(p, &s, &c);
	assert_int_equal(3, c.up);
	assert_int_equal(4, c.down);
	assert_int_equal(0, recv(s.target, b, sizeof(b), 0));
	expect_stream(&s, 0);
	assert_string_equal(
	    "your certificate ?[2J has expired (connection 0000000000000077)", heard);
	session_end(&s);
	others_go_on(p);
}

static void
any_other_client_sees_an_orderly_end(void **state)
{
	struct gateplay *p = *state;
	struct gateplay_closed c;
	struct session s;

	for (int pha = 0; pha < 2; pha++) {
		session_start(p, &s, pha == 1, false);
		gateplay_cut(p, s.number, ID, "an operator ended this connection");
		expect_closed(p, &s, &c);
		expect_stream(&s, 0);
		session_end(&s);
		/* ident has not heard of it when it says it again: nobody minds */
		gateplay_cut(p, s.number, ID, "again");
	}
	gateplay_cut(p, 4711, ID, "of nobody");
	others_go_on(p);
}

/* What the client writes waits in a BIO of its own, as in mtls-connect, and goes out as there is
 * room. */
static size_t
fill_both_ways(struct session *s)
{
	static char b[65536];
	BIO *out = BIO_new(BIO_s_mem());
	size_t quiet = 0, up = 0;
	const char *p;
	long n;

	SSL_set0_wbio(s->ssl, out);
	for (int i = 0; i < 200; i++)
		assert_int_equal(sizeof(b), SSL_write(s->ssl, b, sizeof(b)));
	n = BIO_get_mem_data(out, &p);
	while (quiet < 200) {
		bool moved = send(s->target, b, sizeof(b), MSG_DONTWAIT) > 0;
		ssize_t k = send(SSL_get_rfd(s->ssl), p + up, (size_t)n - up, MSG_DONTWAIT);

		if (k > 0)
			up += (size_t)k;
		quiet = moved || k > 0 ? 0 : quiet + 1;
		(void)usleep(500);
	}
	return up;
}

static void
the_end_is_at_once_while_all_buffers_are_full_and_the_reason_comes_last(void **state)
{
	struct gateplay *p = *state;
	struct gateplay_closed c;
	struct session s;

	session_start(p, &s, true, true);
	assert_true(fill_both_ways(&s) > 1 << 20);
	gateplay_cut(p, s.number, ID, "revoked");
	expect_closed(p, &s, &c);
	assert_true(c.up > 0 && c.down > 1 << 20);
	expect_stream(&s, c.down);
	assert_non_null(strstr(heard, "revoked (connection"));
	session_end(&s);
	others_go_on(p);
}

static void
a_client_that_does_not_read_is_not_waited_for(void **state)
{
	struct gateplay *p = *state;
	static char b[65536];
	struct gateplay_closed c;
	struct session s;
	size_t quiet = 0;

	session_start(p, &s, true, true);
	while (quiet < 200) {
		quiet = send(s.target, b, sizeof(b), MSG_DONTWAIT) > 0 ? 0 : quiet + 1;
		(void)usleep(500);
	}
	gateplay_cut(p, s.number, ID, "revoked");
	expect_closed(p, &s, &c);
	/* the last connection of a draining gate is gone when its socket is */
	gateplay_drain(p);
	(void)gateplay_recv(p->monitor, MSG_IDLE, (uint8_t *)b);
	session_end(&s);
}

static void
a_half_closed_connection_is_cut_as_well(void **state)
{
	struct gateplay *p = *state;
	struct gateplay_closed c;
	struct session s;
	char b[8];

	session_start(p, &s, true, true); /* the client has ended */
	assert_int_equal(0, SSL_shutdown(s.ssl));
	assert_int_equal(0, recv(s.target, b, sizeof(b), 0));
	gateplay_cut(p, s.number, ID, "first");
	expect_closed(p, &s, &c);
	expect_stream(&s, 0);
	session_end(&s);

	heard[0] = '\0';
	session_start(
	    p, &s, true, true); /* the target has: close_notify is out, nothing follows it */
	assert_int_equal(0, shutdown(s.target, SHUT_WR));
	expect_stream(&s, 0);
	gateplay_cut(p, s.number, ID, "second");
	expect_closed(p, &s, &c);
	assert_string_equal("", heard);
	session_end(&s);
	others_go_on(p);
}

static void
a_cut_under_another_id_ends_the_gate(void **state)
{
	struct gateplay *p = *state;
	struct session s;

	session_start(p, &s, true, true);
	gateplay_cut(p, s.number, ID + 1, "not mine");
	gateplay_log(p, "gate-ends", "CUT", NULL);
	assert_int_equal(1, gateplay_status(p));
	session_end(&s);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, serving, done)
	const struct CMUnitTest tests[] = {
		TEST(a_client_that_can_hear_it_is_told_why),
		TEST(any_other_client_sees_an_orderly_end),
		TEST(the_end_is_at_once_while_all_buffers_are_full_and_the_reason_comes_last),
		TEST(a_client_that_does_not_read_is_not_waited_for),
		TEST(a_half_closed_connection_is_cut_as_well),
		TEST(a_cut_under_another_id_ends_the_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
