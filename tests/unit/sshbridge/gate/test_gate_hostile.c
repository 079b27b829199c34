/* test_gate_hostile.c - the gate program against clients that mean harm, and its limits */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

/* Whatever happened before: a good client is served. */
static void
others_go_on(struct gateplay *p)
{
	SSL *ssl = gateplay_client(p, p->pki.alice, NULL);
	char buf[2];
	int target;

	assert_int_equal(1, SSL_connect(ssl));
	target = gateplay_opened(p, gateplay_open(p, NULL, 0, NULL, 0), 99, 0);
	assert_int_equal(2, send(target, "ok", 2, 0));
	assert_int_equal(2, SSL_read(ssl, buf, 2));
	close(target);
	gateplay_client_free(ssl);
}

static void
expect_end(int fd)
{
	char buf[4096];

	while (recv(fd, buf, sizeof(buf), 0) > 0)
		;
	close(fd);
}

/* Send and hear: the log has the reason, and the connection ends. */
static void
expect_log_for(struct gateplay *p, const char *text, size_t n, const char *why)
{
	int fd = gateplay_connect(p);

	assert_int_equal((ssize_t)n, send(fd, text, n, MSG_NOSIGNAL));
	gateplay_log(p, "refused", why, NULL);
	expect_end(fd);
}

static void
what_is_not_tls_is_named_in_the_log(void **state)
{
	struct gateplay *p = *state;
	char junk[3000];

	memset(junk, 0xa5, sizeof(junk));
	expect_log_for(p, "SSH-2.0-OpenSSH_9.2\r\n", 21, "plain SSH, not TLS");
	expect_log_for(p, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27, "plain HTTP, not TLS");
	expect_log_for(p, "PROXY TCP4 1.2.3.4 1.2.3.5 1 2\r\n", 32, "no proxy-protocol");
	expect_log_for(p, junk, sizeof(junk), "not TLS");
	/* the beginning of a record, and then nonsense */
	memcpy(junk, "\x16\x03\x01\x02\x00", 5);
	expect_log_for(p, junk, sizeof(junk), "handshake");
	others_go_on(p);
}

static void
a_client_that_says_nothing_and_leaves_is_not_even_logged(void **state)
{
	struct gateplay *p = *state;

	close(gateplay_connect(p));
	others_go_on(p);
	assert_true(gateplay_quiet(p->monitor));
}

static void
a_client_hello_that_never_ends_is_ended_by_the_timer(void **state)
{
	struct gateplay *p = *state;
	static const uint8_t start[] = { 0x16, 0x03, 0x01, 0x02, 0x00, 0x01 };
	int fd;

	p->set.handshake_timeout = 1;
	gateplay_serve(p);
	fd = gateplay_connect(p);
	/* each byte comes while the one timer from accept runs; none of them sets it anew */
	for (size_t i = 0; i < sizeof(start); i++) {
		if (send(fd, &start[i], 1, MSG_NOSIGNAL) == -1)
			break;
		(void)usleep(300 * 1000);
	}
	gateplay_log(p, "refused", "handshake-timeout", NULL);
	expect_end(fd);
	others_go_on(p);
}

/* The bytes of a good ClientHello, each in a record of its own: it takes the gate many turns. */
static void
a_client_hello_in_records_of_one_byte_is_answered(void **state)
{
	struct gateplay *p = *state;
	uint8_t record[] = { 0x16, 0x03, 0x01, 0x00, 0x01, 0x00 }, answer;
	SSL *ssl = gateplay_client(p, p->pki.alice, NULL);
	BIO *hello = BIO_new(BIO_s_mem());
	int fd = SSL_get_fd(ssl);
	long n;
	uint8_t *b;

	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), hello);
	assert_int_equal(-1, SSL_connect(ssl));
	n = BIO_get_mem_data(hello, &b);
	assert_in_range(n, 100, 5000);
	for (long i = 5; i < n; i++) {
		record[5] = b[i];
		assert_int_equal(sizeof(record), send(fd, record, sizeof(record), 0));
	}
	assert_int_equal(1, recv(fd, &answer, 1, 0));
	assert_int_equal(0x16, answer);
	close(fd);
	SSL_free(ssl);
	others_go_on(p);
}

