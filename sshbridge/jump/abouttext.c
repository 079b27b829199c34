/* abouttext.c - who one is and what one may reach, as text and as JSON */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "about.h"
#include "text.h"

void
about_seed(void)
{
	size_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed) || seed == 0)
		seed = (size_t)getpid();
	json_object_seed(seed);
}

int
about_read(struct msg_in *m, struct about_facts *f, struct err *e)
{
	uint32_t n;

	if (msg_get_str(m, f->identity, sizeof(f->identity)) == -1 ||
	    msg_get_str(m, f->account, sizeof(f->account)) == -1 ||
	    msg_get_str(m, f->serial, sizeof(f->serial)) == -1 ||
	    msg_get_u64(m, &f->not_after) == -1 || msg_get_u32(m, &n) == -1 ||
	    n > ABOUT_TARGETS_MAX)
		return err_set(e, ERR_PEER, "ABOUT: malformed");
	if (n > 0 && (f->targets = calloc(n, sizeof(f->targets[0]))) == NULL)
		return err_nomem(e, "ABOUT");
	f->ntargets = n;
	for (uint32_t i = 0; i < n; i++)
		if (msg_get_str(m, f->targets[i], sizeof(f->targets[i])) == -1)
			break;
	return msg_end(m, e);
}

/* "in 3 h": the largest unit that has one. */
static void
put_span(FILE *fp, uint64_t not_after, uint64_t now)
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	uint64_t left = not_after > now ? not_after - now : 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (left >= units[i].seconds) {
			(void)fprintf(
			    fp, " (in %" PRIu64 " %s)", left / units[i].seconds, units[i].name);
			return;
		}
	(void)fputs(" (now)", fp);
}

static void
put_line(FILE *fp, const char *what, const char *value)
{
	char shown[4096];

	(void)fprintf(fp, "%s%s\n", what, text_escape(shown, sizeof(shown), value, strlen(value)));
}

char *
about_text(const struct about_facts *f, uint64_t now)
{
	char *text = NULL, until[TEXT_TIME_SIZE];
	size_t size;
	FILE *fp = open_memstream(&text, &size);

	if (fp == NULL)
		return NULL;
	put_line(fp, "identity:    ", f->identity);
	put_line(fp, "account:     ", f->account);
	put_line(fp, "certificate: serial ", f->serial);
	(void)fprintf(fp, "valid until: %s", text_time(until, (int64_t)f->not_after));
	put_span(fp, f->not_after, now);
	(void)fputs(f->ntargets == 0 ? "\ntargets:     none\n" : "\ntargets:\n", fp);
	for (uint32_t i = 0; i < f->ntargets; i++)
		put_line(fp, "  ", f->targets[i]);
	if (fclose(fp) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static json_t *
json_text(const char *s)
{
	char shown[4096];
	json_t *v = json_string(s);

	/* not UTF-8 */
	return v != NULL ? v : json_string(text_escape(shown, sizeof(shown), s, strlen(s)));
}

char *
about_json(const struct about_facts *f)
{
	char until[TEXT_TIME_SIZE];
	json_t *targets = json_array(), *o;
	char *text, *line = NULL;

	for (uint32_t i = 0; i < f->ntargets; i++)
		(void)json_array_append_new(targets, json_text(f->targets[i]));
	o = json_pack("{s:o, s:o, s:{s:o, s:s}, s:o}", "identity", json_text(f->identity),
	    "account", json_text(f->account), "certificate", "serial", json_text(f->serial),
	    "not_after", text_time(until, (int64_t)f->not_after), "targets", targets);
	/* ASCII: what would move a cursor or turn the line round goes as \uXXXX */
	text = o == NULL ? NULL : json_dumps(o, JSON_ENSURE_ASCII | JSON_INDENT(2));
	json_decref(o);
	if (text != NULL && asprintf(&line, "%s\n", text) == -1)
		line = NULL;
	free(text);
	return line;
}
