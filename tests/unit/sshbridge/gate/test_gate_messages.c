/* test_gate_messages.c - the gate program and messages that are wrong: it ends, and lets nobody in
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/help/gateplay.h"

static struct gateplay play;

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

static void
expect_its_end(struct gateplay *p)
{
	gateplay_log(p, "gate-ends", NULL);
	assert_int_equal(1, gateplay_status(p));
}

/* ---- rows that are wrong: fields as a little text, "w" u32 1, "q" u64 2, "s" a string -------- */

struct wrong {
	const char *what;
	enum msg_type type;
	const char *fields;
	unsigned nfds;
	uint64_t conn;
};

static void
send_wrong(int channel, const struct wrong *w)
{
	uint8_t buf[512];
	struct msg_out o;
	int fds[MSG_FDS_MAX], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (unsigned i = 0; i < w->nfds; i++)
		fds[i] = null;
	msg_start(&o, buf, sizeof(buf), w->type, w->conn);
	for (const char *f = w->fields; *f != '\0'; f++) {
		if (*f == 'w')
			msg_put_u32(&o, 1);
		else if (*f == '0')
			msg_put_u32(&o, 0);
		else if (*f == 'q')
			msg_put_u64(&o, 2);
		else
			msg_put_str(&o, "text");
	}
	gateplay_send(channel, &o, fds, w->nfds);
	close(null);
}

static const struct wrong before_service[] = {
	{ "LISTEN before anything else", MSG_LISTEN, "qw0", 1, 0 },
	{ "COUNTERS without memory", MSG_COUNTERS, "0w", 0, 0 },
	{ "COUNTERS with a file", MSG_COUNTERS, "0w", 1, 0 },
	{ "COUNTERS short", MSG_COUNTERS, "0", 1, 0 },
	{ "COUNTERS of no gate", MSG_COUNTERS, "00", 1, 0 },
	{ "PEER of another kind", MSG_PEER, "w0", 1, 0 },
	{ "PEER long", MSG_PEER, "w00", 1, 0 },
	{ "PEER with two descriptors", MSG_PEER, "w0", 2, 0 },
	{ "KEY short", MSG_KEY, "q", 0, 0 },
	{ "KEY with a descriptor", MSG_KEY, "qs", 1, 0 },
	{ "GENERATION with two descriptors", MSG_GENERATION, "q", 2, 0 },
	{ "GENERATION with four descriptors", MSG_GENERATION, "q", 4, 0 },
	{ "GENERATION long", MSG_GENERATION, "qq", 3, 0 },
	{ "OPENED from the monitor", MSG_OPENED, "w0sq", 1, 1 },
	{ "READY to a gate", MSG_READY, "qws", 0, 0 },
	{ "an unknown type", (enum msg_type)999, "", 0, 0 },
};

static void
wrong_messages_before_service_end_the_gate(void **state)
{
	struct gateplay *p = &play;

	(void)state;
	for (size_t i = 0; i < sizeof(before_service) / sizeof(before_service[0]); i++) {
		print_message("# %s\n", before_service[i].what);
		gateplay_start(p, 0);
		send_wrong(p->monitor, &before_service[i]);
		expect_its_end(p);
		gateplay_end(p);
	}
}

static const struct wrong in_service[] = {
	{ "COUNTERS again", MSG_COUNTERS, "0w", 1, 0 },
	{ "PEER again", MSG_PEER, "w0", 1, 0 },
	{ "LISTEN with a file", MSG_LISTEN, "qw0", 1, 0 },
	{ "LISTEN of a listener that is not there", MSG_LISTEN, "qww", 1, 0 },
	{ "LISTEN with fewer descriptors than it says", MSG_LISTEN, "qw0", 0, 0 },
	{ "LISTEN long", MSG_LISTEN, "qw0w", 1, 0 },
};

static void
wrong_messages_in_service_end_the_gate(void **state)
{
	struct gateplay *p = &play;

	(void)state;
	for (size_t i = 0; i < sizeof(in_service) / sizeof(in_service[0]); i++) {
		print_message("# %s\n", in_service[i].what);
		gateplay_start(p, 0);
		gateplay_serve(p);
		send_wrong(p->monitor, &in_service[i]);
		expect_its_end(p);
		gateplay_end(p);
	}
}

