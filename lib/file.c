/* file.c - files of the administrator */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

/* What the administrator reads when the open file is not as it must be. */
static int
file_judge(const struct stat *st, const char *path, const struct file_rules *r, struct err *e)
{
	if (!S_ISREG(st->st_mode))
		return err_set(e, ERR_FORMAT, "%.200s: not a regular file", path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_set(e, ERR_FORMAT,
		    "%.200s: belongs to uid %u, must belong to root%s: "
		    "chown root",
		    path, (unsigned)st->st_uid,
		    geteuid() == 0 ? "" : " or to the user who runs this");
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(e, ERR_FORMAT,
		    "%.200s: mode %04o lets group or others write it: "
		    "chmod go-w",
		    path, (unsigned)(st->st_mode & 07777));
	if (r->private && (st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return err_set(e, ERR_FORMAT,
		    "%.200s: mode %04o lets group or others at a secret: "
		    "chmod 600",
		    path, (unsigned)(st->st_mode & 07777));
	if (st->st_size < 0 || (uint64_t)st->st_size > r->max)
		return err_set(e, ERR_FORMAT, "%.200s: %lld bytes, allowed: at most %zu", path,
		    (long long)st->st_size, r->max);
	return 0;
}

static int
open_judged(const char *path, int flags, const struct file_rules *r, struct err *e)
{
	struct stat st;
	int fd;

	/* O_NONBLOCK: a FIFO in the file's place must not hang us; it is refused below. */
	fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd == -1 && errno == ELOOP)
		return err_set(e, ERR_FORMAT,
		    "%.200s: is a symbolic link, which is not followed: "
		    "name the file itself, or copy it here (certbot: in a deploy hook)",
		    path);
	if (fd == -1)
		return err_sys(e, errno, "%.200s", path);
	if (fstat(fd, &st) == -1) {
		err_sys(e, errno, "%.200s", path);
		goto fail;
	}
	if (file_judge(&st, path, r, e) == -1)
		goto fail;
	return fd;
fail:
	(void)close(fd);
	return -1;
}

int
file_open(const char *path, const struct file_rules *r, struct err *e)
{
	return open_judged(path, O_RDONLY, r, e);
}

int
file_open_append(const char *path, struct err *e)
{
	static const struct file_rules rules = { .max = SIZE_MAX };

	return open_judged(path, O_WRONLY | O_APPEND | O_CREAT, &rules, e);
}

bool
file_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Up to `size` bytes from the start of `fd`; less only at its end. -1 and errno. */
static ssize_t
read_from_start(int fd, uint8_t *buf, size_t size)
{
	size_t got = 0;
	ssize_t k;

	while (got < size) {
		k = pread(fd, buf + got, size - got, (off_t)got);
		if (k == -1 && errno == EINTR)
			continue;
		if (k == -1)
			return -1;
		if (k == 0)
			break;
		got += (size_t)k;
	}
	return (ssize_t)got;
}

int
file_read(int fd, const char *name, size_t max, uint8_t **p, size_t *n, struct err *e)
{
	struct stat before, after;
	uint8_t *buf = NULL;
	size_t size = 0;
	ssize_t got;

	if (fstat(fd, &before) == -1)
		return err_sys(e, errno, "%.200s", name);
	if (!S_ISREG(before.st_mode))
		return err_set(e, ERR_FORMAT, "%.200s: not a regular file", name);
	if (before.st_size < 0 || (uint64_t)before.st_size > max)
		return err_set(e, ERR_FORMAT, "%.200s: %lld bytes, allowed: at most %zu", name,
		    (long long)before.st_size, max);
	/* One byte more than it has, to see whether it grew; its place then takes the NUL. */
	size = (size_t)before.st_size + 1;
	if ((buf = malloc(size)) == NULL)
		return err_nomem(e, name);
	if ((got = read_from_start(fd, buf, size)) == -1 || fstat(fd, &after) == -1) {
		err_sys(e, errno, "%.200s", name);
		goto fail;
	}
	if (got != before.st_size || !file_same(&before, &after)) {
		err_set(e, ERR_FORMAT,
		    "%.200s: changed while it was read: write files elsewhere and "
		    "rename them into place, then try again",
		    name);
		goto fail;
	}
	buf[got] = '\0';
	*p = buf;
	*n = (size_t)got;
	return 0;
fail:
	explicit_bzero(buf, size);
	free(buf);
	return -1;
}
