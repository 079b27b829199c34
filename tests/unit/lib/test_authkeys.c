/* test_authkeys.c - a set of authorized keys: what is found for whom, from where and until when */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "addr.h"
#include "authkeys.h"
#include "sshkey.h"
#include "tests/unit/help/sshkeys.h"

#define KEY0 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfzduA9T6hsNOaf+RAq6QGt40+JZhVPyV7R0QOLuEEj"

/* ---- the set -------------------------------------------------------------------------------- */
static void
no_line_refused(void *arg, unsigned line, const char *why)
{
	(void)arg;
	fail_msg("line %u: %s", line, why);
}

/* A set of one file of alice's, through sealed memory. */
static struct authkeys *
set_of(const char *text)
{
	struct err e = { 0 };
	struct authkeys *k = authkeys_new(&e), *read;
	struct sealed s;
	int fd;

	assert_non_null(k);
	assert_int_equal(0, authkeys_add(k, 1, "alice", (const uint8_t *)text, strlen(text),
				no_line_refused, NULL, &e));
	fd = authkeys_seal(k, &e);
	assert_int_not_equal(-1, fd);
	assert_int_equal(0, sealed_map(fd, AUTHKEYS_BYTES_MAX, &s, &e));
	if ((read = authkeys_open(&s, &e)) == NULL)
		fail_msg("%s", e.text);
	assert_int_equal(authkeys_count(k), authkeys_count(read));
	sealed_unmap(&s);
	close(fd);
	authkeys_free(k);
	return read;
}

static const uint8_t *
sha256_of(size_t i)
{
	static struct sshkey k;
	char text[2000];
	struct err e;

	(void)snprintf(text, sizeof(text), "%s %s", sshkeys[i].type, sshkeys[i].base64);
	assert_int_equal(0, sshkey_parse_text(text, strlen(text), &k, &e));
	return k.sha256;
}

/* alice with key `i` from that address at that time; the line that says yes, or 0. */
static enum authkeys_verdict
ask(const struct authkeys *k, size_t i, const char *from, int64_t now, unsigned *line)
{
	struct sockaddr_storage ss;
	struct authkeys_query q = {
		.target = 1, .account = "alice", .sha256 = sha256_of(i), .now = now
	};
	const struct authkey *found;
	enum authkeys_verdict v;
	struct err e;

	if (from != NULL) {
		assert_int_equal(0, addr_parse(from, &ss, &e));
		q.from = (struct sockaddr *)&ss;
	}
	v = authkeys_find(k, &q, &found);
	assert_int_equal(v == AUTHKEYS_YES, found != NULL);
	if (line != NULL)
		*line = found == NULL ? 0 : found->line;
	return v;
}

static void
a_key_is_found_for_its_account_and_target_only(void **state)
{
	struct authkeys *k = set_of("\n" KEY0 "\n");
	struct authkeys_query q = { .target = 1, .account = "alice", .sha256 = sha256_of(0) };
	const struct authkey *found;

	(void)state;
	assert_int_equal(AUTHKEYS_YES, authkeys_find(k, &q, &found));
	assert_int_equal(2, found->line);
	q.account = "alic";
	assert_int_equal(AUTHKEYS_NOT_LISTED, authkeys_find(k, &q, &found));
	q.account = "Alice";
	assert_int_equal(AUTHKEYS_NOT_LISTED, authkeys_find(k, &q, &found));
	assert_null(found);
	q.account = "";
	assert_int_equal(AUTHKEYS_NOT_LISTED, authkeys_find(k, &q, &found));
	q.account = "alice";
	q.target = 0;
	assert_int_equal(AUTHKEYS_NOT_LISTED, authkeys_find(k, &q, &found));
	q.target = 1;
	q.sha256 = sha256_of(1);
	assert_int_equal(AUTHKEYS_NOT_LISTED, authkeys_find(k, &q, &found));
	authkeys_free(k);
}

