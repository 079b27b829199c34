/* who.c - what the kernel knows of a socket that somebody shows */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "who.h"

/* Linux 4.12 and 5.14; older C libraries do not name them. */
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static int
get_int(int fd, int name)
{
	int v = -1;
	socklen_t n = sizeof(v);

	if (getsockopt(fd, SOL_SOCKET, name, &v, &n) == -1 || n != sizeof(v))
		return -1;
	return v;
}

static int
get_cookie(int fd, int name, uint64_t *v, struct err *e)
{
	socklen_t n = sizeof(*v);

	if (getsockopt(fd, SOL_SOCKET, name, v, &n) == -1)
		return err_sys(e, errno, "socket option %d", name);
	if (n != sizeof(*v))
		return err_set(e, ERR_SYS, "socket option %d is cut", name);
	return 0;
}

int
who_tcp_state(int fd, struct err *e)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == -1)
		return err_sys(e, errno, "TCP state");
	return info.tcpi_state;
}

int
who_facts(int fd, struct who_facts *f, struct err *e)
{
	int domain = get_int(fd, SO_DOMAIN);

	if ((domain != AF_INET && domain != AF_INET6) || get_int(fd, SO_TYPE) != SOCK_STREAM ||
	    get_int(fd, SO_PROTOCOL) != IPPROTO_TCP)
		return err_set(e, ERR_REFUSED, "what was shown is not a TCP socket");
	memset(f, 0, sizeof(*f));
	if ((f->state = who_tcp_state(fd, e)) == -1 ||
	    get_cookie(fd, SO_NETNS_COOKIE, &f->netns, e) == -1 ||
	    get_cookie(fd, SO_COOKIE, &f->cookie, e) == -1)
		return -1;
	if (tuple_of(fd, &f->tuple, e) == -1) {
		err_prefix(e, "TCP socket in state %s", who_state_name(f->state));
		e->kind = ERR_REFUSED;
		return -1;
	}
	return 0;
}

const char *
who_state_name(int state)
{
	static const char *const names[] = { [TCP_ESTABLISHED] = "ESTABLISHED",
		[TCP_SYN_SENT] = "SYN_SENT",
		[TCP_SYN_RECV] = "SYN_RECV",
		[TCP_FIN_WAIT1] = "FIN_WAIT1",
		[TCP_FIN_WAIT2] = "FIN_WAIT2",
		[TCP_TIME_WAIT] = "TIME_WAIT",
		[TCP_CLOSE] = "CLOSE",
		[TCP_CLOSE_WAIT] = "CLOSE_WAIT",
		[TCP_LAST_ACK] = "LAST_ACK",
		[TCP_LISTEN] = "LISTEN",
		[TCP_CLOSING] = "CLOSING" };

	if (state < TCP_ESTABLISHED || state > TCP_CLOSING)
		return "?";
	return names[state];
}

int
who_netns(uint64_t *cookie, struct err *e)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int r;

	if (fd == -1)
		return err_sys(e, errno, "socket");
	r = get_cookie(fd, SO_NETNS_COOKIE, cookie, e);
	close(fd);
	return r;
}
