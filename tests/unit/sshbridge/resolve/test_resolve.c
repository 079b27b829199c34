/* test_resolve.c - the resolve process: names in, addresses out, nothing else */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "child.h"
#include "sshbridge/resolve/resolve.h"
#include "tests/unit/help/stage.h"

static char modules[256];

static void
note_module(const char *name)
{
	size_t n = strlen(modules);

	(void)snprintf(modules + n, sizeof(modules) - n, "%s ", name);
}

static void
modules_are_the_words_of_the_hosts_line(void **state)
{
	(void)state;
	modules[0] = '\0';
	resolve_modules("passwd: files systemd\n"
			" hosts:\tfiles mdns4_minimal [NOTFOUND=return] dns # myhostname\n"
			"hosts: ../../evil /tmp/x resolve[!UNAVAIL=return]\nnetworks: files",
	    note_module);
	assert_string_equal("files mdns4_minimal dns evil tmp x resolve ", modules);
	modules[0] = '\0';
	resolve_modules("", note_module);
	resolve_modules("hosts:", note_module);
	resolve_modules("hosts: [", note_module);
	assert_string_equal("", modules);
}

static void
host_names_are_checked(void **state)
{
	static const char *const good[] = { "localhost", "a.b-c_d.example.", "127.0.0.1",
		"fe80::1%eth0" };
	static const char *const bad[] = { "", "-x", "a b", "a\n", "a/b", "a;b", "ä", "a\"" };
	char longest[300];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(resolve_host_is_sane(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(resolve_host_is_sane(bad[i]));
	memset(longest, 'a', sizeof(longest));
	longest[255] = '\0';
	assert_true(resolve_host_is_sane(longest));
	longest[255] = 'a';
	longest[256] = '\0';
	assert_false(resolve_host_is_sane(longest));
}

/* Ask and take the answer: how many addresses, the first one's text, or the reason. */
static size_t
resolved(int fd, uint64_t number, const char *host, char *text, size_t size)
{
	struct got *g = malloc(sizeof(*g));
	uint8_t buf[1024];
	struct msg_out o;
	struct sockaddr_storage ss;
	struct err e = { 0 };
	char reason[512], at[ADDR_TEXT_SIZE];
	uint64_t n64;
	uint32_t ok, n;

	assert_non_null(g);
	msg_start(&o, buf, sizeof(buf), MSG_RESOLVE, 0);
	msg_put_u64(&o, number);
	msg_put_str(&o, host);
	msg_put_u32(&o, 2222);
	stage_send(fd, &o, NULL, 0);
	stage_expect(fd, g, MSG_RESOLVED);
	assert_int_equal(0, msg_get_u64(&g->m, &n64));
	assert_int_equal(0, msg_get_u32(&g->m, &ok));
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	assert_true(n64 == number);
	assert_int_equal(n > 0, ok);
	assert_in_range(n, 0, RESOLVE_ADDRESSES_MAX);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(0, addr_get(&g->m, &ss));
		assert_int_equal(2222, addr_port(&ss));
		if (i == 0)
			(void)snprintf(text, size, "%s", addr_text(&ss, at));
	}
	assert_int_equal(0, msg_get_str(&g->m, reason, sizeof(reason)));
	assert_int_equal(0, msg_end(&g->m, &e));
	if (n == 0) {
		assert_true(strlen(reason) > 0);
		(void)snprintf(text, size, "%s", reason);
	}
	free(g);
	return n;
}

static void
names_are_answered_one_after_the_other(void **state)
{
	struct stage p;
	char text[512];
	int fd;

	(void)state;
	stage_start(&p, "resolve");
	fd = stage_peer(&p, PEER_IDENT, 0);
	assert_int_equal(1, resolved(fd, 1, "192.0.2.55", text, sizeof(text)));
	assert_string_equal("192.0.2.55", text);
	assert_int_equal(1, resolved(fd, 2, "::ffff:192.0.2.56", text, sizeof(text)));
	assert_string_equal("192.0.2.56", text);
	assert_int_equal(1, resolved(fd, 3, "2001:db8::7", text, sizeof(text)));
	assert_true(resolved(fd, 4, "localhost", text, sizeof(text)) >= 1);
	assert_int_equal(0, resolved(fd, UINT64_MAX, "not a name", text, sizeof(text)));
	assert_string_equal("not a host name", text);
	assert_int_equal(0, resolved(fd, 6, "300.0.0.1.invalid..", text, sizeof(text)));
	close(fd);
	stage_end(&p);
}

static void
ident_that_breaks_the_protocol_is_dropped(void **state)
{
	struct stage p;
	uint8_t buf[512];
	char text[64];
	struct msg_out o;

	(void)state;
	stage_start(&p, "resolve");
	for (int i = 0; i < 7; i++) {
		int fd = stage_peer(&p, PEER_IDENT, 0), extra = dup(0);

		msg_start(&o, buf, sizeof(buf),
		    i == 0   ? MSG_RELOAD
		    : i == 1 ? MSG_PEER
			     : MSG_RESOLVE,
		    0);
		if (i != 2) /* short */
			msg_put_u64(&o, 1);
		msg_put_bytes(&o, "a\0b", i == 3 ? 3 : 1);
		msg_put_u32(&o, i == 4 ? 65536 : 22);
		if (i == 5) /* long */
			msg_put_u32(&o, 22);
		stage_send(fd, &o, &extra, i == 6 ? 1 : 0);
		stage_expect_end(fd);
		close(fd);
		close(extra);
	}
	/* a new pair is served */
	int fd = stage_peer(&p, PEER_IDENT, 0);

	assert_int_equal(1, resolved(fd, 1, "192.0.2.55", text, sizeof(text)));
	close(fd);
	stage_end(&p);
}

static void
reload_and_a_broken_monitor_end_it(void **state)
{
	uint8_t buf[64];
	struct msg_out o;

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct stage p;
		int fd = dup(0);

		stage_start(&p, "resolve");
		msg_start(&o, buf, sizeof(buf),
		    i < 2    ? MSG_RELOAD
		    : i == 2 ? MSG_PEER
			     : MSG_GENERATION,
		    0);
		if (i == 1)
			msg_put_u32(&o, 1); /* a field too many */
		if (i == 2) {
			msg_put_u32(&o, PEER_GATE); /* not a peer of resolve */
			msg_put_u32(&o, 0);
		}
		stage_send(p.monitor, &o, &fd, i == 2 ? 1 : 0);
		assert_int_equal(0, stage_wait(&p));
		close(fd);
	}
}

