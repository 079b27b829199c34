/* files.c - the user's own files */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>

#include "files.h"
#include "text.h"

static const char *
home_dir(void)
{
	const char *home = getenv("HOME");
	struct passwd *pw;

	if (home != NULL && home[0] == '/')
		return home;
	pw = getpwuid(getuid());
	return pw == NULL || pw->pw_dir == NULL || pw->pw_dir[0] != '/' ? NULL : pw->pw_dir;
}

int
files_path(const char *given, const char *name, char path[PATH_MAX], struct err *e)
{
	const char *base = getenv("XDG_CONFIG_HOME");
	int n;

	if (given != NULL)
		n = snprintf(path, PATH_MAX, "%s", given);
	else if (base != NULL && base[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/mtls-connect/%s", base, name);
	else if ((base = home_dir()) != NULL)
		n = snprintf(path, PATH_MAX, "%s/.config/mtls-connect/%s", base, name);
	else
		return err_set(e, ERR_FORMAT, "no home directory to look for %s in", name);
	if (n < 0 || n >= PATH_MAX)
		return err_set(e, ERR_FORMAT, "%s: the path is too long", name);
	return 0;
}

/* The open file is judged, not its path: what was looked at is what is read. */
static int
guard_check(const char *shown, const struct stat *st, enum files_guard guard, struct err *e)
{
	if (S_ISDIR(st->st_mode))
		return err_set(e, ERR_FORMAT, "%s: is a directory", shown);
	if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode))
		return err_set(e, ERR_FORMAT, "%s: is not a file", shown);
	if (guard == FILES_SECRET && (st->st_mode & 077) != 0)
		return err_set(e, ERR_FORMAT,
		    "%s: others may read this key (mode %04o); type: "
		    "chmod 600 %s",
		    shown, (unsigned)st->st_mode & 07777, shown);
	if ((st->st_mode & 002) != 0)
		return err_set(e, ERR_FORMAT,
		    "%s: everybody may write to it (mode %04o); type: "
		    "chmod o-w %s",
		    shown, (unsigned)st->st_mode & 07777, shown);
	if (S_ISREG(st->st_mode) && st->st_size > FILES_MAX)
		return err_set(e, ERR_FORMAT, "%s: larger than %u bytes", shown, FILES_MAX);
	return 0;
}

/* Fill buf to its end or the file's; returns -1 and *e, or the number of bytes. */
static ssize_t
read_all(int fd, const char *shown, uint8_t *buf, size_t size, struct err *e)
{
	size_t got = 0;
	ssize_t r;

	while (got < size) {
		r = read(fd, buf + got, size - got);
		if (r == 0)
			break;
		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return err_sys(e, errno, "%s", shown);
		got += (size_t)r;
	}
	return (ssize_t)got;
}

uint8_t *
files_read(const char *path, enum files_guard guard, size_t *n, struct err *e)
{
	char shown[300];
	struct stat st;
	uint8_t *buf = NULL;
	size_t size = 0;
	ssize_t got = -1;
	int fd;

	(void)text_escape(shown, sizeof(shown), path, strlen(path));
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) == -1) {
		(void)err_sys(e, errno, "%s", shown);
		return NULL;
	}
	if (fstat(fd, &st) == -1)
		(void)err_sys(e, errno, "%s", shown);
	else if (guard_check(shown, &st, guard, e) == 0) {
		/* One byte more than may come, so that a file that grows is seen to be too large.
		 */
		size = (S_ISREG(st.st_mode) ? (size_t)st.st_size : FILES_MAX) + 1;
		if ((buf = malloc(size + 1)) == NULL)
			(void)err_nomem(e, shown);
		else
			got = read_all(fd, shown, buf, size, e);
	}
	(void)close(fd);
	if (got == 0 || (got > 0 && (size_t)got == size)) {
		(void)err_set(e, ERR_FORMAT,
		    got == 0 ? "%s: is empty" : "%s: is too large, or is being written", shown);
		got = -1;
	}
	if (got == -1) {
		files_free(buf, size);
		return NULL;
	}
	buf[got] = '\0';
	*n = (size_t)got;
	return buf;
}

void
files_free(uint8_t *p, size_t n)
{
	if (p != NULL)
		OPENSSL_cleanse(p, n);
	free(p);
}