static size_t
put(uint8_t *b, size_t at, unsigned v)
{
	b[at] = (uint8_t)(v >> 8);
	b[at + 1] = (uint8_t)v;
	return at + 2;
}

/* The alert by which a ClientHello is refused that names so many groups, and has no key share. */
static uint8_t
alert_for_groups(struct gateplay *p, unsigned groups)
{
	static uint8_t b[8192];
	const size_t lengths = 5 + 4 + 2 + 32 + 1 + 4 + 2; /* up to that of the extensions */
	int fd = gateplay_connect(p);
	size_t n = lengths;
	uint8_t alert[7];

	memset(b, 0, sizeof(b));
	n = put(b, n + 2, 43); /* supported_versions: 1.3, three bytes */
	n = put(b, put(b, put(b, n, 3), 0x0203), 0x0400) - 1;
	n = put(b, put(b, n, 13), 4); /* signature_algorithms: ecdsa_secp256r1_sha256 */
	n = put(b, put(b, n, 2), 0x0403);
	n = put(b, put(b, put(b, n, 10), 2 * groups + 2), 2 * groups);
	for (unsigned i = 0; i < groups; i++)
		n = put(b, n, 0x4000 + i);
	put(b, lengths, (unsigned)(n - lengths - 2));
	put(b, lengths - 6, 2); /* one suite, TLS_AES_128_GCM_SHA256, and no compression */
	put(b, lengths - 4, 0x1301);
	b[lengths - 2] = 1;
	put(b, 0, 0x1603);
	b[2] = 1;
	put(b, 3, (unsigned)(n - 5));
	b[5] = 1;
	put(b, 7, (unsigned)(n - 9));
	put(b, 9, 0x0303);
	assert_int_equal(n, send(fd, b, n, 0));
	assert_int_equal(sizeof(alert), recv(fd, alert, sizeof(alert), MSG_WAITALL));
	assert_int_equal(0x15, alert[0]);
	expect_end(fd);
	return alert[6];
}

static void
a_hello_with_more_groups_than_there_can_be_is_refused_unread(void **state)
{
	struct gateplay *p = *state;

	assert_int_equal(SSL_AD_MISSING_EXTENSION, alert_for_groups(p, 511));
	assert_int_equal(SSL_AD_HANDSHAKE_FAILURE, alert_for_groups(p, 512));
	gateplay_log(p, "refused", "too many groups", NULL);
	others_go_on(p);
}

static STACK_OF(X509) * chain_of(struct gateplay *p, int n, size_t comment)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	char *ext = calloc(1, comment + 64);
	struct pki_cert *c;

	strcpy(ext, "nsComment=");
	memset(ext + strlen(ext), 'x', comment);
	c = pki_make(
	    &(struct pki_spec){ .profile = PKI_INTERMEDIATE, .subject = "CN=more", .ext = { ext } },
	    p->pki.other_root);
	for (int i = 0; i < n; i++) {
		assert_int_equal(1, X509_up_ref(c->cert));
		assert_true(sk_X509_push(chain, c->cert) > 0);
	}
	pki_free(c);
	free(ext);
	return chain;
}

static void
expect_chain_refused(struct gateplay *p, int n, size_t comment, int alert, const char *why)
{
	STACK_OF(X509) *chain = chain_of(p, n, comment);
	SSL *ssl = gateplay_client_on(gateplay_connect(p), p->pki.alice, chain, NULL, 0);

	assert_int_equal(alert, gateplay_alert(ssl));
	gateplay_log(p, "refused", why, NULL);
	gateplay_client_free(ssl);
	sk_X509_pop_free(chain, X509_free);
}

