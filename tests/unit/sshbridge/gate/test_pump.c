/* test_pump.c - bytes between a TLS client and a target: order of ends, back-pressure, memory */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>

#include "sshbridge/gate/pump.h"
#include "sshbridge/gate/tls.h"
#include "tests/unit/help/pki.h"

/* One pump between two socket pairs; the test holds the other ends. */
struct rig {
	struct event_base *base;
	struct wire_scratch scratch;
	struct wire wire;
	struct pump pump;
	SSL *server, *client;
	int gate_end, client_fd, target_fd, target_end;
	const char *why; /* how the pump ended; NULL: it runs */
	uint8_t bytes[1 << 20];
};

static void
on_end(void *arg, const char *why)
{
	struct rig *r = arg;

	assert_null(r->why);
	r->why = why;
}

static SSL_CTX *
server_context(void)
{
	static struct pki_cert *cert;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (cert == NULL)
		cert = pki_make(&(struct pki_spec){ .profile = PKI_SERVER }, NULL);
	assert_int_equal(1, SSL_CTX_use_certificate(ctx, cert->cert));
	assert_int_equal(1, SSL_CTX_use_PrivateKey(ctx, cert->key));
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_set_num_tickets(ctx, 0);
	return ctx;
}

static void
make_pair(int *a, int *b)
{
	int pair[2], size = 32768;

	assert_int_equal(
	    0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    0, setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	*a = pair[0];
	*b = pair[1];
}

static void
rig_start(struct rig *r, uint32_t idle)
{
	SSL_CTX *sctx = server_context(), *cctx = SSL_CTX_new(TLS_client_method());
	BIO *b;

	make_pair(&r->gate_end, &r->client_fd);
	make_pair(&r->target_end, &r->target_fd);
	wire_init(&r->wire, &r->scratch, r->gate_end);
	r->server = SSL_new(sctx);
	r->client = SSL_new(cctx);
	SSL_set_post_handshake_auth(r->client, 1);
	SSL_CTX_free(sctx);
	SSL_CTX_free(cctx);
	b = wire_bio(&r->wire);
	SSL_set_bio(r->server, b, b);
	assert_int_equal(1, SSL_set_fd(r->client, r->client_fd));
	SSL_set_mode(
	    r->client, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	for (int done = 0, i = 0; done != 3; i++) {
		assert_true(i < 20);
		done = SSL_connect(r->client) == 1 ? 1 : 0;
		done |= SSL_accept(r->server) == 1 ? 2 : 0;
		assert_true(wire_flush(&r->wire));
	}
	r->pump = (struct pump){ .ssl = r->server,
		.wire = &r->wire,
		.target = r->target_end,
		.idle_seconds = idle,
		.on_end = on_end,
		.arg = r };
	assert_int_equal(0, pump_start(&r->pump, r->base));
}

static int
setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct err e;

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(0, wire_setup(&e));
	r->base = event_base_new();
	r->gate_end = r->client_fd = r->target_fd = r->target_end = -1;
	*state = r;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *r = *state;
	int *fds[] = { &r->gate_end, &r->client_fd, &r->target_fd, &r->target_end };

	pump_stop(&r->pump);
	SSL_free(r->server);
	SSL_free(r->client);
	wire_done(&r->wire);
	for (size_t i = 0; i < 4; i++)
		if (*fds[i] != -1)
			close(*fds[i]);
	event_base_free(r->base);
	free(r);
	ERR_clear_error();
	return 0;
}

static void
turn(struct rig *r)
{
	assert_true(event_base_loop(r->base, EVLOOP_NONBLOCK) >= 0);
	/* between turns the scratch area is nobody's */
	assert_null(r->scratch.owner);
}

/* What the client can read now: bytes, 0 at the end of the stream, -1 nothing. */
static ssize_t
client_read(struct rig *r, void *p, size_t n)
{
	int k, why;

	ERR_clear_error();
	k = SSL_read(r->client, p, (int)n);
	if (k > 0)
		return k;
	why = SSL_get_error(r->client, k);
	if (why == SSL_ERROR_ZERO_RETURN)
		return 0;
	assert_int_equal(SSL_ERROR_WANT_READ, why);
	return -1;
}

static void
ends_pass_in_order_after_the_bytes_before_them(void **state)
{
	struct rig *r = *state;
	char b[16];

	rig_start(r, 0);
	assert_int_equal(3, SSL_write(r->client, "abc", 3));
	assert_int_equal(0, SSL_shutdown(r->client));
	turn(r);
	assert_int_equal(3, recv(r->target_fd, b, sizeof(b), 0));
	assert_int_equal(0, recv(r->target_fd, b, sizeof(b), 0));
	assert_null(r->why); /* the other direction goes on */
	assert_int_equal(4, send(r->target_fd, "last", 4, 0));
	turn(r);
	assert_int_equal(4, client_read(r, b, sizeof(b)));
	assert_int_equal(-1, client_read(r, b, sizeof(b)));
	assert_int_equal(0, shutdown(r->target_fd, SHUT_WR));
	turn(r);
	assert_int_equal(0, client_read(r, b, sizeof(b)));
	assert_string_equal("closed", r->why);
	assert_int_equal(3, r->pump.from_client);
	assert_int_equal(4, r->pump.to_client);
}

static void
the_targets_end_comes_as_close_notify_and_the_client_may_go_on(void **state)
{
	struct rig *r = *state;
	char b[16];

	rig_start(r, 0);
	assert_int_equal(0, shutdown(r->target_fd, SHUT_WR));
	turn(r);
	assert_int_equal(0, client_read(r, b, sizeof(b)));
	assert_int_equal(SSL_RECEIVED_SHUTDOWN, SSL_get_shutdown(r->client));
	assert_null(r->why);
	assert_int_equal(4, SSL_write(r->client, "more", 4));
	turn(r);
	assert_int_equal(4, recv(r->target_fd, b, sizeof(b), 0));
	assert_int_equal(0, SSL_shutdown(r->client) < 0);
	turn(r);
	assert_int_equal(0, recv(r->target_fd, b, sizeof(b), 0));
	assert_string_equal("closed", r->why);
}

static void
a_fin_without_close_notify_is_an_end_like_any_other(void **state)
{
	struct rig *r = *state;
	char b[16];

	rig_start(r, 0);
	assert_int_equal(3, SSL_write(r->client, "abc", 3));
	assert_int_equal(0, shutdown(r->client_fd, SHUT_WR));
	turn(r);
	assert_int_equal(3, recv(r->target_fd, b, sizeof(b), 0));
	assert_int_equal(0, recv(r->target_fd, b, sizeof(b), 0));
	assert_int_equal(4, send(r->target_fd, "last", 4, 0));
	turn(r);
	assert_int_equal(4, client_read(r, b, sizeof(b)));
	close(r->target_fd);
	r->target_fd = -1;
	turn(r);
	assert_string_equal("closed", r->why);
}

static void
a_client_that_does_not_read_stops_the_target_within_bounds(void **state)
{
	struct rig *r = *state;
	size_t sent = 0, got = 0, most = 0;
	ssize_t n;

	rig_start(r, 0);
	memset(r->bytes, 'd', sizeof(r->bytes));
	for (int i = 0; i < 200; i++) {
		if ((n = send(r->target_fd, r->bytes, sizeof(r->bytes), MSG_NOSIGNAL)) > 0)
			sent += (size_t)n;
		turn(r);
		most = r->wire.rest.len > most ? r->wire.rest.len : most;
	}
	assert_true(most > 0 && most <= WIRE_OUT_SIZE);
	/* both sockets are full and stay so: the target waits */
	assert_int_equal(-1, send(r->target_fd, "x", 1, MSG_NOSIGNAL));
	assert_int_equal(EAGAIN, errno);
	while (got < sent) {
		if ((n = client_read(r, r->bytes, sizeof(r->bytes))) > 0)
			got += (size_t)n;
		turn(r);
	}
	assert_int_equal(sent, got);
	assert_int_equal(0, r->wire.rest.len);
	assert_null(r->wire.rest.p); /* and nothing is kept of it */
	assert_int_equal(1, send(r->target_fd, "x", 1, MSG_NOSIGNAL));
	turn(r);
	assert_int_equal(1, client_read(r, r->bytes, 16));
}

static void
a_target_that_does_not_read_stops_the_client_within_bounds(void **state)
{
	struct rig *r = *state;
	size_t sent = 0, got = 0, most = 0;
	ssize_t n;
	int k;

	rig_start(r, 0);
	memset(r->bytes, 'u', sizeof(r->bytes));
	for (int i = 0; i < 200; i++) {
		ERR_clear_error();
		if ((k = SSL_write(r->client, r->bytes, 65536)) > 0)
			sent += (size_t)k;
		turn(r);
		most = r->pump.to_target.len > most ? r->pump.to_target.len : most;
	}
	assert_true(most > 0 && most <= sizeof(r->scratch.plain));
	assert_true(sent < 1 << 20);
	for (int idle = 0; idle < 3;) {
		if ((n = recv(r->target_fd, r->bytes, sizeof(r->bytes), 0)) > 0)
			got += (size_t)n;
		idle = n > 0 ? 0 : idle + 1;
		turn(r);
	}
	/* what OpenSSL could not send is part of a record: it is not counted in `sent` */
	assert_true(got >= sent);
	assert_null(r->pump.to_target.p);
}

static void
an_end_waits_for_the_bytes_that_the_other_side_has_not_taken(void **state)
{
	struct rig *r = *state;
	size_t sent = 0, got = 0;
	ssize_t n;

	rig_start(r, 0);
	for (int i = 0; i < 50; i++) {
		if ((n = send(r->target_fd, r->bytes, 65536, MSG_NOSIGNAL)) > 0)
			sent += (size_t)n;
		turn(r);
	}
	assert_true(r->wire.rest.len > 0);
	close(r->target_fd);
	r->target_fd = -1;
	turn(r);
	while ((n = client_read(r, r->bytes, sizeof(r->bytes))) != 0) {
		if (n > 0)
			got += (size_t)n;
		turn(r);
	}
	assert_int_equal(sent, got);
	assert_null(r->why);
	assert_int_equal(1, SSL_shutdown(r->client));
	turn(r);
	assert_string_equal("closed", r->why);
}

/* The target is gone for good while it had still said something: that is passed on first. */
static void
the_last_words_of_a_target_that_closed_reach_the_client(void **state)
{
	struct rig *r = *state;
	char b[16];

	rig_start(r, 0);
	assert_int_equal(3, send(r->target_fd, "bye", 3, 0));
	close(r->target_fd);
	r->target_fd = -1;
	assert_int_equal(4, SSL_write(r->client, "late", 4));
	turn(r);
	turn(r);
	assert_int_equal(3, client_read(r, b, sizeof(b)));
	assert_int_equal(0, client_read(r, b, sizeof(b)));
	assert_string_equal("closed", r->why);
}

static void
a_record_that_was_tampered_with_ends_the_connection(void **state)
{
	struct rig *r = *state;
	static const uint8_t record[] = { 0x17, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
		13, 14, 15, 16, 17, 18, 19, 20 };
	char b;

	rig_start(r, 0);
	assert_int_equal(sizeof(record), send(r->client_fd, record, sizeof(record), 0));
	turn(r);
	assert_non_null(r->why);
	assert_string_not_equal("closed", r->why);
	assert_int_equal(-1, recv(r->target_fd, &b, 1, 0));
}

static void
a_client_that_asks_for_key_updates_and_never_reads_is_ended(void **state)
{
	struct rig *r = *state;
	size_t most = 0;

	rig_start(r, 0);
	for (int i = 0; i < 200000 && r->why == NULL; i++) {
		ERR_clear_error();
		(void)SSL_key_update(r->client, SSL_KEY_UPDATE_REQUESTED);
		(void)SSL_do_handshake(r->client);
		turn(r);
		most = r->wire.rest.len > most ? r->wire.rest.len : most;
	}
	assert_true(most <= WIRE_REST_MAX);
	assert_string_equal("the client does not read", r->why);
}

static void
key_updates_in_mid_stream_are_answered(void **state)
{
	struct rig *r = *state;
	char b[16];

	rig_start(r, 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(1, SSL_key_update(r->client, SSL_KEY_UPDATE_REQUESTED));
		assert_int_equal(2, SSL_write(r->client, "up", 2));
		assert_int_equal(4, send(r->target_fd, "down", 4, 0));
		turn(r);
		turn(r);
		assert_int_equal(2, recv(r->target_fd, b, sizeof(b), 0));
		assert_int_equal(4, client_read(r, b, sizeof(b)));
	}
	assert_null(r->why);
}

/*
 * The client writes `data` and is asked for a certificate; what it sends (it has none) comes back
 * and is not sent yet.
 */
static size_t
ask_and_catch(struct rig *r, const char *data, uint8_t *answer, size_t size)
{
	BIO *caught = BIO_new(BIO_s_mem()), *socket = SSL_get_wbio(r->client);
	int n, before;

	assert_int_equal(1, BIO_up_ref(socket));
	SSL_set0_wbio(r->client, caught);
	if (*data != '\0')
		assert_true(SSL_write(r->client, data, (int)strlen(data)) > 0);
	before = (int)BIO_pending(caught);
	SSL_set_verify(r->server, SSL_VERIFY_PEER, NULL);
	assert_int_equal(1, SSL_verify_client_post_handshake(r->server));
	assert_int_equal(1, SSL_do_handshake(r->server));
	pump_push(&r->pump);
	while ((int)BIO_pending(caught) == before)
		assert_int_equal(-1, client_read(r, r->bytes, sizeof(r->bytes)));
	n = BIO_read(caught, answer, (int)size);
	assert_true(n > before + 20);
	SSL_set0_wbio(r->client, socket);
	return (size_t)n;
}

static void
half_an_answer_holds_the_target_and_loses_nothing(void **state)
{
	struct rig *r = *state;
	uint8_t answer[1000];
	char b[16];
	size_t n;

	rig_start(r, 0);
	n = ask_and_catch(r, "", answer, sizeof(answer));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(1, send(r->client_fd, answer + i, 1, 0));
		turn(r);
		if (i == n - 2) {
			assert_int_equal(4, send(r->target_fd, "down", 4, 0));
			turn(r);
			assert_int_equal(-1, client_read(r, b, sizeof(b)));
		}
		assert_null(r->why);
	}
	turn(r);
	assert_int_equal(4, client_read(r, b, sizeof(b)));
	assert_int_equal(2, SSL_write(r->client, "up", 2));
	turn(r);
	assert_int_equal(2, recv(r->target_fd, b, sizeof(b), 0));
}

