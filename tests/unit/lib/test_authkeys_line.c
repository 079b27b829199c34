/* test_authkeys_line.c - one line of authorized_keys: its key, its options, what is refused */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "authkeys.h"
#include "sshkey.h"
#include "tests/unit/help/sshkeys.h"

#define KEY0 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfzduA9T6hsNOaf+RAq6QGt40+JZhVPyV7R0QOLuEEj"

/* ---- one line ------------------------------------------------------------------------------- */
static int
parse(const char *text, struct authkeys_line *l, struct err *e)
{
	*e = (struct err){ 0 };
	return authkeys_parse_line(text, strlen(text), l, e);
}

/* Whether the line is taken; a refusal has `why` in its reason. */
static void
assert_line(const char *text, const char *why)
{
	struct authkeys_line *l = calloc(1, sizeof(*l));
	struct err e;
	int r;

	assert_non_null(l);
	r = parse(text, l, &e);
	if (r == 1 || (r == 0) != (why == NULL) || (r == -1 && strstr(e.text, why) == NULL))
		fail_msg("%.200s\n  gave: %d %s\n  not:  %s", text, r, e.text,
		    why == NULL ? "taken" : why);
	if (r == -1)
		assert_int_equal(ERR_FORMAT, e.kind);
	free(l);
}

/* Options before a good key. */
static void
assert_options(const char *options, const char *why)
{
	char text[2 * AUTHKEYS_LINE_MAX];

	(void)snprintf(text, sizeof(text), "%s " KEY0 " comment", options);
	assert_line(text, why);
}

static void
every_kind_of_key_is_taken_and_no_certificate(void **state)
{
	char text[2000];

	(void)state;
	for (size_t i = 0; i < NSSHKEYS; i++) {
		struct authkeys_line *l = calloc(1, sizeof(*l));
		struct sshkey *k = calloc(1, sizeof(*k));
		struct err e;

		assert_non_null(l);
		assert_non_null(k);
		(void)snprintf(text, sizeof(text), "%s %s", sshkeys[i].type, sshkeys[i].base64);
		assert_int_equal(0, parse(text, l, &e));
		assert_int_equal(0, sshkey_parse_text(text, strlen(text), k, &e));
		assert_memory_equal(k->sha256, l->sha256, 32);
		assert_true(l->opens);
		assert_true(l->expires == INT64_MAX);
		assert_string_equal("", l->from);
		assert_string_equal("", l->permitopen);
		free(l);
		free(k);
	}
	assert_line(sshkey_cert, "type \"ssh-ed25519-cert-v01@openssh.com\" is not taken");
	assert_line("ssh-dss AAAAB3NzaC1kc3MAAAAA", "type \"ssh-dss\" is not taken");
}

/* An RSA key with a modulus of that many bits, all ones. */
static void
rsa_line(char *text, size_t size, unsigned bits)
{
	static const char b64[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t blob[600] = { 0, 0, 0, 7, 's', 's', 'h', '-', 'r', 's', 'a', 0, 0, 0, 3, 1, 0, 1 };
	size_t n = 18, m = (bits + 7) / 8 + (bits % 8 == 0), o;

	blob[n + 2] = (uint8_t)(m >> 8);
	blob[n + 3] = (uint8_t)m;
	n += 4;
	memset(blob + n, 0xff, m);
	blob[n] = bits % 8 == 0 ? 0 : (uint8_t)(0xff >> (8 - bits % 8));
	n += m;
	o = (size_t)snprintf(text, size, "ssh-rsa ");
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)blob[i] << 16 | (uint32_t)blob[i + 1] << 8 | blob[i + 2];

		for (size_t k = 0; k < 4; k++)
			text[o++] = k > n - i ? '=' : b64[v >> (18 - 6 * k) & 63];
	}
	text[o] = '\0';
}

static void
an_rsa_key_has_at_least_2048_bits(void **state)
{
	char text[2000];

	(void)state;
	rsa_line(text, sizeof(text), 2048);
	assert_line(text, NULL);
	rsa_line(text, sizeof(text), 2047);
	assert_line(text, "RSA of 2047 bits, at least 2048");
	rsa_line(text, sizeof(text), 1024);
	assert_line(text, "RSA of 1024 bits");
	rsa_line(text, sizeof(text), 3072);
	assert_line(text, NULL);
}

