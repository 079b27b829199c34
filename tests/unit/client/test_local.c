/* test_local.c - the listener's own address, and who connects to it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "client/local.h"

static void
an_address_has_a_port_and_an_ipv6_one_brackets(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
		bool loopback;
	} rows[] = {
		{ "127.0.0.1:2222", "127.0.0.1:2222", true },
		{ "127.255.255.254:0", "127.255.255.254:0", true },
		{ "[::1]:65535", "[::1]:65535", true },
		{ "[::ffff:127.0.0.1]:22", "127.0.0.1:22", true },
		{ "[::ffff:192.0.2.1]:22", "192.0.2.1:22", false },
		{ "128.0.0.1:22", "128.0.0.1:22", false },
		{ "126.255.255.255:22", "126.255.255.255:22", false },
		{ "0.0.0.0:22", "0.0.0.0:22", false },
		{ "[::]:22", "[::]:22", false },
		{ "[::2]:22", "[::2]:22", false },
		{ "", NULL, false },
		{ ":", NULL, false },
		{ ":22", NULL, false },
		{ "22", NULL, false },
		{ "127.0.0.1", NULL, false },
		{ "127.0.0.1:", NULL, false },
		{ "127.0.0.1:65536", NULL, false },
		{ "127.0.0.1:000022", NULL, false },
		{ "127.0.0.1: 22", NULL, false },
		{ "127.0.0.1:+22", NULL, false },
		{ "127.0.0.1:22x", NULL, false },
		{ "127.1:22", NULL, false },
		{ "localhost:22", NULL, false },
		{ "::1:22", NULL, false },
		{ "[::1:22", NULL, false },
		{ "::1]:22", NULL, false },
		{ "[]:22", NULL, false },
		{ "[:22", NULL, false },
		{ "[127.0.0.1]:22", NULL, false },
		{ "[::1]x:22", NULL, false },
	};
	char text[ADDR_TEXT_SIZE];
	struct sockaddr_storage ss;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = local_parse(rows[i].text, &ss, &e);

		if ((r == 0) != (rows[i].want != NULL))
			fail_msg("%s: %d", rows[i].text, r);
		if (r == -1)
			continue;
		assert_string_equal(rows[i].want, addr_text_port(&ss, text));
		assert_int_equal(rows[i].loopback, local_is_loopback(&ss));
	}
}

struct both {
	int listener, client, server;
	struct sockaddr_storage here, peer;
};

static void
connect_both(struct both *b, const char *address)
{
	socklen_t n = sizeof(b->here);
	struct err e;

	assert_int_equal(0, local_parse(address, &b->here, &e));
	b->listener = socket(b->here.ss_family, SOCK_STREAM, 0);
	b->client = socket(b->here.ss_family, SOCK_STREAM, 0);
	assert_int_equal(
	    0, bind(b->listener, (const struct sockaddr *)&b->here, addr_len(&b->here)));
	assert_int_equal(0, listen(b->listener, 1));
	assert_int_equal(0, getsockname(b->listener, (struct sockaddr *)&b->here, &n));
	assert_int_equal(0, connect(b->client, (const struct sockaddr *)&b->here, n));
	n = sizeof(b->peer);
	b->server = accept(b->listener, (struct sockaddr *)&b->peer, &n);
	assert_int_not_equal(-1, b->server);
}

static void
a_peer_is_known_while_a_process_holds_its_socket(void **state)
{
	static const char *const addresses[] = { "127.0.0.1:0", "[::1]:0" };
	struct sockaddr_storage other;
	struct both b;
	struct err e;
	uid_t uid;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		connect_both(&b, addresses[i]);
		uid = (uid_t)-1;
		assert_int_equal(0, local_peer_uid(&b.here, &b.peer, &uid, &e));
		assert_int_equal(getuid(), uid);
		/* half-closed, it is still somebody's */
		assert_int_equal(0, shutdown(b.client, SHUT_WR));
		assert_int_equal(0, local_peer_uid(&b.here, &b.peer, &uid, &e));
		/* another pair of addresses is no connection */
		other = b.peer;
		addr_set_port(&other, (uint16_t)(addr_port(&other) ^ 1));
		assert_int_equal(-1, local_peer_uid(&b.here, &other, &uid, &e));
		uid = (uid_t)-1;
		close(b.client);
		assert_int_equal(-1, local_peer_uid(&b.here, &b.peer, &uid, &e));
		assert_int_equal((uid_t)-1, uid);
		close(b.server);
		close(b.listener);
	}
}

/* The kernel looks for one that listens there when there is no connection. */
static void
who_listens_at_the_peers_address_is_not_the_peer(void **state)
{
	static const char *const addresses[] = { "127.0.0.1:0", "[::1]:0" };
	struct sockaddr_storage far;
	struct both b;
	struct err e;
	uid_t uid;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		connect_both(&b, addresses[i]);
		far = b.here;
		addr_set_port(&far, 1);
		uid = (uid_t)-1;
		assert_int_equal(-1, local_peer_uid(&far, &b.here, &uid, &e));
		assert_int_equal((uid_t)-1, uid);
		close(b.client);
		close(b.server);
		close(b.listener);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_a_port_and_an_ipv6_one_brackets),
		cmocka_unit_test(a_peer_is_known_while_a_process_holds_its_socket),
		cmocka_unit_test(who_listens_at_the_peers_address_is_not_the_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
