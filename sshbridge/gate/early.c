/* early.c - a connection before ident knows of it: PROXY header, TLS handshake */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <openssl/err.h>

#include "conn_local.h"
#include "proxy.h"
#include "tls.h"

void
early_free(struct conn *c)
{
	if (c->early == NULL)
		return;
	if (c->ssl != NULL)
		SSL_set_app_data(c->ssl, NULL);
	proof_free(c->early->proof);
	free(c->early);
	c->early = NULL;
}

/* Nobody is told anything more: the connection never became one. */
static void
drop(struct conn *c, const char *why)
{
	conn_report(c, why);
	conn_close(c, why);
}

static void
on_too_slow(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	drop(c, c->state == CONN_PROXY ? "no whole PROXY header within handshake-timeout"
				       : "handshake not done within handshake-timeout");
}

/* ---- handshake ------------------------------------------------------------------------------- */

/* What the first five bytes are (OpenSSL asks for no more), if not TLS; NULL when they may be. */
static const char *
name_of_other(const struct wire *w)
{
	static const struct {
		const char *start, *name;
	} known[] = {
		{ "SSH-", "plain SSH, not TLS" },
		{ "GET ", "plain HTTP, not TLS" },
		{ "HEAD ", "plain HTTP, not TLS" },
		{ "POST ", "plain HTTP, not TLS" },
		{ "PUT ", "plain HTTP, not TLS" },
		{ "OPTIO", "plain HTTP, not TLS" },
		{ "CONNE", "plain HTTP, not TLS" },
		{ "PRI *", "plain HTTP, not TLS" },
		{ "PROXY", "a PROXY header, but this listener has no proxy-protocol" },
		{ "\r\n\r\n", "a PROXY header, but this listener has no proxy-protocol" },
	};

	if (w->nfirst == 0 || w->first[0] == 0x16)
		return NULL;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (w->nfirst >= strlen(known[i].start) &&
		    memcmp(w->first, known[i].start, strlen(known[i].start)) == 0)
			return known[i].name;
	return "not TLS";
}

/* The client's own word on the handshake: RFC 8446 section 6.2. */
static bool
alert_why(unsigned long code, char *dst, size_t size)
{
	int alert = ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET;
	bool certificate =
	    (alert >= SSL_AD_BAD_CERTIFICATE && alert <= SSL_AD_CERTIFICATE_UNKNOWN) ||
	    alert == SSL_AD_UNKNOWN_CA;

	if (ERR_GET_LIB(code) != ERR_LIB_SSL || alert < 0 || alert > 255)
		return false;
	(void)snprintf(dst, size, "the client %s: its TLS alert is \"%s\"",
	    certificate ? "does not accept the server's certificate" : "broke the handshake off",
	    SSL_alert_desc_string_long(alert));
	return true;
}

/* One reason for the log, from the most telling source. */
static const char *
handshake_why(struct conn *c, char *dst, size_t size)
{
	unsigned long code = ERR_peek_last_error();
	const char *other = name_of_other(&c->wire), *reason = tls_reason();

	if (other != NULL)
		return other;
	if (c->early->proof->why.kind != ERR_NONE)
		return c->early->proof->why.text;
	if (alert_why(code, dst, size))
		return dst;
	if (ERR_GET_LIB(code) == ERR_LIB_SSL)
		switch (ERR_GET_REASON(code)) {
		case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
			return "no client certificate";
		case SSL_R_EXCESSIVE_MESSAGE_SIZE:
			return "certificates too large together";
		case SSL_R_CALLBACK_FAILED: /* tls.c has one that can say no */
			return "too many groups in its ClientHello";
		default:
			break;
		}
	if (c->wire.failed)
		(void)snprintf(dst, size, "handshake: %s", strerror(c->wire.errnum));
	else if (*reason == '\0')
		(void)snprintf(dst, size, "client left during the handshake");
	else
		(void)snprintf(dst, size, "handshake: %s", reason);
	return dst;
}

static void
handshake_failed(struct conn *c)
{
	char why[200];

	/* a load balancer's health check, a port scan: nothing was asked, nothing is refused */
	if (c->wire.nfirst == 0 && c->wire.eof)
		conn_close(c, "closed without a word");
	else {
		conn_report(c, handshake_why(c, why, sizeof(why)));
		/* the alert is out: it must not be overtaken by a reset */
		conn_linger(c);
	}
}