static void
blank_lines_and_comments_say_nothing(void **state)
{
	static const char *const texts[] = { "", " ", "\t ", ("# " KEY0), "  # x" };
	struct authkeys_line *l = calloc(1, sizeof(*l));
	struct err e;

	(void)state;
	assert_non_null(l);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(1, parse(texts[i], l, &e));
	free(l);
	assert_line("  \t" KEY0, NULL);
	assert_line(KEY0 " # with a comment, and \"quotes\"", NULL);
}

static void
what_is_no_key_is_refused(void **state)
{
	(void)state;
	assert_line("ssh-ed25519", "a line \"TYPE BASE64\" is wanted");
	assert_line("ssh-ed25519 ====", "not in base64");
	assert_line("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIBfzduA9T6hsNOaf+RAq6QGt40+JZhVPyV7R0QOLuEEj",
	    "another type than the key");
	assert_line(
	    "AAAAC3NzaC1lZDI1NTE5AAAAIBfzduA9T6hsNOaf+RAq6QGt40+JZhVPyV7R0QOLuEEj", "is unknown");
	assert_line("restrict", "options without a key");
	assert_line("restrict ", "options without a key");
	assert_line("restrict restrict " KEY0, "not in base64");
	assert_line(KEY0 "\r", "a control character (the line ends in CR LF)");
	assert_line(KEY0 " \x1b[31m", "a control character");
	assert_line(KEY0 " \x7f", "a control character");
}

static void
a_line_has_at_most_8192_bytes(void **state)
{
	char text[AUTHKEYS_LINE_MAX + 2];

	(void)state;
	memset(text, 'c', sizeof(text));
	memcpy(text, KEY0 " ", sizeof(KEY0));
	text[AUTHKEYS_LINE_MAX] = '\0';
	assert_line(text, NULL);
	text[AUTHKEYS_LINE_MAX] = 'c';
	text[AUTHKEYS_LINE_MAX + 1] = '\0';
	assert_line(text, "a line of 8193 bytes, at most 8192");
}

static void
a_NUL_ends_no_line(void **state)
{
	struct authkeys_line *l = calloc(1, sizeof(*l));
	static const char text[] = KEY0 "\0 x";
	struct err e;

	(void)state;
	assert_non_null(l);
	assert_int_equal(-1, authkeys_parse_line(text, sizeof(text) - 1, l, &e));
	assert_non_null(strstr(e.text, "a control character"));
	free(l);
}

