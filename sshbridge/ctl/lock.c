/* lock.c - `lock`, `unlock`, `locks`: identities that are let in no more */
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "lockset.h"
#include "sealed.h"

static int
parse(int argc, char **argv, bool lock, const char **identity, const char **reason)
{
	static const struct option options[] = {
		{ "identity", required_argument, NULL, 'i' },
		{ "reason", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	const char *wrong =
	    lock ? "lock takes --identity X and --reason TEXT" : "unlock takes --identity X";
	struct err e;
	int c;

	*identity = NULL;
	*reason = NULL;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		const char **to = c == 'i' ? identity : reason;

		if (c == '?' || *to != NULL || (c == 'r' && !lock))
			return ctl_usage(wrong);
		*to = optarg;
	}
	if (optind < argc || *identity == NULL)
		return ctl_usage(wrong);
	if (lockset_identity(*identity, &e) == -1)
		return ctl_say(EXIT_USAGE, "%s", e.text);
	if (*reason != NULL && strlen(*reason) >= LOCKSET_REASON_MAX)
		return ctl_say(EXIT_USAGE, "a reason has at most %d bytes", LOCKSET_REASON_MAX - 1);
	return 0;
}

int
ctl_lock(const struct ctl *ctl, int argc, char **argv)
{
	const char *identity, *reason;
	uint8_t buf[2048];
	struct msg_out o;
	int r = parse(argc, argv, true, &identity, &reason);

	if (r != 0)
		return r;
	msg_start(&o, buf, sizeof(buf), MSG_LOCK, 0);
	msg_put_str(&o, identity);
	msg_put_str(&o, reason == NULL ? "" : reason);
	return line_ask(ctl, &o);
}

int
ctl_unlock(const struct ctl *ctl, int argc, char **argv)
{
	const char *identity, *reason;
	uint8_t buf[2048];
	struct msg_out o;
	int r = parse(argc, argv, false, &identity, &reason);

	if (r != 0)
		return r;
	msg_start(&o, buf, sizeof(buf), MSG_UNLOCK, 0);
	msg_put_str(&o, identity);
	return line_ask(ctl, &o);
}

/* ---- locks ---------------------------------------------------------------------------------- */

enum { SINCE, IDENTITY, REASON };
static const struct table_column columns[] = {
	[SINCE] = { "SINCE", false, false },
	[IDENTITY] = { "IDENTITY", false, true },
	[REASON] = { "REASON", false, true },
};

static void
cell(const void *arg, size_t row, size_t column, char *dst, size_t size)
{
	const struct lock *k = &((const struct lockset *)arg)->v[row];
	char at[TEXT_TIME_SIZE];

	if (column == SINCE)
		(void)snprintf(dst, size, "%s", text_time(at, k->since));
	else if (column == IDENTITY)
		(void)text_escape(dst, size, k->identity, strlen(k->identity));
	else
		(void)text_escape(dst, size, k->reason, strlen(k->reason));
}

static int
print_locks(const struct lockset *s, bool json)
{
	const struct table t = { .columns = columns,
		.ncolumns = sizeof(columns) / sizeof(columns[0]),
		.nrows = s->n,
		.cell = cell,
		.arg = s };
	json_t *array;

	if (!json) {
		table_print(&t, table_terminal());
		return 0;
	}
	array = json_array();
	for (size_t i = 0; i < s->n; i++)
		if (json_array_append_new(array,
			json_pack("{s:o, s:o, s:o}", "identity", json_text(s->v[i].identity),
			    "since", json_time(s->v[i].since), "reason",
			    s->v[i].reason[0] == '\0' ? json_null() : json_text(s->v[i].reason))) ==
		    -1) {
			json_decref(array);
			return ctl_say(EXIT_NO, "out of memory");
		}
	return print_json(array, false);
}

static int
ask(struct line *l, bool json)
{
	uint8_t buf[64];
	struct msg_out o;
	struct sealed text;
	struct lockset s;
	struct err e;
	int r;

	msg_start(&o, buf, sizeof(buf), MSG_LOCKS, 0);
	if ((r = line_send(l, &o, NULL)) != 0 || (r = line_recv(l)) != 0)
		return r;
	if (l->m.type != MSG_LOCKS)
		return line_answer(l);
	if (msg_end(&l->m, &e) == -1 || l->nfds != 1 ||
	    sealed_map(l->fds[0], LOCKSET_TEXT_MAX, &text, &e) == -1)
		return line_misunderstood();
	r = lockset_parse(text.p, text.n, &s, &e);
	sealed_unmap(&text);
	if (r == -1)
		return line_misunderstood();
	r = print_locks(&s, json);
	lockset_done(&s);
	return r;
}

int
ctl_locks(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	static struct line l;
	bool json = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return ctl_usage("locks takes --json");
		json = true;
	}
	if (optind < argc)
		return ctl_usage("locks takes --json");
	if ((r = line_open(&l, ctl)) == 0)
		r = ask(&l, json);
	line_close(&l);
	return r;
}