static void
chains_of_100_certificates_and_of_200_kilobytes_are_refused(void **state)
{
	struct gateplay *p = *state;

	expect_chain_refused(p, 40, 16, SSL_AD_BAD_CERTIFICATE, "too many certificates");
	/* before it has come: OpenSSL's own word */
	expect_chain_refused(p, 100, 16, SSL_AD_ILLEGAL_PARAMETER, "too large");
	expect_chain_refused(p, 20, 10000, SSL_AD_ILLEGAL_PARAMETER, "too large");
	assert_true(gateplay_quiet(p->ident));
	others_go_on(p);
}

static void
a_chain_of_40_kilobytes_is_refused_and_one_of_24_is_not(void **state)
{
	struct gateplay *p = *state;
	STACK_OF(X509) *chain = chain_of(p, 3, 7500);
	SSL *ssl = gateplay_client_on(gateplay_connect(p), p->pki.alice, chain, NULL, 0);

	assert_int_equal(1, SSL_connect(ssl));
	close(gateplay_opened(p, gateplay_open(p, NULL, 0, NULL, 0), 5, 0));
	gateplay_client_free(ssl);
	sk_X509_pop_free(chain, X509_free);
	expect_chain_refused(p, 5, 7500, SSL_AD_ILLEGAL_PARAMETER, "too large");
	others_go_on(p);
}

static void
a_leaf_above_16_kilobytes_is_refused_and_one_below_is_not(void **state)
{
	struct gateplay *p = *state;
	char *ext = calloc(1, 30000);
	struct pki_cert *leaf;
	SSL *ssl;

	strcpy(ext, "nsComment=");
	memset(ext + strlen(ext), 'x', 17000);
	leaf = pki_make(&(struct pki_spec){ .subject = "CN=fat",
			    .ext = { "subjectAltName=email:fat@corp.example", ext } },
	    p->pki.inter);
	ssl = gateplay_client(p, leaf, NULL);
	(void)gateplay_alert(ssl);
	gateplay_log(p, "refused", "too large", NULL);
	gateplay_client_free(ssl);
	pki_free(leaf);
	memset(ext + strlen("nsComment="), 0, 17000);
	memset(ext + strlen("nsComment="), 'x', 15000);
	leaf = pki_make(&(struct pki_spec){ .subject = "CN=thick",
			    .ext = { "subjectAltName=email:thick@corp.example", ext } },
	    p->pki.inter);
	ssl = gateplay_client(p, leaf, NULL);
	assert_int_equal(1, SSL_connect(ssl));
	close(gateplay_opened(p, gateplay_open(p, NULL, 0, NULL, 0), 5, 0));
	gateplay_client_free(ssl);
	pki_free(leaf);
	free(ext);
}

/* A subject with everything in it that a log line must not pass on as it is. */
static void
odd_names_reach_the_log_escaped(void **state)
{
	struct gateplay *p = *state;
	struct pki_cert *leaf =
	    pki_make(&(struct pki_spec){ .subject = "CN=a\"b\nrefused x=\x1b[2J",
			 .until = PKI_FROM + 86400 },
		p->pki.inter);
	SSL *ssl = gateplay_client(p, leaf, NULL);

	(void)gateplay_alert(ssl);
	gateplay_client_free(ssl);
	gateplay_log(p, "refused handshake=", "0A", "1B", NULL);
	pki_free(leaf);
}

static void
more_from_one_address_than_allowed_are_refused_until_one_leaves(void **state)
{
	struct gateplay *p = *state;
	int a, b;

	p->set.per_address = 2;
	gateplay_serve(p);
	a = gateplay_connect(p);
	b = gateplay_connect(p);
	expect_end(gateplay_connect(p));
	gateplay_log(p, "refused", "per-address", NULL);
	close(a);
	/* its place is free once the gate has seen it leave, which it logs nothing about */
	for (;;) {
		SSL *ssl = gateplay_client(p, p->pki.alice, NULL);
		bool in = SSL_connect(ssl) == 1;

		if (in)
			close(gateplay_opened(p, gateplay_open(p, NULL, 0, NULL, 0), 5, 0));
		gateplay_client_free(ssl);
		if (in)
			break;
	}
	close(b);
}

