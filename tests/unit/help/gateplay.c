/* gateplay.c - the real gate program, with the test as its monitor, ident and clients */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/err.h>

#include "addr.h"
#include "child.h"
#include "counters.h"
#include "tests/unit/help/gateplay.h"
#include "msgio.h"
#include "sealed.h"

enum { PATIENCE_MS = 60000 };

static void
wait_readable(int fd)
{
	struct pollfd pf = { .fd = fd, .events = POLLIN };

	if (poll(&pf, 1, PATIENCE_MS) != 1)
		fail_msg("nothing came within a minute");
}

/* ---- the program ----------------------------------------------------------------------------- */

/* BUILD/tests/unit/sshbridge/gate/test_x -> BUILD/libexec/sshbridge/gate */
static void
gate_path(char *dst, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	for (int i = 0; i < 5; i++)
		*strrchr(self, '/') = '\0';
	assert_true(snprintf(dst, size, "%.4000s/libexec/sshbridge/gate", self) < (int)size);
}

static void
run_gate(int channel, unsigned nofile)
{
	char path[PATH_MAX];
	struct rlimit rl;
	int null;

	gate_path(path, sizeof(path));
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (channel != CHILD_CHANNEL)
		(void)dup2(channel, CHILD_CHANNEL);
	else
		(void)fcntl(channel, F_SETFD, 0);
	if ((null = open("/dev/null", O_RDWR)) != -1) {
		(void)dup2(null, 0);
		(void)dup2(null, 1);
	}
	(void)close_range(4, ~0U, 0);
	if (nofile != 0) {
		rl = (struct rlimit){ nofile, nofile };
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	(void)execl(path, path, "-", "-", "-", "0", (char *)NULL);
	_exit(99);
}

static struct pki_cert *
leaf_of(const char *subject, const char *san, struct pki_cert *issuer, int64_t until)
{
	return pki_make(
	    &(struct pki_spec){ .subject = subject, .until = until, .ext = { san } }, issuer);
}

static void
make_pki(struct gateplay_pki *k)
{
	k->root = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);
	k->inter = pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE }, k->root);
	k->server = pki_make(
	    &(struct pki_spec){ .profile = PKI_SERVER, .subject = "CN=bastion" }, k->inter);
	k->alice =
	    leaf_of("CN=alice,O=Corp", "subjectAltName=email:alice@corp.example", k->inter, 0);
	k->expired = leaf_of(
	    "CN=late", "subjectAltName=email:late@corp.example", k->inter, PKI_FROM + 86400);
	k->revoked = leaf_of("CN=mallory", "subjectAltName=email:m@corp.example", k->inter, 0);
	k->other_root =
	    pki_make(&(struct pki_spec){ .profile = PKI_ROOT, .subject = "CN=other root" }, NULL);
	k->foreign =
	    leaf_of("CN=alice,O=Corp", "subjectAltName=email:alice@corp.example", k->other_root, 0);
}

static void
default_settings(struct settings *s)
{
	memset(s, 0, sizeof(*s));
	s->nlisteners = s->nsections = s->ntargets = 1;
	(void)snprintf(s->listeners[0].name, sizeof(s->listeners[0].name), "127.0.0.1:8443");
	(void)snprintf(s->sections[0].name, sizeof(s->sections[0].name), "corp");
	s->sections[0].revocation = 1;
	s->targets[0].source = SOURCE_SYSTEM;
	s->targets[0].port = 22;
	s->port_first = 1;
	s->port_last = 65535;
	s->handshake_timeout = 60;
	s->dial_timeout = 60;
	s->tls_min = TLS1_3_VERSION;
	s->connections = s->gate_connections = 1000;
	s->per_address = 100;
}

void
gateplay_start(struct gateplay *p, unsigned nofile)
{
	int pair[2];

	memset(p, 0, sizeof(*p));
	(void)signal(SIGPIPE, SIG_IGN);
	make_pki(&p->pki);
	default_settings(&p->set);
	p->ident = -1;
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	if ((p->pid = fork()) == 0)
		run_gate(pair[1], nofile);
	assert_true(p->pid > 0);
	close(pair[1]);
	p->monitor = pair[0];
	gateplay_ready(p, 0, true);
}

void
gateplay_serve(struct gateplay *p)
{
	gateplay_counters(p);
	gateplay_peer(p);
	gateplay_key(p, 1);
	gateplay_generation(p, 1, false);
	gateplay_ready(p, 1, true);
	gateplay_listen(p);
}

