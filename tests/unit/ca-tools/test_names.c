/* test_names.c - what may stand in a certificate as a name */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/x509v3.h>

#include "ca-tools/names.h"

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

static bool
takes(enum name_type type, const char *value)
{
	GENERAL_NAMES *list = NULL;
	struct err e;
	int r = names_add(&list, type, value, &e);

	GENERAL_NAMES_free(list);
	if (r == -1)
		assert_int_equal(ERR_FORMAT, e.kind);
	return r == 0;
}

static void
check(enum name_type type, const char *const *good, const char *const *bad)
{
	for (; *good != NULL; good++)
		if (!takes(type, *good))
			fail_msg("%s refused: %s", name_word(type), *good);
	for (; *bad != NULL; bad++)
		if (takes(type, *bad))
			fail_msg("%s taken: %s", name_word(type), *bad);
}

static void
email_is_dot_atom_at_host(void **state)
{
	static const char *const good[] = { "a@b", "alice@corp.example", "a.b+c_d@x-y.example",
		"o'neil@corp.example", "a@sub.sub.corp.example", NULL };
	static const char *const bad[] = { "", "@", "alice", "alice@", "@corp.example", "a@b@c",
		"a b@c", "a@b c", "\"a\"@c", "a..b@c", ".a@c", "a.@c", "a@-c", "a@c-", "a@c..d",
		"a@c.", "a@10.0.0.1", "a@[10.0.0.1]", "a,b@c", "a@b,c@d", "a\n@c", "a@c\n",
		"J\xc3\xbcrgen@c", "a@\xc3\xbc.example", "a@c d", "<a@c>", "a@*.c", L63 "xx@c",
		NULL };

	(void)state;
	check(NAME_EMAIL, good, bad);
}

static void
uri_is_absolute_with_a_host_in_its_authority(void **state)
{
	static const char *const good[] = { "spiffe://corp.example/ops/alice", "urn:uuid:f81d",
		"https://corp.example", "https://u@corp.example:443/a?b=c#d", "https://[::1]:8/x",
		"https://10.0.0.1/", "x:y", "a+b-c.d:e%20f", NULL };
	static const char *const bad[] = { "", "alice", ":x", "1x:y", "/x", "//corp.example/x",
		"spiffe:", "spiffe://", "spiffe:///x", "https:// x", "https://a b/", "https://a/ b",
		"https://a/%2", "https://a/%zz", "https://a/<b>", "https://a/\"", "https://a/\\b",
		"https://a/\n", "https://\xc3\xbc/", "https://a:b/", "https://[::1/",
		"https://[x]/", "https://[::1]x/", "https://a..b/", "x:y\x7f", "x:a|b", "x:{a}",
		NULL };

	(void)state;
	check(NAME_URI, good, bad);
}

static void
dns_is_letters_digits_and_hyphens_and_no_address(void **state)
{
	static const char *const good[] = { "localhost", "bastion.example", "a-b.c1.example", "1.a",
		L63 ".example", "xn--bcher-kva.example", NULL };
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b",
		"*.example", "*", "10.0.0.1", "a.1", "::1", L63 "4.example", "b\xc3\xbc.example",
		"a\n", "a,b", "a/b", L63 "." L63 "." L63 "." L63, NULL };

	(void)state;
	check(NAME_DNS, good, bad);
}

static void
ip_is_one_address_without_port_or_scope(void **state)
{
	static const char *const good[] = { "10.0.0.1", "::1", "2001:db8::7", "::ffff:1.2.3.4",
		NULL };
	static const char *const bad[] = { "", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1/8",
		"10.0.0.1:22", "[::1]", "fe80::1%eth0", "localhost", " ::1", "::1 ", NULL };

	(void)state;
	check(NAME_IP, good, bad);
}

static void
upn_is_name_at_realm_in_utf8(void **state)
{
	static const char *const good[] = { "alice@corp.example", "J\xc3\xbcrgen@corp.example",
		NULL };
	static const char *const bad[] = { "", "alice", "@corp", "alice@", "a b@corp", "a@b@c",
		"a\x01@corp", "a\xff@corp", "a\xe2\x80\xae@corp", "a\"@corp", "a\\@corp", NULL };

	(void)state;
	check(NAME_UPN, good, bad);
}

static void
cn_is_printable_and_of_1_to_64_characters(void **state)
{
	static const char *const bad[] = { "", " ", " a", "a ", "a\nb", "a\x7f", "a\033[31m",
		"\xff",
		"a\xe2\x80\xae"
		"b",
		"a\"b", "a\\b", L63 "45" };
	char wide[2 * 64 + 3];
	struct err e;

	(void)state;
	assert_int_equal(0, name_check_cn("Alice Ng, Ops + Corp = #1", &e));
	assert_int_equal(0, name_check_cn(L63 "4", &e));
	for (size_t i = 0; i < 65; i++)
		memcpy(wide + 2 * i, "\xc3\xbc", 3);
	assert_int_equal(-1, name_check_cn(wide, &e));
	wide[128] = '\0';
	assert_int_equal(0, name_check_cn(wide, &e));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (name_check_cn(bad[i], &e) != -1)
			fail_msg("taken: %s", bad[i]);
}

