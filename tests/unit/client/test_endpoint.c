/* test_endpoint.c - HOST:PORT as users and ssh write it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "client/endpoint.h"

static void
good(const char *text, const char *host, const char *name, bool literal, unsigned port)
{
	struct endpoint ep;
	struct err e;

	if (endpoint_parse(text, &ep, &e) == -1)
		fail_msg("%s: %s", text, e.text);
	assert_string_equal(host, ep.host);
	assert_string_equal(name, ep.name);
	assert_int_equal(literal, ep.literal);
	assert_int_equal(port, ep.port);
}

static void
bad(const char *text)
{
	struct endpoint ep = { .port = 7 };
	struct err e = { 0 };

	if (endpoint_parse(text, &ep, &e) != -1)
		fail_msg("%s was taken as %s port %u", text, ep.host, (unsigned)ep.port);
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_int_equal(7, ep.port);
}

static void
names_and_addresses_with_and_without_port_are_taken(void **state)
{
	(void)state;
	good("bastion", "bastion", "bastion", false, 8443);
	good("b.example.org:443", "b.example.org", "b.example.org", false, 443);
	good("b.example.org.", "b.example.org.", "b.example.org", false, 8443);
	good("my_host-1:1", "my_host-1", "my_host-1", false, 1);
	good("192.0.2.1:65535", "192.0.2.1", "192.0.2.1", true, 65535);
	good("[2001:db8::1]", "2001:db8::1", "2001:db8::1", true, 8443);
	good("[2001:db8::1]:22", "2001:db8::1", "2001:db8::1", true, 22);
	good("[fe80::1%eth0]:22", "fe80::1%eth0", "fe80::1", true, 22);
	good("1.example", "1.example", "1.example", false, 8443);
	good(
	    "xn--bcher-kva.example", "xn--bcher-kva.example", "xn--bcher-kva.example", false, 8443);
}

static void
ports_out_of_range_or_with_a_tail_are_refused(void **state)
{
	static const char *const ports[] = { "", "0", "65536", "99999999999", "08443", "+22", "-1",
		" 22", "22 ", "0x16", "22:22", "ssh" };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		(void)snprintf(text, sizeof(text), "host:%s", ports[i]);
		bad(text);
		(void)snprintf(text, sizeof(text), "[::1]:%s", ports[i]);
		bad(text);
	}
}

static void
ipv6_without_brackets_is_refused_and_with_them_taken(void **state)
{
	(void)state;
	bad("::1");
	bad("2001:db8::1:8443");
	good("[::1]:8443", "::1", "::1", true, 8443);
	bad("[::1");
	bad("[::1]8443");
	bad("[192.0.2.1]");
	bad("[host]:22");
	bad("[]:22");
	bad("[::1%]");
	bad("[::1%a;b]");
}

/* Every byte that a shell, a terminal or an option parser could take for something else. */
static void
no_byte_but_those_of_names_is_taken(void **state)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_:";
	char text[8] = "a?b";

	(void)state;
	for (int c = 1; c < 256; c++) {
		text[1] = (char)c;
		if (strchr(allowed, c) == NULL)
			bad(text);
	}
	bad("-oProxyCommand=id");
	good("a-oProxyCommand", "a-oProxyCommand", "a-oProxyCommand", false, 8443);
	bad("");
	bad(":22");
	bad(".");
	bad("a..b");
	bad(".a");
}

static void
what_only_looks_like_an_address_is_refused(void **state)
{
	(void)state;
	bad("127.1");
	bad("256.0.0.1");
	bad("1.2.3.4.5");
	bad("2130706433");
	good("127.0.0.1", "127.0.0.1", "127.0.0.1", true, 8443);
}

static void
the_longest_name_is_taken_and_one_more_refused(void **state)
{
	char text[300];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[ENDPOINT_HOST_MAX] = '\0';
	good(text, text, text, false, 8443);
	text[ENDPOINT_HOST_MAX] = 'a';
	text[ENDPOINT_HOST_MAX + 1] = '\0';
	bad(text);
}

static void
a_server_name_replaces_the_name_only(void **state)
{
	struct endpoint ep;
	struct err e;

	(void)state;
	assert_int_equal(0, endpoint_parse("192.0.2.1:22", &ep, &e));
	assert_int_equal(0, endpoint_name("b.example.", &ep, &e));
	assert_string_equal("192.0.2.1", ep.host);
	assert_string_equal("b.example", ep.name);
	assert_false(ep.literal);
	assert_int_equal(0, endpoint_name("2001:db8::1", &ep, &e));
	assert_string_equal("2001:db8::1", ep.name);
	assert_true(ep.literal);
	assert_int_equal(-1, endpoint_name("b example", &ep, &e));
	assert_int_equal(-1, endpoint_name("*.example", &ep, &e));
	assert_string_equal("2001:db8::1", ep.name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_addresses_with_and_without_port_are_taken),
		cmocka_unit_test(ports_out_of_range_or_with_a_tail_are_refused),
		cmocka_unit_test(ipv6_without_brackets_is_refused_and_with_them_taken),
		cmocka_unit_test(no_byte_but_those_of_names_is_taken),
		cmocka_unit_test(what_only_looks_like_an_address_is_refused),
		cmocka_unit_test(the_longest_name_is_taken_and_one_more_refused),
		cmocka_unit_test(a_server_name_replaces_the_name_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
