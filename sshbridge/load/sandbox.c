/* sandbox.c - what load may do: read what it was given, make sealed memory */
#include <fcntl.h>

#include "load.h"

static const struct sandbox_call calls[] = {
	SANDBOX_ANY(pread64),
	SANDBOX_ANY(write),
	SANDBOX_ANY(memfd_create),
	SANDBOX_ANY(fstat),
	/* fstat() of glibc before 2.39: an empty path means the descriptor */
	{ SCMP_SYS(newfstatat), 1, { SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH) } },
	{ SCMP_SYS(fcntl), 1, { SCMP_A1(SCMP_CMP_EQ, F_ADD_SEALS) } },
	{ SCMP_SYS(fcntl), 1, { SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS) } },
};

int
load_sandbox_enter(const struct sandbox_ids *ids, struct err *e)
{
	return sandbox_enter(ids, calls, sizeof(calls) / sizeof(calls[0]), 3, e);
}
