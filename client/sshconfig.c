/* sshconfig.c - adding a stanza to the user's ssh_config(5) */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "sshconfig.h"
#include "text.h"

/* The next word of a line (quotes belong to it, as ssh has it); false at the end. */
static bool
word_next(const char **p, const char *end, char *word, size_t size)
{
	bool quoted = false;
	size_t n = 0;

	while (*p < end && strchr(" \t\r", **p) != NULL)
		(*p)++;
	if (*p == end || **p == '#')
		return false;
	for (; *p < end && (quoted || strchr(" \t\r", **p) == NULL); (*p)++) {
		if (**p == '"')
			quoted = !quoted;
		else if (n + 1 < size)
			word[n++] = **p;
	}
	word[n] = '\0';
	return true;
}

/* One line's say about `host`: 2 it is named, 1 a pattern or Match may apply, 0 nothing. */
static int
line_judge(const char *line, const char *end, const char *host)
{
	char word[512];
	int r = 0;

	while (line < end && strchr(" \t", *line) != NULL)
		line++;
	if (end - line > 5 && strncasecmp(line, "Match", 5) == 0 && strchr(" \t=", line[5]) != NULL)
		return 1;
	if (end - line <= 4 || strncasecmp(line, "Host", 4) != 0 ||
	    strchr(" \t=\"", line[4]) == NULL)
		return 0;
	line += 4;
	while (line < end && strchr(" \t=", *line) != NULL)
		line++;
	while (word_next(&line, end, word, sizeof(word))) {
		if (strcasecmp(word, host) == 0)
			return 2;
		if (word[0] != '!' && fnmatch(word, host, FNM_CASEFOLD) == 0)
			r = 1;
	}
	return r;
}

unsigned
sshconfig_find(const char *text, const char *host, unsigned *wild)
{
	unsigned n = 1;

	*wild = 0;
	for (const char *line = text; *line != '\0'; n++) {
		const char *end = line + strcspn(line, "\n");
		int say = line_judge(line, end, host);

		if (say == 2)
			return n;
		if (say == 1 && *wild == 0)
			*wild = n;
		line = *end == '\n' ? end + 1 : end;
	}
	return 0;
}

