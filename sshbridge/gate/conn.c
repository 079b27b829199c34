/*
 * conn.c - a client connection: the table, and what ident's answers do
 *
 *	accepted -> [PROXY header] -> handshake -> asked -> open -> closed
 *			\______________\__________\______\_> farewell, linger -> closed
 *
 * early.c has the states before `asked`, farewell.c those after a refusal or a cut, pump.c moves
 * the bytes of an open one, renew.c asks its client for a new certificate.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conn_local.h"

/* ---- table ----------------------------------------------------------------------------------- */

static struct conn_bucket *
bucket_of(struct gate *g, uint32_t number)
{
	return &g->conns.bucket[number % CONN_BUCKETS];
}

struct conn *
conn_find(struct gate *g, uint32_t number)
{
	struct conn *c;

	LIST_FOREACH(c, bucket_of(g, number), bucket)
	if (c->number == number)
		return c;
	return NULL;
}

static uint32_t
fresh_number(struct gate *g)
{
	do
		g->conns.last_number++;
	while (g->conns.last_number == 0 || conn_find(g, g->conns.last_number) != NULL);
	return g->conns.last_number;
}

const char *
conn_from(const struct conn *c, char dst[ADDR_TEXT_SIZE])
{
	if (c->early == NULL)
		return "?";
	return addr_text_port(&c->early->peer, dst);
}

/* ---- events ---------------------------------------------------------------------------------- */

void
conn_watch(struct conn *c, short what, event_callback_fn handler)
{
	if (event_initialized(&c->io))
		(void)event_del(&c->io);
	(void)event_assign(&c->io, c->g->base, c->wire.fd, what, handler, c);
	if (event_add(&c->io, NULL) == -1)
		gate_end(c->g, "out of memory");
}

void
conn_timer(struct conn *c, uint32_t seconds, event_callback_fn handler)
{
	struct timeval tv = { .tv_sec = (time_t)seconds };

	if (event_initialized(&c->timer))
		(void)event_del(&c->timer);
	(void)evtimer_assign(&c->timer, c->g->base, handler, c);
	if (evtimer_add(&c->timer, &tv) == -1)
		gate_end(c->g, "out of memory");
}

/* ---- beginning ------------------------------------------------------------------------------- */

void
conn_new(struct gate *g, int fd, const struct sockaddr_storage *peer, const char *proxy)
{
	struct conn *c = calloc(1, sizeof(*c));
	socklen_t len = sizeof(c->early->local);

	if (c == NULL || (c->early = calloc(1, sizeof(*c->early))) == NULL) {
		free(c);
		close(fd);
		return;
	}
	c->g = g;
	c->number = fresh_number(g);
	c->early->peer = *peer;
	c->early->proxy = proxy;
	wire_init(&c->wire, &g->scratch, fd);
	LIST_INSERT_HEAD(bucket_of(g, c->number), c, bucket);
	g->conns.n++;
	if (counters_add(&g->counters, g->gen->set.connections) == -1) {
		/* not counted: conn_close() must not take it off */
		conn_report(c, "limit: connections");
		c->uncounted = true;
		conn_close(c, "limit");
		return;
	}
	if (getsockname(fd, (struct sockaddr *)&c->early->local, &len) == -1 ||
	    addr_fold(&c->early->local) == -1) {
		conn_close(c, "gone");
		return;
	}
	early_start(c, proxy != NULL);
}

/* ---- ident's answers ------------------------------------------------------------------------- */

static void
on_pump_end(void *arg, const char *why)
{
	struct conn *c = arg;

	conn_release(c, why);
	conn_linger(c);
}

/*
 * OpenSSL keeps the client's certificates for nobody else. The intermediates are dropped; the leaf
 * cannot be, but its decoded key, a fifth of all that a connection holds, is exchanged for one
 * that all connections share and whose private half nobody has. Whoever should look at this
 * certificate later finds one that proves nothing.
 */
void
conn_slim_down(struct conn *c)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(c->ssl);
	X509 *leaf = SSL_get0_peer_certificate(c->ssl);

	while (chain != NULL && sk_X509_num(chain) > 0)
		X509_free(sk_X509_pop(chain));
	if (leaf != NULL)
		(void)X509_set_pubkey(leaf, c->g->nobody);
}

static void
on_pump_answer(void *arg)
{
	renew_look(arg);
}

void
conn_opened(struct conn *c, const struct conn_opening *o)
{
	int one = 1;

	assert(c->state == CONN_ASKED);
	c->id = o->id;
	(void)event_del(&c->io);
	(void)event_del(&c->timer);
	/* a jump's socket has no such option */
	(void)setsockopt(o->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if ((c->pump = calloc(1, sizeof(*c->pump))) == NULL) {
		close(o->fd);
		conn_close(c, "out of memory");
		return;
	}
	conn_slim_down(c);
	early_free(c);
	c->state = CONN_OPEN;
	*c->pump = (struct pump){ .ssl = c->ssl,
		.wire = &c->wire,
		.target = o->fd,
		.idle_seconds = o->idle_seconds,
		.on_end = on_pump_end,
		.on_answer = on_pump_answer,
		.arg = c };
	if (event_initialized(&c->wr))
		(void)event_del(&c->wr); /* the pump flushes from now on */
	if (pump_start(c->pump, c->g->base) == -1)
		conn_close(c, "out of memory");
	else
		renew_start(c, o->renew_at);
}

void
conn_refused(struct conn *c, uint64_t id, const char *text)
{
	assert(c->state == CONN_ASKED);
	c->id = id;
	c->asked = false; /* ident has forgotten the number with its answer */
	conn_farewell(c, text);
}
