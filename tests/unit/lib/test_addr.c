/* test_addr.c - addresses and networks */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "addr.h"

static struct sockaddr_storage
address(const char *text, uint16_t port)
{
	struct sockaddr_storage ss;
	struct err e;

	assert_int_equal(0, addr_parse(text, &ss, &e));
	addr_set_port(&ss, port);
	return ss;
}

static void
mapped_addresses_are_folded(void **state)
{
	struct sockaddr_storage a = address("::ffff:192.0.2.1", 22), b = address("192.0.2.1", 22);
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_int_equal(AF_INET, a.ss_family);
	assert_true(addr_equal(&a, &b));
	assert_string_equal("192.0.2.1:22", addr_text_port(&a, text));
}

static void
equal_looks_at_port_and_scope(void **state)
{
	struct sockaddr_storage a = address("fe80::1", 22), b = a, c = address("fe80::1", 23);
	struct sockaddr_in6 in6;

	(void)state;
	assert_true(addr_equal(&a, &b));
	assert_false(addr_equal(&a, &c));
	memcpy(&in6, &b, sizeof(in6));
	in6.sin6_scope_id = 3;
	memcpy(&b, &in6, sizeof(in6));
	assert_false(addr_equal(&a, &b));
}

static void
wire_form_comes_back_and_a_wrong_one_is_refused(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1" };
	uint8_t buf[128];
	struct msg_out o;
	struct msg_in m;
	struct err e;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_storage a = address(texts[i], 4711), b;

		msg_start(&o, buf, sizeof(buf), MSG_OPEN, 0);
		addr_put(&a, &o);
		assert_int_equal(0, msg_parse(&m, buf, o.len, &e));
		assert_int_equal(0, addr_get(&m, &b));
		assert_int_equal(0, msg_end(&m, &e));
		assert_true(addr_equal(&a, &b));
		buf[MSG_HEADER + 5] = 5; /* no such family */
		assert_int_equal(0, msg_parse(&m, buf, o.len, &e));
		assert_int_equal(-1, addr_get(&m, &b));
		assert_int_equal(-1, msg_end(&m, &e));
	}
}

static void
networks_hold_what_they_say(void **state)
{
	static const struct {
		const char *net, *in, *out;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.0.1", "11.0.0.1" },
		{ "192.0.2.128/25", "192.0.2.128", "192.0.2.127" },
		{ "192.0.2.7", "192.0.2.7", "192.0.2.6" },
		{ "0.0.0.0/0", "255.255.255.255", "::1" },
		{ "2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1" },
		{ "::/0", "::1", "127.0.0.1" },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3" },
	};
	struct cidr c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sockaddr_storage in = address(rows[i].in, 1), out = address(rows[i].out, 1);

		assert_int_equal(0, cidr_parse(rows[i].net, &c, &e));
		assert_true(cidr_contains(&c, &in));
		assert_false(cidr_contains(&c, &out));
	}
}

static void
unclear_networks_are_refused(void **state)
{
	static const char *const bad[] = { "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8",
		"10.0.0.0/08", "10.0.0.0/8 ", "10.0.0.0/-1", "10.0.0/8", "2001:db8::/129", "host",
		"10.0.0.0/4294967304" };
	struct cidr c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(-1, cidr_parse(bad[i], &c, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped_addresses_are_folded),
		cmocka_unit_test(equal_looks_at_port_and_scope),
		cmocka_unit_test(wire_form_comes_back_and_a_wrong_one_is_refused),
		cmocka_unit_test(networks_hold_what_they_say),
		cmocka_unit_test(unclear_networks_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
