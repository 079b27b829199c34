/*
 * client.c - the load: one kind of work over TLS, for a server under measurement
 *
 *	client ACTION COUNT PORT SNI CA CERT KEY CHAIN
 *
 * ACTION is handshakes, down, up, echo or hold; SNI "-" is plain TCP, straight to the target (then
 * the last four are not there). CHAIN is "chain" (send all of CERT) or "leaf" (its first alone).
 *
 * It says "ready" when what leads up to the work is done, works after a line on stdin, says "done"
 * and the nanoseconds (echo: the median of a round trip), and closes at the end of stdin: so that
 * whoever reads the server's counters reads them at the right moments.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "proto.h"

enum { CHUNK = 128 * 1024, THREADS = 4, WARM_HANDSHAKES = 20, WARM_ECHOES = 500 };

struct conn {
	int fd;
	SSL *ssl; /* NULL: plain */
};

static SSL_CTX *ctx;
static const char *sni;
static uint16_t port;
static uint8_t buf[CHUNK];

static int64_t
now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static void
die_tls(const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());

	die("client: %s: %s", what, why == NULL ? "the connection ended" : why);
}

/* One suite for all servers, so that all do the same work. */
static void
tls_setup(const char *ca, const char *cert, const char *key, const char *chain)
{
	int r;

	if ((ctx = SSL_CTX_new(TLS_client_method())) == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
		die_tls("TLS settings");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (strcmp(chain, "chain") == 0)
		r = SSL_CTX_use_certificate_chain_file(ctx, cert);
	else
		r = SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM);
	if (r != 1 || SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		die_tls(cert);
}

/* ---- a connection ---------------------------------------------------------------------------- */

static void
conn_write(struct conn *c, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t w = 0;
		ssize_t s;

		if (c->ssl != NULL) {
			if (SSL_write_ex(c->ssl, p, n, &w) != 1)
				die_tls("write");
		} else {
			if ((s = send(c->fd, p, n, MSG_NOSIGNAL)) <= 0)
				die("client: send: %s", strerror(errno));
			w = (size_t)s;
		}
		p += w;
		n -= w;
	}
}

static size_t
conn_read(struct conn *c, uint8_t *p, size_t n)
{
	size_t got = 0;
	ssize_t r;

	if (c->ssl != NULL) {
		if (SSL_read_ex(c->ssl, p, n, &got) != 1)
			die_tls("read");
	} else {
		if ((r = recv(c->fd, p, n, 0)) <= 0)
			die("client: the target closed");
		got = (size_t)r;
	}
	return got;
}

static struct conn
conn_open(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port) };
	struct conn c = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	int one = 1;

	if (c.fd == -1 || connect(c.fd, (struct sockaddr *)&in, sizeof(in)) == -1 ||
	    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == -1)
		die("client: port %u: %s", port, strerror(errno));
	if (ctx == NULL)
		return c;
	if ((c.ssl = SSL_new(ctx)) == NULL || SSL_set_tlsext_host_name(c.ssl, sni) != 1 ||
	    SSL_set_fd(c.ssl, c.fd) != 1)
		die_tls("connection");
	if (SSL_connect(c.ssl) != 1)
		die_tls("handshake");
	return c;
}

static void
conn_close(struct conn *c)
{
	if (c->ssl != NULL) {
		(void)SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
	}
	(void)close(c->fd);
}

static void
conn_ask(struct conn *c, int letter, uint64_t n)
{
	uint8_t p[PROTO_LEN];

	proto_put(p, letter, n);
	conn_write(c, p, sizeof(p));
}

/* Through the handshake and on to the target, of which one byte comes back. */
static struct conn
conn_hold(void)
{
	struct conn c = conn_open();
	uint8_t byte;

	conn_ask(&c, PROTO_HOLD, 0);
	(void)conn_read(&c, &byte, 1);
	return c;
}

/* ---- the work -------------------------------------------------------------------------------- */

static void
ready(void)
{
	int ch;

	printf("ready\n");
	(void)fflush(stdout);
	while ((ch = getchar()) != '\n')
		if (ch == EOF)
			exit(0);
}

