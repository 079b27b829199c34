/*
 * sandbox.c - the system calls of a gate, beyond what every child may (lib/sandbox.c)
 *
 * It takes connections that come and moves bytes on sockets that it was given. It makes no socket,
 * dials nobody, opens no file, starts nothing. sendto() only to the peer that the socket has:
 * with an address, or with MSG_FASTOPEN, it would dial without connect().
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "confine.h"

#define ONLY(bits) ~(scmp_datum_t)(bits), 0
#define OPTION(call, level, name)                                               \
	{                                                                       \
		SCMP_SYS(call), 2,                                              \
		{                                                               \
			SCMP_A1(SCMP_CMP_EQ, level), SCMP_A2(SCMP_CMP_EQ, name) \
		}                                                               \
	}

static const struct sandbox_call calls[] = {
	SANDBOX_ANY(accept4),
	SANDBOX_ANY(getsockname),
	{ SCMP_SYS(sendto), 2,
	    { SCMP_A3(SCMP_CMP_MASKED_EQ, ONLY(MSG_NOSIGNAL | MSG_DONTWAIT)),
		SCMP_A4(SCMP_CMP_EQ, 0) } },
	{ SCMP_SYS(recvfrom), 2,
	    { SCMP_A3(SCMP_CMP_MASKED_EQ, ONLY(MSG_PEEK | MSG_DONTWAIT)),
		SCMP_A4(SCMP_CMP_EQ, 0) } },
	{ SCMP_SYS(shutdown), 1, { SCMP_A1(SCMP_CMP_EQ, SHUT_WR) } },

	OPTION(getsockopt, SOL_SOCKET, SO_TYPE),
	OPTION(getsockopt, SOL_SOCKET, SO_ACCEPTCONN),
	OPTION(setsockopt, SOL_SOCKET, SO_KEEPALIVE),
	OPTION(setsockopt, IPPROTO_TCP, TCP_KEEPIDLE),
	OPTION(setsockopt, IPPROTO_TCP, TCP_KEEPINTVL),
	OPTION(setsockopt, IPPROTO_TCP, TCP_KEEPCNT),
	OPTION(setsockopt, IPPROTO_TCP, TCP_NODELAY),

	{ SCMP_SYS(fcntl), 1, { SCMP_A1(SCMP_CMP_EQ, F_GETFL) } },
	{ SCMP_SYS(fcntl), 2,
	    { SCMP_A1(SCMP_CMP_EQ, F_SETFL),
		SCMP_A2(SCMP_CMP_MASKED_EQ, ONLY(O_RDWR | O_NONBLOCK)) } },
	{ SCMP_SYS(fcntl), 1, { SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS) } },
};

int
gate_sandbox_enter(const struct sandbox_ids *ids, int trap_fd, struct err *e)
{
	return sandbox_enter(ids, calls, sizeof(calls) / sizeof(calls[0]), trap_fd, e);
}
