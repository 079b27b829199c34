/* test_dial.c - the order of addresses, and the race between them */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "addr.h"
#include "client/clock.h"
#include "client/dial.h"

static struct sockaddr_storage
address(const char *text, uint16_t port)
{
	struct sockaddr_storage ss;
	struct err e;

	assert_int_equal(0, addr_parse(text, &ss, &e));
	addr_set_port(&ss, port);
	return ss;
}

/* 4 and 6 stand for families: what becomes of their order. */
static void
check_order(const char *in, const char *want)
{
	struct dial_list l = { .n = strlen(in) };

	for (size_t i = 0; i < l.n; i++)
		l.addr[i] = address(in[i] == '4' ? "192.0.2.1" : "2001:db8::1", (uint16_t)(i + 1));
	dial_interleave(&l);
	for (size_t i = 0; i < l.n; i++)
		assert_int_equal(want[i] == '4' ? AF_INET : AF_INET6, l.addr[i].ss_family);
	/* and nobody overtakes one of his own family */
	for (size_t i = 0; i < l.n; i++)
		for (size_t j = i + 1; j < l.n; j++)
			if (l.addr[i].ss_family == l.addr[j].ss_family)
				assert_true(addr_port(&l.addr[i]) < addr_port(&l.addr[j]));
}

static void
families_take_turns_and_the_first_stays_first(void **state)
{
	(void)state;
	check_order("", "");
	check_order("6", "6");
	check_order("664", "646");
	check_order("6664", "6466");
	check_order("4466", "4646");
	check_order("46", "46");
	check_order("4444", "4444");
	check_order("6666666444444444", "6464646464646444");
}

static void
an_address_is_tried_once_and_only_of_ipv4_and_ipv6(void **state)
{
	static const char *const given[] = { "127.0.0.1", "::1", "127.0.0.1", "::1", "127.0.0.2" };
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct dial_list l = { .n = 0 };
	char text[ADDR_TEXT_SIZE];

	(void)state;
	dial_add(&l, (struct sockaddr *)&ss, sizeof(ss));
	assert_int_equal(0, l.n);
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		ss = address(given[i], 22);
		dial_add(&l, (struct sockaddr *)&ss, addr_len(&ss));
	}
	assert_int_equal(3, l.n);
	assert_string_equal("127.0.0.1:22", addr_text_port(&l.addr[0], text));
	assert_string_equal("[::1]:22", addr_text_port(&l.addr[1], text));
	assert_string_equal("127.0.0.2:22", addr_text_port(&l.addr[2], text));
	for (uint16_t i = 23; i < 100; i++) {
		ss = address("127.0.0.1", i);
		dial_add(&l, (struct sockaddr *)&ss, addr_len(&ss));
	}
	assert_int_equal(DIAL_ADDRESSES_MAX, l.n);
}

/* A socket bound to a port of 127.0.0.1 and one to the same of 127.0.0.2, both free. */
static void
sockets_make(int fd[2], uint16_t *port)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	for (int tries = 0; tries < 100; tries++) {
		ss = address("127.0.0.1", 0);
		for (int i = 0; i < 2; i++) {
			fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
			assert_int_not_equal(-1, fd[i]);
		}
		assert_int_equal(0, bind(fd[0], (struct sockaddr *)&ss, addr_len(&ss)));
		assert_int_equal(0, getsockname(fd[0], (struct sockaddr *)&ss, &n));
		*port = addr_port(&ss);
		ss = address("127.0.0.2", *port);
		if (bind(fd[1], (struct sockaddr *)&ss, addr_len(&ss)) == 0)
			return;
		(void)close(fd[0]);
		(void)close(fd[1]);
	}
	fail_msg("no port that is free on both addresses");
}

