/* takeover.c - asking an instance that is already there for its sessions */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor.h"
#include "msgio.h"

/* Its word about who is behind a connection will be believed: it must be root's, or our own. */
static int
check_peer(int fd, const char *path, struct err *e)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == -1)
		return err_sys(e, errno, "%s", path);
	if (n == sizeof(peer) && (peer.uid == 0 || peer.uid == geteuid()))
		return 0;
	return err_set(e, ERR_REFUSED,
	    "%s: uid %u listens there, who is not believed: let nobody "
	    "else write in the folder of control-socket",
	    path, (unsigned)peer.uid);
}

static int
connect_to(const char *path, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct timeval five = { 5, 0 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return err_sys(e, errno, "%s", path);
	memcpy(un.sun_path, path, strlen(path) + 1);
	/* an instance that hangs must not hang its successor */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &five, sizeof(five)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &five, sizeof(five)) == -1 ||
	    connect(fd, (struct sockaddr *)&un, sizeof(un)) == -1) {
		err_sys(e, errno, "%s", path);
		close(fd);
		return -1;
	}
	if (check_peer(fd, path, e) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The answer: a pair to its ident when it drains, a text when it is in service. */
static int
read_answer(int fd, const char *path, int *pair, struct err *e)
{
	static uint8_t buf[MSG_MAX];
	static char text[4096];
	int fds[MSG_FDS_MAX];
	size_t nfds;
	struct msg_in m;
	uint32_t ok;
	ssize_t n = msgio_recv(fd, buf, sizeof(buf), fds, &nfds, e);

	/* it ended just now: without a word, or before it read ours */
	if (n == 0 || (n == -1 && e->detail == ECONNRESET))
		return 0;
	if (n == -1)
		return err_prefix(e, "%s: the instance that is there does not answer", path);
	if (msg_parse(&m, buf, (size_t)n, e) == 0 && m.type == MSG_ANSWER &&
	    msg_get_u32(&m, &ok) == 0 && msg_get_str(&m, text, sizeof(text)) == 0 &&
	    msg_end(&m, e) == 0) {
		if (ok && nfds == 1) {
			*pair = fds[0];
			return 0;
		}
		if (!ok)
			err_set(e, ERR_REFUSED, "%s", text);
	} else {
		err_set(e, ERR_PEER,
		    "%s: the answer of the instance that is there is not "
		    "understood",
		    path);
	}
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
	return -1;
}

int
takeover_ask(const char *path, int *pair, struct err *e)
{
	uint8_t buf[64];
	struct msg_out o;
	int fd, r;

	*pair = -1;
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return err_set(e, ERR_FORMAT, "%s: too long for the path of a socket", path);
	if ((fd = connect_to(path, e)) == -1)
		return e->detail == ENOENT || e->detail == ECONNREFUSED ? 0 : -1;
	msg_start(&o, buf, sizeof(buf), MSG_TAKEOVER, 0);
	msg_put_u32(&o, (uint32_t)getpid());
	r = msgio_send(fd, &o, NULL, 0, e);
	if (r == 0)
		r = read_answer(fd, path, pair, e);
	else if (e->detail == EPIPE || e->detail == ECONNRESET)
		r = 0;
	close(fd);
	return r;
}
