/* authkeys_line.c - one line of an authorized_keys file (sshd(8), AUTHORIZED_KEYS FILE FORMAT) */
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "authkeys_local.h"
#include "sshkey.h"
#include "text.h"

#define RSA_BITS_MIN 2048

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* ---- options -------------------------------------------------------------------------------- */
/* Options with a value. */
static int
take_from(struct authkeys_line *l, const char *value, struct err *e)
{
	return authkeys_from_parse(l->from, value, e);
}

static int
take_permitopen(struct authkeys_line *l, const char *value, struct err *e)
{
	return authkeys_permitopen_parse(l->permitopen, value, e);
}

static int
take_expiry(struct authkeys_line *l, const char *value, struct err *e)
{
	int64_t t;

	if (authkeys_time_parse(value, &t, e) == -1)
		return -1;
	if (t < l->expires)
		l->expires = t;
	return 0;
}

/* Of what is never given here. */
static int
take_ignored(struct authkeys_line *l, const char *value, struct err *e)
{
	(void)l;
	(void)value;
	(void)e;
	return 0;
}

#define NOT_HERE	 "is not for a jump, where no command runs and no environment is set"
#define NO_CA		 "names a CA; certificates of SSH are not taken"
#define VALUE(f)	 true, f, 0, false, NULL
#define FLAG(member, to) false, NULL, offsetof(struct authkeys_line, member), to, NULL
#define NOTHING		 false, take_ignored, 0, false, NULL
#define NO(v, why)	 v, NULL, 0, false, why

static const struct option {
	const char *name;
	bool value;
	int (*take)(struct authkeys_line *l, const char *value, struct err *e);
	size_t flag; /* without take: the bool of the line that becomes `to` */
	bool to;
	const char *refused; /* NULL: taken */
} options[] = {
	{ "from", VALUE(take_from) },
	{ "expiry-time", VALUE(take_expiry) },
	{ "permitopen", VALUE(take_permitopen) },
	{ "restrict", FLAG(opens, false) },
	{ "no-port-forwarding", FLAG(opens, false) },
	{ "port-forwarding", FLAG(opens, true) },
	{ "no-touch-required", FLAG(no_touch, true) },
	{ "touch-required", FLAG(no_touch, false) },
	{ "verify-required", FLAG(verify, true) },
	{ "no-verify-required", FLAG(verify, false) },
	/* a jump has none of these, whatever a line says */
	{ "permitlisten", VALUE(take_ignored) },
	{ "agent-forwarding", NOTHING },
	{ "no-agent-forwarding", NOTHING },
	{ "x11-forwarding", NOTHING },
	{ "no-x11-forwarding", NOTHING },
	{ "pty", NOTHING },
	{ "no-pty", NOTHING },
	{ "user-rc", NOTHING },
	{ "no-user-rc", NOTHING },
	/* what these ask for would not be done */
	{ "command", NO(true, NOT_HERE) },
	{ "environment", NO(true, NOT_HERE) },
	{ "tunnel", NO(true, NOT_HERE) },
	{ "principals", NO(true, NO_CA) },
	{ "cert-authority", NO(false, NO_CA) },
};

static const struct option *
find_option(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strlen(options[i].name) == n && strncasecmp(options[i].name, name, n) == 0)
			return &options[i];
	return NULL;
}

/* A value at its opening quote, without its quotes and with \" taken off. */
static int
read_value(const char **p, const char *end, char *dst, struct err *e)
{
	const char *s = *p + 1;

	for (; s < end && *s != '"'; s++) {
		if (*s == '\\' && s + 1 < end && s[1] == '"')
			s++;
		*dst++ = *s;
	}
	*dst = '\0';
	if (s == end)
		return err_set(e, ERR_FORMAT, "a quote is not closed");
	*p = s + 1;
	return 0;
}

/* One option at *p. `value` has room for a whole line. */
static int
parse_option(const char **p, const char *end, struct authkeys_line *l, char *value, struct err *e)
{
	const char *name = *p;
	const struct option *o;
	char shown[80];
	size_t n = 0;
	bool has_value;

	while (*p < end && **p != ',' && **p != '=' && **p != '"' && !is_blank(**p))
		++*p;
	n = (size_t)(*p - name);
	has_value = *p < end && **p == '=';
	(void)text_escape(shown, sizeof(shown), name, n);
	if ((o = find_option(name, n)) == NULL)
		return err_set(e, ERR_FORMAT, "option \"%s\" is unknown", shown);
	if (o->refused != NULL)
		return err_set(e, ERR_FORMAT, "option %s %s", o->name, o->refused);
	if (has_value != o->value || (has_value && (++*p == end || **p != '"')))
		return err_set(e, ERR_FORMAT, "option %s %s", o->name,
		    o->value ? "needs a value in quotes" : "has no value");
	value[0] = '\0';
	if (has_value && read_value(p, end, value, e) == -1)
		return -1;
	if (o->take != NULL)
		return o->take(l, value, e);
	*(bool *)((char *)l + o->flag) = o->to;
	return 0;
}

/* All options at *p up to the blank behind them. */
static int
parse_options(const char **p, const char *end, struct authkeys_line *l, struct err *e)
{
	char value[AUTHKEYS_LINE_MAX + 1];

	for (;;) {
		if (parse_option(p, end, l, value, e) == -1)
			return -1;
		if (*p == end || is_blank(**p))
			break;
		if (**p != ',')
			return err_set(e, ERR_FORMAT,
			    "options: a comma is wanted between two, or a blank "
			    "behind the last");
		++*p;
	}
	while (*p < end && is_blank(**p))
		++*p;
	return 0;
}

/* ---- the line ------------------------------------------------------------------------------- */
static bool
begins_with_type(const char *p, size_t n)
{
	static const char *const starts[] = { "ssh-", "ecdsa-", "sk-", "rsa-" };

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (n > strlen(starts[i]) && strncmp(p, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

static int
parse_key(const char *p, size_t n, struct authkeys_line *l, struct err *e)
{
	struct sshkey key;

	if (n == 0)
		return err_set(e, ERR_FORMAT, "options without a key behind them");
	if (sshkey_parse_text(p, n, &key, e) == -1)
		return -1;
	if (key.rsa_bits != 0 && key.rsa_bits < RSA_BITS_MIN)
		return err_set(e, ERR_FORMAT, "SSH key: RSA of %u bits, at least %d are wanted",
		    (unsigned)key.rsa_bits, RSA_BITS_MIN);
	memcpy(l->sha256, key.sha256, sizeof(l->sha256));
	return 0;
}

int
authkeys_parse_line(const char *text, size_t n, struct authkeys_line *l, struct err *e)
{
	const char *p = text, *end = text + n;

	if (n > AUTHKEYS_LINE_MAX)
		return err_set(e, ERR_FORMAT, "a line of %zu bytes, at most %d are taken", n,
		    AUTHKEYS_LINE_MAX);
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
			return err_set(e, ERR_FORMAT, "a control character%s",
			    text[i] == '\r' ? " (the line ends in CR LF)" : "");
	while (p < end && is_blank(*p))
		p++;
	if (p == end || *p == '#')
		return 1;
	*l = (struct authkeys_line){ .opens = true, .expires = INT64_MAX };
	if (!begins_with_type(p, (size_t)(end - p)) && parse_options(&p, end, l, e) == -1)
		return -1;
	return parse_key(p, (size_t)(end - p), l, e);
}
