/* test_socket.c - SSH_CONNECTION as a hint, and the socket that has these two ends */
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "pam_mtls/socket.h"
#include "stack.h"

static struct deadline
soon(void)
{
	return deadline_in(60000);
}

/* The socket that `hint` leads to is `conn`, by its cookie. */
static bool
leads_to(const char *hint, int conn)
{
	struct socket_ends ends;
	struct err e = { 0 };
	size_t before = descriptors();
	uint64_t cookie;
	int fd;

	if (socket_hint(hint, &ends, &e) == -1 || (fd = socket_find(&ends, soon(), &e)) == -1)
		return false;
	cookie = socket_cookie(fd);
	close(fd);
	return cookie == socket_cookie(conn) && cookie != 0 && fd != conn &&
	       before == descriptors();
}

static bool
leads_nowhere(const char *hint)
{
	struct socket_ends ends;
	struct err e = { 0 };
	size_t before = descriptors();

	return socket_hint(hint, &ends, &e) == 0 && socket_find(&ends, soon(), &e) == -1 &&
	       e.kind == ERR_PEER && before == descriptors();
}

static void
server_end_is_found_and_the_client_end_is_not_taken_for_it(void **state)
{
	struct login l;
	char hint[160];

	(void)state;
	memset(&l, 0, sizeof(l));
	login_connect4(&l);
	assert_true(leads_to(l.hint, l.conn));
	hint_of(l.client, hint);
	assert_true(leads_to(hint, l.client));
	close(l.client);
	assert_true(leads_nowhere(hint));
	assert_true(leads_to(l.hint, l.conn));
	close(l.conn);
	assert_true(leads_nowhere(l.hint));
	close(l.listener);
}

static void
connect6(struct login *l, struct in6_addr on, const char *to, uint32_t scope)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = on };
	struct sockaddr_in6 b = { .sin6_family = AF_INET6, .sin6_scope_id = scope };

	memset(l, 0, sizeof(*l));
	MUST(inet_pton(AF_INET6, to, &b.sin6_addr) == 1);
	login_connect(l, (struct sockaddr *)&a, (struct sockaddr *)&b, sizeof(a), sizeof(b));
}

static void
ipv6_is_found_in_any_spelling_and_scope_counts(void **state)
{
	struct login l;
	char hint[200];
	unsigned cport, sport;

	(void)state;
	connect6(&l, in6addr_loopback, "::1", 0);
	assert_true(leads_to(l.hint, l.conn));
	assert_int_equal(2, sscanf(l.hint, "::1 %u ::1 %u", &cport, &sport));
	(void)snprintf(hint, sizeof(hint), "0:0:0:0:0:0:0:1 %u ::0.0.0.1 %u", cport, sport);
	assert_true(leads_to(hint, l.conn));
	(void)snprintf(hint, sizeof(hint), "::1%%1 %u ::1%%1 %u", cport, sport);
	assert_true(leads_nowhere(hint));
	(void)snprintf(hint, sizeof(hint), "::2 %u ::1 %u", cport, sport);
	assert_true(leads_nowhere(hint));
	login_disconnect(&l);
}

static void
ipv4_on_an_ipv6_socket_is_found_folded_and_mapped(void **state)
{
	struct sockaddr_in6 on = { .sin6_family = AF_INET6 };
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct login l;
	char hint[200];
	unsigned cport, sport;

	(void)state;
	memset(&l, 0, sizeof(l));
	login_connect(&l, (struct sockaddr *)&on, (struct sockaddr *)&to, sizeof(on), sizeof(to));
	assert_int_equal(2, sscanf(l.hint, "127.0.0.1 %u 127.0.0.1 %u", &cport, &sport));
	assert_true(leads_to(l.hint, l.conn));
	(void)snprintf(hint, sizeof(hint), "::ffff:127.0.0.1 %u ::ffff:127.0.0.1 %u", cport, sport);
	assert_true(leads_to(hint, l.conn));
	(void)snprintf(hint, sizeof(hint), "127.0.0.1 %u 127.0.0.2 %u", cport, sport);
	assert_true(leads_nowhere(hint));
	login_disconnect(&l);
}

