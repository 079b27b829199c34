/* sandbox.c - confining a process */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "msg.h"
#include "sandbox.h"

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

static int trap_channel = -1;

/*
 * Runs when the filter refuses a call: tell the monitor which, then die of SIGSYS. SA_RESETHAND
 * has put the default action back, so a second refused call ends the process without
 * rt_sigaction() or kill() being allowed. The refused call was never carried out. Only
 * async-signal-safe work here.
 */
static void
on_sigsys(int sig, siginfo_t *si, void *ctx)
{
	uint8_t buf[64];
	struct msg_out o;
	struct iovec iov = { .iov_base = buf };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	(void)sig;
	(void)ctx;
	if (trap_channel != -1) {
		msg_start(&o, buf, sizeof(buf), MSG_TRAPPED, 0);
		msg_put_u32(&o, (uint32_t)si->si_syscall);
		msg_put_u32(&o, si->si_arch);
		iov.iov_len = o.len;
		(void)!sendmsg(trap_channel, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	for (;;)
		(void)syscall(SYS_ptrace, 0, 0, 0, 0);
}

/* What every confined process may do: memory, time, messages, the event loop, its end. */
static const struct sandbox_call base_calls[] = {
	SANDBOX_ANY(read),
	SANDBOX_ANY(recvmsg),
	{ SCMP_SYS(sendmsg), 1,
	    { SCMP_A2(SCMP_CMP_MASKED_EQ, ~(scmp_datum_t)(MSG_NOSIGNAL | MSG_DONTWAIT), 0) } },
	SANDBOX_ANY(close),
	SANDBOX_ANY(lseek),
	SANDBOX_ANY(exit),
	SANDBOX_ANY(exit_group),
	SANDBOX_ANY(brk),
	SANDBOX_ANY(munmap),
	SANDBOX_ANY(mremap),
	SANDBOX_ANY(madvise),
	/* no executable memory */
	{ SCMP_SYS(mmap), 1, { SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) } },
	{ SCMP_SYS(mprotect), 1, { SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) } },
	SANDBOX_ANY(futex),
	SANDBOX_ANY(clock_gettime),
	SANDBOX_ANY(gettimeofday),
	SANDBOX_ANY(time),
	SANDBOX_ANY(getpid),
	SANDBOX_ANY(gettid),
	SANDBOX_ANY(getrandom),
	SANDBOX_ANY(epoll_wait),
	SANDBOX_ANY(epoll_pwait),
	SANDBOX_ANY(epoll_ctl),
	SANDBOX_ANY(poll),
	SANDBOX_ANY(ppoll),
	SANDBOX_ANY(rt_sigprocmask),
	SANDBOX_ANY(rt_sigreturn),
	SANDBOX_ANY(restart_syscall),
};

#ifdef SANITIZED
/* What the sanitizers' runtime does: reports on descriptor 2, looking at its own mappings. */
static const struct sandbox_call sanitizer_calls[] = {
	{ SCMP_SYS(write), 1, { SCMP_A0(SCMP_CMP_EQ, 2) } },
	SANDBOX_ANY(mmap),
	SANDBOX_ANY(sched_yield),
	SANDBOX_ANY(sigaltstack),
	SANDBOX_ANY(prctl),
	SANDBOX_ANY(getrusage),
	SANDBOX_ANY(readlink),
	SANDBOX_ANY(openat),
	SANDBOX_ANY(newfstatat),
	SANDBOX_ANY(sched_getaffinity),
};
#endif

static int
add_calls(scmp_filter_ctx f, const struct sandbox_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = seccomp_rule_add_array(
		    f, SCMP_ACT_ALLOW, calls[i].nr, calls[i].nargs, calls[i].args);

		/* a call that this architecture does not have */
		if (r != 0 && r != -EDOM)
			return r;
	}
	return 0;
}

/* abort() of a failed assert() shall read as SIGABRT: tgkill() on oneself only. */
static int
add_abort(scmp_filter_ctx f)
{
	return seccomp_rule_add(
	    f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

static int
load_filter(const struct sandbox_call *calls, size_t n, struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_TRAP);
	int r;

	if (f == NULL)
		return err_nomem(e, "system-call filter");
	/* the other ABIs of this machine (x32, i386) end the process at once */
	if ((r = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)) == 0 &&
	    (r = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2)) == 0 &&
	    (r = add_calls(f, base_calls, NITEMS(base_calls))) == 0 && (r = add_abort(f)) == 0 &&
	    (r = add_calls(f, calls, n)) == 0)
#ifdef SANITIZED
		if ((r = add_calls(f, sanitizer_calls, NITEMS(sanitizer_calls))) == 0)
#endif
			r = seccomp_load(f);
	seccomp_release(f);
	return r == 0 ? 0 : err_sys(e, -r, "system-call filter");
}

static int
drop_root(const struct sandbox_ids *ids, struct err *e)
{
	if (ids->uid == 0 || ids->gid == 0)
		return err_set(e, ERR_FORMAT, "a child must not run as root");
	if (chroot(ids->root) == -1 || chdir("/") == -1)
		return err_sys(e, errno, "chroot to %s", ids->root);
	if (setgroups(0, NULL) == -1 || setresgid(ids->gid, ids->gid, ids->gid) == -1 ||
	    setresuid(ids->uid, ids->uid, ids->uid) == -1)
		return err_sys(e, errno, "change to uid %u", (unsigned)ids->uid);
	if (setresuid((uid_t)-1, 0, (uid_t)-1) != -1 || getuid() != ids->uid ||
	    geteuid() != ids->uid || getgid() != ids->gid)
		return err_set(e, ERR_SYS, "root could be taken back after setresuid()");
	return 0;
}

int
sandbox_enter(const struct sandbox_ids *ids, const struct sandbox_call *calls, size_t n,
    int trap_fd, struct err *e)
{
	struct sigaction sa = { .sa_sigaction = on_sigsys,
		.sa_flags = SA_SIGINFO | (int)SA_RESETHAND | SA_NODEFER };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_sys(e, errno, "no_new_privs");
	if (ids->root != NULL && drop_root(ids, e) == -1)
		return -1;
	/* after the change of ids, which would set it back */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return err_sys(e, errno, "not dumpable");
	trap_channel = trap_fd;
	if (sigaction(SIGSYS, &sa, NULL) == -1)
		return err_sys(e, errno, "SIGSYS handler");
	return load_filter(calls, n, e);
}