/* The number 1 is that of the client which waits. */
static const struct wrong from_ident[] = {
	{ "OPENED without a socket", MSG_OPENED, "w0sq", 0, 1 },
	{ "OPENED with two sockets", MSG_OPENED, "w0sq", 2, 1 },
	{ "OPENED with a file", MSG_OPENED, "w0sq", 1, 1 },
	{ "OPENED without an id", MSG_OPENED, "w0sq", 1, 0 },
	{ "OPENED short", MSG_OPENED, "w0s", 1, 1 },
	{ "OPENED long", MSG_OPENED, "w0sqw", 1, 1 },
	{ "REFUSED short", MSG_REFUSED, "ww", 0, 1 },
	{ "REFUSED with a socket", MSG_REFUSED, "wws", 1, 1 },
	{ "CUT short", MSG_CUT, "ww", 0, 1 },
	{ "CUT long", MSG_CUT, "wwsw", 0, 1 },
	{ "CUT with a socket", MSG_CUT, "wws", 1, 1 },
	{ "CUT without an id", MSG_CUT, "wws", 0, 0 },
	{ "GENERATION from ident", MSG_GENERATION, "q", 3, 0 },
	{ "CLOSED from ident", MSG_CLOSED, "wqqs", 0, 1 },
};

static void
wrong_messages_of_ident_end_the_gate(void **state)
{
	struct gateplay *p = &play;

	(void)state;
	for (size_t i = 0; i < sizeof(from_ident) / sizeof(from_ident[0]); i++) {
		SSL *ssl;
		char byte;

		print_message("# %s\n", from_ident[i].what);
		gateplay_start(p, 0);
		gateplay_serve(p);
		ssl = gateplay_client(p, p->pki.alice, NULL);
		assert_int_equal(1, SSL_connect(ssl));
		assert_int_equal(1, gateplay_open(p, NULL, 0, NULL, 0));
		send_wrong(p->ident, &from_ident[i]);
		expect_its_end(p);
		assert_true(SSL_read(ssl, &byte, 1) <= 0);
		gateplay_client_free(ssl);
		gateplay_end(p);
	}
}

static void
an_answer_that_comes_twice_ends_the_gate(void **state)
{
	struct gateplay *p = *state;
	SSL *ssl = gateplay_client(p, p->pki.alice, NULL);
	uint32_t number;

	assert_int_equal(1, SSL_connect(ssl));
	number = gateplay_open(p, NULL, 0, NULL, 0);
	close(gateplay_opened(p, 4711, 3, 0)); /* of nobody: dropped */
	(void)gateplay_opened(p, number, 1, 0);
	(void)gateplay_opened(p, number, 1, 0);
	expect_its_end(p);
	gateplay_client_free(ssl);
}

static void
a_packet_that_is_no_message_ends_the_gate(void **state)
{
	struct gateplay *p = *state;

	assert_int_equal(5, send(p->monitor, "hello", 5, 0));
	expect_its_end(p);
}

static void
a_generation_that_goes_back_ends_the_gate(void **state)
{
	struct gateplay *p = *state;

	gateplay_key(p, 1);
	gateplay_generation(p, 1, false);
	expect_its_end(p);
}

static void
the_end_of_ident_ends_the_gate_and_its_connections(void **state)
{
	struct gateplay *p = *state;
	SSL *ssl = gateplay_client(p, p->pki.alice, NULL);
	char byte;
	int target;

	assert_int_equal(1, SSL_connect(ssl));
	target = gateplay_opened(p, gateplay_open(p, NULL, 0, NULL, 0), 1, 0);
	close(p->ident);
	p->ident = -1;
	expect_its_end(p);
	assert_true(SSL_read(ssl, &byte, 1) <= 0);
	assert_int_equal(0, recv(target, &byte, 1, 0));
	close(target);
	gateplay_client_free(ssl);
}

static void
the_end_of_the_monitor_ends_the_gate_quietly(void **state)
{
	struct gateplay *p = *state;

	(void)shutdown(p->monitor, SHUT_RDWR);
	assert_int_equal(0, gateplay_status(p));
}

static void
the_signals_meant_for_the_monitor_do_nothing(void **state)
{
	struct gateplay *p = *state;

	assert_int_equal(0, kill(p->pid, SIGTERM));
	assert_int_equal(0, kill(p->pid, SIGINT));
	assert_int_equal(0, kill(p->pid, SIGHUP));
	gateplay_serve(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_messages_before_service_end_the_gate),
		cmocka_unit_test(wrong_messages_in_service_end_the_gate),
		cmocka_unit_test(wrong_messages_of_ident_end_the_gate),
		cmocka_unit_test_setup_teardown(
		    an_answer_that_comes_twice_ends_the_gate, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_packet_that_is_no_message_ends_the_gate, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_generation_that_goes_back_ends_the_gate, serving, done),
		cmocka_unit_test_setup_teardown(
		    the_end_of_ident_ends_the_gate_and_its_connections, serving, done),
		cmocka_unit_test_setup_teardown(
		    the_end_of_the_monitor_ends_the_gate_quietly, serving, done),
		cmocka_unit_test_setup_teardown(
		    the_signals_meant_for_the_monitor_do_nothing, started, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