/* In a network of its own: link-local addresses on its loopback. */
static int
link_local(void)
{
	struct in6_ifreq {
		struct in6_addr addr;
		uint32_t prefix;
		int index;
	} six = { .prefix = 64 };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct login l;
	char named[200];
	unsigned cport, sport;

	if (fd == -1 || ioctl(fd, SIOCSIFFLAGS, &up) == -1 ||
	    inet_pton(AF_INET6, "fe80::7", &six.addr) != 1)
		return 2;
	six.index = (int)if_nametoindex("lo");
	if (ioctl(fd, SIOCSIFADDR, &six) == -1)
		return 2;
	/* it can be bound, and be the client's end, once the kernel has looked for duplicates */
	to.sin6_addr = six.addr;
	to.sin6_scope_id = (uint32_t)six.index;
	while (bind(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		if (errno != EADDRNOTAVAIL || poll(NULL, 0, 10) == -1)
			return 2;
	connect6(&l, in6addr_any, "fe80::7", (uint32_t)six.index);
	if (sscanf(l.hint, "fe80::7%%1 %u fe80::7%%1 %u", &cport, &sport) != 2)
		return 3;
	if (!leads_to(l.hint, l.conn))
		return 4;
	/* as sshd writes it */
	(void)snprintf(named, sizeof(named), "fe80::7%%lo %u fe80::7%%lo %u", cport, sport);
	if (!leads_to(named, l.conn))
		return 5;
	(void)snprintf(named, sizeof(named), "fe80::7%%2 %u fe80::7%%2 %u", cport, sport);
	if (!leads_nowhere(named))
		return 6;
	(void)snprintf(named, sizeof(named), "fe80::7 %u fe80::7 %u", cport, sport);
	return leads_nowhere(named) ? 0 : 7;
}

static void
link_local_addresses_keep_their_scope(void **state)
{
	int status = -1;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	if ((pid = fork()) == 0)
		_exit(unshare(CLONE_NEWNET) == -1 ? 1 : link_local());
	MUST(pid != -1 && waitpid(pid, &status, 0) == pid);
	assert_int_equal(0, status);
}

static void
hint_that_is_not_two_ends_is_refused(void **state)
{
	static const char *const good[] = { "192.0.2.1 1 192.0.2.2 65535",
		"2001:db8::1 40000 ::ffff:192.0.2.1 22", "fe80::1%7 1 fe80::2%4294967295 2" };
	static const char *const bad[] = { "", " ", "192.0.2.1", "192.0.2.1 1 192.0.2.2",
		"192.0.2.1 1 192.0.2.2 22 ", " 192.0.2.1 1 192.0.2.2 22",
		"192.0.2.1  1 192.0.2.2 22", "192.0.2.1 1 192.0.2.2 22 x",
		"192.0.2.1 0 192.0.2.2 22", "192.0.2.1 1 192.0.2.2 65536",
		"192.0.2.1 01 192.0.2.2 22", "192.0.2.1 +1 192.0.2.2 22",
		"192.0.2.1 -1 192.0.2.2 22", "192.0.2.1 1x 192.0.2.2 22",
		"192.0.2.1 4294967297 192.0.2.2 22", "192.0.2.1 18446744073709551617 192.0.2.2 22",
		"192.0.2.1\t1\t192.0.2.2\t22", "192.0.2 1 192.0.2.2 22",
		"192.0.2.1%1 1 192.0.2.2 22", "localhost 1 localhost 22", "fe80::1% 1 fe80::2 22",
		"fe80::1%0 1 fe80::2 22", "fe80::1%4294967296 1 fe80::2 22",
		"fe80::1%no-such-if0 1 fe80::2 22", "fe80::1%1%1 1 fe80::2 22", "[::1] 1 [::1] 22",
		"UNKNOWN 65535 UNKNOWN 65535" };
	struct socket_ends ends;
	struct err e = { 0 };
	char longest[300];

	(void)state;
	for (size_t i = 0; i < nitems(good); i++)
		if (socket_hint(good[i], &ends, &e) == -1)
			fail_msg("refused: %s: %s", good[i], e.text);
	for (size_t i = 0; i < nitems(bad); i++)
		if (socket_hint(bad[i], &ends, &e) != -1 || e.kind != ERR_PEER)
			fail_msg("taken: %s", bad[i]);
	memset(longest, '1', sizeof(longest));
	longest[299] = '\0';
	assert_int_equal(-1, socket_hint(longest, &ends, &e));
}

static void
hint_is_read_into_both_ends(void **state)
{
	struct socket_ends ends, same;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(0, socket_hint("192.0.2.1 40000 fe80::2%7 22", &ends, &e));
	assert_int_equal(4, ends.remote.family);
	assert_int_equal(40000, ends.remote.port);
	assert_int_equal(0, ends.remote.scope);
	assert_memory_equal("\xc0\x00\x02\x01", ends.remote.addr, 4);
	assert_int_equal(6, ends.local.family);
	assert_int_equal(22, ends.local.port);
	assert_int_equal(7, ends.local.scope);
	assert_int_equal(0xfe, ends.local.addr[0]);
	assert_int_equal(0, socket_hint("::ffff:192.0.2.1 40000 fe80::2%7 22", &same, &e));
	assert_memory_equal(&ends, &same, sizeof(ends));
}

static void
nothing_is_found_after_the_deadline(void **state)
{
	struct socket_ends ends;
	struct err e = { 0 };
	struct login l;

	(void)state;
	memset(&l, 0, sizeof(l));
	login_connect4(&l);
	assert_int_equal(0, socket_hint(l.hint, &ends, &e));
	assert_int_equal(-1, socket_find(&ends, deadline_in(0), &e));
	assert_int_equal(ERR_SYS, e.kind);
	assert_int_equal(ETIMEDOUT, e.detail);
	login_disconnect(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_end_is_found_and_the_client_end_is_not_taken_for_it),
		cmocka_unit_test(ipv6_is_found_in_any_spelling_and_scope_counts),
		cmocka_unit_test(ipv4_on_an_ipv6_socket_is_found_folded_and_mapped),
		cmocka_unit_test(link_local_addresses_keep_their_scope),
		cmocka_unit_test(hint_that_is_not_two_ends_is_refused),
		cmocka_unit_test(hint_is_read_into_both_ends),
		cmocka_unit_test(nothing_is_found_after_the_deadline),
	};

	return cmocka_run_group_tests_name(
	    "the connection behind SSH_CONNECTION", tests, NULL, NULL);
}
