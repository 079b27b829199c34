/* list.c - `list`: the live connections, page after page, instance after instance */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"

enum { WATCH_SECONDS = 2, CONNS_MAX = 2000000 };

struct entry {
	struct conninfo c;
	bool draining; /* of an instance that drains */
};
struct entries {
	struct entry *v;
	size_t n, room;
	int64_t now;
};

static int
keep(struct entries *all, const struct conninfo *c, bool draining)
{
	struct entry *v;

	if (all->n == all->room) {
		size_t room = all->room == 0 ? 64 : all->room * 2;

		if (room > CONNS_MAX || (v = realloc(all->v, room * sizeof(*v))) == NULL)
			return ctl_say(EXIT_NO, "out of memory");
		all->v = v;
		all->room = room;
	}
	all->v[all->n++] = (struct entry){ .c = *c, .draining = draining };
	return 0;
}

/* One page: *cursor and *older are what the answer says. */
static int
take_page(struct line *l, struct entries *all, bool draining, uint64_t *cursor, uint32_t *older)
{
	struct conninfo c;
	struct err e;
	uint32_t n;
	int r;

	if (l->m.type != MSG_LIST)
		return line_answer(l);
	if (msg_get_u64(&l->m, cursor) == -1 || msg_get_u32(&l->m, older) == -1 ||
	    msg_get_u32(&l->m, &n) == -1)
		return line_misunderstood();
	for (uint32_t i = 0; i < n; i++) {
		if (conninfo_get(&l->m, &c) == -1)
			return line_misunderstood();
		if ((r = keep(all, &c, draining)) != 0)
			return r;
	}
	return msg_end(&l->m, &e) == -1 ? line_misunderstood() : 0;
}

static int
ask_page(struct line *l, uint32_t hop, uint64_t cursor)
{
	uint8_t buf[64];
	struct msg_out o;
	int r;

	msg_start(&o, buf, sizeof(buf), MSG_LIST, 0);
	msg_put_u32(&o, hop);
	msg_put_u64(&o, cursor);
	if ((r = line_send(l, &o, NULL)) != 0)
		return r;
	return line_recv(l);
}

static int
compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->c.since != y->c.since)
		return x->c.since < y->c.since ? -1 : 1;
	return x->c.id < y->c.id ? -1 : x->c.id > y->c.id;
}

static int
gather(const struct ctl *ctl, struct entries *all)
{
	static struct line l;
	uint64_t cursor = 0;
	uint32_t hop = 0, older = 0;
	int r;

	if ((r = line_open(&l, ctl)) != 0)
		return r;
	do {
		if ((r = ask_page(&l, hop, cursor)) != 0 ||
		    (r = take_page(&l, all, hop > 0, &cursor, &older)) != 0)
			break;
		if (cursor == 0)
			hop++;
	} while (cursor != 0 || older != 0);
	line_close(&l);
	all->now = (int64_t)time(NULL);
	if (r == 0 && all->n > 0)
		qsort(all->v, all->n, sizeof(*all->v), compare);
	return r;
}

/* ---- as a table ----------------------------------------------------------------------------- */

enum { ID, IDENTITY, ACCOUNT, FROM, TARGET, CHANNELS, SINCE, IN, OUT, ENDS, SERIAL, FINGERPRINT };
static const struct table_column columns[] = {
	[ID] = { "ID", false, false },
	[IDENTITY] = { "IDENTITY", false, true },
	[ACCOUNT] = { "ACCOUNT", false, true },
	[FROM] = { "FROM", false, true },
	[TARGET] = { "TARGET", false, true },
	[CHANNELS] = { "CH", true, false },
	[SINCE] = { "SINCE", true, false },
	[IN] = { "IN", true, false },
	[OUT] = { "OUT", true, false },
	[ENDS] = { "ENDS IN", true, false },
	[SERIAL] = { "SERIAL", false, true },
	[FINGERPRINT] = { "FINGERPRINT", false, false },
};

