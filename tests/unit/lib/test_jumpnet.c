/* test_jumpnet.c - which hosts and addresses a jump may open */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "jumpnet.h"

static struct sockaddr_storage
address(const char *text)
{
	struct sockaddr_storage ss;
	char name[JUMPNET_NAME_SIZE];

	if (jumpnet_host(text, name, &ss) != JUMPNET_ADDRESS)
		fail_msg("%s is no address", text);
	return ss;
}

static void
a_host_is_an_address_a_name_or_neither(void **state)
{
	static const struct {
		const char *host;
		enum jumpnet_form form;
		const char *name;
	} rows[] = {
		{ "10.1.2.3", JUMPNET_ADDRESS, NULL },
		{ "0.0.0.0", JUMPNET_ADDRESS, NULL },
		{ "2001:db8::1", JUMPNET_ADDRESS, NULL },
		{ "::ffff:127.0.0.1", JUMPNET_ADDRESS, NULL },
		{ "db1.prod.example", JUMPNET_NAME, "db1.prod.example" },
		{ "DB1.Prod.Example.", JUMPNET_NAME, "db1.prod.example" },
		{ "localhost", JUMPNET_NAME, "localhost" },
		{ "a", JUMPNET_NAME, "a" },
		{ "3com.example", JUMPNET_NAME, "3com.example" },
		{ "1.2.3.4.example", JUMPNET_NAME, "1.2.3.4.example" },
		{ "0x7f.example", JUMPNET_NAME, "0x7f.example" },
		{ "x--y.example", JUMPNET_NAME, "x--y.example" },
		{ "0xg", JUMPNET_NAME, "0xg" },
		/* what inet_aton(3) and resolvers take for an address */
		{ "127.1", JUMPNET_NEITHER, NULL },
		{ "127.0.1", JUMPNET_NEITHER, NULL },
		{ "0x7f.1", JUMPNET_NEITHER, NULL },
		{ "0x7f.0.0.0x1", JUMPNET_NEITHER, NULL },
		{ "0x7f000001", JUMPNET_NEITHER, NULL },
		{ "0X7F000001", JUMPNET_NEITHER, NULL },
		{ "0x", JUMPNET_NEITHER, NULL },
		{ "2130706433", JUMPNET_NEITHER, NULL },
		{ "017700000001", JUMPNET_NEITHER, NULL },
		{ "0177.0.0.1", JUMPNET_NEITHER, NULL },
		{ "127.0.0.01", JUMPNET_NEITHER, NULL },
		{ "127.0.0.1.", JUMPNET_NEITHER, NULL },
		{ "127.0.0.256", JUMPNET_NEITHER, NULL },
		{ "1.2.3.4.5", JUMPNET_NEITHER, NULL },
		{ "0", JUMPNET_NEITHER, NULL },
		{ "example.7", JUMPNET_NEITHER, NULL },
		/* other spellings of addresses */
		{ "[::1]", JUMPNET_NEITHER, NULL },
		{ "fe80::1%eth0", JUMPNET_NEITHER, NULL },
		{ "10.0.0.1:22", JUMPNET_NEITHER, NULL },
		{ "10.0.0.0/8", JUMPNET_NEITHER, NULL },
		{ " 10.0.0.1", JUMPNET_NEITHER, NULL },
		{ "1::2::3", JUMPNET_NEITHER, NULL },
		/* no names */
		{ "", JUMPNET_NEITHER, NULL },
		{ ".", JUMPNET_NEITHER, NULL },
		{ "..", JUMPNET_NEITHER, NULL },
		{ "a..b", JUMPNET_NEITHER, NULL },
		{ ".a", JUMPNET_NEITHER, NULL },
		{ "a.b..", JUMPNET_NEITHER, NULL },
		{ "-a.example", JUMPNET_NEITHER, NULL },
		{ "a-.example", JUMPNET_NEITHER, NULL },
		{ "a_b.example", JUMPNET_NEITHER, NULL },
		{ "a b", JUMPNET_NEITHER, NULL },
		{ "a\n", JUMPNET_NEITHER, NULL },
		{ "*", JUMPNET_NEITHER, NULL },
		{ "*.prod.example", JUMPNET_NEITHER, NULL },
		{ "d\xc3\xb6rf.example", JUMPNET_NEITHER, NULL },
		{ "a,b", JUMPNET_NEITHER, NULL },
	};
	struct sockaddr_storage ss;
	char name[JUMPNET_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum jumpnet_form form = jumpnet_host(rows[i].host, name, &ss);

		if (form != rows[i].form)
			fail_msg("\"%s\": %d", rows[i].host, (int)form);
		if (rows[i].name != NULL)
			assert_string_equal(rows[i].name, name);
	}
}