/* ---- a name server in a network namespace of its own ----------------------------------------- */
/* Answer each A question with 20 addresses 192.0.2.1…, each AAAA one with none. */
static void
name_server(int fd)
{
	for (;;) {
		uint8_t q[512], r[1024];
		struct sockaddr_storage from;
		socklen_t n = sizeof(from);
		ssize_t len = recvfrom(fd, q, sizeof(q), 0, (struct sockaddr *)&from, &n);
		size_t end = 12, out;
		uint8_t answers;

		if (len < 17)
			_exit(1);
		while (end < (size_t)len && q[end] != 0)
			end += q[end] + 1U;
		end += 5; /* root label, type, class */
		answers = q[end - 3] == 1 ? 20 : 0;
		memcpy(r, q, end);
		r[2] = 0x81;
		r[3] = 0x80;
		r[6] = 0;
		r[7] = answers;
		memset(r + 8, 0, 4);
		out = end;
		for (uint8_t i = 1; i <= answers; i++) {
			const uint8_t rr[16] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2,
				i };

			memcpy(r + out, rr, sizeof(rr));
			out += sizeof(rr);
		}
		(void)sendto(fd, r, out, 0, (struct sockaddr *)&from, n);
	}
}

static int
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), r;

	if (fd == -1)
		return -1;
	r = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return r;
}

static void
ask_in_a_namespace(const char *dir)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	char path[128], text[512];
	struct stage p;
	int server, fd;
	pid_t pid;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		_exit(77);
	(void)snprintf(path, sizeof(path), "%s/resolv.conf", dir);
	if (write_file(path, "nameserver 127.0.0.1\n") == -1 ||
	    mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) == -1)
		_exit(77);
	(void)snprintf(path, sizeof(path), "%s/nsswitch.conf", dir);
	if (write_file(path, "hosts: files dns\n") == -1 ||
	    mount(path, "/etc/nsswitch.conf", NULL, MS_BIND, NULL) == -1)
		_exit(77);
	server = socket(AF_INET, SOCK_DGRAM, 0);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (ioctl(server, SIOCSIFFLAGS, &ifr) == -1 ||
	    bind(server, (struct sockaddr *)&in, sizeof(in)) == -1)
		_exit(77);
	if ((pid = fork()) == 0)
		name_server(server);
	stage_start(&p, "resolve");
	fd = stage_peer(&p, PEER_IDENT, 0);
	if (resolved(fd, 1, "many.example", text, sizeof(text)) != RESOLVE_ADDRESSES_MAX ||
	    strncmp(text, "192.0.2.", 8) != 0)
		_exit(1);
	close(fd);
	stage_end(&p);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	_exit(0);
}

static void
dns_is_asked_and_sixteen_addresses_are_taken(void **state)
{
	char dir[] = "/tmp/resolve.XXXXXX", path[64];
	pid_t pid;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	if ((pid = fork()) == 0)
		ask_in_a_namespace(dir);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	(void)snprintf(path, sizeof(path), "%s/resolv.conf", dir);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/nsswitch.conf", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(0, status);
}