static void
an_empty_set_lists_nobody(void **state)
{
	struct authkeys *k = set_of("# nothing\n");

	(void)state;
	assert_int_equal(0, authkeys_count(k));
	assert_int_equal(AUTHKEYS_NOT_LISTED, ask(k, 0, NULL, 0, NULL));
	authkeys_free(k);
}

static void
a_last_line_needs_no_newline(void **state)
{
	struct authkeys *k = set_of(KEY0);

	(void)state;
	assert_int_equal(AUTHKEYS_YES, ask(k, 0, NULL, 0, NULL));
	authkeys_free(k);
}

static void
a_key_ends_after_the_second_of_its_expiry_time(void **state)
{
	struct authkeys *k = set_of("expiry-time=\"20260101Z\" " KEY0 "\n");

	(void)state;
	assert_int_equal(AUTHKEYS_YES, ask(k, 0, NULL, 1767225600 - 1, NULL));
	assert_int_equal(AUTHKEYS_YES, ask(k, 0, NULL, 1767225600, NULL)); /* as sshd */
	assert_int_equal(AUTHKEYS_EXPIRED, ask(k, 0, NULL, 1767225600 + 1, NULL));
	authkeys_free(k);
}

static void
from_decides_by_address(void **state)
{
	static const struct {
		const char *from, *address;
		bool yes;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "10.0.0.0/8", NULL, false },
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.11", false },
		{ "10.0.0.*", "10.0.0.1", true },
		{ "10.0.0.*", "10.0.1.1", false },
		{ "10.0.0.1?", "10.0.0.12", true },
		{ "10.0.0.1?", "10.0.0.1", false },
		{ "*.0.*.7", "10.0.5.7", true },
		{ "*.0.*.7", "10.0.5.77", false },
		{ "*", "2001:db8::1", true },
		{ "*", "10.0.0.1", true },
		{ "!10.0.0.7,*", "10.0.0.7", false },
		{ "*,!10.0.0.7", "10.0.0.7", false },
		{ "*,!10.0.0.7", "10.0.0.8", true },
		{ "10.0.0.0/8,!10.1.0.0/16", "10.1.2.3", false },
		{ "10.0.0.0/8,!10.1.0.0/16", "10.2.2.3", true },
		{ "2001:db8::/32", "2001:db8:5::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "2001:DB8:0::0:1", "2001:db8::1", true }, /* another spelling */
		{ "2001:db8::*", "2001:db8::5", true },
		{ "0.0.0.0/0", "::1", false },
		{ "0.0.0.0/0", "::ffff:10.0.0.1", true }, /* folded before */
		{ "::/0", "10.0.0.1", false },
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct authkeys *k;
		enum authkeys_verdict v;

		(void)snprintf(text, sizeof(text), "from=\"%s\" " KEY0 "\n", rows[i].from);
		k = set_of(text);
		v = ask(k, 0, rows[i].address, 0, NULL);
		if (v != (rows[i].yes ? AUTHKEYS_YES : AUTHKEYS_FROM))
			fail_msg("from=%s: %s", rows[i].from,
			    rows[i].address == NULL ? "none" : rows[i].address);
		authkeys_free(k);
	}
}

/* An address of a link has the link in it, and a line has none: it is that address on any. */
static void
from_does_not_look_at_the_link(void **state)
{
	static const char *const yes[] = { "fe80::1", "fe80::/10", "fe80::?", "fe80::*" };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_scope_id = 7 };
	struct authkeys_query q = { .target = 1,
		.account = "alice",
		.sha256 = sha256_of(0),
		.from = (struct sockaddr *)&in6 };
	const struct authkey *found;
	struct authkeys *k;
	char text[400];

	(void)state;
	assert_int_equal(1, inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr));
	for (size_t i = 0; i < 2 * sizeof(yes) / sizeof(yes[0]); i++) {
		(void)snprintf(text, sizeof(text), "from=\"%s%s\" " KEY0 "\n",
		    i % 2 == 0 ? "" : "*,!", yes[i / 2]);
		k = set_of(text);
		if (authkeys_find(k, &q, &found) != (i % 2 == 0 ? AUTHKEYS_YES : AUTHKEYS_FROM))
			fail_msg("%s", text);
		authkeys_free(k);
	}
}