static void
a_name_has_labels_of_63_and_253_bytes_in_all(void **state)
{
	struct sockaddr_storage ss;
	char host[300], name[JUMPNET_NAME_SIZE];

	(void)state;
	memset(host, 'a', sizeof(host));
	host[63] = '\0';
	assert_int_equal(JUMPNET_NAME, jumpnet_host(host, name, &ss));
	host[63] = 'a';
	host[64] = '\0';
	assert_int_equal(JUMPNET_NEITHER, jumpnet_host(host, name, &ss));
	memset(host, 'a', sizeof(host));
	host[63] = host[127] = host[191] = '.';
	host[253] = '\0';
	assert_int_equal(JUMPNET_NAME, jumpnet_host(host, name, &ss));
	host[253] = '.';
	host[254] = '\0';
	assert_int_equal(JUMPNET_NAME, jumpnet_host(host, name, &ss));
	assert_int_equal(253, strlen(name));
	host[253] = 'a';
	assert_int_equal(JUMPNET_NEITHER, jumpnet_host(host, name, &ss));
}

static void
an_address_is_not_folded(void **state)
{
	(void)state;
	assert_int_equal(AF_INET6, address("::ffff:127.0.0.1").ss_family);
	assert_int_equal(AF_INET, address("127.0.0.1").ss_family);
}