/* What restricts what a jump never gives is taken; what cannot be held refuses the line. */
static void
options_are_known_each_by_its_whole_word(void **state)
{
	static const struct {
		const char *options, *why;
	} rows[] = {
		{ "restrict", NULL },
		{ "RESTRICT", NULL },
		{ "no-port-forwarding,no-pty,no-agent-forwarding,no-X11-forwarding,no-user-rc",
		    NULL },
		{ "restrict,pty,agent-forwarding,X11-forwarding,user-rc,port-forwarding", NULL },
		{ "no-touch-required,no-verify-required,touch-required,verify-required", NULL },
		{ "permitlisten=\"localhost:8080\"", NULL },
		{ "from=\"10.0.0.0/8\"", NULL },
		{ "permitopen=\"db:22\",permitopen=\"[2001:db8::1]:*\"", NULL },
		{ "expiry-time=\"20300101Z\"", NULL },
		{ "command=\"echo hi\"", "option command is not for a jump" },
		{ "command=\"a \\\" b\"", "option command" },
		{ "COMMAND=\"x\"", "option command" },
		{ "environment=\"A=b\"", "option environment is not for a jump" },
		{ "tunnel=\"0\"", "option tunnel is not for a jump" },
		{ "cert-authority", "option cert-authority names a CA" },
		{ "cert-authority,principals=\"a\"", "option cert-authority names a CA" },
		{ "principals=\"alice\"", "option principals names a CA" },
		{ "verify-required=\"x\"", "option verify-required has no value" },
		{ "restric", "option \"restric\" is unknown" },
		{ "restrict2", "option \"restrict2\" is unknown" },
		{ "no-restrict", "is unknown" },
		{ "no-from=\"x\"", "is unknown" },
		{ "frm=\"10.0.0.0/8\"", "option \"frm\" is unknown" },
		{ "zos-key-ring-label=\"x\"", "is unknown" },
		/* form */
		{ "restrict=\"x\"", "option restrict has no value" },
		{ "from", "option from needs a value in quotes" },
		{ "from=10.0.0.1", "option from needs a value in quotes" },
		{ "from=", "option from needs a value in quotes" },
		{ "from=\"10.0.0.1", "a quote is not closed" },
		{ "from=\"10.0.0.1\"x", "a comma is wanted" },
		{ "restrict,", "is unknown" },
		{ ",restrict", "is unknown" },
		{ "restrict,,pty", "is unknown" },
		{ "restrict;pty", "is unknown" },
		{ "=", "is unknown" },
		{ "\"restrict\"", "is unknown" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_options(rows[i].options, rows[i].why);
}

static void
the_last_word_on_forwarding_counts(void **state)
{
	static const struct {
		const char *options;
		bool opens;
	} rows[] = {
		{ "pty", true },
		{ "restrict", false },
		{ "no-port-forwarding", false },
		{ "restrict,port-forwarding", true },
		{ "port-forwarding,restrict", false },
		{ "restrict,permitopen=\"db:22\"", false },
		{ "restrict,Port-Forwarding,permitopen=\"db:22\"", true },
	};
	struct authkeys_line *l = calloc(1, sizeof(*l));
	char text[400];
	struct err e;

	(void)state;
	assert_non_null(l);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s " KEY0, rows[i].options);
		assert_int_equal(0, parse(text, l, &e));
		assert_int_equal(rows[i].opens, l->opens);
	}
	free(l);
}

static void
expiry_time_is_a_time_of_the_calendar(void **state)
{
	static const struct {
		const char *value;
		int64_t t; /* -1: refused */
	} rows[] = {
		{ "20260101Z", 1767225600 },
		{ "202601010203Z", 1767225600 + 2 * 3600 + 180 },
		{ "20260101020304Z", 1767225600 + 2 * 3600 + 184 },
		{ "20260101", 1767225600 - 3 * 3600 }, /* TZ: three hours east */
		{ "20260101020304", 1767225600 - 3600 + 184 },
		{ "19700101Z", 0 },
		{ "20240229Z", 1709164800 },
		{ "20380119031408Z", INT64_C(2147483648) },
		{ "99991231Z", INT64_C(253402214400) },
		{ "20230229Z", -1 },
		{ "20260231Z", -1 },
		{ "20261301Z", -1 },
		{ "20260001Z", -1 },
		{ "20260100Z", -1 },
		{ "202601012400Z", -1 },
		{ "20260101006000Z", -1 },
		{ "20260101000060Z", -1 },
		{ "19691231Z", -1 },
		{ "2026010Z", -1 },
		{ "202601011Z", -1 },
		{ "2026010112345Z", -1 },
		{ "2026-01-01", -1 },
		{ "20260101ZZ", -1 },
		{ "20260101 Z", -1 },
		{ "20260101+01", -1 },
		{ "+20260101", -1 },
		{ "always", -1 },
		{ "", -1 },
	};
	struct authkeys_line *l = calloc(1, sizeof(*l));
	char text[400];
	struct err e;

	(void)state;
	assert_non_null(l);
	assert_int_equal(0, setenv("TZ", "EAST-3", 1));
	tzset();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r;

		(void)snprintf(text, sizeof(text), "expiry-time=\"%s\" " KEY0, rows[i].value);
		r = parse(text, l, &e);
		if ((r == 0) != (rows[i].t != -1) || (r == 0 && l->expires != rows[i].t))
			fail_msg("%s: %d %lld", rows[i].value, r, (long long)l->expires);
		if (r == -1)
			assert_non_null(strstr(e.text, "expiry-time: "));
	}
	/* of two the earlier, in either order */
	(void)snprintf(
	    text, sizeof(text), "expiry-time=\"20260101Z\",expiry-time=\"20270101Z\" " KEY0);
	assert_int_equal(0, parse(text, l, &e));
	assert_true(l->expires == 1767225600);
	(void)snprintf(
	    text, sizeof(text), "expiry-time=\"20270101Z\",expiry-time=\"20260101Z\" " KEY0);
	assert_int_equal(0, parse(text, l, &e));
	assert_true(l->expires == 1767225600);
	free(l);
}

