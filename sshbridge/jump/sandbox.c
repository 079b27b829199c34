/*
 * sandbox.c - the system calls of a jump process, beyond what every child may (lib/sandbox.c)
 *
 * It moves bytes on sockets that it was given. It makes no socket, dials nobody, opens no file,
 * starts nothing. sendto() only to the peer that the socket has: with an address, or with
 * MSG_FASTOPEN, it would dial without connect().
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
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
	{ SCMP_SYS(sendto), 2,
	    { SCMP_A3(SCMP_CMP_MASKED_EQ, ONLY(MSG_NOSIGNAL | MSG_DONTWAIT)),
		SCMP_A4(SCMP_CMP_EQ, 0) } },
	{ SCMP_SYS(recvfrom), 2,
	    { SCMP_A3(SCMP_CMP_MASKED_EQ, ONLY(MSG_PEEK | MSG_DONTWAIT)),
		SCMP_A4(SCMP_CMP_EQ, 0) } },
	{ SCMP_SYS(shutdown), 1, { SCMP_A1(SCMP_CMP_EQ, SHUT_WR) } },

	OPTION(getsockopt, SOL_SOCKET, SO_ERROR),
	OPTION(setsockopt, IPPROTO_TCP, TCP_NODELAY),

	{ SCMP_SYS(fcntl), 1, { SCMP_A1(SCMP_CMP_EQ, F_GETFL) } },
	{ SCMP_SYS(fcntl), 2,
	    { SCMP_A1(SCMP_CMP_EQ, F_SETFL),
		SCMP_A2(SCMP_CMP_MASKED_EQ, ONLY(O_RDWR | O_NONBLOCK)) } },
	{ SCMP_SYS(fcntl), 1, { SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS) } },
};

/*
 * Backstops: the pump holds itself to a few megabytes, and the watchdog ends a process that makes
 * no progress. A terabyte takes half an hour of CPU time.
 */
#define DATA_MAX (256UL * 1024 * 1024)
#define CPU_MAX	 (24UL * 3600)

int
jump_limits(struct err *e)
{
	struct rlimit cpu = { .rlim_cur = CPU_MAX, .rlim_max = CPU_MAX };

	if (setrlimit(RLIMIT_CPU, &cpu) == -1)
		return err_sys(e, errno, "limit on CPU time");
#ifndef SANITIZED /* its shadow memory is larger by far */
	struct rlimit data = { .rlim_cur = DATA_MAX, .rlim_max = DATA_MAX };

	if (setrlimit(RLIMIT_DATA, &data) == -1)
		return err_sys(e, errno, "limit on memory");
#endif
	return 0;
}

int
jump_sandbox_enter(const struct sandbox_ids *ids, int trap_fd, struct err *e)
{
	return sandbox_enter(ids, calls, sizeof(calls) / sizeof(calls[0]), trap_fd, e);
}