#define YES    AUTHKEYS_YES
#define TOUCH  AUTHKEYS_UNTOUCHED
#define VERIFY AUTHKEYS_UNVERIFIED
/* sshd(8): a touch is wanted unless the line says otherwise, a verified user only if it does. */
static void
a_security_key_is_held_to_how_it_was_used(void **state)
{
	static const struct {
		const char *options;
		enum authkeys_verdict unused, touched, verified, both;
	} rows[] = {
		{ "", TOUCH, YES, TOUCH, YES },
		{ "no-touch-required ", YES, YES, YES, YES },
		{ "no-touch-required,touch-required ", TOUCH, YES, TOUCH, YES },
		{ "verify-required ", TOUCH, VERIFY, TOUCH, YES },
		{ "no-touch-required,verify-required ", VERIFY, VERIFY, YES, YES },
		{ "verify-required,no-verify-required ", TOUCH, YES, TOUCH, YES },
	};
	struct authkeys_query q = { .target = 1, .account = "alice", .sha256 = sha256_of(0) };
	const struct authkey *found;
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const enum authkeys_verdict want[] = { rows[i].unused, rows[i].touched,
			rows[i].verified, rows[i].both };
		struct authkeys *k;

		(void)snprintf(text, sizeof(text), "%s" KEY0 "\n", rows[i].options);
		k = set_of(text);
		for (unsigned how = 0; how < 4; how++) {
			q.use.untouched = (how & 1) == 0;
			q.use.unverified = (how & 2) == 0;
			if (authkeys_find(k, &q, &found) != want[how])
				fail_msg("%s: %u", rows[i].options, how);
		}
		authkeys_free(k);
	}
}

/* As for sshd: what is wanted is what the first line wants that is in force at all. */
static void
no_later_line_waives_a_touch(void **state)
{
	static const struct {
		const char *text;
		enum authkeys_verdict unused, touched;
	} rows[] = {
		{ KEY0 "\nno-touch-required " KEY0 "\n", TOUCH, YES },
		{ "no-touch-required " KEY0 "\n" KEY0 "\n", YES, YES },
		{ "verify-required " KEY0 "\n" KEY0 "\n", TOUCH, VERIFY },
		{ "expiry-time=\"20000101Z\" " KEY0 "\nno-touch-required " KEY0 "\n", YES, YES },
		{ "expiry-time=\"20000101Z\",no-touch-required " KEY0 "\n" KEY0 "\n", TOUCH, YES },
		{ "from=\"10.0.0.1\",no-touch-required " KEY0 "\n" KEY0 "\n", TOUCH, YES },
	};
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct authkeys_query q = { .target = 1,
		.account = "alice",
		.sha256 = sha256_of(0),
		.from = (const struct sockaddr *)&from,
		.now = 1767225600,
		.use = { .unverified = true } };
	const struct authkey *found;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct authkeys *k = set_of(rows[i].text);

		q.use.untouched = true;
		if (authkeys_find(k, &q, &found) != rows[i].unused)
			fail_msg("not touched: %s", rows[i].text);
		assert_true((found == NULL) == (rows[i].unused != YES));
		q.use.untouched = false;
		if (authkeys_find(k, &q, &found) != rows[i].touched)
			fail_msg("touched: %s", rows[i].text);
		authkeys_free(k);
	}
}

static void
two_from_in_a_line_are_one_list(void **state)
{
	struct authkeys *k = set_of("from=\"10.0.0.1\",from=\"10.0.0.2\" " KEY0 "\n");

	(void)state;
	assert_int_equal(AUTHKEYS_YES, ask(k, 0, "10.0.0.1", 0, NULL));
	assert_int_equal(AUTHKEYS_YES, ask(k, 0, "10.0.0.2", 0, NULL));
	assert_int_equal(AUTHKEYS_FROM, ask(k, 0, "10.0.0.3", 0, NULL));
	authkeys_free(k);
}