static void
take_all_but(struct rig *r, const char *last)
{
	size_t n = 0;
	ssize_t k;

	while ((k = recv(r->target_fd, r->bytes + n, sizeof(r->bytes) - n, 0)) > 0) {
		n += (size_t)k;
		turn(r);
	}
	assert_true(n > strlen(last));
	assert_memory_equal(last, r->bytes + n - strlen(last), strlen(last));
}

/* The target takes nothing until it gets rid of something, which it can after the message only. */
static void
the_rest_of_an_answer_is_read_though_the_target_takes_nothing(void **state)
{
	struct rig *r = *state;
	uint8_t answer[1000];
	char b[16];
	size_t n;

	rig_start(r, 0);
	while (send(r->target_end, r->bytes, sizeof(r->bytes), MSG_NOSIGNAL) > 0)
		;
	n = ask_and_catch(r, "data", answer, sizeof(answer));
	assert_int_equal(n - 10, send(r->client_fd, answer, n - 10, 0));
	turn(r);
	assert_int_equal(4, r->pump.to_target.len);
	assert_int_equal(4, send(r->target_fd, "down", 4, 0));
	turn(r);
	assert_int_equal(-1, client_read(r, b, sizeof(b)));
	assert_int_equal(10, send(r->client_fd, answer + n - 10, 10, 0));
	assert_int_equal(4, SSL_write(r->client, "more", 4));
	turn(r);
	turn(r);
	assert_int_equal(4, r->pump.to_target.len); /* and no more: back-pressure holds */
	assert_int_equal(4, client_read(r, b, sizeof(b)));
	take_all_but(r, "datamore");
	assert_null(r->why);
}

