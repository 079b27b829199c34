/*
 * renew.c - a client's new certificate within its connection (RFC 8446 section 4.6.2)
 *
 *	waits --a good answer--> told --RENEWED--> waits
 *				      \--CUT--> farewell
 *
 * At the time that ident named the client is asked, while its bytes pass on, and again from time
 * to time. What counts as proof
 * is a peer certificate that is there, was verified, and came in this very exchange: the proof of
 * the exchange is new when the request goes out, filled by nothing but the verify callback, and
 * looked at after the client's Finished, thus after its CertificateVerify. OpenSSL's own verify
 * result would be good with no certificate at all. No answer, an empty one and a bad one change
 * nothing: the certificate that the connection has counts until it ends, which is ident's business.
 *
 * OpenSSL bounds what a client can do with it: a certificate that nobody asked for, a second one,
 * one above TLS_CHAIN_MAX, or other bytes amid an answer are fatal to the connection.
 */
#include <stdlib.h>
#include <time.h>
#include <openssl/err.h>

#include "conn_local.h"

/*
 * The clock of the wall may be set while we wait: it is looked at so often, in seconds. And a
 * client that had no new certificate is asked again in a quarter of what is left of the old one,
 * within these bounds.
 */
enum { LOOK_SECONDS = 60, AGAIN_MIN = 2, AGAIN_MAX = 600 };

static int64_t
now_seconds(void)
{
	return (int64_t)time(NULL);
}

static void on_time(evutil_socket_t fd, short what, void *arg);

static void
wait_on(struct conn *c)
{
	int64_t left = c->renew.at - now_seconds();

	c->renew.state = RENEW_WAITS;
	if (left > LOOK_SECONDS)
		left = LOOK_SECONDS;
	conn_timer(c, left > 0 ? (uint32_t)left : 0, on_time);
}

static void
again_later(struct conn *c)
{
	int64_t now = now_seconds(), step = (c->renew.until - now) / 4;

	if (step < 0 || step > AGAIN_MAX)
		step = AGAIN_MAX;
	c->renew.at = now + (step < AGAIN_MIN ? AGAIN_MIN : step);
	wait_on(c);
}

static void
forget_proof(struct conn *c)
{
	SSL_set_app_data(c->ssl, NULL);
	proof_free(c->renew.proof);
	c->renew.proof = NULL;
}

void
renew_stop(struct conn *c)
{
	if (event_initialized(&c->timer))
		(void)event_del(&c->timer);
	if (c->renew.proof != NULL)
		forget_proof(c);
	if (c->pump != NULL)
		c->pump->asked = false;
	c->renew.state = RENEW_NEVER;
}

/* A time that has passed when it is named would have us ask without end. */
void
renew_start(struct conn *c, int64_t at)
{
	c->renew.at = at;
	if (at == 0)
		renew_stop(c);
	else if (at <= now_seconds())
		again_later(c);
	else
		wait_on(c);
}

/* ---- the question ---------------------------------------------------------------------------- */

/* The request names the CAs of today, not those of the client's login. */
static void
name_authorities(struct conn *c)
{
	SSL_CTX *today = c->g->gen->ctx;

	if (SSL_get_SSL_CTX(c->ssl) != today)
		SSL_set_client_CA_list(c->ssl, SSL_dup_CA_list(SSL_CTX_get_client_CA_list(today)));
}

/* Whether OpenSSL took the request; why it did not is in its error queue. */
static bool
request(struct conn *c)
{
	bool ok;

	ERR_clear_error();
	/* an empty answer would be fatal with SSL_VERIFY_FAIL_IF_NO_PEER_CERT */
	SSL_set_verify(c->ssl, SSL_VERIFY_PEER, NULL);
	name_authorities(c);
	ok = SSL_verify_client_post_handshake(c->ssl) == 1 && SSL_do_handshake(c->ssl) == 1;
	SSL_set_client_CA_list(c->ssl, NULL);
	return ok;
}

/* TLS 1.2, or no post_handshake_auth in its ClientHello: it can never be asked. */
static bool
cannot_be_asked(void)
{
	int reason = ERR_GET_REASON(ERR_peek_last_error());

	return reason == SSL_R_EXTENSION_NOT_RECEIVED || reason == SSL_R_WRONG_SSL_VERSION;
}

static void
ask(struct conn *c)
{
	struct renew *r = &c->renew;

	/* an unanswered request leaves its proof: what comes answers that one */
	if (r->proof == NULL && (r->proof = proof_renewal(&c->g->gen)) == NULL) {
		again_later(c);
		return;
	}
	SSL_set_app_data(c->ssl, r->proof);
	c->pump->asked = true;
	/*
	 * That an answer was empty is seen by OpenSSL's taking the next request; it refuses one
	 * while another is unanswered, or a message has come by half.
	 */
	if (!request(c) && cannot_be_asked())
		renew_stop(c);
	else
		again_later(c);
	ERR_clear_error();
	pump_push(c->pump);
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->renew.at > now_seconds())
		wait_on(c);
	else if (pump_is_whole(c->pump))
		ask(c);
	else
		renew_stop(c);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void
report_bad(struct conn *c, const struct proof *p, const char *why)
{
	struct logline l;

	logline_start(&l, "not-renewed");
	logline_fmt(&l, "conn", "%016llx", (unsigned long long)c->id);
	logline_str(&l, "why", why);
	verify_describe(p, &l);
	report_refusal(c->g, &l);
}

/* Whether ident was told of it. */
static bool
pass_on(struct conn *c, struct proof *p)
{
	struct err e = { 0 };

	if (!verify_holds(c->ssl, p) ||
	    (p->gen != c->g->gen && !verify_again(c->ssl, p, c->g->gen))) {
		report_bad(c, p, p->why.kind == ERR_NONE ? "it proved nothing" : p->why.text);
		return false;
	}
	if (open_renew(c, p, &e) == -1) {
		report_bad(c, p, e.text);
		return false;
	}
	c->renew.until = proof_until(p);
	return true;
}

void
renew_look(struct conn *c)
{
	struct renew *r = &c->renew;

	/* not in init: the client's Finished was good */
	if (r->proof == NULL || r->proof->leaf == NULL || SSL_in_init(c->ssl))
		return;
	c->pump->asked = false;
	if (pass_on(c, r->proof)) {
		r->state = RENEW_TOLD;
		(void)event_del(&c->timer);
	} else {
		again_later(c);
	}
	forget_proof(c);
	conn_slim_down(c);
}

void
conn_renewed(struct conn *c, int64_t renew_at)
{
	renew_start(c, renew_at);
}