/* ---- the filter ------------------------------------------------------------------------------ */
static int
confined(void (*f)(void))
{
	const struct sandbox_ids stay = { .root = NULL };
	struct err e;
	int status;
	pid_t pid = fork();

	assert_int_not_equal(-1, pid);
	if (pid == 0) {
		if (resolve_sandbox_enter(&stay, &e) == -1)
			_exit(99);
		f();
		_exit(0);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	return status;
}

#define CALL(name, ...)                     \
	static void name(void)              \
	{                                   \
		(void)syscall(__VA_ARGS__); \
	}
CALL(do_execve, SYS_execve, "/bin/true", NULL, NULL)
CALL(do_fork, SYS_fork)
CALL(do_clone, SYS_clone, SIGCHLD, 0, 0, 0, 0)
CALL(do_kill, SYS_kill, 0, 0)
CALL(do_ptrace, SYS_ptrace, 0, 0, 0, 0)
CALL(do_listen, SYS_listen, 0, 1)
CALL(do_accept, SYS_accept, 0, NULL, NULL)
CALL(do_accept4, SYS_accept4, 0, NULL, NULL, 0)
CALL(do_create, SYS_openat, AT_FDCWD, "/nonexistent/x", O_RDONLY | O_CREAT, 0600)
CALL(do_write, SYS_openat, AT_FDCWD, "/nonexistent/x", O_WRONLY)
CALL(do_unlink, SYS_unlinkat, AT_FDCWD, "/nonexistent/x", 0)
CALL(do_fastopen, SYS_sendto, 0, "x", 1, MSG_FASTOPEN, NULL, 0)
CALL(do_packet, SYS_socket, AF_PACKET, SOCK_RAW, 0)
CALL(do_netfilter, SYS_socket, AF_NETLINK, SOCK_RAW, 12)
CALL(do_mmap_exec, SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
CALL(do_mprotect_exec, SYS_mprotect, NULL, 4096, PROT_READ | PROT_EXEC)
CALL(do_prlimit, SYS_prlimit64, 0, 7, NULL, NULL)
CALL(do_vm_readv, SYS_process_vm_readv, 0, NULL, 0, NULL, 0, 0)
CALL(do_io_uring, SYS_io_uring_setup, 1, NULL)
CALL(do_setuid, SYS_setuid, 0)
CALL(do_reuseaddr, SYS_setsockopt, 0, SOL_SOCKET, SO_REUSEADDR, NULL, 0)

static void
do_lookup(void)
{
	struct sockaddr_storage found[RESOLVE_ADDRESSES_MAX];
	struct err e;

	if (resolve_lookup("localhost", 22, found, &e) == 0)
		_exit(1);
}

static void
lookups_pass_and_every_other_call_ends_in_sigsys(void **state)
{
	static const struct {
		const char *name;
		void (*f)(void);
		bool plain_only; /* the sanitizers' runtime needs it itself */
	} cases[] = {
#define CASE(f) { #f, f, false }
#define CASE_PLAIN(f)       \
	{                   \
#f, f, true \
	}
		CASE(do_execve),
		CASE(do_fork),
		CASE(do_clone),
		CASE(do_kill),
		CASE(do_ptrace),
		CASE(do_listen),
		CASE(do_accept),
		CASE(do_accept4),
		CASE_PLAIN(do_create),
		CASE_PLAIN(do_write),
		CASE(do_unlink),
		CASE(do_fastopen),
		CASE(do_packet),
		CASE(do_netfilter),
		CASE_PLAIN(do_mmap_exec),
		CASE(do_mprotect_exec),
		CASE(do_prlimit),
		CASE(do_vm_readv),
		CASE(do_io_uring),
		CASE(do_setuid),
		CASE(do_reuseaddr),
	};

	(void)state;
	assert_int_equal(0, confined(do_lookup));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status;

#ifdef SANITIZED
		if (cases[i].plain_only)
			continue;
#endif
		status = confined(cases[i].f);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("%s: wait status %#x", cases[i].name, (unsigned)status);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modules_are_the_words_of_the_hosts_line),
		cmocka_unit_test(host_names_are_checked),
		cmocka_unit_test(names_are_answered_one_after_the_other),
		cmocka_unit_test(ident_that_breaks_the_protocol_is_dropped),
		cmocka_unit_test(reload_and_a_broken_monitor_end_it),
		cmocka_unit_test(dns_is_asked_and_sixteen_addresses_are_taken),
		cmocka_unit_test(lookups_pass_and_every_other_call_ends_in_sigsys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