static void
a_client_that_leaves_amid_its_answer_is_ended(void **state)
{
	struct rig *r = *state;
	uint8_t answer[1000];
	size_t n;

	rig_start(r, 0);
	n = ask_and_catch(r, "", answer, sizeof(answer));
	assert_int_equal(n - 10, send(r->client_fd, answer, n - 10, 0));
	turn(r);
	assert_null(r->why);
	assert_int_equal(0, shutdown(r->client_fd, SHUT_WR));
	turn(r);
	assert_string_equal("the client left in the middle of a message", r->why);
}

static void
a_target_that_closes_amid_an_answer_does_not_hang_the_connection(void **state)
{
	struct rig *r = *state;
	uint8_t answer[1000];
	char b[16];
	size_t n;

	rig_start(r, 0);
	n = ask_and_catch(r, "data", answer, sizeof(answer));
	assert_int_equal(3, send(r->target_fd, "bye", 3, 0));
	close(r->target_fd);
	r->target_fd = -1;
	assert_int_equal(n - 10, send(r->client_fd, answer, n - 10, 0));
	turn(r);
	assert_int_equal(10, send(r->client_fd, answer + n - 10, 10, 0));
	turn(r);
	turn(r);
	assert_int_equal(3, client_read(r, b, sizeof(b)));
	assert_int_equal(0, client_read(r, b, sizeof(b)));
	assert_string_equal("closed", r->why);
}

