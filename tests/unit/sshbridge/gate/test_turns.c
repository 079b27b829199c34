/* test_turns.c - how much of one client's is worked off before the others have their turn */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>

#include "sshbridge/gate/pump.h"
#include "tests/unit/help/pki.h"

/* A pump between a client, whose records wait in `sent` until they are let go, and a target. */
struct rig {
	struct event_base *base;
	struct wire_scratch scratch;
	struct wire wire;
	struct pump pump;
	SSL *server, *client;
	BIO *sent;
	int gate_end, client_fd, target_fd, target_end;
	const char *why; /* how the pump ended; NULL: it runs */
};

static void
on_end(void *arg, const char *why)
{
	((struct rig *)arg)->why = why;
}

static void
make_pair(int *a, int *b)
{
	int pair[2];

	assert_int_equal(
	    0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
	*a = pair[0];
	*b = pair[1];
}

static SSL *
make_server(struct rig *r)
{
	struct pki_cert *cert = pki_make(&(struct pki_spec){ .profile = PKI_SERVER }, NULL);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	BIO *b = wire_bio(&r->wire);
	SSL *ssl;

	assert_int_equal(1, SSL_CTX_use_certificate(ctx, cert->cert));
	assert_int_equal(1, SSL_CTX_use_PrivateKey(ctx, cert->key));
	SSL_CTX_set_num_tickets(ctx, 0);
	ssl = SSL_new(ctx);
	SSL_set_bio(ssl, b, b);
	SSL_CTX_free(ctx);
	pki_free(cert);
	return ssl;
}

static int
setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct err e;

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(0, wire_setup(&e));
	r->base = event_base_new();
	make_pair(&r->gate_end, &r->client_fd);
	make_pair(&r->target_end, &r->target_fd);
	wire_init(&r->wire, &r->scratch, r->gate_end);
	r->server = make_server(r);
	*state = r;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *r = *state;

	pump_stop(&r->pump);
	SSL_free(r->server);
	SSL_free(r->client);
	wire_done(&r->wire);
	close(r->gate_end);
	close(r->client_fd);
	close(r->target_fd);
	close(r->target_end);
	event_base_free(r->base);
	free(r);
	ERR_clear_error();
	return 0;
}

/* Shake hands and start the pump; from now on the client's records are gathered in `sent`. */
static void
start(struct rig *r)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	r->client = SSL_new(ctx);
	SSL_CTX_free(ctx);
	assert_int_equal(1, SSL_set_fd(r->client, r->client_fd));
	for (int done = 0, i = 0; done != 3; i++) {
		assert_true(i < 20);
		done = SSL_connect(r->client) == 1 ? 1 : 0;
		wire_turn(&r->wire);
		done |= SSL_accept(r->server) == 1 ? 2 : 0;
		assert_true(wire_flush(&r->wire));
	}
	r->sent = BIO_new(BIO_s_mem());
	SSL_set0_wbio(r->client, r->sent);
	r->pump = (struct pump){ .ssl = r->server,
		.wire = &r->wire,
		.target = r->target_end,
		.on_end = on_end,
		.arg = r };
	assert_int_equal(0, pump_start(&r->pump, r->base));
}