int
sshconfig_path(char path[PATH_MAX], struct err *e)
{
	struct passwd *pw = getpwuid(getuid());
	int n = -1;

	if (pw != NULL && pw->pw_dir != NULL && pw->pw_dir[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/.ssh/config", pw->pw_dir);
	if (n < 0 || n >= PATH_MAX)
		return err_set(e, ERR_FORMAT, "no home directory for uid %u", (unsigned)getuid());
	return 0;
}

/* The file that is to be replaced: behind symbolic links, and its folder there. */
static int
target_find(const char *path, char real[PATH_MAX], struct err *e)
{
	char shown[300], *slash;

	(void)text_escape(shown, sizeof(shown), path, strlen(path));
	if (realpath(path, real) != NULL)
		return 0;
	if (errno != ENOENT)
		return err_sys(e, errno, "%s", shown);
	if (snprintf(real, PATH_MAX, "%s", path) >= PATH_MAX)
		return err_set(e, ERR_FORMAT, "%s: the path is too long", shown);
	if ((slash = strrchr(real, '/')) == NULL || slash == real)
		return 0;
	*slash = '\0';
	if (mkdir(real, 0700) == -1 && errno != EEXIST)
		return err_sys(
		    e, errno, "%s", text_escape(shown, sizeof(shown), real, strlen(real)));
	*slash = '/';
	return 0;
}

/* Old text and mode; a file that is not there is an empty one of mode 0600. */
static int
old_read(const char *real, uint8_t **text, size_t *n, struct stat *st, struct err *e)
{
	char shown[300];

	*text = NULL;
	*n = 0;
	if (stat(real, st) == -1) {
		*st = (struct stat){ .st_mode = 0600, .st_uid = geteuid(), .st_gid = getegid() };
		return errno == ENOENT ? 0
				       : err_sys(e, errno, "%s",
					     text_escape(shown, sizeof(shown), real, strlen(real)));
	}
	if (S_ISREG(st->st_mode) && st->st_size == 0)
		return 0;
	if ((*text = files_read(real, FILES_PUBLIC, n, e)) == NULL)
		return -1;
	if (strlen((const char *)*text) != *n)
		return err_set(e, ERR_FORMAT, "%s: has a NUL byte in it",
		    text_escape(shown, sizeof(shown), real, strlen(real)));
	return 0;
}

static int
put_all(int fd, const char *p, size_t n)
{
	ssize_t w;

	for (; n > 0; p += w, n -= (size_t)w)
		if ((w = write(fd, p, n)) == -1) {
			if (errno != EINTR)
				return -1;
			w = 0;
		}
	return 0;
}

/* Old text, a line of its own between, the stanza; on the disk before anybody sees it. */
static int
new_fill(int fd, const char *old, size_t n, const char *stanza, const struct stat *st)
{
	const char *gap = n == 0 ? "" : old[n - 1] == '\n' ? "\n" : "\n\n";
	struct stat now;

	if (fchmod(fd, st->st_mode & 07777) == -1 || fstat(fd, &now) == -1)
		return -1;
	if ((now.st_uid != st->st_uid || now.st_gid != st->st_gid) &&
	    fchown(fd, st->st_uid, st->st_gid) == -1)
		return -1;
	if (put_all(fd, old, n) == -1 || put_all(fd, gap, strlen(gap)) == -1 ||
	    put_all(fd, stanza, strlen(stanza)) == -1)
		return -1;
	return fsync(fd);
}

/* Whether somebody else has written the file since we read it. */
static bool
is_changed(const char *real, const struct stat *st)
{
	struct stat now;

	if (stat(real, &now) == -1)
		return st->st_ino != 0;
	return now.st_ino != st->st_ino || now.st_size != st->st_size ||
	       now.st_mtim.tv_sec != st->st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != st->st_mtim.tv_nsec;
}

static int
file_replace(const char *real, const char *old, size_t n, const char *stanza, const struct stat *st,
    struct err *e)
{
	char tmp[PATH_MAX], shown[300];
	int fd = -1, r = -1;

	(void)text_escape(shown, sizeof(shown), real, strlen(real));
	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", real) >= (int)sizeof(tmp))
		return err_set(e, ERR_FORMAT, "%s: the path is too long", shown);
	if ((fd = mkostemp(tmp, O_CLOEXEC)) == -1)
		return err_sys(e, errno, "%s", shown);
	if (new_fill(fd, old, n, stanza, st) == -1)
		(void)err_sys(e, errno, "%s", shown);
	else if (is_changed(real, st))
		(void)err_set(e, ERR_FORMAT, "%s: was changed meanwhile; try again", shown);
	else if (rename(tmp, real) == -1)
		(void)err_sys(e, errno, "%s", shown);
	else
		r = 0;
	(void)close(fd);
	if (r == -1)
		(void)unlink(tmp);
	return r;
}

int
sshconfig_append(
    const char *path, const char *host, const char *stanza, unsigned *wild, struct err *e)
{
	char real[PATH_MAX], shown[300];
	uint8_t *old = NULL;
	struct stat st;
	unsigned line;
	size_t n;
	int r = -1;

	if (target_find(path, real, e) == -1)
		return -1;
	if (old_read(real, &old, &n, &st, e) == 0) {
		line = sshconfig_find(old == NULL ? "" : (const char *)old, host, wild);
		if (line != 0)
			(void)err_set(e, ERR_FORMAT,
			    "%s:%u: has a Host line for %s already: change "
			    "it there",
			    text_escape(shown, sizeof(shown), real, strlen(real)), line, host);
		else
			r = file_replace(
			    real, old == NULL ? "" : (const char *)old, n, stanza, &st, e);
	}
	files_free(old, n);
	return r;
}