static void
show(char *dst, size_t size, const char *text)
{
	(void)text_escape(dst, size, text, strlen(text));
}

static void
cell(const void *arg, size_t row, size_t column, char *dst, size_t size)
{
	const struct entries *all = arg;
	const struct conninfo *c = &all->v[row].c;
	char at[ADDR_TEXT_SIZE], span[PRINT_SPAN_SIZE];

	switch (column) {
	case ID:
		(void)snprintf(dst, size, "%016" PRIx64, c->id);
		break;
	case IDENTITY:
		show(dst, size, c->identity);
		break;
	case ACCOUNT:
		show(dst, size, c->account[0] == '\0' ? "-" : c->account);
		break;
	case FROM:
		(void)snprintf(dst, size, "%s", addr_text_port(&c->from, at));
		break;
	case TARGET:
		show(dst, size, c->target);
		break;
	case CHANNELS:
		if (c->is_jump)
			(void)snprintf(dst, size, "%" PRIu32, c->channels);
		else
			(void)snprintf(dst, size, "-");
		break;
	case SINCE:
		(void)snprintf(dst, size, "%s", print_span(span, all->now - c->since));
		break;
	case IN:
	case OUT:
		(void)snprintf(dst, size, "%s",
		    c->has_bytes ? print_bytes(span, column == IN ? c->from_client : c->to_client)
				 : "-");
		break;
	case ENDS:
		(void)snprintf(dst, size, "%s", print_span(span, c->not_after - all->now));
		break;
	case SERIAL:
		show(dst, size, c->serial);
		break;
	default:
		show(dst, size, c->fingerprint);
		break;
	}
}

static int
print_entries(const struct entries *all, bool json, bool one_line)
{
	const struct table t = { .columns = columns,
		.ncolumns = sizeof(columns) / sizeof(columns[0]),
		.nrows = all->n,
		.cell = cell,
		.arg = all };
	json_t *array;

	if (!json) {
		table_print(&t, table_terminal());
		return 0;
	}
	array = json_array();
	for (size_t i = 0; i < all->n; i++)
		if (json_array_append_new(array, json_conn(&all->v[i].c, all->v[i].draining)) ==
		    -1) {
			json_decref(array);
			return ctl_say(EXIT_NO, "out of memory");
		}
	return print_json(array, one_line);
}

/* ---- until Ctrl-C --------------------------------------------------------------------------- */

static volatile sig_atomic_t stopped;

static void
on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static int
once(const struct ctl *ctl, bool json, bool watch)
{
	struct entries all = { 0 };
	int r = gather(ctl, &all);

	if (r == 0 && watch && !json && table_terminal() > 0)
		(void)fputs("\033[H\033[2J", stdout); /* the upper left corner, all clear */
	if (r == 0)
		r = print_entries(&all, json, watch);
	free(all.v);
	return r;
}

static int
watch_list(const struct ctl *ctl, bool json)
{
	const struct sigaction sa = { .sa_handler = on_signal }; /* no SA_RESTART: it wakes us */
	const struct timespec pause = { WATCH_SECONDS, 0 };
	int r;

	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	for (;;) {
		if ((r = once(ctl, json, true)) != 0)
			break;
		if (fflush(stdout) != 0)
			return ctl_say(EXIT_NO, "the output could not be written");
		if (stopped || (nanosleep(&pause, NULL) == -1 && errno == EINTR && stopped))
			break;
		if (!json && table_terminal() == 0)
			(void)putchar('\n');
	}
	return stopped ? EXIT_DONE : r;
}

int
ctl_list(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "watch", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false, watch = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return ctl_usage("list takes --json and --watch");
		json = json || c == 'j';
		watch = watch || c == 'w';
	}
	if (optind < argc)
		return ctl_usage("list takes --json and --watch");
	return watch ? watch_list(ctl, json) : once(ctl, json, false);
}
