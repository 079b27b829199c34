/* print.c - text for a terminal and JSON, of what other people's certificates say */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

int
print_json(json_t *j, bool one_line)
{
	/* ASCII: what would move a cursor or turn the line round goes as \uXXXX */
	size_t flags = JSON_ENSURE_ASCII | (one_line ? JSON_COMPACT : JSON_INDENT(2));
	int r = j == NULL ? -1 : json_dumpf(j, stdout, flags);

	json_decref(j);
	if (r == -1 || fputc('\n', stdout) == EOF)
		return ctl_say(EXIT_NO, "the output could not be written");
	return 0;
}

json_t *
json_text(const char *s)
{
	char shown[TABLE_CELL_MAX];
	json_t *j = json_string(s);

	/* not UTF-8 */
	return j != NULL ? j : json_string(text_escape(shown, sizeof(shown), s, strlen(s)));
}

json_t *
json_time(int64_t t)
{
	char text[TEXT_TIME_SIZE];

	return t == 0 ? json_null() : json_string(text_time(text, t));
}

json_t *
json_id(uint64_t id)
{
	return json_sprintf("%016" PRIx64, id);
}

json_t *
json_conn(const struct conninfo *c, bool draining)
{
	char at[ADDR_TEXT_SIZE];
	json_t *cert = json_pack("{s:o, s:o, s:o}", "serial", json_text(c->serial), "not_after",
	    json_time(c->not_after), "fingerprint", json_text(c->fingerprint));

	return json_pack("{s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "id",
	    json_id(c->id), "identity", json_text(c->identity), "from",
	    json_text(addr_text(&c->from, at)), "port", (int)addr_port(&c->from), "since",
	    json_time(c->since), "certificate", cert, "target", json_text(c->target), "account",
	    c->account[0] == '\0' ? json_null() : json_text(c->account), "bytes_in",
	    c->has_bytes ? json_integer((json_int_t)c->from_client) : json_null(), "bytes_out",
	    c->has_bytes ? json_integer((json_int_t)c->to_client) : json_null(), "channels",
	    c->is_jump ? json_integer((json_int_t)c->channels) : json_null(), "draining", draining);
}

char *
print_span(char dst[PRINT_SPAN_SIZE], int64_t seconds)
{
	const char *sign = seconds < 0 ? "-" : "";
	int64_t s = seconds < 0 ? -seconds : seconds;

	if (s < 60)
		(void)snprintf(dst, PRINT_SPAN_SIZE, "%s%" PRId64 " s", sign, s);
	else if (s < 3600)
		(void)snprintf(dst, PRINT_SPAN_SIZE, "%s%" PRId64 " min", sign, s / 60);
	else if (s < 86400)
		(void)snprintf(dst, PRINT_SPAN_SIZE, "%s%" PRId64 " h", sign, s / 3600);
	else
		(void)snprintf(dst, PRINT_SPAN_SIZE, "%s%" PRId64 " d", sign, s / 86400);
	return dst;
}

char *
print_bytes(char dst[PRINT_SPAN_SIZE], uint64_t n)
{
	static const char units[] = "kMGTPE";
	double v = (double)n;
	size_t i = 0;

	if (n < 1000) {
		(void)snprintf(dst, PRINT_SPAN_SIZE, "%u", (unsigned)n);
		return dst;
	}
	for (v /= 1000; v >= 999.95 && i + 2 < sizeof(units); v /= 1000)
		i++;
	(void)snprintf(dst, PRINT_SPAN_SIZE, "%.1f %c", v, units[i]);
	return dst;
}

size_t
print_width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		if (((unsigned char)*text & 0xc0) != 0x80)
			n++;
	return n;
}
