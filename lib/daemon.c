/* daemon.c - the daemon's side is trusted only after path and peer are known */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon.h"
#include "msgio.h"
#include "sockpath.h"

#define NAP_MS 5 /* between two tries at a listener whose queue is full */

/* SO_PEERCRED tells who called listen(): whoever answers later has the socket from there. */
static int
peer_check(int fd, uid_t self, struct err *e)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == -1)
		return err_sys(e, errno, "SO_PEERCRED");
	if (n != sizeof(peer) || (peer.uid != 0 && peer.uid != self))
		return err_set(e, ERR_PEER, "the daemon runs as uid %u", (unsigned)peer.uid);
	return 0;
}

/*
 * A Unix socket never says EINPROGRESS: connect() succeeds, fails, or says EAGAIN while the
 * listener's queue is full, and poll() tells nothing before it is connected.
 */
static int
connect_by(int fd, const struct sockaddr_un *sun, struct deadline d, struct err *e)
{
	while (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == -1) {
		if (errno != EAGAIN && errno != EINTR)
			return err_sys(e, errno, "connect");
		if (deadline_nap(d, NAP_MS, e) == -1)
			return -1;
	}
	return 0;
}

int
daemon_connect(const char *path, struct deadline d, struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	uid_t self = geteuid();
	int inode, fd = -1, ret = -1;

	if ((inode = sockpath_open(path, self, e)) == -1)
		return -1;
	/* Through the opened inode: the path may lead elsewhere by now. */
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/thread-self/fd/%d", inode);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1) {
		err_sys(e, errno, "socket");
		goto out;
	}
	if (connect_by(fd, &sun, d, e) == -1) {
		err_prefix(e, "%s", path);
		goto out;
	}
	if (peer_check(fd, self, e) == -1)
		goto out;
	ret = fd;
	fd = -1;
out:
	if (fd != -1)
		close(fd);
	close(inode);
	return ret;
}

static int
send_by(int fd, const struct msg_out *question, int shown, struct deadline d, struct err *e)
{
	while (msgio_send(fd, question, &shown, shown == -1 ? 0 : 1, e) == -1) {
		if (e->kind != ERR_SYS || e->detail != EAGAIN)
			return -1;
		if (deadline_poll(d, fd, POLLOUT, e) == -1)
			return -1;
	}
	return 0;
}

ssize_t
daemon_ask(int fd, const struct msg_out *question, int shown, void *buf, size_t size,
    struct deadline d, struct err *e)
{
	int fds[MSG_FDS_MAX];
	size_t nfds = 0;
	ssize_t n;

	if (send_by(fd, question, shown, d, e) == -1)
		return -1;
	do {
		if (deadline_poll(d, fd, POLLIN, e) == -1)
			return -1;
		n = msgio_recv(fd, buf, size, fds, &nfds, e);
	} while (n == -1 && e->kind == ERR_SYS && e->detail == EAGAIN);
	if (n == -1)
		return -1;
	if (nfds > 0) {
		while (nfds > 0)
			close(fds[--nfds]);
		return err_set(e, ERR_PEER, "the daemon's answer came with a descriptor");
	}
	if (n == 0)
		return err_set(e, ERR_PEER, "the daemon hung up without an answer");
	return n;
}
