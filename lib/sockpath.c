/* sockpath.c - a walk along the path of the daemon's socket, each part judged as it was opened */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sockpath.h"

#define PART_MAX 255

static bool
others_may_write(const struct stat *st)
{
	/* an ACL that names somebody shows as the group's bits (its mask) */
	return (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

/*
 * In a sticky folder others may add entries, but rename and remove only their own (rename(2),
 * EPERM). What is there under a name and belongs to root or to us was put there by root or us,
 * and stays: judge_part() asks that of every part. Without the sticky bit they may replace
 * anything.
 */
static int
judge_folder(const char *shown, int len, const struct stat *st, struct err *e)
{
	if (S_ISLNK(st->st_mode))
		return err_set(e, ERR_PEER,
		    "%.*s is a symbolic link: name the folder that it leads "
		    "to",
		    len, shown);
	if (!S_ISDIR(st->st_mode))
		return err_set(e, ERR_PEER, "%.*s is not a folder", len, shown);
	if (others_may_write(st) && (st->st_mode & S_ISVTX) == 0)
		return err_set(e, ERR_PEER, "folder %.*s is writable by others", len, shown);
	return 0;
}

/*
 * A hard link is the one way to have an entry of root's under a name of one's own choosing, in a
 * sticky folder: a socket there must have no other name.
 */
static int
judge_socket(const char *shown, const struct stat *folder, const struct stat *st, struct err *e)
{
	if (S_ISLNK(st->st_mode))
		return err_set(e, ERR_PEER, "%s is a symbolic link: name what it leads to", shown);
	if (!S_ISSOCK(st->st_mode))
		return err_set(e, ERR_PEER, "%s is not a socket", shown);
	if (others_may_write(folder) && st->st_nlink != 1)
		return err_set(e, ERR_PEER,
		    "%s has several names, in a folder that is writable by "
		    "others",
		    shown);
	return 0;
}

static int
judge_owner(const char *shown, int len, const struct stat *st, uid_t self, struct err *e)
{
	if (st->st_uid == 0 || st->st_uid == self)
		return 0;
	return err_set(e, ERR_PEER, "%.*s belongs to uid %u", len, shown, (unsigned)st->st_uid);
}

/*
 * Replace *fd, an opened folder, by its entry path[from..to), and *st by what that is. The name
 * is looked up once; all that follows is about the inode that was found.
 */
static int
step(int *fd, const char *path, size_t from, size_t to, uid_t self, struct stat *st, struct err *e)
{
	char name[PART_MAX + 1];
	struct stat folder = *st;
	bool last = path[to] == '\0';
	int next;

	if (to - from > PART_MAX)
		return err_set(e, ERR_PEER, "%s: a part of it is too long", path);
	memcpy(name, path + from, to - from);
	name[to - from] = '\0';
	next = openat(*fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (next == -1)
		return err_sys(e, errno, "%.*s", (int)to, path);
	close(*fd);
	*fd = next;
	if (fstat(next, st) == -1)
		return err_sys(e, errno, "%.*s", (int)to, path);
	if (judge_owner(path, (int)to, st, self, e) == -1)
		return -1;
	return last ? judge_socket(path, &folder, st, e) : judge_folder(path, (int)to, st, e);
}

static int
walk(int *fd, const char *path, uid_t self, struct err *e)
{
	struct stat st;
	size_t from, to = 0;

	if (fstat(*fd, &st) == -1)
		return err_sys(e, errno, "/");
	if (judge_owner("/", 1, &st, self, e) == -1 || judge_folder("/", 1, &st, e) == -1)
		return -1;
	do {
		from = to + 1;
		to = from + strcspn(path + from, "/");
		if (step(fd, path, from, to, self, &st, e) == -1)
			return -1;
	} while (path[to] != '\0');
	return 0;
}

int
sockpath_open(const char *path, uid_t self, struct err *e)
{
	int fd;

	if (path[0] != '/' || path[1] == '\0')
		return err_set(e, ERR_PEER, "the path of the socket is not absolute");
	fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return err_sys(e, errno, "/");
	if (walk(&fd, path, self, e) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}
