/* stats_ident.c - `stats`: asking ident, and each older one behind it */
#include "stats.h"

static int
get_ident(struct line *l, struct stats_ident *i, uint32_t *older)
{
	uint64_t *const numbers[] = { &i->generation, &i->live, &i->dialing, &i->opened,
		&i->refused, &i->closed, &i->granted, &i->denied, &i->locks, &i->channels_opened,
		&i->channels_refused, &i->jumps_ready };
	struct err e;

	if (msg_get_u32(&l->m, older) == -1)
		return -1;
	for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
		if (msg_get_u64(&l->m, numbers[k]) == -1)
			return -1;
	if (msg_get_u32(&l->m, &i->ngates) == -1 || i->ngates > STATS_GATES_MAX)
		return -1;
	for (uint32_t k = 0; k < i->ngates; k++)
		if (msg_get_u32(&l->m, &i->gates[k].index) == -1 ||
		    msg_get_u32(&l->m, &i->gates[k].connections) == -1)
			return -1;
	return msg_end(&l->m, &e);
}

int
stats_ask_idents(struct line *l, struct stats *s)
{
	uint8_t buf[64];
	struct msg_out o;
	uint32_t older = 1;
	int r;

	for (uint32_t hop = 0; older != 0 && hop < STATS_IDENTS_MAX; hop++) {
		msg_start(&o, buf, sizeof(buf), MSG_STATS, 0);
		msg_put_u32(&o, hop);
		if ((r = line_send(l, &o, NULL)) != 0 || (r = line_recv(l)) != 0)
			return r;
		if (l->m.type != MSG_STATS || get_ident(l, &s->idents[hop], &older) == -1)
			return line_misunderstood();
		s->nidents++;
	}
	return 0;
}
