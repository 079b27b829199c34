/*
 * sandbox.c - the system calls of a gate, beyond what every child may (lib/sandbox.c)
 *
 * It takes connections that come and moves bytes on sockets that it was given. It makes no socket,
 * dials nobody, opens no file, starts nothing.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "confine.h"

static const struct sandbox_call calls[] = {
	SANDBOX_ANY(accept4),
	SANDBOX_ANY(getsockname),
	SANDBOX_STREAM,

	SANDBOX_OPTION(getsockopt, SOL_SOCKET, SO_TYPE),
	SANDBOX_OPTION(getsockopt, SOL_SOCKET, SO_ACCEPTCONN),
	SANDBOX_OPTION(setsockopt, SOL_SOCKET, SO_KEEPALIVE),
	SANDBOX_OPTION(setsockopt, IPPROTO_TCP, TCP_KEEPIDLE),
	SANDBOX_OPTION(setsockopt, IPPROTO_TCP, TCP_KEEPINTVL),
	SANDBOX_OPTION(setsockopt, IPPROTO_TCP, TCP_KEEPCNT),
};

int
gate_sandbox_enter(const struct sandbox_ids *ids, int trap_fd, struct err *e)
{
	return sandbox_enter(ids, calls, sizeof(calls) / sizeof(calls[0]), trap_fd, e);
}
