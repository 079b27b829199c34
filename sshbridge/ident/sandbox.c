/* sandbox.c - what ident may do: TCP to targets, facts of sockets, answers; no file, no process */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "child.h"
#include "ident.h"

#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define TCP_SOCKET(domain)                                                                    \
	{                                                                                     \
		SCMP_SYS(socket), 3,                                                          \
		{                                                                             \
			SCMP_A0(SCMP_CMP_EQ, domain),                                         \
			    SCMP_A1(SCMP_CMP_EQ, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC), \
			    SCMP_A2(SCMP_CMP_EQ, IPPROTO_TCP)                                 \
		}                                                                             \
	}

static const struct sandbox_call calls[] = {
	TCP_SOCKET(AF_INET),
	TCP_SOCKET(AF_INET6),
	/* the pairs of jump connections: a gate's and the jump process', that and PAM's */
	{ SCMP_SYS(socketpair), 2,
	    { SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
		SCMP_A1(SCMP_CMP_EQ, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC) } },
	{ SCMP_SYS(socketpair), 2,
	    { SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
		SCMP_A1(SCMP_CMP_EQ, SOCK_SEQPACKET | SOCK_CLOEXEC) } },
	SANDBOX_ANY(bind),
	SANDBOX_ANY(connect),
	SANDBOX_ANY(getsockname),
	SANDBOX_ANY(getpeername),
	SANDBOX_ANY(shutdown),
	{ SCMP_SYS(accept4), 1, { SCMP_A3(SCMP_CMP_EQ, SOCK_CLOEXEC | SOCK_NONBLOCK) } },
	SANDBOX_OPTION(getsockopt, SOL_SOCKET, SO_TYPE),
	SANDBOX_OPTION(getsockopt, SOL_SOCKET, SO_DOMAIN),
	SANDBOX_OPTION(getsockopt, SOL_SOCKET, SO_PROTOCOL),
	SANDBOX_OPTION(getsockopt, SOL_SOCKET, SO_ERROR),
	SANDBOX_OPTION(getsockopt, SOL_SOCKET, SO_PEERCRED),
	SANDBOX_OPTION(getsockopt, SOL_SOCKET, SO_COOKIE),
	SANDBOX_OPTION(getsockopt, SOL_SOCKET, SO_NETNS_COOKIE),
	SANDBOX_OPTION(getsockopt, IPPROTO_TCP, TCP_INFO),
	/* never SO_REUSEADDR or SO_REUSEPORT: they would give our ports away */
	SANDBOX_OPTION(setsockopt, SOL_SOCKET, SO_KEEPALIVE),
	SANDBOX_OPTION(setsockopt, IPPROTO_TCP, TCP_NODELAY),
	SANDBOX_OPTION(setsockopt, IPPROTO_TCP, TCP_KEEPIDLE),
	SANDBOX_OPTION(setsockopt, IPPROTO_TCP, TCP_KEEPINTVL),
	SANDBOX_OPTION(setsockopt, IPPROTO_TCP, TCP_KEEPCNT),
	SANDBOX_FCNTL(F_DUPFD_CLOEXEC),
	SANDBOX_FCNTL(F_GET_SEALS),
	{ SCMP_SYS(fcntl), 2,
	    { SCMP_A1(SCMP_CMP_EQ, F_SETFL),
		SCMP_A2(SCMP_CMP_MASKED_EQ, SANDBOX_BITS(O_RDWR | O_NONBLOCK)) } },
};

int
ident_sandbox_enter(const struct sandbox_ids *ids, struct err *e)
{
	return sandbox_enter(ids, calls, sizeof(calls) / sizeof(calls[0]), CHILD_CHANNEL, e);
}
