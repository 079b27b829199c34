/* routeask.c - one question to the routing table */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "routeask.h"

/* Answers that came too late for an earlier question, before one gives up. */
enum { STALE_MAX = 8 };

struct question {
	struct nlmsghdr head;
	struct rtmsg route;
	struct rtattr attr;
	uint8_t addr[16];
};

int
route_open(struct err *e)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd == -1)
		return err_sys(e, errno, "netlink socket");
	if (bind(fd, (const struct sockaddr *)&own, sizeof(own)) == -1) {
		err_sys(e, errno, "netlink socket: bind");
		close(fd);
		return -1;
	}
	return fd;
}

static void
question_init(struct question *q, uint32_t seq, const struct sockaddr_storage *to)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	uint8_t len = to->ss_family == AF_INET ? 4 : 16;

	*q = (struct question){ .head = { .nlmsg_type = RTM_GETROUTE,
				    .nlmsg_flags = NLM_F_REQUEST,
				    .nlmsg_seq = seq },
		.route = { .rtm_family = (unsigned char)to->ss_family,
		    .rtm_dst_len = (unsigned char)(len * 8) },
		.attr = { .rta_len = (unsigned short)RTA_LENGTH(len), .rta_type = RTA_DST } };
	q->head.nlmsg_len = (uint32_t)(offsetof(struct question, addr) + len);
	if (len == 4) {
		memcpy(&in, to, sizeof(in));
		memcpy(q->addr, &in.sin_addr, 4);
	} else {
		memcpy(&in6, to, sizeof(in6));
		memcpy(q->addr, &in6.sin6_addr, 16);
	}
}

static enum route_kind
kind_of(unsigned rtm_type)
{
	switch (rtm_type) {
	case RTN_UNICAST:
		return ROUTE_UNICAST;
	case RTN_LOCAL:
		return ROUTE_LOCAL;
	case RTN_BROADCAST:
	case RTN_MULTICAST:
	case RTN_ANYCAST:
		return ROUTE_OTHER;
	default: /* blackhole, unreachable, prohibit, throw */
		return ROUTE_NONE;
	}
}

/* Whether `p` answers the question with that number; an error of the kernel's is an answer. */
static bool
answer_read(const uint8_t *p, size_t n, uint32_t seq, enum route_kind *kind)
{
	struct nlmsghdr head;
	struct rtmsg route;

	if (n < sizeof(head))
		return false;
	memcpy(&head, p, sizeof(head));
	if (head.nlmsg_seq != seq)
		return false;
	if (head.nlmsg_type != RTM_NEWROUTE || n < NLMSG_HDRLEN + sizeof(route))
		return true;
	memcpy(&route, p + NLMSG_HDRLEN, sizeof(route));
	*kind = kind_of(route.rtm_type);
	return true;
}

enum route_kind
route_kind(int fd, const struct sockaddr_storage *to)
{
	static uint32_t seq;
	enum route_kind kind = ROUTE_NONE;
	struct question q;
	uint8_t answer[1024]; /* what is behind it is cut off: only the head is looked at */
	struct iovec iov = { .iov_base = &q };
	struct sockaddr_nl from;
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd == -1 || (to->ss_family != AF_INET && to->ss_family != AF_INET6))
		return ROUTE_NONE;
	question_init(&q, ++seq, to);
	iov.iov_len = q.head.nlmsg_len;
	if (sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) == -1)
		return ROUTE_NONE;
	mh.msg_name = &from;
	for (int i = 0; i < STALE_MAX; i++) {
		iov = (struct iovec){ .iov_base = answer, .iov_len = sizeof(answer) };
		mh.msg_namelen = sizeof(from);
		if ((n = recvmsg(fd, &mh, MSG_DONTWAIT)) == -1)
			return ROUTE_NONE;
		/* another process may write to this socket too: only the kernel's word counts */
		if (mh.msg_namelen == sizeof(from) && from.nl_pid == 0 &&
		    answer_read(answer, (size_t)n, q.head.nlmsg_seq, &kind))
			break;
	}
	return kind;
}