static void
more_in_all_than_allowed_are_refused(void **state)
{
	struct gateplay *p = *state;
	int a;

	p->set.connections = 1;
	gateplay_serve(p);
	a = gateplay_connect(p);
	expect_end(gateplay_connect(p));
	gateplay_log(p, "refused", "limit: connections", NULL);
	close(a);
}

/* 64 descriptors are the gate's own: room for eight connections. */
static void
a_gate_keeps_within_its_descriptors(void **state)
{
	struct gateplay *p = &play;
	int fds[9];

	*state = p;
	gateplay_start(p, 80);
	gateplay_serve(p);
	for (size_t i = 0; i < 9; i++)
		fds[i] = gateplay_connect(p);
	gateplay_log(p, "refused", "descriptors", NULL);
	for (size_t i = 0; i < 9; i++)
		close(fds[i]);
}

static void
a_flood_of_refusals_is_counted_and_not_logged_one_by_one(void **state)
{
	struct gateplay *p = *state;
	int fds[80];

	for (size_t i = 0; i < 80; i++) {
		fds[i] = gateplay_connect(p);
		assert_int_equal(8, send(fds[i], "SSH-2.0-", 8, 0));
	}
	gateplay_log(p, "more=", NULL);
	for (size_t i = 0; i < 80; i++)
		close(fds[i]);
	others_go_on(p);
}

/* A thousand that begin and never go on: their places are taken, and others are served. */
static void
a_thousand_half_open_handshakes_do_not_stop_a_good_one(void **state)
{
	struct gateplay *p = &play;
	struct rlimit rl;
	int fds[1000];

	*state = p;
	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &rl));
	rl.rlim_cur = rl.rlim_max;
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &rl));
	if (rl.rlim_max < 2200)
		skip();
	gateplay_start(p, 0);
	p->set.connections = p->set.gate_connections = p->set.per_address = 1001;
	gateplay_serve(p);
	for (size_t i = 0; i < 1000; i++) {
		fds[i] = gateplay_connect(p);
		assert_int_equal(3, send(fds[i], "\x16\x03\x01", 3, 0));
	}
	others_go_on(p);
	for (size_t i = 0; i < 1000; i++)
		close(fds[i]);
}

static long
resident_kb(struct gateplay *p)
{
	char path[64];
	long pages = 0, kb;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/statm", p->pid);
	assert_non_null(f = fopen(path, "r"));
	assert_int_equal(1, fscanf(f, "%*d %ld", &pages));
	(void)fclose(f);
	kb = pages * (sysconf(_SC_PAGESIZE) / 1024);
	return kb;
}

/* What a broken handshake leaves behind would add up. */
static void
memory_stays_flat_over_broken_handshakes_and_logins(void **state)
{
	struct gateplay *p = *state;
	long before = 0, after;
	SSL *ssl;

	p->set.per_address = 10000;
	gateplay_serve(p);
	for (int i = 0; i < 600; i++) {
		if (i == 300)
			before = resident_kb(p);
		ssl = gateplay_client(p, i % 2 ? p->pki.expired : p->pki.foreign, NULL);
		(void)gateplay_alert(ssl);
		gateplay_client_free(ssl);
		if (i % 3 == 0)
			others_go_on(p);
		while (!gateplay_quiet(p->monitor))
			gateplay_log(p, "refused", NULL);
		while (!gateplay_quiet(p->ident)) {
			struct gateplay_closed c;

			gateplay_closed(p, &c);
		}
	}
	after = resident_kb(p);
	/* 300 handshakes, each of which holds 30 kB while it lasts; ASan keeps what was freed */
#ifndef SANITIZED
	assert_true(after - before < 1500);
#else
	(void)(after - before);
#endif
}

