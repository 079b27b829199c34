/* msgio.c - messages over SOCK_SEQPACKET */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "msgio.h"

int
msgio_send(int fd, const struct msg_out *o, const int *fds, size_t nfds, struct err *e)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int) * MSG_FDS_MAX)];
	} c;
	struct iovec iov = { .iov_base = o->buf, .iov_len = o->len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (msg_finish(o, e) == -1)
		return -1;
	if (nfds > MSG_FDS_MAX)
		return err_set(e, ERR_FORMAT, "%zu descriptors in one message", nfds);
	if (nfds > 0) {
		memset(&c, 0, sizeof(c));
		mh.msg_control = &c;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		c.h.cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(&c.h), fds, sizeof(int) * nfds);
	}
	do
		n = sendmsg(fd, &mh, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return err_sys(e, errno, "send message");
	if ((size_t)n != o->len)
		return err_set(e, ERR_PEER, "message sent short");
	return 0;
}

/* Collect the descriptors of one control message; those beyond the room are closed. */
static int
take_fds(struct cmsghdr *h, int *fds, size_t *nfds)
{
	size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(fd));
		if (*nfds < MSG_FDS_MAX) {
			fds[(*nfds)++] = fd;
		} else {
			close(fd);
			r = -1;
		}
	}
	return r;
}

ssize_t
msgio_recv(int fd, void *buf, size_t size, int fds[MSG_FDS_MAX], size_t *nfds, struct err *e)
{
	union {
		struct cmsghdr h;
		/* room to spare, so that too many are seen (and closed) and not just cut */
		char space[CMSG_SPACE(sizeof(int) * 2 * MSG_FDS_MAX)];
	} c;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)
	};
	ssize_t n;
	int bad = 0;

	*nfds = 0;
	do
		n = recvmsg(fd, &mh, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return err_sys(e, errno, "receive message");
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&mh); h != NULL; h = CMSG_NXTHDR(&mh, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
		    take_fds(h, fds, nfds) == -1)
			bad = 1;
	if (bad || (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		while (*nfds > 0)
			close(fds[--*nfds]);
		return err_set(e, ERR_PEER, "message cut: too long, or too many descriptors");
	}
	return n;
}
