/* test_sandbox.c - what a jump process may not do ends it by SIGSYS, tried from inside */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sshbridge/jump/confine.h"

/* Made before the sandbox. */
static int pair[2], datagram, listener;
static struct sockaddr_in to = { .sin_family = AF_INET };

/* Do it in a confined child: its exit status, or -signal. */
static int
inside(void (*attempt)(void))
{
	struct sandbox_ids ids = { 0 };
	struct err e;
	int status;
	pid_t pid = fork();

	assert_int_not_equal(-1, pid);
	if (pid == 0) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
			_exit(90);
		datagram = socket(AF_INET, SOCK_DGRAM, 0);
		listener = socket(AF_INET, SOCK_STREAM, 0);
		if (jump_sandbox_enter(&ids, -1, &e) == -1)
			_exit(91);
		attempt();
		_exit(0);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
make_a_socket(void)
{
	(void)!socket(AF_INET, SOCK_STREAM, 0);
}
static void
make_a_pair(void)
{
	int p[2];

	(void)!socketpair(AF_UNIX, SOCK_STREAM, 0, p);
}
static void
dial(void)
{
	(void)!connect(listener, (struct sockaddr *)&to, sizeof(to));
}
static void
dial_by_sendto(void)
{
	(void)!sendto(listener, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof(to));
}
static void
send_to_an_address(void)
{
	(void)!sendto(datagram, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
}
static void
hear(void)
{
	(void)!listen(listener, 1);
}
static void
take(void)
{
	(void)!accept(listener, NULL, NULL);
}
#ifndef SANITIZED /* the runtime of sanitizers does it itself */
static void
open_a_file(void)
{
	(void)!open("/etc/passwd", O_RDONLY);
}
#endif
static void
start_a_program(void)
{
	(void)!execl("/bin/true", "true", (char *)NULL);
}
static void
start_a_process(void)
{
	(void)!syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static void
end_another(void)
{
	(void)!kill(getppid(), 0);
}
static void
run_data(void)
{
	(void)!mprotect((void *)((uintptr_t)&to & ~(uintptr_t)4095), 4096, PROT_READ | PROT_EXEC);
}
static void
shut_reading(void)
{
	(void)!shutdown(pair[0], SHUT_RD);
}
static void
another_option(void)
{
	int one = 1;

	(void)!setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
}
static void
raise_a_limit(void)
{
	(void)!syscall(SYS_prlimit64, 0, 7, NULL, NULL);
}

static void
what_it_may_not_do_ends_it(void **state)
{
	static const struct {
		const char *what;
		void (*attempt)(void);
	} tries[] = {
		{ "socket", make_a_socket },
		{ "socketpair", make_a_pair },
		{ "connect", dial },
		{ "sendto with MSG_FASTOPEN", dial_by_sendto },
		{ "sendto with an address", send_to_an_address },
		{ "listen", hear },
		{ "accept", take },
#ifndef SANITIZED
		{ "open", open_a_file },
#endif
		{ "execve", start_a_program },
		{ "clone", start_a_process },
		{ "kill", end_another },
		{ "mprotect PROT_EXEC", run_data },
		{ "shutdown SHUT_RD", shut_reading },
		{ "setsockopt SO_REUSEADDR", another_option },
		{ "prlimit64", raise_a_limit },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		print_message("# %s\n", tries[i].what);
		assert_int_equal(-SIGSYS, inside(tries[i].attempt));
	}
}

static void
move_bytes(void)
{
	char c = 'x';
	struct pollfd p = { .fd = pair[1], .events = POLLIN };

	if (fcntl(pair[1], F_SETFL, O_RDWR | O_NONBLOCK) == -1 ||
	    send(pair[0], &c, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1 || poll(&p, 1, 0) != 1 ||
	    recv(pair[1], &c, 1, MSG_DONTWAIT) != 1 || shutdown(pair[0], SHUT_WR) == -1 ||
	    close(pair[0]) == -1)
		_exit(92);
}

static void
what_it_needs_passes(void **state)
{
	(void)state;
	assert_int_equal(0, inside(move_bytes));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_may_not_do_ends_it),
		cmocka_unit_test(what_it_needs_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
