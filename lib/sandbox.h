/* sandbox.h - confining a process: no new privileges, empty root, other ids, system-call filter */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <seccomp.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

struct sandbox_ids {
	const char *root; /* empty folder of root's to chroot into; NULL: stay (no root) */
	uid_t uid;	  /* only with root != NULL */
	gid_t gid;
};

/* A row allows one system call, all `nargs` conditions holding; rows of one call add up. */
struct sandbox_call {
	int nr; /* SCMP_SYS(x) */
	unsigned nargs;
	struct scmp_arg_cmp args[3];
};
/* a call with any arguments; one whose arguments are looked at */
#define SANDBOX_ANY(name)          \
	{                          \
		SCMP_SYS(name), 0, \
		{                  \
			{          \
				0  \
			}          \
		}                  \
	}

/*
 * Confine the calling process for good: no_new_privs, not dumpable, then (with a root) chroot,
 * setgroups, setresgid, setresuid and a check that neither comes back, then the filter: what
 * every child needs (docs/HACKING.md lists it) and `calls`. Anything else ends the process by
 * SIGSYS; where `trap_fd` is a descriptor, a TRAPPED message with the call's number is sent
 * there first. Sanitizer builds allow what the sanitizer's runtime does besides.
 * -1 and *e: the process must end then.
 */
int sandbox_enter(const struct sandbox_ids *ids, const struct sandbox_call *calls, size_t n,
    int trap_fd, struct err *e) __attribute__((warn_unused_result, nonnull(1, 5)));

#endif
