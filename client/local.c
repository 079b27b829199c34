/* local.c - the listener's own address, and who connects to it */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "addr.h"
#include "local.h"
#include "text.h"

/* ---- the address ----------------------------------------------------------------------------- */

static int
bad(struct err *e, const char *text)
{
	char shown[100];

	return err_set(e, ERR_FORMAT, "\"%s\": an address and a port: 127.0.0.1:2222, [::1]:2222",
	    text_escape(shown, sizeof(shown), text, strlen(text)));
}

int
local_parse(const char *text, struct sockaddr_storage *ss, struct err *e)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon == NULL ? 0 : (size_t)(colon - text), digits;
	bool v6 = n >= 2 && text[0] == '[' && text[n - 1] == ']';
	struct sockaddr_storage r;
	char address[80];
	long port;

	if (v6)
		n -= 2;
	if (n == 0 || n >= sizeof(address))
		return bad(e, text);
	memcpy(address, text + v6, n);
	address[n] = '\0';
	digits = strlen(++colon);
	if (digits == 0 || digits > 5 || strspn(colon, "0123456789") != digits ||
	    (port = strtol(colon, NULL, 10)) > 65535 || (strchr(address, ':') != NULL) != v6 ||
	    addr_parse(address, &r, e) == -1)
		return bad(e, text);
	addr_set_port(&r, (uint16_t)port);
	*ss = r;
	return 0;
}

bool
local_is_loopback(const struct sockaddr_storage *ss)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	memcpy(&v4, ss, sizeof(v4));
	memcpy(&v6, ss, sizeof(v6));
	if (ss->ss_family == AF_INET)
		return ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return ss->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

/* ---- who is there ---------------------------------------------------------------------------- */

struct question {
	struct nlmsghdr h;
	struct inet_diag_req_v2 q;
};

static void
address_put(const struct sockaddr_storage *ss, __be16 *port, __be32 address[4])
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	*port = htons(addr_port(ss));
	memcpy(&v4, ss, sizeof(v4));
	memcpy(&v6, ss, sizeof(v6));
	if (ss->ss_family == AF_INET)
		address[0] = v4.sin_addr.s_addr;
	else
		memcpy(address, &v6.sin6_addr, sizeof(v6.sin6_addr));
}

/* The other end's socket has our address as its far end. */
static void
question_fill(
    struct question *q, const struct sockaddr_storage *here, const struct sockaddr_storage *peer)
{
	*q = (struct question){
		.h = { .nlmsg_len = sizeof(*q),
		    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		    .nlmsg_flags = NLM_F_REQUEST },
		.q = { .sdiag_family = (uint8_t)peer->ss_family,
		    .sdiag_protocol = IPPROTO_TCP,
		    .idiag_states = ~0U,
		    .id.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } },
	};
	address_put(peer, &q->q.id.idiag_sport, q->q.id.idiag_src);
	address_put(here, &q->q.id.idiag_dport, q->q.id.idiag_dst);
}

static int
answer_read(const void *buf, size_t n, uid_t *uid, struct err *e)
{
	const struct nlmsghdr *h = buf;
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	const struct nlmsgerr *no = NLMSG_DATA(h);

	if (n < sizeof(*h) || h->nlmsg_len > n)
		return err_set(e, ERR_SYS, "sock_diag: short answer");
	if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(*no)))
		return err_sys(e, -no->error, "sock_diag");
	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return err_set(e, ERR_SYS, "sock_diag: another answer than was asked for");
	/* There is no such connection: then the kernel tells of who listens at that address. */
	if (m->idiag_state == TCP_LISTEN)
		return err_set(e, ERR_REFUSED, "its end is gone");
	/* A socket that nobody holds, in FIN-WAIT say, has no inode, and user 0 as it were. */
	if (m->idiag_inode == 0)
		return err_set(e, ERR_REFUSED, "no process holds its socket");
	*uid = m->idiag_uid;
	return 0;
}

int
local_peer_uid(const struct sockaddr_storage *here, const struct sockaddr_storage *peer, uid_t *uid,
    struct err *e)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), r = -1;
	_Alignas(struct nlmsghdr) uint8_t answer[4096];
	struct question q;
	ssize_t n;

	if (fd == -1)
		return err_sys(e, errno, "sock_diag");
	question_fill(&q, here, peer);
	/* The kernel answers within send(). */
	if (send(fd, &q, sizeof(q), 0) == -1 ||
	    (n = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) == -1)
		(void)err_sys(e, errno, "sock_diag");
	else
		r = answer_read(answer, (size_t)n, uid, e);
	(void)close(fd);
	return r;
}
