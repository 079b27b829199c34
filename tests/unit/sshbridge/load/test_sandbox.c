/* test_sandbox.c - from inside load's filter: what it needs passes, everything else is SIGSYS */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "file.h"
#include "sealed.h"
#include "sshbridge/load/load.h"

#ifdef SANITIZED
#define PLAIN_ONLY true /* the sanitizers' runtime needs it itself */
#else
#define PLAIN_ONLY false
#endif

void
load_text(unsigned level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

/* Run `f` in a confined child, with an opened file; the wait status. */
static int
confined(void (*f)(int fd))
{
	const struct sandbox_ids stay = { .root = NULL };
	struct err e = { 0 };
	int status, fd = memfd_create("file", MFD_CLOEXEC);
	pid_t pid;

	assert_int_equal(5, write(fd, "hello", 5));
	pid = fork();
	assert_int_not_equal(-1, pid);
	if (pid == 0) {
		tzset(); /* as child_start() does */
		if (load_sandbox_enter(&stay, &e) == -1)
			_exit(99);
		f(fd);
		_exit(0);
	}
	close(fd);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	return status;
}

static void
read_and_seal(int fd)
{
	struct err e = { 0 };
	struct sealed s;
	uint8_t *p;
	size_t n;
	int memfd;

	if (file_read(fd, "file", 100, &p, &n, &e) == -1 || n != 5)
		_exit(1);
	if ((memfd = sealed_new("copy", p, n, &e)) == -1 || sealed_map(memfd, 100, &s, &e) == -1)
		_exit(2);
	_exit(memcmp(s.p, "hello", 5) == 0 ? 0 : 3);
}

static void
what_load_does_passes(void **state)
{
	(void)state;
	assert_int_equal(0, confined(read_and_seal));
}

/* One forbidden call each. */
#define CALL(name, ...)                     \
	static void name(int fd)            \
	{                                   \
		(void)fd;                   \
		(void)syscall(__VA_ARGS__); \
	}
CALL(do_open, SYS_open, "/etc/passwd", O_RDONLY)
CALL(do_openat, SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY)
CALL(do_stat_by_name, SYS_newfstatat, AT_FDCWD, "/etc/passwd", NULL, 0)
CALL(do_execve, SYS_execve, "/bin/true", NULL, NULL)
CALL(do_execveat, SYS_execveat, fd, "", NULL, NULL, AT_EMPTY_PATH)
CALL(do_fork, SYS_fork)
CALL(do_clone, SYS_clone, SIGCHLD, 0, 0, 0, 0)
CALL(do_clone3, SYS_clone3, NULL, 0)
CALL(do_kill, SYS_kill, 0, 0)
CALL(do_ptrace, SYS_ptrace, 0, 0, 0, 0)
CALL(do_process_vm_readv, SYS_process_vm_readv, 0, NULL, 0, NULL, 0, 0)
CALL(do_prlimit, SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, NULL)
CALL(do_io_uring_setup, SYS_io_uring_setup, 1, NULL)
CALL(do_bpf, SYS_bpf, 0, NULL, 0)
CALL(do_setuid, SYS_setuid, 0)
CALL(do_chroot, SYS_chroot, "/")
CALL(do_socket, SYS_socket, AF_INET, SOCK_STREAM, 0)
CALL(do_socketpair, SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, NULL)
CALL(do_connect, SYS_connect, fd, NULL, 0)
CALL(do_bind, SYS_bind, fd, NULL, 0)
CALL(do_listen, SYS_listen, fd, 1)
CALL(do_accept, SYS_accept, fd, NULL, NULL)
CALL(do_sendto, SYS_sendto, fd, "x", 1, 0, NULL, 0)
CALL(do_sendmsg_fastopen, SYS_sendmsg, fd, NULL, MSG_FASTOPEN)
CALL(do_setsockopt, SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, NULL, 0)
CALL(do_pwrite, SYS_pwrite64, fd, "x", 1, 0)
CALL(do_ftruncate, SYS_ftruncate, fd, 0)
CALL(do_fchmod, SYS_fchmod, fd, 0777)
CALL(do_dup2, SYS_dup2, fd, 9)
CALL(do_dupfd, SYS_fcntl, fd, F_DUPFD, 9)
CALL(do_setfl, SYS_fcntl, fd, F_SETFL, O_ASYNC)
CALL(do_setown, SYS_fcntl, fd, F_SETOWN, 1)
CALL(do_ioctl, SYS_ioctl, fd, 0, 0)
CALL(do_unlink, SYS_unlink, "/nonexistent")
CALL(do_rename, SYS_rename, "/nonexistent", "/nonexistent2")
CALL(do_mmap_exec, SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
CALL(do_mprotect_exec, SYS_mprotect, NULL, 4096, PROT_READ | PROT_EXEC)
CALL(do_prctl, SYS_prctl, 1, 0, 0, 0, 0)

static void
every_other_call_ends_in_sigsys(void **state)
{
	static const struct {
		const char *name;
		void (*f)(int fd);
		bool plain_only;
	} cases[] = {
#define CASE(f) { #f, f, false }
#define CASE_PLAIN(f)       \
	{                   \
#f, f, true \
	}
		CASE(do_open),
		CASE_PLAIN(do_openat),
		CASE_PLAIN(do_stat_by_name),
		CASE(do_execve),
		CASE(do_execveat),
		CASE(do_fork),
		CASE(do_clone),
		CASE(do_clone3),
		CASE(do_kill),
		CASE(do_ptrace),
		CASE(do_process_vm_readv),
		CASE(do_prlimit),
		CASE(do_io_uring_setup),
		CASE(do_bpf),
		CASE(do_setuid),
		CASE(do_chroot),
		CASE(do_socket),
		CASE(do_socketpair),
		CASE(do_connect),
		CASE(do_bind),
		CASE(do_listen),
		CASE(do_accept),
		CASE(do_sendto),
		CASE(do_sendmsg_fastopen),
		CASE(do_setsockopt),
		CASE(do_pwrite),
		CASE(do_ftruncate),
		CASE(do_fchmod),
		CASE(do_dup2),
		CASE(do_dupfd),
		CASE(do_setfl),
		CASE(do_setown),
		CASE(do_ioctl),
		CASE(do_unlink),
		CASE(do_rename),
		CASE_PLAIN(do_mmap_exec),
		CASE(do_mprotect_exec),
		CASE_PLAIN(do_prctl),
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
		cmocka_unit_test(what_load_does_passes),
		cmocka_unit_test(every_other_call_ends_in_sigsys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