int
gateplay_status(struct gateplay *p)
{
	int status;

	for (int i = 0; i < PATIENCE_MS / 10; i++) {
		if (waitpid(p->pid, &status, WNOHANG) == p->pid) {
			p->pid = 0;
			return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
		}
		(void)usleep(10000);
	}
	fail_msg("the gate did not end within a minute");
	return 0;
}

void
gateplay_end(struct gateplay *p)
{
	struct pki_cert *all[] = { p->pki.root, p->pki.inter, p->pki.server, p->pki.alice,
		p->pki.expired, p->pki.revoked, p->pki.other_root, p->pki.foreign };

	if (p->pid > 0) {
		(void)kill(p->pid, SIGKILL);
		(void)waitpid(p->pid, NULL, 0);
	}
	close(p->monitor);
	if (p->ident != -1)
		close(p->ident);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		pki_free(all[i]);
}

/* ---- messages -------------------------------------------------------------------------------- */

void
gateplay_send(int channel, const struct msg_out *o, const int *fds, size_t nfds)
{
	struct err e = { 0 };

	if (msgio_send(channel, o, fds, nfds, &e) == -1)
		fail_msg("send: %s", e.text);
}

unsigned gateplay_closed_before;

size_t
gateplay_recv(int channel, unsigned type, uint8_t *buf)
{
	int fds[MSG_FDS_MAX];
	size_t nfds;
	struct err e;
	ssize_t n;

	for (;;) {
		wait_readable(channel);
		n = msgio_recv(channel, buf, GATEPLAY_MESSAGE, fds, &nfds, &e);
		if (n <= 0)
			fail_msg("the gate ended; waited for %s", msg_name(type));
		while (nfds > 0)
			close(fds[--nfds]);
		if (buf[0] << 8 == (int)(type & 0xff00) && buf[1] == (type & 0xff))
			break;
		/* log lines, and ends of earlier connections, may come at any time */
		if (buf[1] != MSG_LOG && (type != MSG_OPEN || buf[1] != MSG_CLOSED))
			fail_msg("%s came instead of %s", msg_name(buf[1]), msg_name(type));
		gateplay_closed_before += buf[1] == MSG_CLOSED;
	}
	return (size_t)n;
}

static void
start_reading(struct msg_in *m, const uint8_t *buf, size_t n)
{
	struct err e;

	assert_int_equal(0, msg_parse(m, buf, n, &e));
}

bool
gateplay_quiet(int channel)
{
	struct pollfd pf = { .fd = channel, .events = POLLIN };

	return poll(&pf, 1, 0) == 0;
}

void
gateplay_log(struct gateplay *p, ...)
{
	static uint8_t buf[GATEPLAY_MESSAGE];
	char line[4096];
	const char *word;
	struct msg_in m;
	uint32_t level;
	va_list ap;
	bool all;

	do {
		start_reading(&m, buf, gateplay_recv(p->monitor, MSG_LOG, buf));
		assert_int_equal(0, msg_get_u32(&m, &level));
		assert_int_equal(0, msg_get_str(&m, line, sizeof(line)));
		all = true;
		va_start(ap, p);
		while ((word = va_arg(ap, const char *)) != NULL)
			all = all && strstr(line, word) != NULL;
		va_end(ap);
	} while (!all);
}

void
gateplay_counters(struct gateplay *p)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e;
	int fd = counters_new(1, &e);

	msg_start(&o, buf, sizeof(buf), MSG_COUNTERS, 0);
	msg_put_u32(&o, 0);
	msg_put_u32(&o, 1);
	gateplay_send(p->monitor, &o, &fd, 1);
	close(fd);
}

void
gateplay_peer(struct gateplay *p)
{
	uint8_t buf[64];
	struct msg_out o;
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
	msg_put_u32(&o, PEER_IDENT);
	msg_put_u32(&o, 0);
	gateplay_send(p->monitor, &o, &pair[1], 1);
	close(pair[1]);
	if (p->ident != -1)
		close(p->ident);
	p->ident = pair[0];
}

void
gateplay_key(struct gateplay *p, uint64_t generation)
{
	char *pem = pki_pem_key(p->pki.server->key);
	uint8_t buf[8192];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_KEY, 0);
	msg_put_u64(&o, generation);
	msg_put_str(&o, pem);
	gateplay_send(p->monitor, &o, NULL, 0);
	free(pem);
}

