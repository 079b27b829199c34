/*
 * crowd.c - many TLS clients at once, each with a certificate of its own and one key for all
 *
 *	crowd PORT SNI CA CERTS KEY CHAIN COUNT
 *
 * CERTS holds COUNT certificates (PEM), the i-th for client i; CHAIN is what each sends behind it.
 * Says "ready" when each has read a line from the server. Then, for each that the server ends,
 * "closed I NANOSECONDS" (CLOCK_MONOTONIC). A line on stdin: those that are left send a byte each
 * and wait for it to come back; says "alive N". Ends at the end of stdin.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "proto.h"

enum { THREADS = 8, BATCH = 256, HANG_MS = 120000 };

struct client {
	X509 *cert;
	SSL *ssl; /* NULL: it is closed */
	int fd;
};

static SSL_CTX *ctx;
static EVP_PKEY *key;
static struct client *clients;
static int nclients, port;
static const char *sni;
static atomic_int next_client;

static void
die_tls(const char *what, int i)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());

	(void)fprintf(stderr, "crowd: client %d: %s: %s\n", i, what, why == NULL ? "ended" : why);
	exit(1);
}

static FILE *
open_file(const char *path)
{
	FILE *fp = fopen(path, "re");

	if (fp == NULL)
		die_tls(path, -1);
	return fp;
}

static void
read_files(const char *ca, const char *certs, const char *keyfile, const char *chain)
{
	FILE *fp = open_file(certs);
	X509 *x;

	for (int i = 0; i < nclients; i++)
		if ((clients[i].cert = PEM_read_X509(fp, NULL, NULL, NULL)) == NULL)
			die_tls("certificate", i);
	(void)fclose(fp);
	fp = open_file(keyfile);
	if ((key = PEM_read_PrivateKey(fp, NULL, NULL, NULL)) == NULL)
		die_tls("key", -1);
	(void)fclose(fp);
	ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL || SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
		die_tls("CA", -1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	fp = open_file(chain);
	while ((x = PEM_read_X509(fp, NULL, NULL, NULL)) != NULL)
		if (SSL_CTX_add_extra_chain_cert(ctx, x) != 1)
			die_tls("chain", -1);
	ERR_clear_error();
	(void)fclose(fp);
}

/* Connect, shake hands, read to the end of the server's first line. */
static void
join(int i)
{
	struct client *c = &clients[i];
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	char byte = 0;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd == -1 || connect(c->fd, (struct sockaddr *)&in, sizeof(in)) == -1)
		die_tls(strerror(errno), i);
	c->ssl = SSL_new(ctx);
	if (c->ssl == NULL || SSL_use_certificate(c->ssl, c->cert) != 1 ||
	    SSL_use_PrivateKey(c->ssl, key) != 1 || SSL_set_fd(c->ssl, c->fd) != 1 ||
	    SSL_set_tlsext_host_name(c->ssl, sni) != 1)
		die_tls("setup", i);
	if (SSL_connect(c->ssl) != 1)
		die_tls("handshake", i);
	while (byte != '\n')
		if (SSL_read(c->ssl, &byte, 1) != 1)
			die_tls("not let in", i);
}

static void *
join_some(void *arg)
{
	int i;

	while ((i = atomic_fetch_add(&next_client, 1)) < nclients)
		join(i);
	return arg;
}

static void
leave(int i)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	(void)printf("closed %d %lld\n", i, ts.tv_sec * 1000000000LL + ts.tv_nsec);
	SSL_free(clients[i].ssl);
	close(clients[i].fd);
	clients[i].ssl = NULL;
}

/* What comes unasked: the end, or records that are none of ours to show. */
static void
look(int i)
{
	struct client *c = &clients[i];
	char buf[4096];
	int n;

	if (c->ssl == NULL)
		return;
	while ((n = SSL_read(c->ssl, buf, sizeof(buf))) > 0)
		;
	if (SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ)
		leave(i);
	ERR_clear_error();
}

static bool
echoes(struct client *c)
{
	struct pollfd pf = { .fd = c->fd, .events = POLLIN };
	char byte = 'x', back = 0;
	int n;

	if (c->ssl == NULL || SSL_write(c->ssl, &byte, 1) != 1)
		return false;
	while ((n = SSL_read(c->ssl, &back, 1)) != 1)
		if (SSL_get_error(c->ssl, n) != SSL_ERROR_WANT_READ || poll(&pf, 1, HANG_MS) != 1)
			return false;
	return back == byte;
}

static void
count_alive(void)
{
	int alive = 0;

	for (int i = 0; i < nclients; i++)
		alive += echoes(&clients[i]);
	(void)printf("alive %d\n", alive);
}

static int
watch_all(void)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = UINT32_MAX };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep == -1 || epoll_ctl(ep, EPOLL_CTL_ADD, 0, &ev) == -1)
		die_tls(strerror(errno), -1);
	for (int i = 0; i < nclients; i++) {
		ev.data.u32 = (uint32_t)i;
		if (fcntl(clients[i].fd, F_SETFL, O_RDWR | O_NONBLOCK) == -1 ||
		    epoll_ctl(ep, EPOLL_CTL_ADD, clients[i].fd, &ev) == -1)
			die_tls(strerror(errno), i);
	}
	return ep;
}

static void
serve(int ep)
{
	struct epoll_event got[BATCH];
	char line[64];
	int n;

	while ((n = epoll_wait(ep, got, BATCH, -1)) != -1 || errno == EINTR) {
		for (int k = 0; k < n; k++) {
			if (got[k].data.u32 != UINT32_MAX)
				look((int)got[k].data.u32);
			else if (read(0, line, sizeof(line)) <= 0)
				return;
			else
				count_alive();
		}
		(void)fflush(stdout);
	}
}

int
main(int argc, char **argv)
{
	struct rlimit many;
	pthread_t threads[THREADS];

	if (argc != 8) {
		(void)fprintf(stderr, "crowd PORT SNI CA CERTS KEY CHAIN COUNT\n");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &many) == 0) {
		many.rlim_cur = many.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &many);
	}
	port = atoi(argv[1]);
	sni = argv[2];
	nclients = atoi(argv[7]);
	if ((clients = calloc((size_t)nclients, sizeof(*clients))) == NULL)
		die_tls("memory", -1);
	read_files(argv[3], argv[4], argv[5], argv[6]);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, join_some, NULL) != 0)
			die_tls("thread", -1);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	(void)printf("ready\n");
	(void)fflush(stdout);
	serve(watch_all());
	return 0;
}
