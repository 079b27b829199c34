/* monitor.c - messages from the monitor */
#include <string.h>
#include <unistd.h>

#include "gate.h"
#include "tls.h"

/* Bytes that may wait for ident: some hundred logins at once, each of a few kilobytes. */
#define IDENT_QUEUE_MAX (8UL * 1024 * 1024)

static void
find_phase(struct gate *g)
{
	if (g->phase == PHASE_NEW && g->counters.mem != NULL && g->ident != NULL && g->gen != NULL)
		g->phase = PHASE_READY;
}

static int
on_counters(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct gate *g = ctx;
	uint32_t own, gates;

	if (msg_get_u32(m, &own) == -1 || msg_get_u32(m, &gates) == -1 || msg_end(m, e) == -1 ||
	    nfds != 1 || own >= gates)
		return err_set(e, ERR_PEER, "COUNTERS: malformed");
	if (counters_map(fds[0], gates, own, &g->counters, e) == -1)
		return -1;
	find_phase(g);
	return 0;
}

static int
on_peer(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct gate *g = ctx;
	uint32_t kind, index;

	if (msg_get_u32(m, &kind) == -1 || msg_get_u32(m, &index) == -1 || msg_end(m, e) == -1 ||
	    nfds != 1 || kind != PEER_IDENT)
		return err_set(e, ERR_PEER, "PEER: malformed");
	g->ident = msgq_new(g->base, fds[0], IDENT_QUEUE_MAX, open_on_message, open_on_end, g, e);
	if (g->ident == NULL)
		return -1;
	fds[0] = -1;
	find_phase(g);
	return 0;
}

static void
forget_key(struct gate *g)
{
	EVP_PKEY_free(g->key.key);
	memset(&g->key, 0, sizeof(g->key));
}

/* What is wrong with a key is told when its generation comes. */
static int
on_key(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct gate *g = ctx;
	const uint8_t *p;
	uint64_t generation;
	size_t n;

	(void)fds;
	(void)nfds;
	if (msg_get_u64(m, &generation) == -1 || msg_get_bytes(m, &p, &n, MSG_MAX) == -1 ||
	    msg_end(m, e) == -1 || generation == 0)
		return err_set(e, ERR_PEER, "KEY: malformed");
	forget_key(g);
	g->key.generation = generation;
	g->key.key = tls_key_parse(p, n, &g->key.why);
	return 0;
}

static int
answer_ready(struct gate *g, uint64_t number, const struct err *why_not, struct err *e)
{
	uint8_t buf[CHILD_READY_SIZE];
	struct msg_out o;

	child_put_ready(&o, buf, number, why_not);
	return msgq_send(g->monitor, &o, NULL, 0, e);
}

/*
 * Taken whole or not at all. Connections keep what they began with: a handshake its generation,
 * an open one needs none.
 */
static int
on_generation(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct gate *g = ctx;
	struct generation *next = NULL;
	struct err why = { 0 };
	uint64_t number;

	if (msg_get_u64(m, &number) == -1 || msg_end(m, e) == -1 || nfds != GENERATION_FDS ||
	    number == 0 || (g->gen != NULL && number <= g->gen->number))
		return err_set(e, ERR_PEER, "GENERATION: malformed");
	if (g->key.generation != number)
		err_set(&why, ERR_PEER, "no private key came with it");
	else if (g->key.key == NULL)
		why = g->key.why;
	else
		next = generation_from_fds(number, fds, g->key.key, &why);
	forget_key(g);
	if (next == NULL)
		return answer_ready(g, number, &why, e);
	generation_unref(g->gen);
	g->gen = next;
	find_phase(g);
	return answer_ready(g, number, NULL, e);
}

static int
on_listen(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct gate *g = ctx;
	uint64_t number;
	uint32_t n, index[MSG_FDS_MAX];

	if (msg_get_u64(m, &number) == -1 || msg_get_u32(m, &n) == -1 || n != nfds ||
	    n > MSG_FDS_MAX)
		return err_set(e, ERR_PEER, "LISTEN: malformed");
	for (uint32_t i = 0; i < n; i++)
		if (msg_get_u32(m, &index[i]) == -1)
			break;
	if (msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "LISTEN: malformed");
	/* a gate that was never made ready may be told to drain; nothing else */
	if (n > 0 && g->phase != PHASE_READY)
		return err_set(e, ERR_PEER, "LISTEN: too early, or draining");
	for (uint32_t i = 0; i < n; i++)
		if (index[i] >= g->gen->set.nlisteners)
			return err_set(e, ERR_PEER, "LISTEN: listener %u of %u", index[i],
			    g->gen->set.nlisteners);
	if (listen_replace(g, index, fds, n, e) == -1)
		return -1;
	if (n == 0 && g->phase != PHASE_DRAINING) {
		g->phase = PHASE_DRAINING;
		if (g->conns.n == 0)
			monitor_idle(g);
	}
	return 0;
}

static const struct msg_rule from_monitor[] = {
	{ MSG_COUNTERS, PHASE_NEW, 1, 1, on_counters },
	{ MSG_PEER, PHASE_NEW, 1, 1, on_peer },
	{ MSG_KEY, PHASE_ANY, 0, 0, on_key },
	{ MSG_GENERATION, PHASE_ANY, 0, GENERATION_FDS, on_generation },
	{ MSG_LISTEN, PHASE_ANY, 0, MSG_FDS_MAX, on_listen },
};

int
monitor_on_message(void *gate, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct gate *g = gate;

	return msg_dispatch(from_monitor, sizeof(from_monitor) / sizeof(from_monitor[0]),
	    &g->from_monitor, g->phase, g, buf, n, fds, nfds, e);
}

void
monitor_on_end(void *gate, const struct err *why)
{
	if (why->kind == ERR_NONE)
		_exit(0); /* its end is ours */
	gate_end(gate, why->text);
}

void
monitor_idle(struct gate *g)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e;

	msg_start(&o, buf, sizeof(buf), MSG_IDLE, 0);
	if (msgq_send(g->monitor, &o, NULL, 0, &e) == -1)
		gate_end(g, e.text);
}
