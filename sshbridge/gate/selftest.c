/* selftest.c - handshakes in memory, through the code that serves clients */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "gate.h"
#include "notice.h"
#include "selftest.h"
#include "tls.h"

enum { CA, SERVER, GOOD, EXPIRED, REVOKED, OTHER_CA, FOREIGN, NCERTS };

static const struct {
	struct selftest_spec spec;
	int issuer;
} certs[NCERTS] = {
	[CA] = { { "self-test CA", NULL, NULL, -7200, 7200 }, -1 },
	[SERVER] = { { "self-test server", "serverAuth", NULL, -7200, 7200 }, CA },
	[GOOD] = { { "good", "clientAuth", "good@self.test", -7200, 7200 }, CA },
	[EXPIRED] = { { "expired", "clientAuth", "expired@self.test", -7200, -3600 }, CA },
	[REVOKED] = { { "revoked", "clientAuth", "revoked@self.test", -7200, 7200 }, CA },
	[OTHER_CA] = { { "another CA", NULL, NULL, -7200, 7200 }, -1 },
	[FOREIGN] = { { "good", "clientAuth", "good@self.test", -7200, 7200 }, OTHER_CA },
};

/* Who tries, and what has to come of it. */
static const struct {
	int cert; /* -1: none */
	bool accepted;
	int detail; /* why, where the verifier has to say one thing only */
} tries[] = {
	{ GOOD, true, 0 }, { -1, false, 0 }, { EXPIRED, false, X509_V_ERR_CERT_HAS_EXPIRED },
	{ REVOKED, false, X509_V_ERR_CERT_REVOKED }, { FOREIGN, false, 0 },
	{ GOOD, true, 0 }, /* its path is known now */
};

/* ---- a generation of its own ----------------------------------------------------------------- */

static int
add_record(struct records_writer *w, enum record_kind kind, BIO *pem, struct err *e)
{
	char *text;
	long n = BIO_get_mem_data(pem, &text);
	struct record r = {
		.kind = kind, .section = 0, .p = (const uint8_t *)text, .n = (size_t)n
	};
	int ret = records_add(w, &r, e);

	(void)BIO_reset(pem);
	return ret;
}

static int
settings_bytes(uint8_t *buf, size_t *n, struct err *e)
{
	struct settings *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return err_nomem(e, "self-test");
	s->nsections = s->ntargets = 1;
	memcpy(s->sections[0].name, "self-test", sizeof("self-test"));
	s->sections[0].revocation = 1;
	s->targets[0].source = SOURCE_SYSTEM;
	s->targets[0].port = 22;
	s->port_first = s->port_last = 1;
	s->handshake_timeout = s->dial_timeout = 1;
	s->tls_min = TLS1_2_VERSION;
	r = settings_encode(s, buf, SETTINGS_BYTES_MAX, n, e);
	free(s);
	return r;
}

static struct generation *
build(const struct selftest_cert *c, struct err *e)
{
	uint8_t *set = malloc(SETTINGS_BYTES_MAX);
	struct generation_parts p = { .number = 1, .key = c[SERVER].key };
	struct records_writer w = { .max = 65536 };
	struct generation *g = NULL;
	X509_CRL *crl = selftest_crl_make(&c[CA], c[REVOKED].cert, e);
	BIO *pem = BIO_new(BIO_s_mem());
	char *text;

	if (set == NULL || pem == NULL)
		err_nomem(e, "self-test");
	else if (crl != NULL && settings_bytes(set, &p.settings.n, e) == 0 &&
		 PEM_write_bio_X509(pem, c[CA].cert) == 1 &&
		 add_record(&w, RECORD_ANCHOR, pem, e) == 0 &&
		 PEM_write_bio_X509_CRL(pem, crl) == 1 && add_record(&w, RECORD_CRL, pem, e) == 0 &&
		 PEM_write_bio_X509(pem, c[SERVER].cert) == 1) {
		p.settings.p = set;
		p.trust = (struct sealed){ .p = w.buf, .n = w.len };
		p.chain.n = (size_t)BIO_get_mem_data(pem, &text);
		p.chain.p = (const uint8_t *)text;
		g = generation_new(&p, e);
	}
	records_done(&w);
	BIO_free(pem);
	X509_CRL_free(crl);
	free(set);
	return g;
}

/* ---- one handshake --------------------------------------------------------------------------- */

static SSL *
client_new(const struct selftest_cert *c)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;

	if (ctx != NULL)
		SSL_CTX_set_post_handshake_auth(ctx, 1);
	if (ctx != NULL && (c == NULL || (SSL_CTX_use_certificate(ctx, c->cert) == 1 &&
					     SSL_CTX_use_PrivateKey(ctx, c->key) == 1)))
		ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	return ssl;
}

/* Let both sides go on until the server has its verdict. */
static bool
shake_hands(SSL *client, SSL *server)
{
	for (int i = 0; i < 20; i++) {
		int r;

		(void)SSL_connect(client);
		if ((r = SSL_accept(server)) == 1)
			return true;
		if (SSL_get_error(server, r) != SSL_ERROR_WANT_READ)
			return false;
	}
	return false;
}