/* Each forbidden range by its edges, beside the neighbours that are allowed. */
static void
the_default_is_unicast_less_what_leads_elsewhere(void **state)
{
	static const struct {
		const char *address;
		const char *why; /* NULL: allowed */
	} rows[] = {
		{ "0.0.0.0", "unspecified" },
		{ "0.255.255.255", "unspecified" },
		{ "1.0.0.0", NULL },
		{ "10.1.2.3", NULL },
		{ "100.64.0.1", NULL },
		{ "126.255.255.255", NULL },
		{ "127.0.0.0", "loopback" },
		{ "127.0.0.1", "loopback" },
		{ "127.255.255.255", "loopback" },
		{ "128.0.0.0", NULL },
		{ "169.253.255.255", NULL },
		{ "169.254.0.0", "link-local" },
		{ "169.254.169.254", "link-local" }, /* the metadata of clouds */
		{ "169.254.255.255", "link-local" },
		{ "169.255.0.0", NULL },
		{ "172.16.0.1", NULL },
		{ "192.168.0.1", NULL },
		{ "223.255.255.255", NULL },
		{ "224.0.0.0", "multicast" },
		{ "239.255.255.255", "multicast" },
		{ "240.0.0.0", "reserved or broadcast" },
		{ "255.255.255.255", "reserved or broadcast" },
		{ "::", "unspecified" },
		{ "::1", "loopback" },
		{ "::2", "IPv4-compatible" },
		{ "::10.0.0.1", "IPv4-compatible" },
		{ "::127.0.0.1", "IPv4-compatible" },
		{ "::ffff:10.0.0.1", "IPv4-mapped" },
		{ "::ffff:127.0.0.1", "IPv4-mapped" },
		{ "::1:0:0:1", NULL },
		{ "::ffff:0:127.0.0.1", "IPv4-translated" },
		{ "64:ff9b::127.0.0.1", "NAT64" },
		{ "64:ff9b::8.8.8.8", "NAT64" },
		{ "64:ff9b:0:0:0:1::", NULL },
		{ "64:ff9b:1::1", "NAT64" },
		{ "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "NAT64" },
		{ "64:ff9b:2::1", NULL },
		{ "2001::7f00:1", "Teredo" },		     /* server 0.0.0.0 */
		{ "2001:0:0a00:0001::f5ff:fffe", NULL },     /* Teredo: 10.0.0.1, 10.0.0.1 */
		{ "2001:0:7f00:0001::f5ff:fffe", "Teredo" }, /* server 127.0.0.1 */
		{ "2001:0:0a00:0001::80ff:fffe", "Teredo" }, /* client 127.0.0.1 */
		{ "2001:0:0a00:0001::5601:5601", "Teredo" }, /* client 169.254.169.254 */
		{ "2001:1::1", NULL },
		{ "2001:db8::1", NULL },
		{ "2002:0a00:0001::1", NULL }, /* 6to4 of 10.0.0.1 */
		{ "2002:7f00:0001::1", "6to4" },
		{ "2002:a9fe:a9fe::1", "6to4" },
		{ "2002:e000:0001::1", "6to4" },
		{ "2002:0000:0001::1", "6to4" },
		{ "2003::1", NULL },
		{ "fc00::1", NULL },
		{ "fdff::1", NULL },
		{ "fe7f:ffff::1", NULL },
		{ "fe80::1", "link-local" },
		{ "febf::1", "link-local" },
		{ "fec0::1", "site-local" },
		{ "feff::1", "site-local" },
		{ "ff00::1", "multicast" },
		{ "ff02::1", "multicast" },
		{ "ffff::1", "multicast" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sockaddr_storage ss = address(rows[i].address);
		struct err e = { 0 };
		int r = jumpnet_allows(NULL, 0, &ss, ROUTE_UNICAST, &e);

		if (r != (rows[i].why == NULL ? 0 : -1) ||
		    (r == -1 && strstr(e.text, rows[i].why) == NULL))
			fail_msg("%s: %d %s", rows[i].address, r, e.text);
		if (r == -1)
			assert_int_equal(ERR_REFUSED, e.kind);
	}
}

static struct cidr
net(const char *text)
{
	struct cidr c;
	struct err e;

	assert_int_equal(0, cidr_parse(text, &c, &e));
	return c;
}

static void
jump_networks_take_the_place_of_the_default(void **state)
{
	struct cidr nets[] = { net("10.0.0.0/8"), net("127.0.0.0/8"), net("2001:db8::/32"),
		net("64:ff9b::/96"), net("192.0.2.1/32") };
	static const struct {
		const char *address;
		bool allowed;
	} rows[] = {
		{ "10.255.0.1", true },
		{ "11.0.0.1", false },
		{ "127.0.0.1", true },
		{ "192.0.2.1", true },
		{ "192.0.2.2", false },
		{ "2001:db8:ffff::1", true },
		{ "2001:db9::1", false },
		{ "64:ff9b::10.0.0.1", true },
		/* an IPv4 network has no IPv6 address in it, in whatever form */
		{ "::ffff:10.0.0.1", false },
		{ "::10.0.0.1", false },
		{ "2002:a00:1::1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sockaddr_storage ss = address(rows[i].address);
		struct err e = { 0 };

		if (rows[i].allowed != (jumpnet_allows(nets, 5, &ss, ROUTE_UNICAST, &e) == 0))
			fail_msg("%s: %s", rows[i].address, e.text);
	}
}

static void
a_list_of_everything_opens_no_unspecified_and_no_mapped_address(void **state)
{
	struct cidr nets[] = { net("0.0.0.0/0"), net("::/0"), net("0.0.0.0/32"), net("::/128") };
	static const char *const never[] = { "0.0.0.0", "0.1.2.3", "::", "::ffff:10.0.0.1",
		"::10.0.0.1" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		struct sockaddr_storage ss = address(never[i]);

		assert_int_equal(-1, jumpnet_allows(nets, 4, &ss, ROUTE_UNICAST, &e));
	}
}

static void
the_bridge_itself_is_opened_only_where_it_stands_alone_in_the_list(void **state)
{
	struct cidr wide = net("10.0.0.0/8"), alone[] = { wide, net("10.0.0.5") };
	struct cidr wide6 = net("::/0"), alone6[] = { wide6, net("::1") };
	struct sockaddr_storage own = address("10.0.0.5"), loop6 = address("::1");
	struct err e;

	(void)state;
	assert_int_equal(-1, jumpnet_allows(NULL, 0, &own, ROUTE_LOCAL, &e));
	assert_non_null(strstr(e.text, "10.0.0.5: an address of the bridge itself"));
	assert_int_equal(-1, jumpnet_allows(&wide, 1, &own, ROUTE_LOCAL, &e));
	assert_int_equal(0, jumpnet_allows(alone, 2, &own, ROUTE_LOCAL, &e));
	assert_int_equal(-1, jumpnet_allows(&wide6, 1, &loop6, ROUTE_LOCAL, &e));
	assert_int_equal(0, jumpnet_allows(alone6, 2, &loop6, ROUTE_LOCAL, &e));
	/* alone or not: a broadcast address is no host, and what is not known counts as no */
	assert_int_equal(-1, jumpnet_allows(alone, 2, &own, ROUTE_OTHER, &e));
	assert_int_equal(-1, jumpnet_allows(alone, 2, &own, ROUTE_NONE, &e));
}

static void
an_address_of_another_family_is_refused(void **state)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct err e;

	(void)state;
	assert_int_equal(-1, jumpnet_allows(NULL, 0, &ss, ROUTE_UNICAST, &e));
	assert_int_equal(ROUTE_NONE, route_kind(-1, &ss));
}

/* Loopback is there wherever tests run. */
static void
the_kernel_says_what_is_its_own(void **state)
{
	static const struct {
		const char *address;
		enum route_kind kind;
	} rows[] = {
		{ "127.0.0.1", ROUTE_LOCAL },
		{ "127.1.2.3", ROUTE_LOCAL },
		{ "0.0.0.0", ROUTE_LOCAL },
		{ "127.255.255.255", ROUTE_OTHER },
	};
	struct err e;
	int fd = route_open(&e);

	(void)state;
	assert_int_not_equal(-1, fd);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sockaddr_storage ss = address(rows[i].address);

		if (route_kind(fd, &ss) != rows[i].kind)
			fail_msg("%s: %d", rows[i].address, (int)route_kind(fd, &ss));
	}
	close(fd);
}

/* In a network namespace of its own: what a machine has beside its first address. */
static int
look_around(void)
{
	static const struct {
		const char *address;
		enum route_kind kind;
	} rows[] = {
		{ "10.9.0.1", ROUTE_LOCAL },
		{ "10.9.0.2", ROUTE_LOCAL }, /* a secondary address */
		{ "10.9.0.7", ROUTE_UNICAST },
		{ "10.9.0.255", ROUTE_OTHER },
		{ "10.77.1.2", ROUTE_LOCAL },
		{ "10.66.0.1", ROUTE_NONE }, /* a blackhole */
		{ "192.0.2.1", ROUTE_UNICAST },
		{ "255.255.255.255", ROUTE_OTHER },
		{ "224.0.0.1", ROUTE_OTHER },
		{ "2001:db8::5", ROUTE_LOCAL },
		{ "2001:db8::6", ROUTE_UNICAST },
		{ "2001:db9::1", ROUTE_NONE },
	};
	struct sockaddr_storage ss;
	char name[JUMPNET_NAME_SIZE];
	struct err e;
	int fd;

	if (unshare(CLONE_NEWNET) == -1 ||
	    system(
		"exec 2>/dev/null; ip link set lo up && ip link add v0 type veth peer name v1 && "
		"ip link set v0 up && ip link set v1 up && ip addr add 10.9.0.1/24 brd + dev v0 && "
		"ip addr add 10.9.0.2/24 dev v0 && ip addr add 2001:db8::5/64 dev v0 nodad && "
		"ip route add local 10.77.0.0/16 dev lo && ip route add blackhole 10.66.0.0/16 && "
		"ip route add default via 10.9.0.9") != 0)
		return 2;
	if ((fd = route_open(&e)) == -1)
		return 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (jumpnet_host(rows[i].address, name, &ss) != JUMPNET_ADDRESS ||
		    route_kind(fd, &ss) != rows[i].kind) {
			print_error("%s: %d\n", rows[i].address, (int)route_kind(fd, &ss));
			return 1;
		}
	return 0;
}

static void
every_address_of_the_machine_is_its_own(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(look_around());
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		skip(); /* no right to a namespace */
	assert_int_equal(0, WEXITSTATUS(status));
}

static void
without_a_socket_nothing_is_allowed(void **state)
{
	struct sockaddr_storage ss = address("10.1.2.3");
	struct err e;

	(void)state;
	assert_int_equal(-1, jumpnet_judge(-1, NULL, 0, &ss, &e));
	assert_non_null(strstr(e.text, "no route"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_is_an_address_a_name_or_neither),
		cmocka_unit_test(a_name_has_labels_of_63_and_253_bytes_in_all),
		cmocka_unit_test(an_address_is_not_folded),
		cmocka_unit_test(the_default_is_unicast_less_what_leads_elsewhere),
		cmocka_unit_test(jump_networks_take_the_place_of_the_default),
		cmocka_unit_test(a_list_of_everything_opens_no_unspecified_and_no_mapped_address),
		cmocka_unit_test(
		    the_bridge_itself_is_opened_only_where_it_stands_alone_in_the_list),
		cmocka_unit_test(an_address_of_another_family_is_refused),
		cmocka_unit_test(the_kernel_says_what_is_its_own),
		cmocka_unit_test(every_address_of_the_machine_is_its_own),
		cmocka_unit_test(without_a_socket_nothing_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
