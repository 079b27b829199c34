/* cmd_list.c - mtls-ca list and show: what was issued, and what was done */
#include <stdlib.h>
#include <string.h>

#include "ca.h"
#include "describe.h"
#include "text.h"

static const struct opt list_options[] = {
	{ "json", NULL, false, "one array of objects" },
	{ "events", NULL, false, "what was done and by which uid, instead of certificates" },
};

static const struct opt show_options[] = {
	{ "json", NULL, false, "one object" },
};

/* One element of an array that is written as it is read: a long list needs no memory. */
static int
json_element(FILE *out, json_t *o, bool first, size_t flags, struct err *e)
{
	char *text = json_dumps(o, flags);

	json_decref(o);
	if (text == NULL)
		return err_nomem(e, "JSON");
	fprintf(out, "%s%s", first ? "\n" : ",\n", text);
	free(text);
	return 0;
}

static int
list_one(const struct store_cert *c, struct env *env, bool json, bool first, struct err *e)
{
	char until[TEXT_TIME_SIZE], name[1024];
	json_t *o;

	if (json) {
		o = cert_json(c, env->now, e);
		return o == NULL ? -1 : json_element(env->out, o, first, JSON_COMPACT, e);
	}
	if (first)
		fprintf(env->out, "%-32s %-4s %-7s %-20s %s\n", "SERIAL", "KIND", "STATUS", "UNTIL",
		    "NAME");
	fprintf(env->out, "%-32s %-4s %-7s %-20s %s\n", c->serial, c->profile,
	    cert_status(c, env->now), text_time(until, c->not_after),
	    text_escape(name, sizeof(name), c->name, strlen(c->name)));
	return 0;
}

static int
list_certs(struct ca *ca, struct env *env, bool json, struct err *e)
{
	struct store_cert c;
	enum profile p;
	int64_t after = 0;
	bool first = true;
	int r, ret = 0;

	while (ret == 0 && (r = store_next_cert(ca->store, after, &c, e)) != 0) {
		if (r == -1)
			return -1;
		after = c.id;
		/* the CA's own two are not what it issued to anybody */
		if (profile_parse(c.profile, &p) == 0 && (p == PROFILE_USER || p == PROFILE_HOST)) {
			ret = list_one(&c, env, json, first, e);
			first = false;
		}
		store_cert_done(&c);
	}
	return ret;
}

static int
event_one(const struct store_event *ev, struct env *env, bool json, bool first, struct err *e)
{
	char at[TEXT_TIME_SIZE], detail[1024];
	json_t *o;

	if (json) {
		o = json_pack("{s:I, s:s, s:i, s:s, s:s, s:s}", "id", (json_int_t)ev->id, "at",
		    text_time(at, ev->at), "uid", (int)ev->uid, "what", ev->what, "serial",
		    ev->serial, "detail", ev->detail);
		return o == NULL ? err_nomem(e, "JSON")
				 : json_element(env->out, o, first, JSON_COMPACT, e);
	}
	fprintf(env->out, "%s uid=%u %s%s%s: %s\n", text_time(at, ev->at), ev->uid, ev->what,
	    ev->serial[0] == '\0' ? "" : " ", ev->serial,
	    text_escape(detail, sizeof(detail), ev->detail, strlen(ev->detail)));
	return 0;
}

static int
list_events(struct ca *ca, struct env *env, bool json, struct err *e)
{
	struct store_event ev;
	int64_t after = 0;
	bool first = true;
	int r;

	for (; (r = store_next_event(ca->store, after, &ev, e)) == 1; after = ev.id) {
		if (event_one(&ev, env, json, first, e) == -1)
			return -1;
		first = false;
	}
	return r;
}

static enum cmd_exit
list_run(struct env *env, const struct opts *o, struct err *e)
{
	bool json = opts_get(o, "json") != NULL;
	struct ca ca;
	int ret;

	if (ca_open(&ca, env->dir, e) == -1)
		return CMD_FAILED;
	if (json)
		fprintf(env->out, "[");
	ret = opts_get(o, "events") != NULL ? list_events(&ca, env, json, e)
					    : list_certs(&ca, env, json, e);
	if (json && ret == 0)
		fprintf(env->out, "]\n");
	ca_close(&ca);
	return ret == 0 ? CMD_OK : CMD_FAILED;
}

static int
show_json(const struct store_cert *c, struct env *env, struct err *e)
{
	json_t *o = cert_json(c, env->now, e);
	char *text;

	if (o == NULL)
		return -1;
	text = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	if (text == NULL)
		return err_nomem(e, "JSON");
	fprintf(env->out, "%s\n", text);
	free(text);
	return 0;
}

static enum cmd_exit
show_run(struct env *env, const struct opts *o, struct err *e)
{
	struct store_cert c;
	struct ca ca;
	int ret;

	if (ca_open(&ca, env->dir, e) == -1)
		return CMD_FAILED;
	if ((ret = ca_find(&ca, o->operand[0], &c, e)) == 0) {
		ret = opts_get(o, "json") != NULL ? show_json(&c, env, e)
						  : cert_print(&c, env->now, env->out, e);
		store_cert_done(&c);
	}
	ca_close(&ca);
	return ret == 0 ? CMD_OK : CMD_FAILED;
}

const struct command command_list = {
	.name = "list",
	.operands = "",
	.summary = "List the certificates of users and hosts, oldest first.",
	.opts = list_options,
	.nopts = sizeof(list_options) / sizeof(list_options[0]),
	.run = list_run,
};

const struct command command_show = {
	.name = "show",
	.operands = "SERIAL|FILE",
	.summary = "Show one certificate that this CA issued, the CA's own two included.",
	.opts = show_options,
	.nopts = sizeof(show_options) / sizeof(show_options[0]),
	.min_operands = 1,
	.max_operands = 1,
	.run = show_run,
};
