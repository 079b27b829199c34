/* unixsock.c - listening Unix sockets that take a path over by rename */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "listeners.h"

#define BACKLOG 128

/* The folder of the path, if it is not there (a tmpfs after a reboot, without tmpfiles.d). */
static int
make_folder(const char *path, struct err *e)
{
	char folder[108];
	char *slash;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL || slash == folder)
		return 0;
	*slash = '\0';
	if (mkdir(folder, 0755) == -1 && errno != EEXIST)
		return err_sys(e, errno, "%s: create the folder of a socket", folder);
	return 0;
}

struct unixsock *
unixsock_new(const char *path, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct unixsock *u = calloc(1, sizeof(*u));
	struct stat st;
	mode_t mask;
	int r;

	if (u == NULL) {
		err_nomem(e, path);
		return NULL;
	}
	u->fd = -1;
	(void)snprintf(u->path, sizeof(u->path), "%s", path);
	if ((size_t)snprintf(u->temp, sizeof(u->temp), "%s.%d", path, (int)getpid()) >=
	    sizeof(u->temp)) {
		err_set(e, ERR_FORMAT, "%s: too long for the path of a socket", path);
		goto fail;
	}
	if (make_folder(path, e) == -1)
		goto fail;
	u->before = lstat(path, &st) == 0 ? st : (struct stat){ 0 };
	memcpy(un.sun_path, u->temp, sizeof(u->temp));
	(void)unlink(u->temp);
	if ((u->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == -1) {
		err_sys(e, errno, "%s", path);
		goto fail;
	}
	mask = umask(0177); /* from its first moment only its owner may connect */
	r = bind(u->fd, (struct sockaddr *)&un, sizeof(un));
	(void)umask(mask);
	if (r == -1 || listen(u->fd, BACKLOG) == -1) {
		err_sys(e, errno, "%s", u->temp);
		goto fail;
	}
	return u;
fail:
	unixsock_free(u);
	return NULL;
}

int
unixsock_group(const struct unixsock *u, gid_t gid, struct err *e)
{
	/* the owner first: never is it another group's that may connect */
	if (lchown(u->temp, (uid_t)-1, gid) == -1 || chmod(u->temp, 0660) == -1)
		return err_sys(e, errno, "%s: give it to group %u", u->path, (unsigned)gid);
	return 0;
}

static bool
is_inode(const char *path, const struct stat *want)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_dev == want->st_dev && st.st_ino == want->st_ino;
}

static int
move(const struct unixsock *u, unsigned flags)
{
	return renameat2(AT_FDCWD, u->temp, AT_FDCWD, u->path, flags);
}

/*
 * Of two instances that start at once, each may have found nobody in service: so the path is
 * taken only from the one that was there before, in one step that tells who it was.
 */
static int
take_path(const struct unixsock *u, struct err *e)
{
	bool was_there = u->before.st_ino != 0;

	if (was_there && move(u, RENAME_EXCHANGE) == 0) {
		if (is_inode(u->temp, &u->before))
			return unlink(u->temp) == 0 ? 0 : err_sys(e, errno, "%s", u->temp);
		(void)move(u, RENAME_EXCHANGE);
		errno = EEXIST;
	} else if (!was_there || errno == ENOENT) { /* it has ended, and taken its path along */
		if (move(u, RENAME_NOREPLACE) == 0)
			return 0;
	}
	/* a file system that knows neither */
	if (errno == EINVAL &&
	    (was_there ? is_inode(u->path, &u->before) : access(u->path, F_OK) == -1) &&
	    rename(u->temp, u->path) == 0)
		return 0;
	if (errno == EEXIST)
		return err_set(
		    e, ERR_REFUSED, "%s: another instance has started meanwhile", u->path);
	return err_sys(e, errno, "%s", u->path);
}

int
unixsock_publish(struct unixsock *u, struct err *e)
{
	struct stat st;

	if (u->published)
		return 0;
	if (lstat(u->temp, &st) == -1)
		return err_sys(e, errno, "%s", u->temp);
	if (take_path(u, e) == -1)
		return -1;
	u->dev = st.st_dev;
	u->ino = st.st_ino;
	u->published = true;
	return 0;
}

void
unixsock_free(struct unixsock *u)
{
	struct stat st;

	if (u == NULL)
		return;
	if (!u->published)
		(void)unlink(u->temp);
	else if (lstat(u->path, &st) == 0 && st.st_dev == u->dev && st.st_ino == u->ino)
		(void)unlink(u->path);
	if (u->fd != -1)
		close(u->fd);
	free(u);
}
