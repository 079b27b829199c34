/* show.c - `show`: all that is known of one connection */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "id.h"

/* The next fact of the answer. 1; 0 at their end; -1: not understood. */
static int
next_fact(struct line *l, char *key, size_t key_size, char *value, size_t value_size)
{
	struct err e;

	if (msg_get_str(&l->m, key, key_size) == -1)
		return -1;
	if (key[0] == '\0')
		return msg_end(&l->m, &e);
	return msg_get_str(&l->m, value, value_size) == -1 ? -1 : 1;
}

static void
print_line(const char *key, const char *value)
{
	char shown[TABLE_CELL_MAX], word[256];

	(void)printf("%-12s %s\n", text_escape(word, sizeof(word), key, strlen(key)),
	    text_escape(shown, sizeof(shown), value, strlen(value)));
}

static void
print_conn(const struct conninfo *c)
{
	char text[256], at[TEXT_TIME_SIZE], where[ADDR_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%016" PRIx64, c->id);
	print_line("id", text);
	print_line("identity", c->identity);
	print_line("from", addr_text_port(&c->from, where));
	print_line("since", text_time(at, c->since));
	print_line("target", c->target);
	print_line("account", c->account[0] == '\0' ? "-" : c->account);
	print_line("serial", c->serial);
	print_line("fingerprint", c->fingerprint);
	print_line("not after", text_time(at, c->not_after));
	if (c->is_jump) {
		(void)snprintf(text, sizeof(text), "%" PRIu32, c->channels);
		print_line("channels", text);
	}
	if (!c->has_bytes)
		return;
	(void)snprintf(
	    text, sizeof(text), "%" PRIu64 " in, %" PRIu64 " out", c->from_client, c->to_client);
	print_line("bytes", text);
}

static int
show_text(struct line *l, const struct conninfo *c)
{
	char key[64], value[2048];
	int more;

	print_conn(c);
	while ((more = next_fact(l, key, sizeof(key), value, sizeof(value))) == 1)
		/* those two are above */
		if (strcmp(key, "serial") != 0 && strcmp(key, "fingerprint") != 0)
			print_line(key, value);
	return more == 0 ? EXIT_DONE : line_misunderstood();
}

static int
show_json(struct line *l, const struct conninfo *c)
{
	json_t *details = json_object(), *j;
	char key[64], value[2048];
	int more;

	while ((more = next_fact(l, key, sizeof(key), value, sizeof(value))) == 1) {
		json_t *values = json_object_get(details, key);

		if (values == NULL) {
			values = json_array();
			if (json_object_set_new(details, key, values) == -1)
				break;
		}
		if (json_array_append_new(values, json_text(value)) == -1)
			break;
	}
	if (more != 0) {
		json_decref(details);
		return line_misunderstood();
	}
	/* whether an older instance has it, the answer does not say */
	if ((j = json_conn(c, false)) == NULL || json_object_del(j, "draining") == -1 ||
	    json_object_set_new(j, "details", details) == -1) {
		json_decref(j);
		return ctl_say(EXIT_NO, "out of memory");
	}
	return print_json(j, false);
}

static int
ask(struct line *l, uint64_t id, bool json)
{
	uint8_t buf[64];
	struct msg_out o;
	struct conninfo c;
	struct err e;
	uint32_t found;
	int r;

	msg_start(&o, buf, sizeof(buf), MSG_SHOW, 0);
	msg_put_u64(&o, id);
	if ((r = line_send(l, &o, NULL)) != 0 || (r = line_recv(l)) != 0)
		return r;
	if (l->m.type != MSG_SHOW)
		return line_answer(l);
	if (msg_get_u32(&l->m, &found) == -1 || (found == 0 && msg_end(&l->m, &e) == -1))
		return line_misunderstood();
	if (found == 0)
		return ctl_say(EXIT_NO, "there is no live connection %016" PRIx64, id);
	if (conninfo_get(&l->m, &c) == -1)
		return line_misunderstood();
	return json ? show_json(l, &c) : show_text(l, &c);
}

int
ctl_show(const struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	static struct line l;
	bool json = false;
	uint64_t id;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return ctl_usage("show takes an ID and --json");
		json = true;
	}
	if (argc - optind != 1 || !id_parse(argv[optind], &id))
		return ctl_usage("show takes one ID, up to 16 hex digits, as list shows it");
	if ((r = line_open(&l, ctl)) == 0)
		r = ask(&l, id, json);
	line_close(&l);
	return r;
}
