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
/* an argument with no bit set beyond these: SCMP_A2(SCMP_CMP_MASKED_EQ, SANDBOX_BITS(...)) */
#define SANDBOX_BITS(bits) ~(scmp_datum_t)(bits), 0
/* getsockopt or setsockopt of one option; one command of fcntl */
#define SANDBOX_OPTION(call, level, name)                                       \
	{                                                                       \
		SCMP_SYS(call), 2,                                              \
		{                                                               \
			SCMP_A1(SCMP_CMP_EQ, level), SCMP_A2(SCMP_CMP_EQ, name) \
		}                                                               \
	}
#define SANDBOX_FCNTL(command)                        \
	{                                             \
		SCMP_SYS(fcntl), 1,                   \
		{                                     \
			SCMP_A1(SCMP_CMP_EQ, command) \
		}                                     \
	}

/*
 * Rows for who moves bytes on sockets that he was given. sendto() only to the peer that the socket
 * has: with an address, or with MSG_FASTOPEN, it would dial without connect().
 */
#define SANDBOX_STREAM                                                                      \
	{ SCMP_SYS(sendto), 2,                                                              \
		{ SCMP_A3(SCMP_CMP_MASKED_EQ, SANDBOX_BITS(MSG_NOSIGNAL | MSG_DONTWAIT)),   \
		    SCMP_A4(SCMP_CMP_EQ, 0) } },                                            \
	    { SCMP_SYS(recvfrom), 2,                                                        \
		    { SCMP_A3(SCMP_CMP_MASKED_EQ, SANDBOX_BITS(MSG_PEEK | MSG_DONTWAIT)),   \
			SCMP_A4(SCMP_CMP_EQ, 0) } },                                        \
	    { SCMP_SYS(shutdown), 1, { SCMP_A1(SCMP_CMP_EQ, SHUT_WR) } },                   \
	    SANDBOX_OPTION(setsockopt, IPPROTO_TCP, TCP_NODELAY), SANDBOX_FCNTL(F_GETFL),   \
	    { SCMP_SYS(fcntl), 2,                                                           \
		    { SCMP_A1(SCMP_CMP_EQ, F_SETFL),                                        \
			SCMP_A2(SCMP_CMP_MASKED_EQ, SANDBOX_BITS(O_RDWR | O_NONBLOCK)) } }, \
	    SANDBOX_FCNTL(F_GET_SEALS)

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