static void
a_refused_address_is_followed_at_once_by_the_next(void **state)
{
	struct sockaddr_storage won;
	uint16_t port = 0;
	int pair[2], fd, value = 0;
	struct dial_list l = { .n = 2 };
	socklen_t n = sizeof(value);
	struct err e;

	(void)state;
	sockets_make(pair, &port); /* the first one is bound and does not listen */
	assert_int_equal(0, listen(pair[1], 5));
	l.addr[0] = address("127.0.0.1", port);
	l.addr[1] = address("127.0.0.2", port);
	fd = dial_connect(&l, clock_ms() + 5000, &won, &e);
	assert_int_not_equal(-1, fd);
	assert_true(addr_equal(&won, &l.addr[1]));
	assert_int_equal(0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &n));
	assert_int_not_equal(0, value);
	assert_int_equal(0, getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &n));
	assert_int_not_equal(0, value);
	(void)close(fd);
	assert_int_equal(0, shutdown(pair[1], SHUT_RDWR)); /* bound, and no longer listening */
	assert_int_equal(-1, dial_connect(&l, clock_ms() + 5000, &won, &e));
	assert_non_null(strstr(e.text, "127.0.0.1:"));
	assert_non_null(strstr(e.text, "; 127.0.0.2:"));
	assert_non_null(strstr(e.text, "Connection refused"));
	(void)close(pair[0]);
	(void)close(pair[1]);
}

/* A listener whose queue is full lets a SYN go unanswered, as a dead host does. */
static void
a_silent_address_is_overtaken_and_its_socket_closed(void **state)
{
	struct sockaddr_storage won, dead;
	uint16_t port = 0;
	int pair[2], full[4], fd, before, after;
	struct dial_list l = { .n = 2 };
	struct err e;

	(void)state;
	sockets_make(pair, &port);
	assert_int_equal(0, listen(pair[0], 0));
	assert_int_equal(0, listen(pair[1], 5));
	dead = address("127.0.0.1", port);
	for (int i = 0; i < 4; i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)connect(full[i], (struct sockaddr *)&dead, addr_len(&dead));
	}
	l.addr[0] = dead;
	l.addr[1] = address("127.0.0.2", port);
	before = dup(0);
	(void)close(before);
	fd = dial_connect(&l, clock_ms() + 10000, &won, &e);
	assert_int_not_equal(-1, fd);
	assert_true(addr_equal(&won, &l.addr[1]));
	(void)close(fd);
	after = dup(0);
	assert_int_equal(before, after);
	(void)close(after);
	l.n = 1;
	assert_int_equal(-1, dial_connect(&l, clock_ms() + 300, &won, &e));
	assert_non_null(strstr(e.text, "no answer"));
	for (int i = 0; i < 4; i++)
		(void)close(full[i]);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void
numbers_resolve_to_themselves(void **state)
{
	struct endpoint ep;
	struct dial_list l;
	struct err e;
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_int_equal(0, endpoint_parse("[::1]:22", &ep, &e));
	assert_int_equal(0, dial_resolve(&ep, AF_UNSPEC, clock_ms() + 5000, &l, &e));
	assert_int_equal(1, l.n);
	assert_string_equal("[::1]:22", addr_text_port(&l.addr[0], text));
	assert_int_equal(-1, dial_resolve(&ep, AF_INET, clock_ms() + 5000, &l, &e));
	assert_int_equal(0, endpoint_parse("192.0.2.1", &ep, &e));
	assert_int_equal(0, dial_resolve(&ep, AF_UNSPEC, clock_ms() + 5000, &l, &e));
	assert_string_equal("192.0.2.1:8443", addr_text_port(&l.addr[0], text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_take_turns_and_the_first_stays_first),
		cmocka_unit_test(an_address_is_tried_once_and_only_of_ipv4_and_ipv6),
		cmocka_unit_test(a_refused_address_is_followed_at_once_by_the_next),
		cmocka_unit_test(a_silent_address_is_overtaken_and_its_socket_closed),
		cmocka_unit_test(numbers_resolve_to_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