static void
add(struct records_writer *w, enum record_kind kind, char *pem)
{
	struct record r = { .kind = kind, .p = (const uint8_t *)pem, .n = strlen(pem) };
	struct err e;

	assert_int_equal(0, records_add(w, &r, &e));
	free(pem);
}

static int
trust_fd(struct gateplay *p, bool with_other_root)
{
	struct records_writer w = { .max = 1 << 20 };
	X509_CRL *crl = pki_crl(
	    &(struct pki_crl_spec){ .revoked = { { .cert = p->pki.revoked } } }, p->pki.inter);
	X509_CRL *root_crl = pki_crl(&(struct pki_crl_spec){ 0 }, p->pki.root);
	struct err e;
	int fd;

	add(&w, RECORD_ANCHOR, pki_pem_cert(p->pki.root->cert));
	add(&w, RECORD_CRL, pki_pem_crl(root_crl));
	add(&w, RECORD_CRL, pki_pem_crl(crl));
	add(&w, RECORD_INTERMEDIATE, pki_pem_cert(p->pki.inter->cert));
	if (with_other_root) {
		X509_CRL *other = pki_crl(&(struct pki_crl_spec){ 0 }, p->pki.other_root);

		add(&w, RECORD_ANCHOR, pki_pem_cert(p->pki.other_root->cert));
		add(&w, RECORD_CRL, pki_pem_crl(other));
		X509_CRL_free(other);
	}
	fd = sealed_new("trust", w.buf, w.len, &e);
	records_done(&w);
	X509_CRL_free(crl);
	X509_CRL_free(root_crl);
	return fd;
}

void
gateplay_generation(struct gateplay *p, uint64_t generation, bool with_other_root)
{
	static uint8_t set[SETTINGS_BYTES_MAX];
	char *leaf = pki_pem_cert(p->pki.server->cert), *inter = pki_pem_cert(p->pki.inter->cert);
	char chain[8192];
	uint8_t buf[64];
	struct msg_out o;
	struct err e;
	size_t n;
	int fds[3];

	if (settings_encode(&p->set, set, sizeof(set), &n, &e) == -1)
		fail_msg("%s", e.text);
	(void)snprintf(chain, sizeof(chain), "%s%s", leaf, inter);
	fds[0] = sealed_new("settings", set, n, &e);
	fds[1] = trust_fd(p, with_other_root);
	fds[2] = sealed_new("chain", chain, strlen(chain), &e);
	msg_start(&o, buf, sizeof(buf), MSG_GENERATION, 0);
	msg_put_u64(&o, generation);
	gateplay_send(p->monitor, &o, fds, 3);
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
	free(leaf);
	free(inter);
}

void
gateplay_ready(struct gateplay *p, uint64_t generation, bool ok)
{
	static uint8_t buf[GATEPLAY_MESSAGE];
	struct msg_in m;
	uint64_t number;
	uint32_t yes;
	char why[1024];

	start_reading(&m, buf, gateplay_recv(p->monitor, MSG_READY, buf));
	assert_int_equal(0, msg_get_u64(&m, &number));
	assert_int_equal(0, msg_get_u32(&m, &yes));
	assert_int_equal(0, msg_get_str(&m, why, sizeof(why)));
	if (yes != ok)
		fail_msg("READY %u: %s", yes, why);
	assert_int_equal(generation, number);
}

void
gateplay_listen(struct gateplay *p)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint8_t buf[64];
	struct msg_out o;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&in, sizeof(in)));
	assert_int_equal(0, listen(fd, 100));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&in, &len));
	p->port = ntohs(in.sin_port);
	msg_start(&o, buf, sizeof(buf), MSG_LISTEN, 0);
	msg_put_u64(&o, 1);
	msg_put_u32(&o, 1);
	msg_put_u32(&o, 0);
	gateplay_send(p->monitor, &o, &fd, 1);
	close(fd);
}

void
gateplay_drain(struct gateplay *p)
{
	uint8_t buf[64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_LISTEN, 0);
	msg_put_u64(&o, 1);
	msg_put_u32(&o, 0);
	gateplay_send(p->monitor, &o, NULL, 0);
}

/* ---- ident ----------------------------------------------------------------------------------- */

