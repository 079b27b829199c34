/* stats_print.c - `stats`: showing the numbers */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "stats.h"

enum { DAY = 86400 };

static const char *
what_name(uint32_t what)
{
	static const char *const names[] = {
		[1] = "crl", [2] = "anchor", [3] = "intermediate", [4] = "server"
	};

	return what >= 1 && what <= 4 ? names[what] : "?";
}

/* Whole days, rounded down: 0 on the last one, -1 on the first after it. */
static int64_t
days_left(const struct stats_end *end, int64_t now)
{
	int64_t left = end->until - now;

	return left >= 0 ? left / DAY : -((-left + DAY - 1) / DAY);
}

/* The last quarter of its life. */
static bool
ends_soon(const struct stats_end *end, int64_t now)
{
	return end->until != 0 && end->until - now <= (end->until - end->from) / 4;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static json_t *
number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *
connections_json(const struct stats_ident *i)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "live", number(i->live), "dialing",
	    number(i->dialing), "opened", number(i->opened), "refused", number(i->refused),
	    "closed", number(i->closed));
}

static json_t *
logins_json(const struct stats_ident *i)
{
	return json_pack("{s:o, s:o}", "granted", number(i->granted), "denied", number(i->denied));
}

static json_t *
jump_json(const struct stats_ident *i)
{
	return json_pack("{s:o, s:o, s:o}", "channels_opened", number(i->channels_opened),
	    "channels_refused", number(i->channels_refused), "ready", number(i->jumps_ready));
}

static uint32_t
gate_connections(const struct stats_ident *i, uint32_t index)
{
	for (uint32_t k = 0; k < i->ngates; k++)
		if (i->gates[k].index == index)
			return i->gates[k].connections;
	return 0;
}

static json_t *
gates_json(const struct stats *s)
{
	json_t *array = json_array();

	for (uint32_t k = 0; k < s->ngates; k++) {
		const struct stats_gate *g = &s->gates[k];

		(void)json_array_append_new(
		    array, json_pack("{s:o, s:o, s:o, s:o}", "gate", number(g->index), "pid",
			       g->pid == 0 ? json_null() : number(g->pid), "generation",
			       number(g->generation), "connections",
			       number(gate_connections(&s->idents[0], g->index))));
	}
	return array;
}

static json_t *
ends_json(const struct stats *s)
{
	json_t *array = json_array();

	for (uint32_t k = 0; k < s->nends; k++) {
		const struct stats_end *end = &s->ends[k];

		(void)json_array_append_new(
		    array, json_pack("{s:s, s:o, s:o, s:o, s:o, s:b}", "what", what_name(end->what),
			       "name", json_text(end->name), "from", json_time(end->from), "until",
			       json_time(end->until), "days_left",
			       end->until == 0 ? json_null() : json_integer(days_left(end, s->now)),
			       "soon", ends_soon(end, s->now)));
	}
	return array;
}

static json_t *
older_json(const struct stats *s)
{
	json_t *array = json_array();

	for (size_t k = 1; k < s->nidents; k++)
		(void)json_array_append_new(array,
		    json_pack("{s:o, s:o, s:o, s:o}", "generation", number(s->idents[k].generation),
			"connections", connections_json(&s->idents[k]), "logins",
			logins_json(&s->idents[k]), "jump", jump_json(&s->idents[k])));
	return array;
}

int
stats_json(const struct stats *s)
{
	const struct stats_ident *i = &s->idents[0];

	return print_json(
	    json_pack("{s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "generation",
		number(s->generation), "rules", number(s->rules), "draining", (int)s->draining,
		"accepted", number(s->accepted), "connections", connections_json(i), "logins",
		logins_json(i), "jump", jump_json(i), "locks", number(i->locks), "gates",
		gates_json(s), "older", older_json(s), "ends", ends_json(s)),
	    false);
}

/* ---- text ----------------------------------------------------------------------------------- */