static void
done(int64_t ns)
{
	printf("done %lld\n", (long long)ns);
	(void)fflush(stdout);
	while (getchar() != EOF)
		;
}

static atomic_long left;

static void *
shake(void *arg)
{
	while (atomic_fetch_sub(&left, 1) > 0) {
		struct conn c = conn_hold();

		conn_close(&c);
	}
	return arg;
}

static void
shake_together(long n)
{
	pthread_t t[THREADS];

	atomic_store(&left, n);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, shake, NULL) != 0)
			die("client: threads");
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(t[i], NULL);
}

static void
act_handshakes(uint64_t n)
{
	int64_t start;

	shake_together(n < WARM_HANDSHAKES ? 1 : WARM_HANDSHAKES);
	ready();
	start = now_ns();
	shake_together((long)n);
	done(now_ns() - start);
}

static void
act_down(uint64_t n)
{
	struct conn c = conn_open();
	int64_t start;

	ready();
	start = now_ns();
	conn_ask(&c, PROTO_DOWN, n);
	while (n > 0)
		n -= conn_read(&c, buf, n < CHUNK ? (size_t)n : CHUNK);
	done(now_ns() - start);
	conn_close(&c);
}

static void
act_up(uint64_t n)
{
	struct conn c = conn_open();
	int64_t start;

	ready();
	start = now_ns();
	conn_ask(&c, PROTO_UP, n);
	while (n > 0) {
		size_t k = n < CHUNK ? (size_t)n : CHUNK;

		conn_write(&c, buf, k);
		n -= k;
	}
	(void)conn_read(&c, buf, 1);
	done(now_ns() - start);
	conn_close(&c);
}

static int
ns_cmp(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t
round_trip(struct conn *c)
{
	uint8_t p[PROTO_MESSAGE] = { 0 };
	int64_t start = now_ns();

	conn_write(c, p, sizeof(p));
	for (size_t got = 0; got < sizeof(p);)
		got += conn_read(c, p + got, sizeof(p) - got);
	return now_ns() - start;
}

static void
act_echo(uint64_t n)
{
	struct conn c = conn_open();
	int64_t *ns = calloc(n, sizeof(*ns));

	if (n == 0 || ns == NULL)
		die("client: echo %llu", (unsigned long long)n);
	conn_ask(&c, PROTO_ECHO, 0);
	for (int i = 0; i < WARM_ECHOES; i++)
		(void)round_trip(&c);
	ready();
	for (uint64_t i = 0; i < n; i++)
		ns[i] = round_trip(&c);
	qsort(ns, n, sizeof(*ns), ns_cmp);
	done(ns[n / 2]);
	free(ns);
	conn_close(&c);
}

static void
act_hold(uint64_t n)
{
	struct conn *all = calloc(n + WARM_HANDSHAKES, sizeof(*all));
	int64_t start;

	if (all == NULL)
		die("client: out of memory");
	for (size_t i = 0; i < WARM_HANDSHAKES; i++)
		all[i] = conn_hold();
	ready();
	start = now_ns();
	for (size_t i = 0; i < n; i++)
		all[WARM_HANDSHAKES + i] = conn_hold();
	done(now_ns() - start);
	for (size_t i = 0; i < n + WARM_HANDSHAKES; i++)
		conn_close(&all[i]);
	free(all);
}

static const struct action {
	const char *name;
	void (*run)(uint64_t n);
} actions[] = {
	{ "handshakes", act_handshakes },
	{ "down", act_down },
	{ "up", act_up },
	{ "echo", act_echo },
	{ "hold", act_hold },
};

int
main(int argc, char **argv)
{
	if (argc < 5 || (strcmp(argv[4], "-") != 0 && argc != 9))
		die("usage: client ACTION COUNT PORT SNI CA CERT KEY chain|leaf");
	(void)signal(SIGPIPE, SIG_IGN);
	port = (uint16_t)atoi(argv[3]);
	sni = argv[4];
	if (argc == 9)
		tls_setup(argv[5], argv[6], argv[7], argv[8]);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(argv[1], actions[i].name) == 0) {
			actions[i].run(strtoull(argv[2], NULL, 10));
			SSL_CTX_free(ctx);
			return 0;
		}
	die("client: no action %s", argv[1]);
}