static void
names_read_back_as_they_were_given(void **state)
{
	static const struct {
		enum name_type type;
		const char *value;
	} names[] = { { NAME_EMAIL, "a@b.example" }, { NAME_URI, "spiffe://b.example/x" },
		{ NAME_UPN, "J\xc3\xbcrgen@b.example" }, { NAME_DNS, "b.example" },
		{ NAME_IP, "10.0.0.1" }, { NAME_IP, "2001:db8::7" } };
	GENERAL_NAMES *list = NULL;
	struct err e;
	enum name_type type;
	char text[100];

	(void)state;
	for (int round = 0; round < 2; round++) /* the second time each is there already */
		for (size_t i = 0; i < 6; i++)
			assert_int_equal(0, names_add(&list, names[i].type, names[i].value, &e));
	assert_int_equal(6, sk_GENERAL_NAME_num(list));
	for (int i = 0; i < 6; i++) {
		assert_true(name_read(sk_GENERAL_NAME_value(list, i), &type, text, sizeof(text)));
		assert_int_equal(names[i].type, type);
		assert_string_equal(names[i].value, text);
	}
	assert_false(name_read(sk_GENERAL_NAME_value(list, 0), &type, text, 5));
	GENERAL_NAMES_free(list);
}

static void
the_hundred_and_first_name_is_refused(void **state)
{
	GENERAL_NAMES *list = NULL;
	struct err e;
	char name[32];

	(void)state;
	for (int i = 0; i < NAMES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "h%d", i);
		assert_int_equal(0, names_add(&list, NAME_DNS, name, &e));
	}
	assert_int_equal(-1, names_add(&list, NAME_DNS, "one-more", &e));
	GENERAL_NAMES_free(list);
}

static void
a_permitted_subtree_is_a_host_or_a_domain(void **state)
{
	NAME_CONSTRAINTS *nc = NULL;
	struct err e;
	char text[200];

	(void)state;
	assert_int_equal(0, names_permit(&nc, NAME_EMAIL, "corp.example", &e));
	assert_int_equal(0, names_permit(&nc, NAME_EMAIL, ".corp.example", &e));
	assert_int_equal(0, names_permit(&nc, NAME_EMAIL, "a@corp.example", &e));
	assert_int_equal(0, names_permit(&nc, NAME_URI, ".corp.example", &e));
	assert_int_equal(0, names_permit(&nc, NAME_DNS, "corp.example", &e));
	assert_int_equal(-1, names_permit(&nc, NAME_DNS, ".corp.example", &e));
	assert_int_equal(-1, names_permit(&nc, NAME_DNS, "", &e));
	assert_int_equal(-1, names_permit(&nc, NAME_URI, "spiffe://corp.example", &e));
	assert_int_equal(-1, names_permit(&nc, NAME_URI, "a@corp.example", &e));
	assert_int_equal(-1, names_permit(&nc, NAME_EMAIL, "*.corp.example", &e));
	assert_int_equal(-1, names_permit(&nc, NAME_EMAIL, ".", &e));
	assert_int_equal(5, sk_GENERAL_SUBTREE_num(nc->permittedSubtrees));
	assert_string_equal("email corp.example, email .corp.example, email a@corp.example, "
			    "uri .corp.example, dns corp.example",
	    names_permitted(nc, text, sizeof(text)));
	for (size_t size = 1; size < 60; size++) {
		memset(text, 'Z', sizeof(text));
		assert_true(strlen(names_permitted(nc, text, size)) < size);
		assert_int_equal('Z', text[size]);
	}
	NAME_CONSTRAINTS_free(nc);
}

static void
the_name_outside_of_the_subtrees_is_told(void **state)
{
	NAME_CONSTRAINTS *nc = NULL;
	GENERAL_NAMES *list = NULL;
	struct err e;
	char text[200];

	(void)state;
	assert_int_equal(0, names_permit(&nc, NAME_EMAIL, "corp.example", &e));
	assert_int_equal(0, names_add(&list, NAME_EMAIL, "a@corp.example", &e));
	assert_int_equal(0, names_add(&list, NAME_DNS, "evil.example", &e)); /* no dns subtree */
	assert_string_equal("", names_refused(list, nc, text, sizeof(text)));
	assert_int_equal(0, names_add(&list, NAME_EMAIL, "a@corp.example.evil", &e));
	assert_string_equal(
	    "email a@corp.example.evil", names_refused(list, nc, text, sizeof(text)));
	assert_string_equal("", names_refused(NULL, nc, text, sizeof(text)));
	GENERAL_NAMES_free(list);
	NAME_CONSTRAINTS_free(nc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(email_is_dot_atom_at_host),
		cmocka_unit_test(uri_is_absolute_with_a_host_in_its_authority),
		cmocka_unit_test(dns_is_letters_digits_and_hyphens_and_no_address),
		cmocka_unit_test(ip_is_one_address_without_port_or_scope),
		cmocka_unit_test(upn_is_name_at_realm_in_utf8),
		cmocka_unit_test(cn_is_printable_and_of_1_to_64_characters),
		cmocka_unit_test(names_read_back_as_they_were_given),
		cmocka_unit_test(the_hundred_and_first_name_is_refused),
		cmocka_unit_test(a_permitted_subtree_is_a_host_or_a_domain),
		cmocka_unit_test(the_name_outside_of_the_subtrees_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
