/* setup.c - the lines for ssh_config(5) */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agentkey.h"
#include "files.h"
#include "say.h"
#include "setup.h"
#include "sshconfig.h"
#include "text.h"

#define STANZA_MAX 8192
#define QUOTED_MAX (4 * PATH_MAX + 3)

/* A text that grows; `full` stays set once something did not fit. */
struct out {
	char *p;
	size_t size, len;
	bool full;
};

static void
put(struct out *o, const char *s)
{
	size_t n = strlen(s);

	if (n >= o->size - o->len) {
		o->full = true;
		return;
	}
	memcpy(o->p + o->len, s, n + 1);
	o->len += n;
}

int
setup_quote(const char *word, char *dst, size_t size, struct err *e)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-+:,@";
	bool quote = word[0] == '\0' || word[strspn(word, plain)] != '\0';
	struct out o = { .p = dst, .size = size };
	char one[2] = "";

	put(&o, quote ? "'" : "");
	for (const char *p = word; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(e, ERR_FORMAT,
			    "a file name with a control character cannot "
			    "stand in ssh's configuration");
		one[0] = *p;
		put(&o, *p == '\'' ? "'\\''" : *p == '%' ? "%%" : one);
	}
	put(&o, quote ? "'" : "");
	if (o.full)
		return err_set(e, ERR_FORMAT, "a file name is too long");
	return 0;
}

/* " --name WORD", a file as an absolute path, for ssh may be started anywhere. */
static int
put_option(struct out *o, const char *name, const char *word, bool file, struct err *e)
{
	char path[PATH_MAX], quoted[QUOTED_MAX], cwd[PATH_MAX];
	int n;

	if (word == NULL)
		return 0;
	if (file && word[0] != '/') {
		if (getcwd(cwd, sizeof(cwd)) == NULL)
			return err_set(e, ERR_FORMAT, "%s: give an absolute path", name);
		n = snprintf(path, sizeof(path), "%s/%s", cwd, word);
		if (n < 0 || (size_t)n >= sizeof(path))
			return err_set(e, ERR_FORMAT, "%s: the path is too long", name);
		word = path;
	}
	if (setup_quote(word, quoted, sizeof(quoted), e) == -1)
		return err_prefix(e, "%s", name);
	put(o, " ");
	put(o, name);
	put(o, " ");
	put(o, quoted);
	return 0;
}

/*
 * A second stanza: what is reached through the first one's host. Should a pattern fit that host
 * too, its ProxyCommand comes first, and ssh takes no ProxyJump after it.
 */
static void
put_targets(struct out *o, const struct options *opts)
{
	char one[2] = "";

	if (opts->targets == NULL)
		return;
	put(o, "\nHost ");
	for (const char *p = opts->targets; *p != '\0'; p++) {
		one[0] = *p == ',' ? ' ' : *p;
		put(o, one);
	}
	put(o, opts->bridge.v6 ? "\n\tProxyJump [" : "\n\tProxyJump ");
	put(o, opts->bridge.host);
	put(o, opts->bridge.v6 ? "]\n" : "\n");
}

int
setup_stanza(const struct options *o, const char *program, char *dst, size_t size, struct err *e)
{
	struct out out = { .p = dst, .size = size };
	char word[QUOTED_MAX], timeout[16], port[16];

	if (setup_quote(program, word, sizeof(word), e) == -1)
		return -1;
	put(&out, "Host ");
	put(&out, o->bridge.host);
	put(&out, "\n\tProxyCommand ");
	put(&out, word);
	(void)snprintf(timeout, sizeof(timeout), "%u", o->timeout_s);
	if (put_option(&out, "--cert", o->cert, true, e) == -1 ||
	    put_option(&out, "--key", o->key, o->key != NULL && !agentkey_named(o->key), e) == -1 ||
	    put_option(&out, "--ca", o->ca, true, e) == -1 ||
	    put_option(&out, "--server-name", o->server_name, false, e) == -1 ||
	    put_option(&out, "--min-version", o->tls12 ? "1.2" : NULL, false, e) == -1 ||
	    put_option(&out, "--timeout", o->timeout_s == OPTIONS_TIMEOUT ? NULL : timeout, false,
		e) == -1)
		return -1;
	put(&out, o->family == AF_INET ? " -4" : o->family == AF_INET6 ? " -6" : "");
	/* %h is the Host above and nothing else; brackets would be a pattern to the shell. */
	(void)snprintf(port, sizeof(port), "%u", (unsigned)o->bridge.port);
	put(&out, o->bridge.v6 ? " '[%h]:" : " %h:");
	put(&out, port);
	put(&out, o->bridge.v6 ? "'\n" : "\n");
	if (o->user != NULL) {
		put(&out, "\tUser ");
		put(&out, o->user);
		put(&out, "\n");
	}
	/* A bridge or a firewall in between that lost the connection is noticed in a minute. */
	put(&out, "\tServerAliveInterval 20\n\tServerAliveCountMax 3\n");
	put_targets(&out, o);
	if (out.full)
		return err_set(e, ERR_FORMAT, "the stanza is too long");
	return 0;
}

