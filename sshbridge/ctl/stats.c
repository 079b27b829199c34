/* stats.c - `stats`: asking the monitor for its numbers */
#include <stdlib.h>
#include <time.h>

#include "stats.h"

static int
get_gates(struct line *l, struct stats *s)
{
	if (msg_get_u32(&l->m, &s->ngates) == -1 || s->ngates > STATS_GATES_MAX)
		return -1;
	for (uint32_t i = 0; i < s->ngates; i++)
		if (msg_get_u32(&l->m, &s->gates[i].index) == -1 ||
		    msg_get_u32(&l->m, &s->gates[i].pid) == -1 ||
		    msg_get_u64(&l->m, &s->gates[i].generation) == -1)
			return -1;
	return 0;
}

static int
get_ends(struct line *l, struct stats *s)
{
	if (msg_get_u32(&l->m, &s->nends) == -1 || s->nends > STATS_ENDS_MAX)
		return -1;
	for (uint32_t i = 0; i < s->nends; i++) {
		struct stats_end *end = &s->ends[i];
		uint64_t from, until;

		if (msg_get_u32(&l->m, &end->what) == -1 || msg_get_u64(&l->m, &from) == -1 ||
		    msg_get_u64(&l->m, &until) == -1 ||
		    msg_get_str(&l->m, end->name, sizeof(end->name)) == -1)
			return -1;
		end->from = (int64_t)from;
		end->until = (int64_t)until;
	}
	return 0;
}

static int
ask_monitor(struct line *l, struct stats *s)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e;
	int r;

	msg_start(&o, buf, sizeof(buf), MSG_STATUS, 0);
	if ((r = line_send(l, &o, NULL)) != 0 || (r = line_recv(l)) != 0)
		return r;
	if (l->m.type != MSG_STATUS) {
		r = line_answer(l);
		return r == 0 ? line_misunderstood() : r;
	}
	if (msg_get_u64(&l->m, &s->generation) == -1 || msg_get_u32(&l->m, &s->rules) == -1 ||
	    msg_get_u32(&l->m, &s->draining) == -1 || msg_get_u64(&l->m, &s->accepted) == -1 ||
	    get_gates(l, s) == -1 || get_ends(l, s) == -1 || msg_end(&l->m, &e) == -1)
		return line_misunderstood();
	return 0;
}

int
stats_gather(const struct ctl *ctl, struct stats *s)
{
	static struct line l;
	int r;

	s->now = (int64_t)time(NULL);
	if ((s->idents = calloc(STATS_IDENTS_MAX, sizeof(*s->idents))) == NULL)
		return ctl_say(EXIT_NO, "out of memory");
	/* two questions of two processes: each has its own connection */
	if ((r = line_open(&l, ctl)) == 0)
		r = ask_monitor(&l, s);
	line_close(&l);
	if (r != 0)
		return r;
	if ((r = line_open(&l, ctl)) == 0)
		r = stats_ask_idents(&l, s);
	line_close(&l);
	return r;
}

int
ctl_stats(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	static struct stats s;
	bool json = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return ctl_usage("stats takes --json");
		json = true;
	}
	if (optind < argc)
		return ctl_usage("stats takes --json");
	if ((r = stats_gather(ctl, &s)) == 0) {
		if (json)
			r = stats_json(&s);
		else
			stats_text(&s);
	}
	free(s.idents);
	return r;
}
