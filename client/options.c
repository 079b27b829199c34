/* options.c - the command line: one table, exact words, nothing ignored */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "addr.h"
#include "agentkey.h"
#include "local.h"
#include "options.h"
#include "text.h"

#define TIMEOUT_MAX 300
#define nitems(a)   (sizeof(a) / sizeof((a)[0]))

const char *
options_help(void)
{
	return "usage: mtls-connect [OPTION ...] HOST[:PORT]\n"
	       "       mtls-connect --listen ADDRESS:PORT [OPTION ...] HOST[:PORT]\n"
	       "       mtls-connect setup [--port PORT] [--user NAME] [--targets PATTERN,...]\n"
	       "                          [--write] [OPTION ...] HOST\n"
	       "\n"
	       "Join stdin and stdout, or each connection to a local port, to an SSH server\n"
	       "behind an sshbridge, over mutual TLS.\n"
	       "An IPv6 address goes in brackets; the port is 8443 where none is given.\n"
	       "\n"
	       "  --cert FILE          certificate, then intermediates (PEM)    cert.pem\n"
	       "  --key FILE           its private key (PEM, PKCS#8, OpenSSH)   key.pem\n"
	       "  --key agent:[FINGERPRINT]  or held by ssh-agent\n"
	       "  --ca FILE            certificates that sign bridges (PEM)     ca.pem\n"
	       "                       defaults in ~/.config/mtls-connect/\n"
	       "  --server-name NAME   the name in the bridge's certificate     HOST\n"
	       "  --min-version 1.2    allow TLS 1.2 too                        1.3\n"
	       "  --timeout SECONDS    to connect and shake hands, 1 to 300     15\n"
	       "  -4, -6               IPv4 only, IPv6 only\n"
	       "  -v, --verbose        say what was connected to\n"
	       "  -h, --help           this text\n"
	       "  -V, --version        the version\n"
	       "\n"
	       "for programs that know no ProxyCommand:\n"
	       "  --listen ADDRESS:PORT  such as 127.0.0.1:2222: each connection goes to HOST\n"
	       "  --allow-others       also those of other users, and from other machines\n"
	       "                       if ADDRESS lets them in: they use your certificate\n"
	       "\n"
	       "setup prints the lines for ~/.ssh/config, with the options given:\n"
	       "  --port PORT          the bridge's port                        8443\n"
	       "  --user NAME          the account to log in to\n"
	       "  --targets PATTERN,...  HOST is a jump host: these are reached through it\n"
	       "  --write              append the lines to ~/.ssh/config\n"
	       "  --file FILE          to this file instead\n";
}

enum { FOR_CONNECT = 1, FOR_SETUP = 2, FOR_BOTH = 3 };

/* What a pattern of a Host line may hold beside letters and digits: nothing that ends it. */
#define PATTERN_CHARS ".-_*?:"

static int
set_min_version(struct options *o, const char *v, struct err *e)
{
	if (strcmp(v, "1.2") != 0 && strcmp(v, "1.3") != 0)
		return err_set(e, ERR_FORMAT, "--min-version: 1.2 or 1.3");
	o->tls12 = strcmp(v, "1.2") == 0;
	return 0;
}

static int
set_timeout(struct options *o, const char *v, struct err *e)
{
	size_t n = strlen(v);
	long s = 0;

	if (n > 0 && n <= 3 && strspn(v, "0123456789") == n)
		s = strtol(v, NULL, 10);
	if (s < 1 || s > TIMEOUT_MAX)
		return err_set(e, ERR_FORMAT, "--timeout: seconds, 1 to %d", TIMEOUT_MAX);
	o->timeout_s = (unsigned)s;
	return 0;
}

/* Files and names are taken as they are; an empty one is a slip (an unset variable). */
static int
set_text(const char **field, const char *name, const char *v, struct err *e)
{
	if (*v == '\0')
		return err_set(e, ERR_FORMAT, "%s: the value is empty", name);
	*field = v;
	return 0;
}

static int
set_cert(struct options *o, const char *v, struct err *e)
{
	return set_text(&o->cert, "--cert", v, e);
}

static int
set_key(struct options *o, const char *v, struct err *e)
{
	if (agentkey_named(v) && agentkey_check(v, e) == -1)
		return err_prefix(e, "--key");
	return set_text(&o->key, "--key", v, e);
}

static int
set_ca(struct options *o, const char *v, struct err *e)
{
	return set_text(&o->ca, "--ca", v, e);
}