static bool
same_file(const char *path, const struct stat *self)
{
	struct stat st;

	return access(path, X_OK) == 0 && stat(path, &st) == 0 && st.st_dev == self->st_dev &&
	       st.st_ino == self->st_ino;
}

/* "mtls-connect" where PATH finds this very program by that name, else its whole path. */
static const char *
program_name(char path[PATH_MAX])
{
	const char *dirs = getenv("PATH"), *end;
	struct stat self;
	ssize_t n;

	if (stat("/proc/self/exe", &self) == -1 ||
	    (n = readlink("/proc/self/exe", path, PATH_MAX - 1)) <= 0)
		return "mtls-connect";
	for (; dirs != NULL && *dirs != '\0'; dirs = *end == ':' ? end + 1 : end) {
		char candidate[PATH_MAX];

		end = dirs + strcspn(dirs, ":");
		if (end - dirs < PATH_MAX - 20 && dirs[0] == '/') {
			(void)snprintf(candidate, sizeof(candidate), "%.*s/mtls-connect",
			    (int)(end - dirs), dirs);
			if (access(candidate, X_OK) != 0)
				continue;
			if (same_file(candidate, &self))
				return "mtls-connect";
			break; /* another one comes first */
		}
	}
	path[n] = '\0';
	return path;
}

/* Nothing that stops us, but what the first ssh would stumble over. */
static void
missing_tell(const struct options *o)
{
	const struct {
		const char *given, *name, *what;
	} files[] = {
		{ o->cert, "cert.pem", "your certificate, then the intermediate" },
		{ o->key, "key.pem",
		    "its private key, mode 0600; or give --key agent: for one in ssh-agent" },
		{ o->ca, "ca.pem", "the CA that signed the bridge's certificate" },
	};
	char path[PATH_MAX], shown[300];
	struct err e;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].given != NULL && files[i].given == o->key && agentkey_named(o->key))
			continue; /* the agent that counts is that of the day of use */
		if (files_path(files[i].given, files[i].name, path, &e) == 0 &&
		    access(path, R_OK) == -1)
			say("still to be put there: %s (%s)",
			    text_escape(shown, sizeof(shown), path, strlen(path)), files[i].what);
	}
}

static int
stanza_write(const struct options *o, const char *stanza, struct err *e)
{
	char path[PATH_MAX], shown[300];
	unsigned wild;
	int n;

	if (o->file != NULL) {
		n = snprintf(path, sizeof(path), "%s", o->file);
		if (n < 0 || (size_t)n >= sizeof(path))
			return err_set(e, ERR_FORMAT, "--file: the path is too long");
	} else if (sshconfig_path(path, e) == -1)
		return -1;
	if (sshconfig_append(path, o->bridge.host, stanza, &wild, e) == -1)
		return -1;
	(void)text_escape(shown, sizeof(shown), path, strlen(path));
	say("appended to %s", shown);
	if (wild != 0)
		say("%s:%u also applies to this host and comes first: what it sets stays", shown,
		    wild);
	return 0;
}

int
setup_run(const struct options *o)
{
	char stanza[STANZA_MAX], path[PATH_MAX];
	struct err e;

	if (setup_stanza(o, program_name(path), stanza, sizeof(stanza), &e) == -1 ||
	    (o->write && stanza_write(o, stanza, &e) == -1)) {
		say("%s", e.text);
		return EXIT_FAILURE;
	}
	if (!o->write && (fputs(stanza, stdout) < 0 || fflush(stdout) != 0)) {
		say("stdout: cannot write");
		return EXIT_FAILURE;
	}
	missing_tell(o);
	return EXIT_SUCCESS;
}
