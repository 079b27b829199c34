/* write.c - one whole line to an open destination */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

void
log_to_set(struct log_to *t, int fd, enum log_dest dest, int pid)
{
	if (t->fd != -1)
		close(t->fd);
	t->fd = fd;
	t->dest = dest;
	t->pid = pid;
}

/* What a full disk left of a line must not become the beginning of the next. */
static bool
mend(struct log_to *t)
{
	if (t->torn && write(t->fd, "\n", 1) == 1)
		t->torn = false;
	return !t->torn;
}

enum log_written
log_write(struct log_to *t, const char *line, size_t n)
{
	ssize_t w = -1;

	errno = 0;
	if (t->fd == -1)
		errno = EBADF;
	else if (t->dest == LOGTO_SYSLOG)
		w = sendto(t->fd, line, n, MSG_NOSIGNAL, NULL, 0);
	else if (mend(t))
		w = write(t->fd, line, n);
	if (w == -1 && (errno == EAGAIN || errno == EINTR))
		return LOG_LATER;
	if (w == (ssize_t)n)
		return LOG_WRITTEN;
	t->torn = t->torn || w > 0;
	if (w >= 0)
		errno = 0;
	return LOG_REFUSED;
}