static void
of_lines_with_one_key_the_first_that_holds_counts(void **state)
{
	struct authkeys *k = set_of("expiry-time=\"20000101Z\" " KEY0 "\n"
				    "from=\"10.0.0.1\",restrict " KEY0 "\n"
				    "from=\"10.0.0.0/8\" " KEY0 "\n");
	unsigned line;

	(void)state;
	assert_int_equal(AUTHKEYS_YES, ask(k, 0, "10.0.0.1", 1767225600, &line));
	assert_int_equal(2, line);
	assert_int_equal(AUTHKEYS_YES, ask(k, 0, "10.0.0.2", 1767225600, &line));
	assert_int_equal(3, line);
	assert_int_equal(AUTHKEYS_EXPIRED, ask(k, 0, "11.0.0.1", 1767225600, &line));
	authkeys_free(k);
}

static void
permitopen_compares_hosts_as_they_are_called(void **state)
{
	static const struct {
		const char *options, *host;
		uint16_t port;
		bool opens;
	} rows[] = {
		{ "pty", "db.example", 22, true },
		{ "restrict", "db.example", 22, false },
		{ "permitopen=\"db.example:22\"", "db.example", 22, true },
		{ "permitopen=\"DB.example:22\"", "db.Example.", 22, true },
		{ "permitopen=\"db.example:22\"", "db.example", 23, false },
		{ "permitopen=\"db.example:22\"", "db2.example", 22, false },
		{ "permitopen=\"db.example:22\"", "db.example.org", 22, false },
		{ "permitopen=\"db.example:2\"", "db.example", 22, false },
		{ "permitopen=\"a:22\",permitopen=\"b:80\"", "b", 80, true },
		{ "permitopen=\"a:22\",permitopen=\"b:80\"", "a", 80, false },
		{ "permitopen=\"*:22\"", "anything.example", 22, true },
		{ "permitopen=\"*:22\"", "10.0.0.1", 22, true },
		{ "permitopen=\"*:22\"", "10.0.0.1", 23, false },
		{ "permitopen=\"*:22\"", "127.1", 22, false },
		{ "permitopen=\"db:*\"", "db", 65535, true },
		{ "permitopen=\"[2001:db8::1]:22\"", "2001:DB8:0::1", 22, true },
		{ "permitopen=\"[2001:db8::1]:22\"", "2001:db8::2", 22, false },
		{ "permitopen=\"10.0.0.1:22\"", "10.0.0.1", 22, true },
		{ "permitopen=\"10.0.0.1:22\"", "::ffff:10.0.0.1", 22, false },
		{ "restrict,port-forwarding,permitopen=\"a:22\"", "a", 22, true },
		{ "restrict,permitopen=\"a:22\"", "a", 22, false },
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct authkeys_query q = {
			.target = 1, .account = "alice", .sha256 = sha256_of(0)
		};
		const struct authkey *a;
		struct authkeys *k;

		(void)snprintf(text, sizeof(text), "%s " KEY0 "\n", rows[i].options);
		k = set_of(text);
		assert_int_equal(AUTHKEYS_YES, authkeys_find(k, &q, &a));
		if (authkey_opens(a, rows[i].host, rows[i].port) != rows[i].opens)
			fail_msg("%s: %s:%u", rows[i].options, rows[i].host, rows[i].port);
		authkeys_free(k);
	}
}

struct told {
	unsigned lines[8], n;
};
static void
note(void *arg, unsigned line, const char *why)
{
	struct told *t = arg;

	assert_true(strlen(why) > 0);
	assert_in_range(t->n, 0, 7);
	t->lines[t->n++] = line;
}

static void
a_refused_line_takes_no_other_with_it(void **state)
{
	static const char text[] = "x\n" KEY0 "\ncommand=\"x\" " KEY0 "\n\n# c\nssh-rsa AAAA\n";
	struct told t = { .n = 0 };
	struct err e;
	struct authkeys *k = authkeys_new(&e);

	(void)state;
	assert_non_null(k);
	assert_int_equal(
	    0, authkeys_add(k, 0, "bob", (const uint8_t *)text, sizeof(text) - 1, note, &t, &e));
	assert_int_equal(1, authkeys_count(k));
	assert_int_equal(3, t.n);
	assert_int_equal(1, t.lines[0]);
	assert_int_equal(3, t.lines[1]);
	assert_int_equal(6, t.lines[2]);
	authkeys_free(k);
}

