/* lockfile.c - the file in which locks outlive the daemon */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "file.h"
#include "lockfile.h"

int
lockfile_read(const char *path, struct lockset *s, struct err *e)
{
	static const struct file_rules rules = { .max = LOCKSET_TEXT_MAX, .private = true };
	uint8_t *text = NULL;
	size_t n = 0;
	int fd, r;

	*s = (struct lockset){ 0 };
	if ((fd = file_open(path, &rules, e)) == -1)
		return e->kind == ERR_SYS && e->detail == ENOENT ? 0 : err_prefix(e, "locks");
	r = file_read(fd, path, LOCKSET_TEXT_MAX, &text, &n, e);
	close(fd);
	if (r == -1)
		return err_prefix(e, "locks");
	if ((r = lockset_parse(text, n, s, e)) == -1)
		err_prefix(e, "locks: %s", path);
	free(text);
	return r;
}

/* The folder that the path is in; "." for none. */
static void
folder_of(const char *path, char *dst, size_t size)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		(void)snprintf(dst, size, ".");
	else if (slash == path)
		(void)snprintf(dst, size, "/");
	else
		(void)snprintf(dst, size, "%.*s", (int)(slash - path), path);
}

static int
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w == -1 && errno == EINTR)
			continue;
		if (w <= 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* A file of the new text, on the disk. */
static int
write_temp(const char *temp, const char *text, size_t n, struct err *e)
{
	int fd, r;

	(void)unlink(temp); /* of an instance that was ended while it wrote */
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_sys(e, errno, "locks: %s", temp);
	r = write_all(fd, text, n) == -1 || fsync(fd) == -1 ? err_sys(e, errno, "locks: %s", temp)
							    : 0;
	if (close(fd) == -1 && r == 0)
		r = err_sys(e, errno, "locks: %s", temp);
	if (r == -1)
		(void)unlink(temp);
	return r;
}

static int
sync_folder(const char *folder, struct err *e)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd == -1 || fsync(fd) == -1)
		r = err_sys(e, errno, "locks: %s", folder);
	if (fd != -1)
		close(fd);
	return r;
}

int
lockfile_write(const char *path, const struct lockset *s, struct err *e)
{
	char temp[CONF_PATH_MAX + 8], folder[CONF_PATH_MAX];
	size_t n = 0;
	char *text = lockset_text(s, &n, e);
	int r;

	if (text == NULL)
		return -1;
	(void)snprintf(temp, sizeof(temp), "%s.new", path);
	folder_of(path, folder, sizeof(folder));
	(void)mkdir(folder, 0700); /* what keeps it from being there, open() tells */
	r = write_temp(temp, text, n, e);
	free(text);
	if (r == -1)
		return -1;
	if (rename(temp, path) == -1) {
		err_sys(e, errno, "locks: %s", path);
		(void)unlink(temp);
		return -1;
	}
	return sync_folder(folder, e);
}