uint32_t
gateplay_open(struct gateplay *p, char *name, size_t name_size, char *from, size_t from_size)
{
	static uint8_t buf[GATEPLAY_MESSAGE];
	char text[ADDR_TEXT_SIZE], host[256];
	struct sockaddr_storage ss;
	struct msg_in m;
	uint64_t generation;
	uint32_t number;

	start_reading(&m, buf, gateplay_recv(p->ident, MSG_OPEN, buf));
	assert_int_equal(0, m.conn);
	assert_int_equal(0, msg_get_u32(&m, &number));
	assert_int_equal(0, msg_get_u64(&m, &generation));
	assert_int_equal(0, msg_get_str(&m, host, sizeof(host)));
	assert_int_equal(0, addr_get(&m, &ss));
	p->generation = generation;
	if (name != NULL)
		(void)snprintf(name, name_size, "%s", host);
	if (from != NULL)
		(void)snprintf(from, from_size, "%s", addr_text_port(&ss, text));
	return number;
}

int
gateplay_opened(struct gateplay *p, uint32_t number, uint64_t id, uint32_t idle)
{
	uint8_t buf[128];
	struct msg_out o;
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	msg_start(&o, buf, sizeof(buf), MSG_OPENED, id);
	msg_put_u32(&o, number);
	msg_put_u32(&o, idle);
	msg_put_str(&o, "login");
	msg_put_u64(&o, 0);
	gateplay_send(p->ident, &o, &pair[1], 1);
	close(pair[1]);
	return pair[0];
}

void
gateplay_refused(struct gateplay *p, uint32_t number, uint64_t id, const char *text)
{
	uint8_t buf[512];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_REFUSED, id);
	msg_put_u32(&o, number);
	msg_put_u32(&o, 1);
	msg_put_str(&o, text);
	gateplay_send(p->ident, &o, NULL, 0);
}

void
gateplay_closed(struct gateplay *p, struct gateplay_closed *c)
{
	static uint8_t buf[GATEPLAY_MESSAGE];
	struct msg_in m;
	struct err e;

	start_reading(&m, buf, gateplay_recv(p->ident, MSG_CLOSED, buf));
	c->id = m.conn;
	assert_int_equal(0, msg_get_u32(&m, &c->number));
	assert_int_equal(0, msg_get_u64(&m, &c->up));
	assert_int_equal(0, msg_get_u64(&m, &c->down));
	assert_int_equal(0, msg_get_str(&m, c->why, sizeof(c->why)));
	assert_int_equal(0, msg_end(&m, &e));
}

/* ---- clients --------------------------------------------------------------------------------- */

int
gateplay_try_connect(struct gateplay *p)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)p->port) };
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == -1) {
		assert_int_equal(ECONNREFUSED, errno);
		close(fd);
		return -1;
	}
	assert_int_equal(0, setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	assert_int_equal(0, setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)));
	return fd;
}

int
gateplay_connect(struct gateplay *p)
{
	int fd = gateplay_try_connect(p);

	assert_int_not_equal(-1, fd);
	return fd;
}

SSL *
gateplay_client_on(int fd, const struct pki_cert *cert, STACK_OF(X509) * more,
    const char *server_name, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	assert_non_null(ctx);
	if (cert != NULL) {
		SSL_CTX_set_security_level(ctx, 1);
		assert_int_equal(1, SSL_CTX_use_certificate(ctx, cert->cert));
		assert_int_equal(1, SSL_CTX_use_PrivateKey(ctx, cert->key));
	}
	for (int i = 0; more != NULL && i < sk_X509_num(more); i++)
		assert_int_equal(1, SSL_CTX_add1_chain_cert(ctx, sk_X509_value(more, i)));
	if (version != 0)
		(void)SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	assert_non_null(ssl);
	if (server_name != NULL)
		assert_int_equal(1, (int)SSL_set_tlsext_host_name(ssl, server_name));
	assert_int_equal(1, SSL_set_fd(ssl, fd));
	SSL_set_connect_state(ssl);
	return ssl;
}

SSL *
gateplay_client(struct gateplay *p, const struct pki_cert *cert, const char *server_name)
{
	return gateplay_client_on(gateplay_connect(p), cert, NULL, server_name, 0);
}

void
gateplay_client_free(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	close(fd);
	ERR_clear_error();
}

int
gateplay_alert(SSL *ssl)
{
	char byte;
	unsigned long code;

	ERR_clear_error();
	if (SSL_do_handshake(ssl) == 1 && SSL_read(ssl, &byte, 1) == 1)
		return -1;
	code = ERR_peek_last_error();
	ERR_clear_error();
	if (ERR_GET_LIB(code) != ERR_LIB_SSL || ERR_GET_REASON(code) < SSL_AD_REASON_OFFSET ||
	    ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET + 255)
		return -1;
	return ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET;
}
