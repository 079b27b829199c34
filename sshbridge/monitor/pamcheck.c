/* pamcheck.c - whether the service files of PAM send every login past pam_mtls */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "pamcheck.h"
#include "pamoptions.h"
#include "text.h"

#define ACCOUNT_LINE "account required pam_mtls.so source=bridge bind=session"
#define SESSION_LINE "session required pam_mtls.so source=bridge"

struct check {
	const struct pamfile *f;
	void (*tell)(void *arg, const char *text);
	void *arg;
	unsigned faults;
};

static void __attribute__((format(printf, 4, 5)))
say(struct check *k, const char *file, unsigned line, const char *fmt, ...)
{
	char what[400], text[1000], shown[1400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (line == 0)
		(void)snprintf(text, sizeof(text), "%s: %s", file, what);
	else
		(void)snprintf(text, sizeof(text), "%s:%u: %s", file, line, what);
	(void)snprintf(shown, sizeof(shown), "%s", text);
	text_clean(shown);
	k->faults++;
	k->tell(k->arg, shown);
}

/* ---- what a line is ------------------------------------------------------------------------- */
static bool
is_module(const struct pamline *l, const char *name)
{
	const char *slash = strrchr(l->module, '/');

	return strcmp(slash == NULL ? l->module : slash + 1, name) == 0;
}

/* The argument that begins with `name`, from `p` on; NULL: none. */
static const char *
find_arg(const char *p, const char *name)
{
	size_t n = strlen(name);

	while (*p != '\0') {
		p += strspn(p, " ");
		if (strncmp(p, name, n) == 0)
			return p;
		p += strcspn(p, " ");
	}
	return NULL;
}

static bool
has_bind_session(const struct pamline *l)
{
	const char *p = find_arg(l->args, "bind=session");

	return p != NULL && (p[12] == '\0' || p[12] == ' ');
}

/* pam_env takes the variable by atoi(3). */
static bool
reads_users_file(const struct pamline *l)
{
	const char *p = l->args;

	if (!is_module(l, "pam_env.so"))
		return false;
	for (; (p = find_arg(p, "user_readenv=")) != NULL; p++)
		if (atoi(p + strlen("user_readenv=")) != 0)
			return true;
	return false;
}

/* The next VALUE=ACTION of a control in brackets; NULL at its end. */
static const char *
next_action(const char **p, char value[40], char action[40])
{
	const char *q = *p + strspn(*p, " \t[,");
	size_t n = strcspn(q, " \t,]"), eq = 0;

	if (n == 0)
		return NULL;
	while (eq < n && q[eq] != '=')
		eq++;
	(void)snprintf(value, 40, "%.*s", (int)eq, q);
	(void)snprintf(action, 40, "%.*s", (int)(n - eq - (eq < n)), q + eq + (eq < n));
	*p = q + n;
	return q;
}

/*
 * Whether the control may end the stack well, or jump over lines that follow. In a substack both
 * end with the substack.
 */
static bool
passes_over(const struct pamline *l)
{
	const char *p = l->control;
	char value[40], action[40];

	if (l->level > 0)
		return false;
	if (*p != '[')
		return strcasecmp(p, "sufficient") == 0;
	while (next_action(&p, value, action) != NULL)
		if (strcasecmp(action, "done") == 0 || strspn(action, "0123456789") > 0)
			return true;
	return false;
}

/* Whether a no of the module is the stack's, and a yes no more than one among others. */
static bool
is_required(const struct pamline *l)
{
	const char *p = l->control;
	char value[40], action[40];
	bool success = false, rest = false;

	if (*p != '[')
		return strcasecmp(p, "required") == 0 || strcasecmp(p, "requisite") == 0;
	while (next_action(&p, value, action) != NULL) {
		bool bad = strcasecmp(action, "bad") == 0 || strcasecmp(action, "die") == 0;

		if (strcmp(value, "success") == 0 || strcmp(value, "new_authtok_reqd") == 0) {
			if (strcasecmp(action, "ok") != 0)
				return false;
			success = success || strcmp(value, "success") == 0;
		} else if (strcmp(value, "default") == 0) {
			rest = bad;
		} else if (!bad && strcmp(value, "ignore") != 0) {
			return false;
		}
	}
	return success && rest;
}

/* ---- the rules ------------------------------------------------------------------------------ */
static const struct pamline *
find_ours(const struct pamfile *f, enum pamtype type)
{
	for (size_t i = 0; i < f->nlines; i++)
		if (f->lines[i].type == type && is_module(&f->lines[i], "pam_mtls.so"))
			return &f->lines[i];
	return NULL;
}

/* The module reads them by the same function, and refuses every login by a line with a bad one. */
static void
check_args(struct check *k, const struct pamline *l)
{
	char *copy = strdup(l->args), *save = NULL, *word;
	const char *argv[PAMFILE_WORDS / 2];
	struct pamoptions o;
	struct err e = { 0 };
	int n = 0;

	if (copy == NULL)
		return;
	for (word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	if (pamoptions_parse(n, argv, l->type == PAMTYPE_ACCOUNT, &o, &e) == -1)
		say(k, l->file, l->line, "pam_mtls.so refuses every login by this line: %s",
		    e.text);
	free(copy);
}

/* Of every line of ours, whatever its type and place. */
static void
check_form(struct check *k, const struct pamline *l)
{
	if (!is_required(l))
		say(k, l->file, l->line,
		    "pam_mtls.so is %s, so that its no can be passed over, or its yes passes over "
		    "others: write required",
		    l->control);
	if (l->dash)
		say(k, l->file, l->line,
		    "the - before the type lets everybody in when the module's file is missing: "
		    "leave it out");
	if (l->level > 0)
		say(k, l->file, l->line,
		    "pam_mtls.so is in a substack: write it into the service's own file");
	check_args(k, l);
}

/* Lines before ours that may end the stack with a yes. How many of any kind there are. */
static unsigned
check_before(struct check *k, const struct pamline *ours)
{
	unsigned before = 0;

	for (const struct pamline *l = k->f->lines; l < ours; l++) {
		if (l->type != ours->type)
			continue;
		before++;
		if (passes_over(l))
			say(k, l->file, l->line,
			    "%s of %s passes over pam_mtls.so, which stands below it: put the "
			    "line of pam_mtls.so first",
			    l->control, l->module);
	}
	return before;
}

static void
check_account(struct check *k, const struct pamline *ours)
{
	unsigned told = k->faults;

	if (ours == NULL) {
		say(k, k->f->files[0], 0,
		    "no account line of pam_mtls.so, so that it decides nothing: write \"%s\" as "
		    "the first account line",
		    ACCOUNT_LINE);
		return;
	}
	if (check_before(k, ours) > 0 && k->faults == told)
		say(k, ours->file, ours->line,
		    "pam_mtls.so is not the first account line: put \"%s\" before the others",
		    ACCOUNT_LINE);
	check_form(k, ours);
}

static void
check_session(struct check *k, const struct pamline *ours, const struct pamline *account)
{
	if (ours == NULL) {
		if (account != NULL && has_bind_session(account))
			say(k, account->file, account->line,
			    "bind=session without a session line of pam_mtls.so, so that no SSH "
			    "key is ever confirmed: write \"%s\" as the first session line",
			    SESSION_LINE);
		return;
	}
	(void)check_before(k, ours);
	for (const struct pamline *l = k->f->lines; l < ours; l++)
		if (l->type == PAMTYPE_SESSION && reads_users_file(l))
			say(k, l->file, l->line,
			    "pam_env.so with user_readenv before pam_mtls.so takes a file of the "
			    "user's that can forge the SSH key: put \"%s\" above it",
			    SESSION_LINE);
	check_form(k, ours);
}

unsigned
pamcheck_service(const char *service, pamfile_source *source, void *arg,
    void (*tell)(void *tell_arg, const char *text), void *tell_arg)
{
	struct check k = { .tell = tell, .arg = tell_arg };
	const struct pamline *account, *auth;
	struct pamfile *f;
	struct err e = { .kind = ERR_NONE };

	if ((f = pamfile_read(service, source, arg, &e)) == NULL) {
		say(&k, "pam-services", 0, "\"%s\": %s: name a file of /etc/pam.d that is there",
		    service, e.text);
		return k.faults;
	}
	k.f = f;
	for (size_t i = 0; i < f->nfaults; i++)
		say(&k, f->faults[i].file, f->faults[i].line,
		    "%s: PAM does not take the line, and refuses logins or goes on without it",
		    f->faults[i].text);
	account = find_ours(f, PAMTYPE_ACCOUNT);
	check_account(&k, account);
	check_session(&k, find_ours(f, PAMTYPE_SESSION), account);
	if ((auth = find_ours(f, PAMTYPE_AUTH)) != NULL)
		check_form(&k, auth);
	pamfile_free(f);
	return k.faults;
}

/* ---- the machine's files -------------------------------------------------------------------- */
/* As libpam opens it: symbolic links are followed (authselect has them), but no FIFO is waited for.
 */
static char *
read_path(const char *path, size_t *n, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	uint8_t *text = NULL;

	if (fd == -1 || fstat(fd, &st) == -1)
		err_sys(e, errno, "%s", path);
	else if (!S_ISREG(st.st_mode))
		err_set(e, ERR_FORMAT, "%s: not a regular file", path);
	else if (file_read(fd, path, PAMFILE_TEXT_MAX, &text, n, e) == -1)
		text = NULL;
	if (fd != -1)
		close(fd);
	return (char *)text;
}

static char *
read_named(void *arg, const char *name, char path[PAMFILE_PATH], size_t *n, struct err *e)
{
	static const char *const folders[] = { "/etc/pam.d/", "/usr/lib/pam.d/" };
	struct err second;
	char *text;

	(void)arg;
	(void)snprintf(path, PAMFILE_PATH, "%s%s", name[0] == '/' ? "" : folders[0], name);
	if ((text = read_path(path, n, e)) != NULL || name[0] == '/' || e->detail != ENOENT)
		return text;
	(void)snprintf(path, PAMFILE_PATH, "%s%s", folders[1], name);
	return read_path(path, n, &second);
}

unsigned
pamcheck(const struct conf_list *services, void (*tell)(void *tell_arg, const char *text),
    void *tell_arg)
{
	unsigned faults = 0;

	for (uint32_t i = 0; i < services->n; i++)
		faults += pamcheck_service(services->v[i], read_named, NULL, tell, tell_arg);
	return faults;
}