static void
a_file_has_at_most_256_KiB(void **state)
{
	uint8_t *text = malloc(AUTHKEYS_FILE_MAX + 1);
	struct err e;
	struct authkeys *k = authkeys_new(&e);

	(void)state;
	assert_non_null(k);
	assert_non_null(text);
	memset(text, '\n', AUTHKEYS_FILE_MAX + 1);
	assert_int_equal(0, authkeys_add(k, 0, "bob", text, AUTHKEYS_FILE_MAX, note, NULL, &e));
	assert_int_equal(
	    -1, authkeys_add(k, 0, "bob", text, AUTHKEYS_FILE_MAX + 1, note, NULL, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	free(text);
	authkeys_free(k);
}

/* Sealed memory cut anywhere, or with any byte changed, is read or refused, and no more. */
static void
memory_that_is_not_such_a_set_is_refused(void **state)
{
	struct err e;
	struct authkeys *k = authkeys_new(&e);
	struct sealed s, part;
	uint8_t *copy;
	int fd;

	(void)state;
	assert_non_null(k);
	assert_int_equal(
	    0, authkeys_add(k, 0, "bob", (const uint8_t *)KEY0, sizeof(KEY0) - 1, note, NULL, &e));
	assert_int_not_equal(-1, fd = authkeys_seal(k, &e));
	authkeys_free(k);
	assert_int_equal(0, sealed_map(fd, AUTHKEYS_BYTES_MAX, &s, &e));
	assert_non_null(copy = malloc(s.n));
	for (size_t n = 1; n < s.n; n++) {
		part = (struct sealed){ .p = s.p, .n = n };
		assert_null(authkeys_open(&part, &e));
		assert_int_equal(ERR_PEER, e.kind);
	}
	for (size_t i = 0; i < s.n * 8; i++) {
		memcpy(copy, s.p, s.n);
		copy[i / 8] ^= (uint8_t)(1U << i % 8);
		part = (struct sealed){ .p = copy, .n = s.n };
		authkeys_free(authkeys_open(&part, &e));
	}
	free(copy);
	sealed_unmap(&s);
	close(fd);
}

static void
an_account_is_a_portable_name(void **state)
{
	static const char *const good[] = { "alice", "a", "A.b_c-9", "0day",
		"abcdefghijklmnopqrstuvwxyz012345" };
	static const char *const bad[] = { "", ".", "..", ".hidden", "-a", "a b", "a/b", "alice~",
		"#alice#", "alice@corp", "a\n", "d\xc3\xb6rf",
		"abcdefghijklmnopqrstuvwxyz0123456" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(authkeys_account(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(authkeys_account(bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_found_for_its_account_and_target_only),
		cmocka_unit_test(an_empty_set_lists_nobody),
		cmocka_unit_test(a_last_line_needs_no_newline),
		cmocka_unit_test(a_key_ends_after_the_second_of_its_expiry_time),
		cmocka_unit_test(from_decides_by_address),
		cmocka_unit_test(from_does_not_look_at_the_link),
		cmocka_unit_test(a_security_key_is_held_to_how_it_was_used),
		cmocka_unit_test(no_later_line_waives_a_touch),
		cmocka_unit_test(two_from_in_a_line_are_one_list),
		cmocka_unit_test(of_lines_with_one_key_the_first_that_holds_counts),
		cmocka_unit_test(permitopen_compares_hosts_as_they_are_called),
		cmocka_unit_test(a_refused_line_takes_no_other_with_it),
		cmocka_unit_test(a_file_has_at_most_256_KiB),
		cmocka_unit_test(memory_that_is_not_such_a_set_is_refused),
		cmocka_unit_test(an_account_is_a_portable_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