static int
set_server_name(struct options *o, const char *v, struct err *e)
{
	struct endpoint scratch = { 0 };

	if (endpoint_name(v, &scratch, e) == -1)
		return err_prefix(e, "--server-name");
	o->server_name = v;
	return 0;
}

static int
set_user(struct options *o, const char *v, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t n = strlen(v);

	if (n == 0 || n > 64 || v[0] == '-' || strspn(v, allowed) != n)
		return err_set(e, ERR_FORMAT,
		    "--user: letters, digits, \".\", \"_\" and \"-\", "
		    "which is not the first");
	o->user = v;
	return 0;
}

/* As it stands in a Host line: a name, or a pattern of ssh_config(5), with or without a "!". */
static int
set_targets(struct options *o, const char *v, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789" PATTERN_CHARS;
	size_t n;

	o->targets = v;
	for (;;) {
		v += *v == '!';
		n = strspn(v, allowed);
		if (n == 0 || n > ENDPOINT_HOST_MAX || v[0] == '-' || (v[n] != ',' && v[n] != '\0'))
			return err_set(e, ERR_FORMAT,
			    "--targets: names or patterns with commas between, such as "
			    "*.prod.example,db.example");
		if (v[n] == '\0')
			return 0;
		v += n + 1;
	}
}

static int
set_listen(struct options *o, const char *v, struct err *e)
{
	if (local_parse(v, &o->listen, e) == -1)
		return err_prefix(e, "--listen");
	o->command = COMMAND_LISTEN;
	return 0;
}

static int
set_allow_others(struct options *o, const char *v, struct err *e)
{
	(void)v;
	(void)e;
	o->allow_others = true;
	return 0;
}

static int
set_file(struct options *o, const char *v, struct err *e)
{
	return set_text(&o->file, "--file", v, e);
}

static int
set_write(struct options *o, const char *v, struct err *e)
{
	(void)v;
	(void)e;
	o->write = true;
	return 0;
}

static int
set_verbose(struct options *o, const char *v, struct err *e)
{
	(void)v;
	(void)e;
	o->verbose = true;
	return 0;
}

static int
set_family(struct options *o, int family, struct err *e)
{
	if (o->family != AF_UNSPEC && o->family != family)
		return err_set(e, ERR_FORMAT, "-4 and -6 exclude each other");
	o->family = family;
	return 0;
}

static int
set_4(struct options *o, const char *v, struct err *e)
{
	(void)v;
	return set_family(o, AF_INET, e);
}

static int
set_6(struct options *o, const char *v, struct err *e)
{
	(void)v;
	return set_family(o, AF_INET6, e);
}

/* The value waits in `port` until the host is known. */
static int
set_port(struct options *o, const char *v, struct err *e)
{
	if (endpoint_port(v, &o->bridge.port, e) == -1)
		return err_prefix(e, "--port");
	return 0;
}

static const struct option {
	const char *name, *other; /* a second spelling, or NULL */
	int commands;
	bool value;
	int (*set)(struct options *, const char *, struct err *);
} table[] = {
	{ "--cert", NULL, FOR_BOTH, true, set_cert },
	{ "--key", NULL, FOR_BOTH, true, set_key },
	{ "--ca", NULL, FOR_BOTH, true, set_ca },
	{ "--server-name", NULL, FOR_BOTH, true, set_server_name },
	{ "--min-version", NULL, FOR_BOTH, true, set_min_version },
	{ "--timeout", NULL, FOR_BOTH, true, set_timeout },
	{ "-4", NULL, FOR_BOTH, false, set_4 },
	{ "-6", NULL, FOR_BOTH, false, set_6 },
	{ "-v", "--verbose", FOR_CONNECT, false, set_verbose },
	{ "--listen", NULL, FOR_CONNECT, true, set_listen },
	{ "--allow-others", NULL, FOR_CONNECT, false, set_allow_others },
	{ "--port", NULL, FOR_SETUP, true, set_port },
	{ "--user", NULL, FOR_SETUP, true, set_user },
	{ "--targets", NULL, FOR_SETUP, true, set_targets },
	{ "--file", NULL, FOR_SETUP, true, set_file },
	{ "--write", NULL, FOR_SETUP, false, set_write },
};
_Static_assert(nitems(table) <= 32, "one bit an option in `seen`");

