/*
 * sandbox.c - the system calls of a jump process, beyond what every child may (lib/sandbox.c)
 *
 * It moves bytes on sockets that it was given. It makes no socket, dials nobody, opens no file,
 * starts nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "confine.h"

static const struct sandbox_call calls[] = {
	SANDBOX_STREAM,

	SANDBOX_OPTION(getsockopt, SOL_SOCKET, SO_ERROR),
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