/* ---- behind a load balancer ------------------------------------------------------------------ */

static void
behind(struct gateplay *p, const char *network)
{
	struct err e;

	p->set.listeners[0].npeers = 1;
	assert_int_equal(0, cidr_parse(network, &p->set.listeners[0].peers[0], &e));
	gateplay_serve(p);
}

static void
a_listed_balancer_tells_the_clients_address(void **state)
{
	struct gateplay *p = *state;
	static const char header[] = "PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n";
	char from[128];
	SSL *ssl;
	int fd, target;

	behind(p, "127.0.0.0/8");
	fd = gateplay_connect(p);
	for (size_t i = 0; i < strlen(header); i++)
		assert_int_equal(1, send(fd, header + i, 1, 0));
	ssl = gateplay_client_on(fd, p->pki.alice, NULL, NULL, 0);
	assert_int_equal(1, SSL_connect(ssl));
	target = gateplay_opened(p, gateplay_open(p, NULL, 0, from, sizeof(from)), 1, 0);
	assert_string_equal("203.0.113.9:4711", from);
	close(target);
	gateplay_client_free(ssl);
}

static void
a_listed_balancer_without_header_is_refused(void **state)
{
	struct gateplay *p = *state;
	SSL *ssl;

	behind(p, "127.0.0.0/8");
	ssl = gateplay_client(p, p->pki.alice, NULL);
	assert_int_not_equal(1, SSL_connect(ssl));
	gateplay_log(p, "refused", "PROXY header", NULL);
	gateplay_client_free(ssl);
}

static void
one_that_is_not_listed_is_refused_though_it_sends_a_header(void **state)
{
	struct gateplay *p = *state;
	int fd;

	behind(p, "10.0.0.0/8");
	fd = gateplay_connect(p);
	(void)send(fd, "PROXY UNKNOWN\r\n", 15, MSG_NOSIGNAL);
	gateplay_log(p, "refused", "not a listed load balancer", NULL);
	expect_end(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_tls_is_named_in_the_log, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_client_that_says_nothing_and_leaves_is_not_even_logged, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_client_hello_that_never_ends_is_ended_by_the_timer, started, done),
		cmocka_unit_test_setup_teardown(
		    a_client_hello_in_records_of_one_byte_is_answered, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_hello_with_more_groups_than_there_can_be_is_refused_unread, serving, done),
		cmocka_unit_test_setup_teardown(
		    chains_of_100_certificates_and_of_200_kilobytes_are_refused, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_chain_of_40_kilobytes_is_refused_and_one_of_24_is_not, serving, done),
		cmocka_unit_test_setup_teardown(
		    a_leaf_above_16_kilobytes_is_refused_and_one_below_is_not, serving, done),
		cmocka_unit_test_setup_teardown(odd_names_reach_the_log_escaped, serving, done),
		cmocka_unit_test_setup_teardown(
		    more_from_one_address_than_allowed_are_refused_until_one_leaves, started, done),
		cmocka_unit_test_setup_teardown(
		    more_in_all_than_allowed_are_refused, started, done),
		cmocka_unit_test_teardown(a_gate_keeps_within_its_descriptors, done),
		cmocka_unit_test_setup_teardown(
		    a_flood_of_refusals_is_counted_and_not_logged_one_by_one, serving, done),
		cmocka_unit_test_teardown(
		    a_thousand_half_open_handshakes_do_not_stop_a_good_one, done),
		cmocka_unit_test_setup_teardown(
		    memory_stays_flat_over_broken_handshakes_and_logins, started, done),
		cmocka_unit_test_setup_teardown(
		    a_listed_balancer_tells_the_clients_address, started, done),
		cmocka_unit_test_setup_teardown(
		    a_listed_balancer_without_header_is_refused, started, done),
		cmocka_unit_test_setup_teardown(
		    one_that_is_not_listed_is_refused_though_it_sends_a_header, started, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
