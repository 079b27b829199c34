/* test_listeners.c - TCP listeners: one for each address and gate, shared between sets */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "addr.h"
#include "sshbridge/monitor/listeners.h"

/* An address with a port that nobody has right now. */
static struct sockaddr_storage
free_port(const char *host)
{
	struct sockaddr_storage a, got;
	socklen_t n = sizeof(got);
	struct err e = { 0 };
	int fd;

	assert_int_equal(0, addr_parse(host, &a, &e));
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&a, addr_len(&a)));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&got, &n));
	close(fd);
	return got;
}

static uint16_t
port_of(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_port
					: ((const struct sockaddr_in *)a)->sin_port;
}

static struct listeners *
must_open(const struct sockaddr_storage *a, size_t n, size_t gates, const struct listeners *old)
{
	struct err e = { 0 };
	struct listeners *l = listeners_new(a, n, gates, old, &e);

	if (l == NULL)
		fail_msg("%s", e.text);
	return l;
}

static ino_t
inode(int fd)
{
	struct stat st;

	assert_int_equal(0, fstat(fd, &st));
	return st.st_ino;
}

static int
option(int fd, int level, int name)
{
	int v = -1;
	socklen_t n = sizeof(v);

	assert_int_equal(0, getsockopt(fd, level, name, &v, &n));
	return v;
}

static void
each_gate_has_a_listener_of_its_own_on_the_same_port(void **state)
{
	struct sockaddr_storage a = free_port("127.0.0.1");
	struct listeners *l = must_open(&a, 1, 3, NULL);

	(void)state;
	assert_int_equal(1, l->number);
	for (size_t i = 0; i < 3; i++) {
		int fd = listeners_fd(l, 0, i);
		struct sockaddr_storage at;
		socklen_t n = sizeof(at);

		assert_int_equal(1, option(fd, SOL_SOCKET, SO_ACCEPTCONN));
		assert_int_equal(1, option(fd, SOL_SOCKET, SO_REUSEPORT));
		assert_int_equal(0, getsockname(fd, (struct sockaddr *)&at, &n));
		assert_int_equal(port_of(&a), port_of(&at));
		assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
		assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
		for (size_t k = 0; k < i; k++)
			assert_true(inode(fd) != inode(listeners_fd(l, 0, k)));
	}
	listeners_free(l);
	/* and all of them are closed again: without SO_REUSEPORT the port is free */
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(0, bind(fd, (struct sockaddr *)&a, addr_len(&a)));
	close(fd);
}

static void
a_listener_on_v6_takes_v4_too(void **state)
{
	struct sockaddr_storage a = free_port("::");
	struct listeners *l = must_open(&a, 1, 1, NULL);
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = port_of(&a) };
	int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), s;

	(void)state;
	assert_int_equal(0, option(listeners_fd(l, 0, 0), IPPROTO_IPV6, IPV6_V6ONLY));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(0, connect(c, (struct sockaddr *)&in, sizeof(in)));
	s = accept(listeners_fd(l, 0, 0), NULL, NULL);
	assert_int_not_equal(-1, s);
	close(s);
	close(c);
	listeners_free(l);
}

static void
a_new_set_shares_what_it_has_in_common_and_who_waits_stays(void **state)
{
	struct sockaddr_storage a[2] = { free_port("127.0.0.1"), free_port("127.0.0.2") };
	struct sockaddr_storage b[2] = { free_port("127.0.0.3"), a[0] };
	struct listeners *old = must_open(a, 2, 2, NULL), *l;
	int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), s;
	ino_t inodes[2] = { inode(listeners_fd(old, 0, 0)), inode(listeners_fd(old, 0, 1)) };

	(void)state;
	assert_int_equal(0, connect(c, (struct sockaddr *)&a[0], addr_len(&a[0])));
	l = must_open(b, 2, 2, old);
	assert_int_equal(2, l->number);
	for (size_t gate = 0; gate < 2; gate++) {
		assert_true(inode(listeners_fd(l, 1, gate)) == inodes[gate]);
		assert_true(listeners_fd(l, 1, gate) != listeners_fd(old, 0, gate));
		assert_int_equal(FD_CLOEXEC, fcntl(listeners_fd(l, 1, gate), F_GETFD));
		assert_true(inode(listeners_fd(l, 0, gate)) != inodes[gate]);
	}
	listeners_free(old);
	/* in the queue of one of the two gates */
	if ((s = accept(listeners_fd(l, 1, 0), NULL, NULL)) == -1)
		s = accept(listeners_fd(l, 1, 1), NULL, NULL);
	assert_int_not_equal(-1, s);
	close(s);
	close(c);
	/* what only the old set had is gone */
	c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(-1, connect(c, (struct sockaddr *)&a[1], addr_len(&a[1])));
	assert_int_equal(ECONNREFUSED, errno);
	close(c);
	listeners_free(l);
}

static size_t
open_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static void
an_address_that_is_taken_is_named_and_nothing_stays_open(void **state)
{
	struct sockaddr_storage a[2] = { free_port("127.0.0.1"), free_port("127.0.0.2") };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct err e = { 0 };
	struct listeners *l;
	size_t before;

	(void)state;
	assert_int_equal(0, bind(fd, (struct sockaddr *)&a[1], addr_len(&a[1])));
	assert_int_equal(0, listen(fd, 1));
	before = open_descriptors();
	assert_null(listeners_new(a, 2, 2, NULL, &e));
	assert_int_equal(ERR_SYS, e.kind);
	assert_int_equal(EADDRINUSE, e.detail);
	assert_non_null(strstr(e.text, "127.0.0.2"));
	assert_int_equal(before, open_descriptors());
	close(fd);
	l = must_open(a, 2, 2, NULL);
	listeners_free(l);
	listeners_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_gate_has_a_listener_of_its_own_on_the_same_port),
		cmocka_unit_test(a_listener_on_v6_takes_v4_too),
		cmocka_unit_test(a_new_set_shares_what_it_has_in_common_and_who_waits_stays),
		cmocka_unit_test(an_address_that_is_taken_is_named_and_nothing_stays_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
