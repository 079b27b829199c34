/* test_sandbox.c - from inside ident's filter: what it needs passes, everything else is SIGSYS */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "sshbridge/ident/ident.h"

#ifdef SANITIZED
#define PLAIN_ONLY true /* the sanitizers' runtime needs it itself */
#else
#define PLAIN_ONLY false
#endif

/* Run `f` in a confined child; the wait status. */
static int
confined(void (*f)(struct ident *id))
{
	const struct sandbox_ids stay = { .root = NULL };
	static struct ident id;
	struct err e = { 0 };
	int status;
	pid_t pid = fork();

	assert_int_not_equal(-1, pid);
	if (pid == 0) {
		tzset(); /* as child_start() does */
		if (ident_init(&id, &e) == -1 || ident_sandbox_enter(&stay, &e) == -1)
			_exit(99);
		f(&id);
		_exit(0);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	return status;
}

static void
run_selftest(struct ident *id)
{
	struct err e = { 0 };

	if (ident_selftest(id, &e) == -1)
		_exit(1);
}

static void
allowed_calls(struct ident *id)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP), dup,
	    on = 1, pair[2];

	(void)id;
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || (dup = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		_exit(1);
	(void)bind(fd, (struct sockaddr *)&in, sizeof(in));
	(void)connect(fd, (struct sockaddr *)&in, sizeof(in));
	(void)accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	(void)shutdown(fd, SHUT_RDWR);
	close(fd);
	close(dup);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == -1)
		_exit(1);
	close(pair[0]);
	close(pair[1]);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		_exit(1);
}

static void
selftest_and_needed_calls_pass(void **state)
{
	(void)state;
	assert_int_equal(0, confined(run_selftest));
	assert_int_equal(0, confined(allowed_calls));
}

/* One forbidden call each. */
#define CALL(name, ...)                     \
	static void name(struct ident *id)  \
	{                                   \
		(void)id;                   \
		(void)syscall(__VA_ARGS__); \
	}
#define OPTION(name, level, option)                                  \
	static void name(struct ident *id)                           \
	{                                                            \
		int on = 1;                                          \
		(void)id;                                            \
		(void)setsockopt(0, level, option, &on, sizeof(on)); \
	}
