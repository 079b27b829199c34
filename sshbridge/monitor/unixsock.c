/* unixsock.c - listening Unix sockets that take a path over by rename */
#include <errno.h>
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
unixsock_publish(struct unixsock *u, struct err *e)
{
	struct stat st;

	if (u->published)
		return 0;
	if (lstat(u->temp, &st) == -1 || rename(u->temp, u->path) == -1)
		return err_sys(e, errno, "%s", u->path);
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
