/* pamoptions.c - the words behind pam_mtls.so: one table, one function a row */
#include <string.h>

#include "pamoptions.h"
#include "text.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/* "bridge" is all there is: the list has one word, and naming it twice is an error as well. */
static int
set_source(struct pamoptions *o, const char *value, struct err *e)
{
	char shown[64];

	(void)o;
	if (strcmp(value, "bridge") == 0)
		return 0;
	return err_set(e, ERR_FORMAT, "source=%s: not in this version, which has: bridge",
	    text_escape(shown, sizeof(shown), value, strlen(value)));
}

static int
set_bind(struct pamoptions *o, const char *value, struct err *e)
{
	char shown[64];

	o->bind_session = strcmp(value, "session") == 0;
	if (o->bind_session || strcmp(value, "any") == 0)
		return 0;
	return err_set(e, ERR_FORMAT,
	    "bind=%s: must be any or session; which key is wanted stands in the identity map",
	    text_escape(shown, sizeof(shown), value, strlen(value)));
}

static int
set_timeout(struct pamoptions *o, const char *value, struct err *e)
{
	size_t n = strlen(value);
	int ms = 0;

	for (size_t i = 0; i < n && n <= 5; i++) {
		if (value[i] < '0' || value[i] > '9')
			n = 0;
		else
			ms = ms * 10 + (value[i] - '0');
	}
	if (n == 0 || n > 5 || value[0] == '0' || ms < 100 || ms > 60000)
		return err_set(e, ERR_FORMAT, "timeout: must be 100 to 60000 (milliseconds)");
	o->timeout_ms = ms;
	return 0;
}

/* Whether each part of the absolute path is a name: neither empty nor "." nor "..". */
static bool
path_is_plain(const char *path)
{
	size_t n;

	for (const char *p = path; *p == '/'; p += n) {
		n = strcspn(++p, "/");
		if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
	}
	return path[0] == '/';
}

static int
set_socket(struct pamoptions *o, const char *value, struct err *e)
{
	if (strlen(value) > PAMOPTIONS_SOCKET_MAX || !path_is_plain(value))
		return err_set(e, ERR_FORMAT,
		    "socket: must be an absolute path of at most %d "
		    "bytes, without empty parts, \".\" and \"..\"",
		    PAMOPTIONS_SOCKET_MAX);
	o->socket = value;
	return 0;
}

static int
set_max_age(struct pamoptions *o, const char *value, struct err *e)
{
	(void)o;
	(void)value;
	return err_set(e, ERR_FORMAT, "max-age: not in this version");
}

static int
set_debug(struct pamoptions *o, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	o->debug = true;
	return 0;
}

static const struct option {
	const char *name;
	bool takes_value;
	int (*set)(struct pamoptions *, const char *, struct err *);
} table[] = {
	{ "source", true, set_source },
	{ "bind", true, set_bind },
	{ "timeout", true, set_timeout },
	{ "socket", true, set_socket },
	{ "max-age", true, set_max_age },
	{ "debug", false, set_debug },
};

static const struct option *
option_find(const char *word, size_t n)
{
	for (size_t i = 0; i < nitems(table); i++)
		if (strlen(table[i].name) == n && memcmp(table[i].name, word, n) == 0)
			return &table[i];
	return NULL;
}

static int
option_set(const char *word, unsigned *seen, struct pamoptions *o, struct err *e)
{
	size_t n = strcspn(word, "=");
	const struct option *row = option_find(word, n);
	const char *value = word[n] == '=' ? word + n + 1 : NULL;
	char shown[64];

	if (row == NULL)
		return err_set(e, ERR_FORMAT,
		    "option \"%s\" is unknown; there are source, bind, "
		    "timeout, socket, debug",
		    text_escape(shown, sizeof(shown), word, strlen(word)));
	if ((*seen & 1U << (row - table)) != 0)
		return err_set(e, ERR_FORMAT, "%s: given twice", row->name);
	*seen |= 1U << (row - table);
	if (row->takes_value != (value != NULL))
		return err_set(e, ERR_FORMAT, "%s: must %s", row->name,
		    row->takes_value ? "have a value: NAME=VALUE" : "stand without a value");
	return row->set(o, value, e);
}

int
pamoptions_parse(int argc, const char **argv, bool account, struct pamoptions *o, struct err *e)
{
	struct pamoptions r = { .socket = PAMOPTIONS_SOCKET, .timeout_ms = PAMOPTIONS_TIMEOUT_MS };
	unsigned seen = 0;

	for (int i = 0; i < argc; i++)
		if (option_set(argv[i], &seen, &r, e) == -1)
			return -1;
	if (r.bind_session && !account)
		return err_set(e, ERR_FORMAT, "bind=session: must stand on the account line only");
	*o = r;
	return 0;
}
