/* status.c - STATUS: what is in force, which processes serve it, and what in it ends when */
#include <stdlib.h>

#include "control.h"
#include "text.h"

/* Where only CRLs are new load was not told the server's certificate: it stays as it was. */
static uint32_t
keep_servers(const struct generation *g, struct ending *v, uint32_t n)
{
	for (size_t i = 0; g != NULL && i < g->nends && n < ENDINGS_MAX; i++)
		if (g->ends[i].what == ENDS_SERVER)
			v[n++] = g->ends[i];
	return n;
}

/* ENDS from load, of the candidate. */
int
status_ends(struct monitor *m, struct msg_in *in, struct err *e)
{
	struct ending *v;
	uint32_t n;

	if (m->candidate == NULL || m->candidate->ends != NULL)
		return err_set(e, ERR_PEER, "ENDS: out of phase");
	if (msg_get_u32(in, &n) == -1 || n > ENDINGS_MAX)
		return err_set(e, ERR_PEER, "ENDS: malformed");
	if ((v = calloc(ENDINGS_MAX, sizeof(*v))) == NULL)
		return err_nomem(e, "ENDS");
	for (uint32_t i = 0; i < n; i++) {
		if (msg_get_u32(in, &v[i].what) == -1 || msg_get_u64(in, &v[i].from) == -1 ||
		    msg_get_u64(in, &v[i].until) == -1 ||
		    msg_get_str(in, v[i].name, sizeof(v[i].name)) == -1) {
			free(v);
			return err_set(e, ERR_PEER, "ENDS: malformed");
		}
		text_clean(v[i].name);
	}
	if (msg_end(in, e) == -1) {
		free(v);
		return -1;
	}
	if (m->candidate->crls_only)
		n = keep_servers(m->current, v, n);
	m->candidate->ends = v;
	m->candidate->nends = n;
	return 0;
}

static void
put_gates(const struct monitor *m, struct msg_out *o)
{
	msg_put_u32(o, m->ngates);
	for (unsigned i = 0; i < m->ngates; i++) {
		msg_put_u32(o, i);
		msg_put_u32(o, m->gates[i].pid > 0 ? (uint32_t)m->gates[i].pid : 0);
		msg_put_u64(o, m->gates[i].taken);
	}
}

int
status_on_control(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
{
	static uint8_t buf[MSG_MAX];
	struct control *c = ctx;
	struct monitor *m = c->m;
	const struct generation *g = m->current;
	struct msg_out o;

	(void)fds;
	(void)nfds;
	if (msg_end(in, e) == -1)
		return -1;
	if (g == NULL) {
		control_answer(c, false, "it is still starting: nothing is in force yet", NULL);
		return 0;
	}
	msg_start(&o, buf, sizeof(buf), MSG_STATUS, 0);
	msg_put_u64(&o, g->number);
	msg_put_u32(&o, g->nrules);
	msg_put_u32(&o, m->draining);
	msg_put_u64(&o, counters_total(&m->counters));
	put_gates(m, &o);
	msg_put_u32(&o, (uint32_t)g->nends);
	for (size_t i = 0; i < g->nends; i++) {
		msg_put_u32(&o, g->ends[i].what);
		msg_put_u64(&o, g->ends[i].from);
		msg_put_u64(&o, g->ends[i].until);
		msg_put_str(&o, g->ends[i].name);
	}
	control_send(c, &o, NULL, 0);
	return 0;
}