static void
from_has_addresses_networks_and_patterns_of_them(void **state)
{
	static const struct {
		const char *value, *why;
	} rows[] = {
		{ "10.0.0.1", NULL },
		{ "10.0.0.0/8,2001:db8::/32,!10.0.0.7", NULL },
		{ "*", NULL },
		{ "192.0.2.*", NULL },
		{ "192.0.2.1?", NULL },
		{ "2001:DB8::*", NULL },
		{ "!10.0.0.7,*", NULL },
		{ "*.corp.example", "host names are not looked up" },
		{ "host.example", "host names are not looked up" },
		{ "!evil.example,*", "host names are not looked up" },
		{ "cafe*", "host names are not looked up" },
		{ "!10.0.0.7", "nothing but exceptions" },
		{ "10.0.0.1/8", "from: " },
		{ "10.0.0.0/33", "from: " },
		{ "10.0.0.0/", "from: " },
		{ "10.0.0.01", "from: " },
		{ "", "an empty item" },
		{ ",", "an empty item" },
		{ "10.0.0.1,,10.0.0.2", "an empty item" },
		{ " 10.0.0.1", "from: " },
		{ "10.0.0.1 10.0.0.2", "from: " },
		{ "!!10.0.0.1,*", "from: " },
		{ "!", "from: " },
	};
	char options[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(options, sizeof(options), "from=\"%s\"", rows[i].value);
		assert_options(options, rows[i].why);
	}
}

static void
permitopen_is_a_host_and_a_port(void **state)
{
	static const struct {
		const char *value, *why;
	} rows[] = {
		{ "db.example:22", NULL },
		{ "10.0.0.1:1", NULL },
		{ "10.0.0.1:65535", NULL },
		{ "[2001:db8::1]:22", NULL },
		{ "*:22", NULL },
		{ "db:*", NULL },
		{ "*:*", NULL },
		{ "db", "permitopen: " },
		{ "22", "permitopen: " },
		{ "db:0", "permitopen: " },
		{ "db:65536", "permitopen: " },
		{ "db:022", "permitopen: " },
		{ "db:ssh", "permitopen: " },
		{ ":22", "permitopen: " },
		{ "db:22,web:80", "permitopen: " },
		{ "2001:db8::1:22", "permitopen: " },
		{ "[2001:db8::1]", "permitopen: " },
		{ "[db]:22", "permitopen: " },
		{ "*.example:22", "permitopen: " },
		{ "127.1:22", "permitopen: " },
		{ "0x7f000001:22", "permitopen: " },
		{ "", "permitopen: " },
	};
	char options[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(options, sizeof(options), "permitopen=\"%s\"", rows[i].value);
		assert_options(options, rows[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_key_is_taken_and_no_certificate),
		cmocka_unit_test(an_rsa_key_has_at_least_2048_bits),
		cmocka_unit_test(blank_lines_and_comments_say_nothing),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(a_line_has_at_most_8192_bytes),
		cmocka_unit_test(a_NUL_ends_no_line),
		cmocka_unit_test(options_are_known_each_by_its_whole_word),
		cmocka_unit_test(the_last_word_on_forwarding_counts),
		cmocka_unit_test(expiry_time_is_a_time_of_the_calendar),
		cmocka_unit_test(from_has_addresses_networks_and_patterns_of_them),
		cmocka_unit_test(permitopen_is_a_host_and_a_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
