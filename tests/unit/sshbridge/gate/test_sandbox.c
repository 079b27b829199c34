/* test_sandbox.c - what a gate may not do ends it by SIGSYS, tried from inside; what it needs
 * passes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sshbridge/gate/confine.h"
#include "sshbridge/gate/selftest.h"
#include "sshbridge/gate/tls.h"

/* Made before the sandbox, as a gate has them: a connected socket, a listener, a datagram socket.
 */
static int sock, listener, datagram;

static void
make_sockets(void)
{
	int pair[2];
	struct sockaddr_in in = { .sin_family = AF_INET };

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		_exit(90);
	sock = pair[0];
	listener = socket(AF_INET, SOCK_STREAM, 0);
	datagram = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(listener, (struct sockaddr *)&in, sizeof(in)) == -1 || listen(listener, 1) == -1 ||
	    fcntl(listener, F_SETFL, O_RDWR | O_NONBLOCK) == -1)
		_exit(91);
}

/* Do it in a confined child: its exit status, or -signal. */
static int
inside(void (*attempt)(void))
{
	struct sandbox_ids ids = { 0 };
	struct err e;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		make_sockets();
		if (gate_sandbox_enter(&ids, -1, &e) == -1)
			_exit(92);
		attempt();
		_exit(0);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static const struct sockaddr_in somewhere = { .sin_family = AF_INET, .sin_port = 0x1600 };
#define SOMEWHERE (const struct sockaddr *)&somewhere, sizeof(somewhere)

#define ATTEMPT(name, ...)           \
	static void try_##name(void) \
	{                            \
		__VA_ARGS__;         \
	}

ATTEMPT(socket, (void)socket(AF_INET, SOCK_STREAM, 0))
ATTEMPT(socketpair, int p[2]; (void)socketpair(AF_UNIX, SOCK_STREAM, 0, p))
ATTEMPT(connect, (void)connect(sock, SOMEWHERE))
ATTEMPT(bind, (void)bind(sock, SOMEWHERE))
ATTEMPT(listen, (void)listen(listener, 5))
ATTEMPT(open, (void)syscall(SYS_open, "/etc/passwd", O_RDONLY))
ATTEMPT(openat2, (void)syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0))
ATTEMPT(creat, (void)syscall(SYS_creat, "/tmp/x", 0600))
ATTEMPT(unlink, (void)unlink("/nowhere/at/all"))
ATTEMPT(execve, (void)execl("/bin/true", "true", (char *)NULL))
ATTEMPT(fork, (void)syscall(SYS_fork))
ATTEMPT(clone, (void)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0))
ATTEMPT(clone3, (void)syscall(SYS_clone3, NULL, 0))
ATTEMPT(kill, (void)kill(getpid(), 0))
ATTEMPT(tgkill_other, (void)syscall(SYS_tgkill, 1, 1, 0))
ATTEMPT(prlimit, struct rlimit r; (void)prlimit(0, RLIMIT_NOFILE, NULL, &r))
ATTEMPT(ptrace, (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL))
ATTEMPT(vm_readv, (void)process_vm_readv(1, NULL, 0, NULL, 0, 0))
ATTEMPT(vm_writev, (void)process_vm_writev(1, NULL, 0, NULL, 0, 0))
ATTEMPT(io_uring, (void)syscall(SYS_io_uring_setup, 1, NULL))
ATTEMPT(memfd, (void)memfd_create("x", 0))
ATTEMPT(setuid, (void)syscall(SYS_setuid, 0))
ATTEMPT(chroot, (void)syscall(SYS_chroot, "/"))
ATTEMPT(pidfd, (void)syscall(SYS_pidfd_open, 1, 0))
ATTEMPT(write_file, (void)!write(sock, "x", 1))
ATTEMPT(sendto_address, (void)sendto(datagram, "x", 1, 0, SOMEWHERE))
ATTEMPT(sendto_fastopen, (void)sendto(listener, "x", 1, MSG_FASTOPEN, NULL, 0))
ATTEMPT(sendto_oob, (void)send(sock, "x", 1, MSG_OOB))
ATTEMPT(sendmsg_fastopen, struct msghdr m = { 0 }; (void)sendmsg(listener, &m, MSG_FASTOPEN))
ATTEMPT(sendmmsg, struct mmsghdr m = { 0 }; (void)sendmmsg(sock, &m, 1, 0))
ATTEMPT(recvfrom_address, char b; struct sockaddr_storage s; socklen_t n = sizeof(s);
	(void)recvfrom(sock, &b, 1, MSG_DONTWAIT, (struct sockaddr *)&s, &n))
ATTEMPT(shutdown_read, (void)shutdown(listener, SHUT_RD))
ATTEMPT(shutdown_both, (void)shutdown(sock, SHUT_RDWR))
ATTEMPT(setsockopt_reuse, int v = 1;
	(void)setsockopt(sock, SOL_SOCKET, SO_REUSEPORT, &v, sizeof(v)))