/* Whole words: an abbreviation that is right today is another option tomorrow. */
static const struct option *
option_find(const char *arg, size_t n)
{
	for (size_t i = 0; i < nitems(table); i++)
		if ((strlen(table[i].name) == n && strncmp(table[i].name, arg, n) == 0) ||
		    (table[i].other != NULL && strlen(table[i].other) == n &&
			strncmp(table[i].other, arg, n) == 0))
			return &table[i];
	return NULL;
}

/* One option at argv[*i], as `--name value` or `--name=value`; *i moves past its value. */
static int
option_take(int argc, char **argv, int *i, uint32_t *seen, struct options *o, struct err *e)
{
	const char *arg = argv[*i], *value = NULL, *eq = strchr(arg, '=');
	size_t n = eq == NULL ? strlen(arg) : (size_t)(eq - arg);
	const struct option *op = option_find(arg, n);
	char shown[80];

	if (op == NULL)
		return err_set(
		    e, ERR_FORMAT, "%s: no such option", text_escape(shown, sizeof(shown), arg, n));
	if ((op->commands & (o->command == COMMAND_SETUP ? FOR_SETUP : FOR_CONNECT)) == 0)
		return err_set(e, ERR_FORMAT, "%s: %s \"setup\"", op->name,
		    op->commands == FOR_SETUP ? "only with" : "not with");
	if ((*seen & 1U << (op - table)) != 0)
		return err_set(e, ERR_FORMAT, "%s: given twice", op->name);
	*seen |= 1U << (op - table);
	if (eq != NULL)
		value = eq + 1;
	else if (op->value && *i + 1 < argc)
		value = argv[++*i];
	if (op->value != (value != NULL))
		return err_set(e, ERR_FORMAT, "%s: %s", op->name,
		    op->value ? "a value must follow" : "takes no value");
	return op->set(o, value == NULL ? "" : value, e);
}

/* -h and -V win over everything else on the line. */
static bool
is_info(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
			o->command = COMMAND_HELP;
		else if (strcmp(argv[i], "-V") == 0 || strcmp(argv[i], "--version") == 0)
			o->command = COMMAND_VERSION;
		else
			continue;
		return true;
	}
	return false;
}

/* The host, and what only makes sense together with it. */
static int
host_take(const char *host, struct options *o, struct err *e)
{
	uint16_t port = o->bridge.port;

	if (host == NULL)
		return err_set(e, ERR_FORMAT, "HOST is missing");
	if (endpoint_parse(host, &o->bridge, e) == -1)
		return -1;
	if (port != 0) {
		if (o->bridge.port != ENDPOINT_PORT && o->bridge.port != port)
			return err_set(e, ERR_FORMAT, "two ports: %u and %u",
			    (unsigned)o->bridge.port, (unsigned)port);
		o->bridge.port = port;
	}
	if (o->server_name != NULL)
		return endpoint_name(o->server_name, &o->bridge, e);
	return 0;
}

static int
listen_check(const struct options *o, struct err *e)
{
	char text[ADDR_TEXT_SIZE];

	if (o->command == COMMAND_LISTEN && !o->allow_others && !local_is_loopback(&o->listen))
		return err_set(e, ERR_FORMAT,
		    "--listen: %s is not a loopback address: other machines may reach it, and "
		    "would "
		    "come in by your certificate; --allow-others lets them",
		    addr_text(&o->listen, text));
	if (o->command == COMMAND_CONNECT && o->allow_others)
		return err_set(e, ERR_FORMAT, "--allow-others: only with --listen");
	return 0;
}

int
options_parse(int argc, char **argv, struct options *o, struct err *e)
{
	const char *host = NULL;
	uint32_t seen = 0;
	bool words_only = false;
	struct options r = { .timeout_s = OPTIONS_TIMEOUT, .family = AF_UNSPEC };
	int i = 1;

	if (is_info(argc, argv, &r)) {
		*o = r;
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "setup") == 0) {
		r.command = COMMAND_SETUP;
		i = 2;
	}
	for (; i < argc; i++) {
		if (!words_only && strcmp(argv[i], "--") == 0)
			words_only = true;
		else if (!words_only && argv[i][0] == '-') {
			if (option_take(argc, argv, &i, &seen, &r, e) == -1)
				return -1;
		} else if (host != NULL)
			return err_set(e, ERR_FORMAT, "one HOST only");
		else
			host = argv[i];
	}
	if (host_take(host, &r, e) == -1)
		return -1;
	if (r.file != NULL && !r.write)
		return err_set(e, ERR_FORMAT, "--file: only with --write");
	if (listen_check(&r, e) == -1)
		return -1;
	*o = r;
	return 0;
}
