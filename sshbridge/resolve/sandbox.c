/*
 * sandbox.c - what resolve may do: what getaddrinfo() does, with Debian's modules files, dns,
 * mdns*, resolve and myhostname; no listening, no program, no writing to files
 */
#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "child.h"
#include "resolve.h"

#define SOCKET(domain)                               \
	{                                            \
		SCMP_SYS(socket), 1,                 \
		{                                    \
			SCMP_A0(SCMP_CMP_EQ, domain) \
		}                                    \
	}
#define OPTION(level, name) SANDBOX_OPTION(setsockopt, level, name)
#define IOCTL(request)                                \
	{                                             \
		SCMP_SYS(ioctl), 1,                   \
		{                                     \
			SCMP_A1(SCMP_CMP_EQ, request) \
		}                                     \
	}
/* MSG_FASTOPEN and whatever comes later are not among them */
#define FLAGS_ALLOWED  SANDBOX_BITS(MSG_NOSIGNAL | MSG_DONTWAIT)
#define OPEN_FORBIDDEN (O_ACCMODE | O_CREAT | O_TRUNC)

static const struct sandbox_call calls[] = {
	SOCKET(AF_INET),
	SOCKET(AF_INET6),
	SOCKET(AF_UNIX), /* nscd, avahi, systemd-resolved */
	{ SCMP_SYS(socket), 2,
	    { SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE) } },
	SANDBOX_ANY(bind), /* of the netlink socket */
	SANDBOX_ANY(connect),
	SANDBOX_ANY(getsockname),
	SANDBOX_ANY(getpeername),
	SANDBOX_ANY(getsockopt),
	OPTION(IPPROTO_IP, IP_RECVERR),
	OPTION(IPPROTO_IP, IP_MTU_DISCOVER),
	OPTION(IPPROTO_IP, IP_UNICAST_IF),
	OPTION(IPPROTO_IPV6, IPV6_RECVERR),
	OPTION(IPPROTO_IPV6, IPV6_MTU_DISCOVER),
	OPTION(IPPROTO_IPV6, IPV6_UNICAST_IF),
	OPTION(SOL_SOCKET, SO_RCVBUF),
	OPTION(SOL_SOCKET, SO_SNDBUF),
	OPTION(SOL_SOCKET, SO_RCVBUFFORCE),
	OPTION(SOL_SOCKET, SO_SNDBUFFORCE),
	OPTION(SOL_SOCKET, SO_PASSCRED),
	OPTION(SOL_SOCKET, SO_BINDTOIFINDEX),
	OPTION(SOL_NETLINK, NETLINK_EXT_ACK),
	OPTION(SOL_NETLINK, NETLINK_GET_STRICT_CHK),
	OPTION(SOL_NETLINK, NETLINK_PKTINFO),
	{ SCMP_SYS(sendto), 1, { SCMP_A3(SCMP_CMP_MASKED_EQ, FLAGS_ALLOWED) } },
	{ SCMP_SYS(sendmmsg), 1, { SCMP_A3(SCMP_CMP_MASKED_EQ, FLAGS_ALLOWED) } },
	SANDBOX_ANY(recvfrom),
	SANDBOX_ANY(write),
	SANDBOX_ANY(writev),
	{ SCMP_SYS(openat), 1, { SCMP_A2(SCMP_CMP_MASKED_EQ, OPEN_FORBIDDEN, 0) } },
	SANDBOX_ANY(newfstatat),
	SANDBOX_ANY(fstat),
	SANDBOX_ANY(statx),
	SANDBOX_ANY(access),
	SANDBOX_ANY(faccessat),
	SANDBOX_ANY(faccessat2),
	SANDBOX_ANY(readlink),
	SANDBOX_ANY(readlinkat),
	SANDBOX_ANY(getdents64),
	SANDBOX_ANY(pread64),
	SANDBOX_ANY(uname),
	SANDBOX_ANY(getuid),
	SANDBOX_ANY(geteuid),
	SANDBOX_ANY(getgid),
	SANDBOX_ANY(getegid),
	SANDBOX_ANY(clock_nanosleep),
	SANDBOX_FCNTL(F_GETFD),
	SANDBOX_FCNTL(F_SETFD),
	SANDBOX_FCNTL(F_GETFL),
	{ SCMP_SYS(fcntl), 2,
	    { SCMP_A1(SCMP_CMP_EQ, F_SETFL),
		SCMP_A2(SCMP_CMP_MASKED_EQ, SANDBOX_BITS(O_RDWR | O_NONBLOCK)) } },
	IOCTL(FIONREAD),
	IOCTL(SIOCGIFINDEX),
	IOCTL(SIOCGIFNAME),
};

int
resolve_sandbox_enter(const struct sandbox_ids *ids, struct err *e)
{
	return sandbox_enter(ids, calls, sizeof(calls) / sizeof(calls[0]), CHILD_CHANNEL, e);
}
