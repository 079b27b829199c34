/* stream.c - stdin and stdout, whatever they are */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "stream.h"

#define PIPE_SIZE (256 * 1024)

int
stream_reserve(struct err *e)
{
	int fd;

	do {
		if ((fd = open("/dev/null", O_RDWR | O_NOCTTY)) == -1)
			return err_sys(e, errno, "/dev/null");
	} while (fd <= STDERR_FILENO);
	(void)close(fd);
	return 0;
}

/* The same pipe as an open file of our own in place of the shared one. */
static bool
pipe_own(int fd, bool writing)
{
	char path[40];
	int own, r;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, (writing ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own == -1)
		return false;
	r = dup2(own, fd);
	(void)close(own);
	/* More in one go; over the user's limit it stays as it is. */
	if (r != -1)
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
	return r != -1;
}

void
stream_init(struct stream *s, int fd, bool writing)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	*s = (struct stream){ .fd = fd, .waits = true };
	if (fstat(fd, &st) == -1)
		return;
	s->socket = S_ISSOCK(st.st_mode);
	if (s->socket || S_ISREG(st.st_mode) || (flags != -1 && (flags & O_NONBLOCK) != 0) ||
	    (S_ISFIFO(st.st_mode) && pipe_own(fd, writing)))
		s->waits = false;
}

ssize_t
stream_read(const struct stream *s, void *buf, size_t n)
{
	ssize_t r;

	do
		r = s->socket ? recv(s->fd, buf, n, MSG_DONTWAIT) : read(s->fd, buf, n);
	while (r == -1 && errno == EINTR);
	return r;
}

ssize_t
stream_write(const struct stream *s, const void *buf, size_t n)
{
	ssize_t r;

	/* POLLOUT on a pipe promises PIPE_BUF bytes (pipe(7)). */
	if (s->waits && n > PIPE_BUF)
		n = PIPE_BUF;
	do
		r = s->socket ? send(s->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL)
			      : write(s->fd, buf, n);
	while (r == -1 && errno == EINTR);
	return r;
}

bool
stream_line(const struct stream *s, const char *line, int ms)
{
	int64_t deadline = clock_ms() + ms;
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	size_t n = strlen(line);
	ssize_t w;

	while (n > 0) {
		if ((w = stream_write(s, line, n)) > 0) {
			line += w;
			n -= (size_t)w;
		} else if (w == -1 && errno != EAGAIN && errno != EWOULDBLOCK) {
			return false;
		} else if (poll(&p, 1, clock_left(deadline)) == 0) {
			return false;
		}
	}
	return true;
}

void
stream_end(struct stream *s)
{
	if (s->fd == -1)
		return;
	if (s->socket)
		(void)shutdown(s->fd, SHUT_WR);
	else
		(void)close(s->fd);
	s->fd = -1;
}