enum { WHAT, NAME, UNTIL, LEFT, NOTE };
static const struct table_column end_columns[] = {
	[WHAT] = { "WHAT", false, false },
	[NAME] = { "NAME", false, true },
	[UNTIL] = { "UNTIL", false, false },
	[LEFT] = { "DAYS LEFT", true, false },
	[NOTE] = { "", false, false },
};

static void
end_cell(const void *arg, size_t row, size_t column, char *dst, size_t size)
{
	const struct stats *s = arg;
	const struct stats_end *end = &s->ends[row];
	char at[TEXT_TIME_SIZE];

	if (column == WHAT)
		(void)snprintf(dst, size, "%s", what_name(end->what));
	else if (column == NAME)
		(void)snprintf(dst, size, "%s", end->name);
	else if (end->until == 0)
		(void)snprintf(dst, size, "%s", column == NOTE ? "no end that can be read" : "-");
	else if (column == UNTIL)
		(void)snprintf(dst, size, "%s", text_time(at, end->until));
	else if (column == LEFT)
		(void)snprintf(dst, size, "%" PRId64, days_left(end, s->now));
	else if (s->now > end->until)
		(void)snprintf(dst, size, "ENDED");
	else if (s->now < end->from)
		(void)snprintf(dst, size, "NOT YET");
	else if (ends_soon(end, s->now))
		(void)snprintf(dst, size, "soon");
	text_clean(dst);
}

enum { GATE, PID, GENERATION, CONNECTIONS };
static const struct table_column gate_columns[] = {
	[GATE] = { "GATE", true, false },
	[PID] = { "PID", true, false },
	[GENERATION] = { "GENERATION", true, false },
	[CONNECTIONS] = { "CONNECTIONS", true, false },
};

static void
gate_cell(const void *arg, size_t row, size_t column, char *dst, size_t size)
{
	const struct stats *s = arg;
	const struct stats_gate *g = &s->gates[row];
	const uint64_t values[] = { [GATE] = g->index,
		[PID] = g->pid,
		[GENERATION] = g->generation,
		[CONNECTIONS] = gate_connections(&s->idents[0], g->index) };

	(void)snprintf(dst, size, "%" PRIu64, values[column]);
}

static void
ident_text(const struct stats_ident *i, const char *which)
{
	(void)printf("%sconnections  %" PRIu64 " live, %" PRIu64 " being connected; %" PRIu64
		     " were opened, %" PRIu64 " refused, %" PRIu64 " closed\n",
	    which, i->live, i->dialing, i->opened, i->refused, i->closed);
	(void)printf("%slogins       %" PRIu64 " answers yes, %" PRIu64 " no\n", which, i->granted,
	    i->denied);
	if (i->channels_opened + i->channels_refused + i->jumps_ready > 0)
		(void)printf("%sjump         %" PRIu64 " channels were opened, %" PRIu64
			     " refused; %" PRIu64 " processes are ready\n",
		    which, i->channels_opened, i->channels_refused, i->jumps_ready);
}

void
stats_text(const struct stats *s)
{
	const struct table gates = { gate_columns, sizeof(gate_columns) / sizeof(gate_columns[0]),
		s->ngates, gate_cell, s };
	const struct table ends = { end_columns, sizeof(end_columns) / sizeof(end_columns[0]),
		s->nends, end_cell, s };

	(void)printf("generation   %" PRIu64 " with %" PRIu32 " rules%s\n", s->generation, s->rules,
	    s->draining ? "; draining" : "");
	(void)printf(
	    "accepted     %" PRIu64 " at the gates now, handshakes included\n", s->accepted);
	ident_text(&s->idents[0], "");
	(void)printf("locks        %" PRIu64 "\n\n", s->idents[0].locks);
	for (size_t k = 1; k < s->nidents; k++) {
		(void)printf(
		    "an instance that drains, generation %" PRIu64 ":\n", s->idents[k].generation);
		ident_text(&s->idents[k], "  ");
		(void)putchar('\n');
	}
	table_print(&gates, table_terminal());
	(void)putchar('\n');
	table_print(&ends, table_terminal());
}