ATTEMPT(setsockopt_repair, int v = 1;
	(void)setsockopt(sock, IPPROTO_TCP, TCP_REPAIR, &v, sizeof(v)))
ATTEMPT(getsockopt_peer, int v; socklen_t n = sizeof(v);
	(void)getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &v, &n))
ATTEMPT(fcntl_owner, (void)fcntl(sock, F_SETOWN, 1))
ATTEMPT(fcntl_async, (void)fcntl(sock, F_SETFL, O_ASYNC))
ATTEMPT(fcntl_dup, (void)fcntl(sock, F_DUPFD, 0))
ATTEMPT(dup, (void)!dup(sock))
#ifndef SANITIZED
ATTEMPT(openat, (void)open("/etc/passwd", O_RDONLY))
ATTEMPT(
    mmap_exec, (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
ATTEMPT(prctl, (void)syscall(SYS_prctl, 4, 1))
#endif
ATTEMPT(mprotect_exec, void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	(void)mprotect(p, 4096, PROT_READ | PROT_EXEC))

static const struct attempt {
	const char *name;
	void (*run)(void);
} forbidden[] = {
#define ROW(name)                 \
	{                         \
#name, try_##name \
	}
	ROW(socket),
	ROW(socketpair),
	ROW(connect),
	ROW(bind),
	ROW(listen),
	ROW(open),
	ROW(openat2),
	ROW(creat),
	ROW(unlink),
	ROW(execve),
	ROW(fork),
	ROW(clone),
	ROW(clone3),
	ROW(kill),
	ROW(tgkill_other),
	ROW(prlimit),
	ROW(ptrace),
	ROW(vm_readv),
	ROW(vm_writev),
	ROW(io_uring),
	ROW(memfd),
	ROW(setuid),
	ROW(chroot),
	ROW(pidfd),
	ROW(write_file),
	ROW(sendto_address),
	ROW(sendto_fastopen),
	ROW(sendto_oob),
	ROW(sendmsg_fastopen),
	ROW(sendmmsg),
	ROW(recvfrom_address),
	ROW(shutdown_read),
	ROW(shutdown_both),
	ROW(setsockopt_reuse),
	ROW(setsockopt_repair),
	ROW(getsockopt_peer),
	ROW(fcntl_owner),
	ROW(fcntl_async),
	ROW(fcntl_dup),
	ROW(dup),
	ROW(mprotect_exec),
#ifndef SANITIZED
	ROW(openat),
	ROW(mmap_exec),
	ROW(prctl),
#endif
};

static void
every_forbidden_call_ends_it_by_sigsys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		int r = inside(forbidden[i].run);

		if (r != -SIGSYS)
			fail_msg("%s: ended with %d", forbidden[i].name, r);
	}
}

/* Each forbidden one's nearest neighbour. */
static void
what_it_needs(void)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int v = 1;
	char b;

	if (accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) != -1 || errno != EAGAIN)
		_exit(1);
	if (getsockname(listener, (struct sockaddr *)&ss, &len) == -1)
		_exit(2);
	if (send(sock, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
		_exit(3);
	if (recv(sock, &b, 1, MSG_PEEK | MSG_DONTWAIT) != -1 || errno != EAGAIN)
		_exit(4);
	if (fcntl(sock, F_SETFL, O_RDWR | O_NONBLOCK) == -1 || fcntl(sock, F_GETFL) == -1)
		_exit(5);
	if (setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &v, sizeof(v)) == -1)
		_exit(6);
	len = sizeof(v);
	if (getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &v, &len) == -1 || v != 1)
		_exit(7);
	if (shutdown(sock, SHUT_WR) == -1)
		_exit(8);
}

static void
what_it_needs_passes(void **state)
{
	(void)state;
	assert_int_equal(0, inside(what_it_needs));
}

/* As main.c does it: all made ready before, the whole self-test inside. */
static int
run_selftest(bool confined)
{
	struct sandbox_ids ids = { 0 };
	struct event_base *base;
	struct err e;
	int pair[2], status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		tzset();
		if (tls_setup(&e) == -1 || (base = event_base_new()) == NULL ||
		    socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
			_exit(90);
		if (confined && gate_sandbox_enter(&ids, -1, &e) == -1)
			_exit(92);
		_exit(selftest_run(base, pair, &e) == 0 ? 0 : 1);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void
the_whole_self_test_passes_inside(void **state)
{
	(void)state;
	assert_int_equal(0, run_selftest(false));
	assert_int_equal(0, run_selftest(true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_forbidden_call_ends_it_by_sigsys),
		cmocka_unit_test(what_it_needs_passes),
		cmocka_unit_test(the_whole_self_test_passes_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