/* The same certificate once more, within the connection; then why it is cut. */
static int
renew(struct generation *g, SSL *client, SSL *server, struct err *e)
{
	struct generation *const latest = g;
	struct proof *p = proof_renewal(&latest);
	char byte;
	bool ok;

	if (p == NULL)
		return err_nomem(e, "self-test");
	SSL_set_app_data(server, p);
	ok = SSL_verify_client_post_handshake(server) == 1 && SSL_do_handshake(server) == 1 &&
	     SSL_read(client, &byte, 1) == -1 && SSL_read(server, &byte, 1) == -1 &&
	     verify_holds(server, p);
	SSL_set_app_data(server, NULL);
	proof_free(p);
	if (!ok)
		return err_set(e, ERR_SYS, "no new certificate: %s", tls_reason());
	notice_send(server, "self-test");
	return 0;
}

/* What follows a handshake: the OPEN message, and a few bytes each way. */
static int
use(SSL *client, SSL *server, const struct proof *p, struct err *e)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_storage ss = { 0 };
	struct open_facts f = { .number = 1, .server_name = "", .client = &ss, .listener = &ss };
	uint8_t *buf = malloc(MSG_MAX);
	struct msg_out o;
	char echo[8] = "";
	int r;

	memcpy(&ss, &in, sizeof(in));
	if (buf == NULL)
		return err_nomem(e, "self-test");
	msg_start(&o, buf, MSG_MAX, MSG_OPEN, 0);
	r = open_write(&f, p, p->leaf, &o, e);
	free(buf);
	if (r == -1)
		return -1;
	if (SSL_write(client, "up", 2) != 2 || SSL_read(server, echo, sizeof(echo)) != 2 ||
	    SSL_write(server, "down", 4) != 4 || SSL_read(client, echo, sizeof(echo)) != 4 ||
	    memcmp(echo, "down", 4) != 0)
		return err_set(e, ERR_SYS, "bytes do not pass: %s", tls_reason());
	if (renew(p->gen, client, server, e) == -1)
		return -1;
	if (SSL_shutdown(server) != 0)
		return err_set(e, ERR_SYS, "no end: %s", tls_reason());
	return 0;
}

static int
judge(bool accepted, SSL *client, SSL *server, const struct proof *p, size_t i, struct err *e)
{
	struct logline l;

	logline_start(&l, "self-test");
	verify_describe(p, &l);
	if (accepted != tries[i].accepted)
		return err_set(e, ERR_SYS, "handshake %zu was %s: %s", i,
		    accepted ? "accepted" : "refused",
		    p->why.kind == ERR_NONE ? tls_reason() : p->why.text);
	if (tries[i].detail != 0 && p->why.detail != tries[i].detail)
		return err_set(e, ERR_SYS, "handshake %zu was refused for: %s", i, p->why.text);
	ERR_clear_error();
	return accepted ? use(client, server, p, e) : 0;
}

static int
try(struct generation *g, const struct selftest_cert *c, size_t i, struct err *e)
{
	struct proof *p = proof_new(g);
	SSL *client = client_new(tries[i].cert == -1 ? NULL : &c[tries[i].cert]);
	SSL *server = SSL_new(g->ctx);
	BIO *a = NULL, *b = NULL;
	int ret = -1;

	if (p == NULL || client == NULL || server == NULL || BIO_new_bio_pair(&a, 0, &b, 0) != 1) {
		err_nomem(e, "self-test");
	} else {
		SSL_set_bio(client, a, a);
		SSL_set_bio(server, b, b);
		SSL_set_app_data(server, p);
		ret = judge(shake_hands(client, server) && verify_holds(server, p), client, server,
		    p, i, e);
	}
	SSL_free(server);
	SSL_free(client);
	proof_free(p);
	return ret;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int
handshakes(struct err *e)
{
	struct selftest_cert c[NCERTS] = { { 0 } };
	struct generation *g = NULL;
	int ret = -1;

	for (size_t i = 0; i < NCERTS; i++)
		if (selftest_cert_make(&certs[i].spec,
			certs[i].issuer == -1 ? NULL : &c[certs[i].issuer], &c[i], e) == -1)
			goto out;
	if ((g = build(c, e)) == NULL)
		goto out;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		if (try(g, c, i, e) == -1)
			goto out;
	ret = 0;
out:
	generation_unref(g);
	for (size_t i = 0; i < NCERTS; i++)
		selftest_cert_done(&c[i]);
	ERR_clear_error();
	return ret;
}

/* The calls by which a pump moves bytes. */
static int
sockets(const int pair[2], struct err *e)
{
	struct rest r = { 0 };
	uint8_t buf[8];

	if (evutil_make_socket_nonblocking(pair[0]) == -1 ||
	    rest_send(&r, pair[0], (const uint8_t *)"bytes", 5, sizeof(buf)) != 0 ||
	    shutdown(pair[0], SHUT_WR) == -1 ||
	    recv(pair[1], buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT) != 5 ||
	    recv(pair[1], buf, sizeof(buf), MSG_DONTWAIT) != 5 ||
	    recv(pair[1], buf, sizeof(buf), MSG_DONTWAIT) != 0)
		return err_sys(e, errno, "bytes do not pass a socket");
	return 0;
}

int
selftest_run(struct event_base *base, const int pair[2], struct err *e)
{
	int r = sockets(pair, e);

	close(pair[0]);
	close(pair[1]);
	if (r == 0)
		r = handshakes(e);
	if (r == 0 && event_base_loop(base, EVLOOP_NONBLOCK) == -1)
		r = err_set(e, ERR_SYS, "event loop");
	return r == 0 ? 0 : err_prefix(e, "self-test");
}