static void
turn(struct rig *r)
{
	/* ONCE: without it the loop goes on while anything is readable */
	assert_true(event_base_loop(r->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
}

static void
let_go(struct rig *r)
{
	char *p;
	long n = BIO_get_mem_data(r->sent, &p);

	assert_int_equal(n, send(r->client_fd, p, (size_t)n, 0));
	(void)BIO_reset(r->sent);
}

static size_t
waiting(int fd)
{
	int n = -1;

	assert_int_equal(0, ioctl(fd, FIONREAD, &n));
	assert_true(n >= 0);
	return (size_t)n;
}

/* ---- handshake ------------------------------------------------------------------------------- */

static void
a_client_hello_in_tiny_records_is_read_in_turns(void **state)
{
	/* a ClientHello of 16 kB begins */
	static const uint8_t head[] = { 0x01, 0x00, 0x40, 0x00 };
	static const uint8_t record[] = { 0x16, 0x03, 0x01, 0x00, 0x01, 0x55 };
	static uint8_t bytes[2000 * sizeof(record)];
	struct rig *r = *state;
	size_t left, before;
	int turns = 0;

	for (size_t i = 0; i < 2000; i++) {
		memcpy(bytes + i * sizeof(record), record, sizeof(record));
		if (i < sizeof(head))
			bytes[i * sizeof(record) + 5] = head[i];
	}
	assert_int_equal(sizeof(bytes), send(r->client_fd, bytes, sizeof(bytes), 0));
	for (left = waiting(r->gate_end); left > 0; turns++) {
		before = left;
		wire_turn(&r->wire);
		ERR_clear_error();
		assert_int_equal(
		    SSL_ERROR_WANT_READ, SSL_get_error(r->server, SSL_accept(r->server)));
		left = waiting(r->gate_end);
		assert_true(left < before);
		assert_true(before - left <= WIRE_READS / 2 * sizeof(record));
	}
	assert_in_range(turns, 2000 / (WIRE_READS / 2), 2000);
}

/* ---- an open connection ---------------------------------------------------------------------- */

static void
update(struct rig *r, int n)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(1, SSL_key_update(r->client, SSL_KEY_UPDATE_NOT_REQUESTED));
		assert_int_equal(1, SSL_do_handshake(r->client));
	}
}

static void
a_few_key_updates_at_once_are_taken(void **state)
{
	struct rig *r = *state;
	char b[8];

	start(r);
	for (int i = 0; i < 10; i++) {
		update(r, 32);
		assert_int_equal(2, SSL_write(r->client, "ok", 2));
		let_go(r);
		turn(r);
		assert_null(r->why);
		assert_int_equal(2, recv(r->target_fd, b, sizeof(b), 0));
	}
}

static void
a_flood_of_key_updates_ends_the_connection(void **state)
{
	struct rig *r = *state;
	char b[8];

	start(r);
	update(r, 33);
	assert_int_equal(2, SSL_write(r->client, "ok", 2));
	let_go(r);
	turn(r);
	assert_string_equal("too many key updates", r->why);
	assert_int_equal(-1, recv(r->target_fd, b, sizeof(b), 0));
}

static void
data_between_the_key_updates_does_not_hide_them(void **state)
{
	struct rig *r = *state;

	start(r);
	for (int i = 0; i < 33; i++) {
		update(r, 1);
		assert_int_equal(2, SSL_write(r->client, "ok", 2));
	}
	let_go(r);
	turn(r);
	assert_string_equal("too many key updates", r->why);
}

/* How many bytes the target has after one turn, when the client sent records of that size. */
static size_t
after_one_turn(struct rig *r, size_t size)
{
	static char data[16384];

	while (BIO_pending(r->sent) < 2 * WIRE_IN_SIZE)
		assert_int_equal(size, SSL_write(r->client, data, (int)size));
	let_go(r);
	turn(r);
	return waiting(r->target_fd);
}

static void
records_of_a_byte_wait_for_the_next_turn_sooner_than_full_ones(void **state)
{
	const size_t record = 5 + 1 + 1 + 16; /* header, byte, type, tag */
	struct rig *r = *state;
	size_t n;

	start(r);
	n = after_one_turn(r, 1);
	assert_in_range(n, 1, WIRE_IN_SIZE / record);
	for (int i = 0; i < 100 && waiting(r->gate_end) > 0; i++)
		turn(r);
	assert_in_range(
	    waiting(r->target_fd), 2 * WIRE_IN_SIZE / record, 3 * WIRE_IN_SIZE / record);
	assert_null(r->why);
}

static void
full_records_go_on_while_there_are_any(void **state)
{
	struct rig *r = *state;

	start(r);
	assert_true(after_one_turn(r, 16384) > WIRE_IN_SIZE);
	assert_null(r->why);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_client_hello_in_tiny_records_is_read_in_turns),
		TEST(a_few_key_updates_at_once_are_taken),
		TEST(a_flood_of_key_updates_ends_the_connection),
		TEST(data_between_the_key_updates_does_not_hide_them),
		TEST(records_of_a_byte_wait_for_the_next_turn_sooner_than_full_ones),
		TEST(full_records_go_on_while_there_are_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
