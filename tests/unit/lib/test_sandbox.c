/* test_sandbox.c - a confined process can do what it must and nothing else */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "msgio.h"
#include "sandbox.h"

static int
in_child(void (*act)(int channel), int *channel)
{
	int pair[2], status;
	pid_t p;

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	if ((p = fork()) == 0) {
		struct sandbox_ids ids = { 0 };
		struct err e;

		close(pair[0]);
		if (sandbox_enter(&ids, NULL, 0, pair[1], &e) == -1)
			_exit(99);
		act(pair[1]);
		_exit(0);
	}
	close(pair[1]);
	assert_int_equal(p, waitpid(p, &status, 0));
	*channel = pair[0];
	return status;
}

static void
act_open(int c)
{
	(void)c;
	(void)!syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}
static void
act_socket(int c)
{
	(void)c;
	(void)!syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}
static void
act_connect(int c)
{
	(void)!syscall(SYS_connect, c, NULL, 0);
}
static void
act_exec(int c)
{
	(void)c;
	(void)!syscall(SYS_execve, "/bin/true", NULL, NULL);
}
static void
act_fork(int c)
{
	(void)c;
	(void)!syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static void
act_kill(int c)
{
	(void)c;
	(void)!syscall(SYS_kill, 1, 0);
}
static void
act_ptrace(int c)
{
	(void)c;
	(void)!syscall(SYS_ptrace, 0, 0, 0, 0);
}
static void
act_prlimit(int c)
{
	(void)c;
	(void)!syscall(SYS_prlimit64, 0, 7, NULL, NULL);
}
static void
act_vm(int c)
{
	(void)c;
	(void)!syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0);
}
static void
act_uring(int c)
{
	(void)c;
	(void)!syscall(SYS_io_uring_setup, 1, NULL);
}
static void
act_listen(int c)
{
	(void)!syscall(SYS_listen, c, 1);
}
static void
act_fastopen(int c)
{
	(void)!syscall(SYS_sendmsg, c, NULL, MSG_FASTOPEN);
}
static void
act_sigaction(int c)
{
	(void)c;
	(void)!syscall(SYS_rt_sigaction, SIGSYS, NULL, NULL, 8);
}
static void
act_tgkill(int c)
{
	(void)c;
	(void)!syscall(SYS_tgkill, 1, 1, 0);
}
#ifndef SANITIZED
static void
act_exec_map(int c)
{
	(void)c;
	(void)!syscall(
	    SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void
act_exec_protect(int c)
{
	(void)c;
	(void)!syscall(SYS_mprotect, NULL, 4096, PROT_EXEC);
}
static void
act_write(int c)
{
	(void)!syscall(SYS_write, c, "x", 1);
}
#endif

static void
every_forbidden_call_ends_in_sigsys_and_is_named(void **state)
{
	static const struct {
		const char *name;
		long nr;
		void (*act)(int);
	} rows[] = {
		{ "openat", SYS_openat, act_open },
		{ "socket", SYS_socket, act_socket },
		{ "connect", SYS_connect, act_connect },
		{ "execve", SYS_execve, act_exec },
		{ "clone", SYS_clone, act_fork },
		{ "kill", SYS_kill, act_kill },
		{ "ptrace", SYS_ptrace, act_ptrace },
		{ "prlimit64", SYS_prlimit64, act_prlimit },
		{ "process_vm_readv", SYS_process_vm_readv, act_vm },
		{ "io_uring_setup", SYS_io_uring_setup, act_uring },
		{ "listen", SYS_listen, act_listen },
		{ "sendmsg(MSG_FASTOPEN)", SYS_sendmsg, act_fastopen },
		{ "rt_sigaction", SYS_rt_sigaction, act_sigaction },
		{ "tgkill(other)", SYS_tgkill, act_tgkill },
#ifndef SANITIZED
		{ "mmap(PROT_EXEC)", SYS_mmap, act_exec_map },
		{ "mprotect(PROT_EXEC)", SYS_mprotect, act_exec_protect },
		{ "write", SYS_write, act_write },
#endif
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static uint8_t buf[MSG_MAX];
		int fds[MSG_FDS_MAX], channel, status = in_child(rows[i].act, &channel);
		size_t nfds;
		struct err e;
		struct msg_in m;
		uint32_t nr, arch;
		ssize_t n;

#ifdef SANITIZED /* what the runtime itself needs is open there */
		if (rows[i].nr == SYS_openat) {
			close(channel);
			continue;
		}
#endif
		print_message("%s\n", rows[i].name);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(SIGSYS, WTERMSIG(status));
		n = msgio_recv(channel, buf, sizeof(buf), fds, &nfds, &e);
		assert_true(n > 0);
		assert_int_equal(0, msg_parse(&m, buf, (size_t)n, &e));
		assert_int_equal(MSG_TRAPPED, m.type);
		assert_int_equal(0, msg_get_u32(&m, &nr));
		assert_int_equal(0, msg_get_u32(&m, &arch));
		assert_int_equal(rows[i].nr, nr);
		close(channel);
	}
}

static void
act_messages(int c)
{
	struct msg_out o;
	struct err e;
	uint8_t buf[64];
	void *p = malloc(1 << 20);

	if (p == NULL)
		_exit(1);
	free(p);
	msg_start(&o, buf, sizeof(buf), MSG_IDLE, 7);
	_exit(msgio_send(c, &o, NULL, 0, &e) == 0 ? 0 : 2);
}

static void
needed_calls_pass(void **state)
{
	int channel, status = in_child(act_messages, &channel);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
	close(channel);
}

static void
act_abort(int c)
{
	(void)c;
	abort();
}

static void
a_failed_assertion_reads_as_sigabrt(void **state)
{
	int channel, status = in_child(act_abort, &channel);

	(void)state;
#ifndef SANITIZED
	assert_true(WIFSIGNALED(status));
	assert_int_equal(SIGABRT, WTERMSIG(status));
#else
	assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#endif
	close(channel);
}

static void
root_is_given_up_for_good_and_the_root_folder_is_empty(void **state)
{
	char folder[] = "/tmp/sandbox-test-XXXXXX";
	int status;
	pid_t p;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	if ((p = fork()) == 0) {
		struct sandbox_ids ids = { .root = folder, .uid = 65534, .gid = 65534 };
		/* looking round needs more than a child may */
		static const struct sandbox_call look[] = { SANDBOX_ANY(faccessat),
			SANDBOX_ANY(faccessat2), SANDBOX_ANY(access), SANDBOX_ANY(getuid),
			SANDBOX_ANY(getgid), SANDBOX_ANY(getgroups), SANDBOX_ANY(setresuid) };
		struct err e;

		if (sandbox_enter(&ids, look, sizeof(look) / sizeof(look[0]), -1, &e) == -1)
			_exit(10);
		if (getuid() != 65534 || getgid() != 65534 || getgroups(0, NULL) != 0)
			_exit(11);
		if (access("/etc/passwd", F_OK) == 0 || access("/../etc/passwd", F_OK) == 0)
			_exit(12);
		if (setresuid(0, 0, 0) != -1)
			_exit(13);
		_exit(0);
	}
	assert_int_equal(p, waitpid(p, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
	(void)rmdir(folder);
}

static void
a_child_never_runs_as_root(void **state)
{
	struct sandbox_ids ids = { .root = "/", .uid = 0, .gid = 5 };
	struct err e;
	int status;
	pid_t p;

	(void)state;
	if (geteuid() != 0)
		skip();
	if ((p = fork()) == 0)
		_exit(sandbox_enter(&ids, NULL, 0, -1, &e) == -1 ? 0 : 1);
	assert_int_equal(p, waitpid(p, &status, 0));
	assert_int_equal(0, WEXITSTATUS(status));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_forbidden_call_ends_in_sigsys_and_is_named),
		cmocka_unit_test(needed_calls_pass),
		cmocka_unit_test(a_failed_assertion_reads_as_sigabrt),
		cmocka_unit_test(root_is_given_up_for_good_and_the_root_folder_is_empty),
		cmocka_unit_test(a_child_never_runs_as_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