static void
on_flushable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (wire_flush(&c->wire) || c->wire.failed)
		(void)event_del(&c->wr);
}

static void
handshake_done(struct conn *c)
{
	struct err e = { 0 };

	(void)event_del(&c->timer);
	if (!verify_holds(c->ssl, c->early->proof)) {
		/* cannot be: the callback said yes */
		conn_report(c, "the handshake proved nothing");
		conn_linger(c);
		return;
	}
	/* or who is slow would choose the CRL that he is judged by: the one of his first byte */
	if (c->early->proof->gen != c->g->gen &&
	    !verify_again(c->ssl, c->early->proof, c->g->gen)) {
		conn_report(c, c->early->proof->why.text);
		conn_farewell(c, "certificate not acceptable");
		return;
	}
	if (open_ask(c, &e) == -1) {
		conn_report(c, e.text);
		conn_farewell(
		    c, e.kind == ERR_REFUSED ? "certificate not acceptable" : "try again later");
	}
}

static void
on_handshake(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	int r, ssl_error;

	(void)fd;
	(void)what;
	ERR_clear_error();
	wire_turn(&c->wire);
	r = SSL_accept(c->ssl);
	ssl_error = SSL_get_error(c->ssl, r);
	if (!wire_flush(&c->wire) && !c->wire.failed && event_add(&c->wr, NULL) == -1)
		gate_end(c->g, "out of memory");
	if (r == 1)
		handshake_done(c);
	else if (ssl_error != SSL_ERROR_WANT_READ || c->wire.failed)
		handshake_failed(c);
}

static void
start_tls(struct conn *c)
{
	struct gate *g = c->g;
	BIO *bio = NULL;

	c->state = CONN_HANDSHAKE;
	c->address_key = counters_key(&g->counters, &c->early->peer);
	if (counters_add_address(&g->counters, c->address_key, g->gen->set.per_address) == -1) {
		c->address_key = 0;
		drop(c, "limit: per-address");
		return;
	}
	if ((c->early->proof = proof_new(g->gen)) == NULL ||
	    (c->ssl = SSL_new(g->gen->ctx)) == NULL || (bio = wire_bio(&c->wire)) == NULL) {
		drop(c, "out of memory");
		return;
	}
	SSL_set_bio(c->ssl, bio, bio);
	SSL_set_app_data(c->ssl, c->early->proof);
	SSL_set_accept_state(c->ssl);
	(void)event_assign(&c->wr, g->base, c->wire.fd, EV_WRITE | EV_PERSIST, on_flushable, c);
	conn_watch(c, EV_READ | EV_PERSIST, on_handshake);
}

/* ---- PROXY header ---------------------------------------------------------------------------- */

/* Take exactly the header off the socket: what follows it is TLS. */
static bool
take_header(struct conn *c, size_t used)
{
	uint8_t *buf = c->g->scratch.plain;

	return recv(c->wire.fd, buf, used, MSG_DONTWAIT) == (ssize_t)used;
}

static void
on_header(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	uint8_t *buf = c->g->scratch.plain;
	struct proxy_header h;
	struct err e = { 0 };
	size_t used;
	ssize_t n = recv(fd, buf, PROXY_HEADER_MAX, MSG_PEEK | MSG_DONTWAIT);

	(void)what;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(c, "closed without a word");
		return;
	}
	switch (proxy_parse(buf, (size_t)n, &h, &used, &e)) {
	case PROXY_MORE:
		if ((what & EV_CLOSED) != 0)
			drop(c, "PROXY header: cut");
		return;
	case PROXY_BAD:
		drop(c, e.text);
		return;
	case PROXY_OK:
		break;
	}
	if (!take_header(c, used)) {
		drop(c, "PROXY header: cannot be read");
		return;
	}
	if (!h.local) {
		c->early->peer = h.from;
		c->early->local = h.to;
	}
	start_tls(c);
}

void
early_start(struct conn *c, bool proxy)
{
	conn_timer(c, c->g->gen->set.handshake_timeout, on_too_slow);
	if (!proxy) {
		start_tls(c);
		return;
	}
	c->state = CONN_PROXY;
	/* edge-triggered: bytes that are only looked at would be reported for ever */
	conn_watch(c, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_header);
}