static void
an_idle_pump_owns_no_buffer_and_ends_in_time(void **state)
{
	struct rig *r = *state;

	rig_start(r, 1);
	turn(r);
	assert_null(r->wire.rest.p);
	assert_null(r->pump.to_target.p);
	while (r->why == NULL)
		assert_true(event_base_loop(r->base, EVLOOP_ONCE) >= 0);
	assert_string_equal("idle timeout", r->why);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(ends_pass_in_order_after_the_bytes_before_them),
		TEST(the_targets_end_comes_as_close_notify_and_the_client_may_go_on),
		TEST(a_fin_without_close_notify_is_an_end_like_any_other),
		TEST(a_client_that_does_not_read_stops_the_target_within_bounds),
		TEST(a_target_that_does_not_read_stops_the_client_within_bounds),
		TEST(an_end_waits_for_the_bytes_that_the_other_side_has_not_taken),
		TEST(the_last_words_of_a_target_that_closed_reach_the_client),
		TEST(a_record_that_was_tampered_with_ends_the_connection),
		TEST(a_client_that_asks_for_key_updates_and_never_reads_is_ended),
		TEST(key_updates_in_mid_stream_are_answered),
		TEST(half_an_answer_holds_the_target_and_loses_nothing),
		TEST(the_rest_of_an_answer_is_read_though_the_target_takes_nothing),
		TEST(a_client_that_leaves_amid_its_answer_is_ended),
		TEST(a_target_that_closes_amid_an_answer_does_not_hang_the_connection),
		TEST(an_idle_pump_owns_no_buffer_and_ends_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
