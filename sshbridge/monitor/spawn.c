/* spawn.c - starting one child: a channel on descriptor 3, /dev/null before it, nothing else */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor.h"

/*
 * Empty, but for jump: libssh copies each packet to a buffer that begins a few bytes later within
 * its page, which REP MOVSB does at a twentieth of its speed on AMD's Zen 3 and 4, and glibc before
 * 2.39 takes it there for more than 4 kB. With this it copies in a loop.
 */
static char *const *
environment_of(const char *program)
{
	static char *const none[] = { NULL };
	static char tunables[] = "GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=0x10000000";
	static char *const for_jump[] = { tunables, NULL };

	return strcmp(program, "jump") == 0 ? for_jump : none;
}

/* In the child, between fork and exec: only async-signal-safe calls. */
static void
become(int channel, const char *path, char *const argv[], char *const envp[])
{
	static const struct rlimit no_core = { 0, 0 };
	sigset_t none;
	int null;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if ((null = open("/dev/null", O_RDWR)) == -1)
		_exit(127);
	/* move both out of the way of 0..3 first */
	if ((null = fcntl(null, F_DUPFD_CLOEXEC, 10)) == -1 ||
	    (channel = fcntl(channel, F_DUPFD_CLOEXEC, 10)) == -1 || dup2(null, 0) == -1 ||
	    dup2(null, 1) == -1 || dup2(channel, CHILD_CHANNEL) == -1)
		_exit(127);
#ifndef SANITIZED /* their reports go to stderr */
	if (dup2(null, 2) == -1)
		_exit(127);
#endif
	if (close_range(CHILD_CHANNEL + 1, ~0U, 0) == -1)
		_exit(127);
	(void)execve(path, argv, envp);
	_exit(127);
}

int
spawn(struct monitor *m, const char *program, unsigned index, uid_t uid, gid_t gid,
    const char *root, pid_t *pid, int *channel, struct err *e)
{
	char path[4200], name[32], uids[16], gids[16], roots[4096], indexes[16];
	char *argv[] = { name, uids, gids, roots, indexes, NULL };
	int pair[2];
	pid_t p;

	(void)snprintf(path, sizeof(path), "%s/%s", m->libexec, program);
	(void)snprintf(name, sizeof(name), "%s", program);
	(void)snprintf(uids, sizeof(uids), "%u", (unsigned)uid);
	(void)snprintf(gids, sizeof(gids), "%u", (unsigned)gid);
	(void)snprintf(roots, sizeof(roots), "%s", root == NULL ? "-" : root);
	(void)snprintf(indexes, sizeof(indexes), "%u", index);
	if (access(path, X_OK) == -1)
		return err_sys(e, errno, "%s", path);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return err_sys(e, errno, "channel to %s", program);
	if ((p = fork()) == -1) {
		err_sys(e, errno, "fork for %s", program);
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	if (p == 0)
		become(pair[1], path, argv, environment_of(program));
	close(pair[1]);
	*pid = p;
	*channel = pair[0];
	return 0;
}