CALL(do_open, SYS_open, "/etc/passwd", O_RDONLY)
CALL(do_openat, SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY)
CALL(do_execve, SYS_execve, "/bin/true", NULL, NULL)
CALL(do_execveat, SYS_execveat, 0, "", NULL, NULL, AT_EMPTY_PATH)
CALL(do_fork, SYS_fork)
CALL(do_vfork_clone, SYS_clone, SIGCHLD, 0, 0, 0, 0)
CALL(do_clone3, SYS_clone3, NULL, 0)
CALL(do_kill, SYS_kill, 0, 0)
CALL(do_tgkill_other, SYS_tgkill, 1, 1, 0)
CALL(do_ptrace, SYS_ptrace, 0, 0, 0, 0)
CALL(do_process_vm_readv, SYS_process_vm_readv, 0, NULL, 0, NULL, 0, 0)
CALL(do_process_vm_writev, SYS_process_vm_writev, 0, NULL, 0, NULL, 0, 0)
CALL(do_prlimit, SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, NULL)
CALL(do_io_uring_setup, SYS_io_uring_setup, 1, NULL)
CALL(do_memfd, SYS_memfd_create, "x", 0)
CALL(do_bpf, SYS_bpf, 0, NULL, 0)
CALL(do_setuid, SYS_setuid, 0)
CALL(do_chroot, SYS_chroot, "/")
CALL(do_mount, SYS_mount, NULL, NULL, NULL, 0, NULL)
CALL(do_dup2, SYS_dup2, 0, 9)
CALL(do_ioctl, SYS_ioctl, 0, 0, 0)
CALL(do_unlink, SYS_unlink, "/nonexistent")
CALL(do_socketpair, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, NULL)
CALL(do_socketpair_dgram, SYS_socketpair, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, NULL)
CALL(do_socketpair_inet, SYS_socketpair, AF_INET, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, NULL)
CALL(do_socket_netlink, SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
CALL(do_listen, SYS_listen, 0, 1)
CALL(do_accept, SYS_accept, 0, NULL, NULL)
CALL(do_accept4_plain, SYS_accept4, 0, NULL, NULL, 0)
CALL(do_sendto, SYS_sendto, 0, "x", 1, 0, NULL, 0)
CALL(do_fastopen, SYS_sendto, 0, "x", 1, MSG_FASTOPEN, NULL, 0)
CALL(do_sendmsg_fastopen, SYS_sendmsg, 0, NULL, MSG_FASTOPEN)
CALL(do_socket_unix, SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
CALL(do_socket_udp, SYS_socket, AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
CALL(do_socket_mptcp, SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 262)
CALL(do_socket_raw, SYS_socket, AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)
CALL(do_socket_blocking, SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_TCP)
CALL(do_socket_packet, SYS_socket, AF_PACKET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 6)
CALL(do_setown, SYS_fcntl, 0, F_SETOWN, 1)
CALL(do_setfl_async, SYS_fcntl, 0, F_SETFL, O_ASYNC)
CALL(do_add_seals, SYS_fcntl, 0, F_ADD_SEALS, 0)
CALL(do_mmap_exec, SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
CALL(do_mprotect_exec, SYS_mprotect, NULL, 4096, PROT_READ | PROT_EXEC)
CALL(do_prctl, SYS_prctl, 1, 0, 0, 0, 0)
CALL(do_x_write, SYS_pwrite64, 0, "x", 1, 0)
OPTION(do_reuseaddr, SOL_SOCKET, SO_REUSEADDR)
OPTION(do_reuseport, SOL_SOCKET, SO_REUSEPORT)
OPTION(do_repair, IPPROTO_TCP, TCP_REPAIR)
OPTION(do_fastopen_connect, IPPROTO_TCP, TCP_FASTOPEN_CONNECT)
OPTION(do_bind_device, SOL_SOCKET, SO_BINDTODEVICE)

static void
every_other_call_ends_in_sigsys(void **state)
{
	static const struct {
		const char *name;
		void (*f)(struct ident *id);
		bool plain_only;
	} cases[] = {
#define CASE(f) { #f, f, false }
#define CASE_PLAIN(f)       \
	{                   \
#f, f, true \
	}
		CASE(do_open),
		CASE_PLAIN(do_openat),
		CASE(do_execve),
		CASE(do_execveat),
		CASE(do_fork),
		CASE(do_vfork_clone),
		CASE(do_clone3),
		CASE(do_kill),
		CASE(do_tgkill_other),
		CASE(do_ptrace),
		CASE(do_process_vm_readv),
		CASE(do_process_vm_writev),
		CASE(do_prlimit),
		CASE(do_io_uring_setup),
		CASE(do_memfd),
		CASE(do_bpf),
		CASE(do_setuid),
		CASE(do_chroot),
		CASE(do_mount),
		CASE(do_dup2),
		CASE(do_ioctl),
		CASE(do_unlink),
		CASE(do_socketpair),
		CASE(do_socketpair_dgram),
		CASE(do_socketpair_inet),
		CASE(do_socket_netlink),
		CASE(do_listen),
		CASE(do_accept),
		CASE(do_accept4_plain),
		CASE(do_sendto),
		CASE(do_fastopen),
		CASE(do_sendmsg_fastopen),
		CASE(do_socket_unix),
		CASE(do_socket_udp),
		CASE(do_socket_mptcp),
		CASE(do_socket_raw),
		CASE(do_socket_blocking),
		CASE(do_socket_packet),
		CASE(do_setown),
		CASE(do_setfl_async),
		CASE(do_add_seals),
		CASE_PLAIN(do_mmap_exec),
		CASE(do_mprotect_exec),
		CASE_PLAIN(do_prctl),
		CASE(do_x_write),
		CASE(do_reuseaddr),
		CASE(do_reuseport),
		CASE(do_repair),
		CASE(do_fastopen_connect),
		CASE(do_bind_device),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status;

		if (PLAIN_ONLY && cases[i].plain_only)
			continue;
		status = confined(cases[i].f);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%s: wait status %#x", cases[i].name, (unsigned)status);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selftest_and_needed_calls_pass),
		cmocka_unit_test(every_other_call_ends_in_sigsys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
