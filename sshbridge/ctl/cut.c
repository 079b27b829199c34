/* cut.c - `cut`: end one connection, or all of an identity or a certificate */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "id.h"
#include "lockset.h"

/* As in docs/PROTOCOL.md, CUTS. */
enum { BY_ID = 1, BY_IDENTITY = 2, BY_SERIAL = 3 };
struct what {
	uint32_t by; /* 0: not said yet */
	uint64_t id;
	const char *value, *shown;
	char serial[CONNINFO_SERIAL_MAX];
};

static int
ask(struct line *l, const struct what *w)
{
	uint8_t buf[2048];
	struct msg_out o;
	struct err e;
	uint32_t n;
	int r;

	msg_start(&o, buf, sizeof(buf), MSG_CUTS, 0);
	msg_put_u32(&o, w->by);
	msg_put_u64(&o, w->id);
	msg_put_str(&o, w->value);
	if ((r = line_send(l, &o, NULL)) != 0 || (r = line_recv(l)) != 0)
		return r;
	if (l->m.type != MSG_CUTS)
		return line_answer(l);
	if (msg_get_u32(&l->m, &n) == -1 || msg_end(&l->m, &e) == -1)
		return line_misunderstood();
	if (n == 0) {
		char shown[TABLE_CELL_MAX];

		return ctl_say(EXIT_NO, "no live connection: %s",
		    text_escape(shown, sizeof(shown), w->shown, strlen(w->shown)));
	}
	(void)printf("%" PRIu32 " connection%s cut\n", n, n == 1 ? " was" : "s were");
	return EXIT_DONE;
}

static int
parse(int argc, char **argv, struct what *w)
{
	static const struct option options[] = {
		{ "identity", required_argument, NULL, BY_IDENTITY },
		{ "serial", required_argument, NULL, BY_SERIAL },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?' || w->by != 0)
			return ctl_usage("cut takes one of ID, --identity X, --serial N");
		w->by = (uint32_t)c;
		w->value = w->shown = optarg;
	}
	if (optind < argc && w->by == 0) {
		w->by = BY_ID;
		w->shown = argv[optind++];
	}
	if (optind < argc || w->by == 0)
		return ctl_usage("cut takes one of ID, --identity X, --serial N");
	return 0;
}

int
ctl_cut(const struct ctl *ctl, int argc, char **argv)
{
	static struct line l;
	struct what w = { .value = "" };
	struct err e;
	int r;

	if ((r = parse(argc, argv, &w)) != 0)
		return r;
	if (w.by == BY_ID && !id_parse(w.shown, &w.id))
		return ctl_usage("an ID has up to 16 hex digits, as list shows it");
	if (w.by == BY_IDENTITY && lockset_identity(w.value, &e) == -1)
		return ctl_say(EXIT_USAGE, "%s", e.text);
	if (w.by == BY_SERIAL) {
		if (!id_serial(w.shown, w.serial, sizeof(w.serial)))
			return ctl_usage("a serial number is hex, with or without colons");
		w.value = w.serial;
	}
	if ((r = line_open(&l, ctl)) == 0)
		r = ask(&l, &w);
	line_close(&l);
	return r;
}
