/* test_keyset.c - the SSH keys of a login, and those that a certificate lists */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "keyset.h"
#include "tests/unit/help/sshkeys.h"
#include "text.h"

/* The line of key i, or the SSH certificate for i == -1. */
static const char *
line(int i)
{
	static char text[2][SSHKEY_TEXT_MAX];
	static unsigned turn;
	char *dst = text[turn++ % 2];

	if (i == -1)
		return sshkey_cert;
	(void)snprintf(dst, SSHKEY_TEXT_MAX, "%s %s", sshkeys[i].type, sshkeys[i].base64);
	return dst;
}

static int __attribute__((format(printf, 2, 3))) info(struct keyset *k, const char *fmt, ...)
{
	char text[4 * SSHKEY_TEXT_MAX];
	struct err e = { 0 };
	va_list ap;
	int r;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r = keyset_from_auth_info(text, strlen(text), k, &e);
	if (r == -1)
		assert_int_equal(ERR_FORMAT, e.kind);
	return r;
}

static void
assert_key(const struct keyset *k, uint32_t at, int i)
{
	char text[TEXT_SHA256_SIZE];

	assert_true(at < k->n);
	assert_string_equal(sshkeys[i].sha256, text_sha256(text, k->sha256[at]));
	assert_true(keyset_has(k, k->sha256[at]));
}

static void
every_publickey_line_counts(void **state)
{
	struct keyset k;

	(void)state;
	assert_int_equal(0, info(&k, "publickey %s\n", line(0)));
	assert_int_equal(1, k.n);
	assert_key(&k, 0, 0);
	assert_int_equal(0, info(&k, "publickey %s\nkeyboard-interactive/pam\n", line(0)));
	assert_int_equal(1, k.n);
	assert_int_equal(0, info(&k, "publickey %s\npublickey %s", line(0), line(1)));
	assert_int_equal(2, k.n);
	assert_key(&k, 0, 0);
	assert_key(&k, 1, 1);
}

static void
other_methods_bring_no_key(void **state)
{
	struct keyset k = { .n = 7 };

	(void)state;
	assert_int_equal(1, info(&k, "%s", ""));
	assert_int_equal(0, k.n);
	assert_int_equal(1, info(&k, "\n"));
	assert_int_equal(1, info(&k, "password\nkeyboard-interactive/pam\n"));
	assert_int_equal(1, info(&k, "hostbased %s\n", line(0)));
	assert_int_equal(1, info(&k, "publickeys %s\n", line(0)));
	assert_int_equal(1, info(&k, " publickey %s\n", line(0)));
	assert_int_equal(0, k.n);
}

static void
a_bad_publickey_line_is_an_error_wherever_it_stands(void **state)
{
	struct keyset k = { .n = 7 };

	(void)state;
	assert_int_equal(-1, info(&k, "publickey"));
	assert_int_equal(-1, info(&k, "publickey \n"));
	assert_int_equal(-1, info(&k, "publickey ssh-ed25519 AAAA\n"));
	assert_int_equal(-1, info(&k, "publickey %s\npublickey junk\n", line(0)));
	assert_int_equal(-1, info(&k, "publickey junk\npublickey %s\n", line(0)));
	assert_int_equal(7, k.n);
}

/* sshd writes the certificate that was used; a bind= would not know which key that is. */
static void
an_ssh_certificate_is_proved_but_none_of_the_keys(void **state)
{
	struct keyset k = { .n = 7 };

	(void)state;
	assert_int_equal(0, info(&k, "publickey %s\n", line(-1)));
	assert_int_equal(0, k.n);
	assert_int_equal(0, info(&k, "publickey %s\npublickey %s\n", line(-1), line(2)));
	assert_int_equal(1, k.n);
	assert_key(&k, 0, 2);
}

static void
more_keys_than_there_is_room_for_are_an_error(void **state)
{
	char *text = malloc((KEYSET_MAX + 1) * 200);
	struct keyset k;
	struct err e;
	size_t n = 0;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < KEYSET_MAX; i++)
		n += (size_t)sprintf(text + n, "publickey %s\n", line(0));
	assert_int_equal(0, keyset_from_auth_info(text, n, &k, &e));
	assert_int_equal(KEYSET_MAX, k.n);
	n += (size_t)sprintf(text + n, "publickey %s\n", line(0));
	assert_int_equal(-1, keyset_from_auth_info(text, n, &k, &e));
	free(text);
}

/* ---- the extension --------------------------------------------------------------------------- */
/* A list of `n` keys whose bytes are all i + 1; the length in its shortest form. */
static size_t
list(uint8_t *dst, size_t n)
{
	size_t at = 0;

	dst[at++] = 0x30;
	if (n * 34 >= 0x100) {
		dst[at++] = 0x82;
		dst[at++] = (uint8_t)(n * 34 >> 8);
	} else if (n * 34 >= 0x80) {
		dst[at++] = 0x81;
	}
	dst[at++] = (uint8_t)(n * 34);
	for (size_t i = 0; i < n; i++) {
		dst[at++] = 0x04;
		dst[at++] = 32;
		memset(dst + at, (int)(i + 1), 32);
		at += 32;
	}
	return at;
}

static void
a_list_of_hashes_is_read_whole(void **state)
{
	uint8_t der[34 * (KEYSET_MAX + 1) + 8], want[32];
	struct keyset k;
	struct err e = { 0 };

	(void)state;
	for (size_t n = 0; n <= KEYSET_MAX; n++) {
		assert_int_equal(0, keyset_from_extension(der, list(der, n), &k, &e));
		assert_int_equal(n, k.n);
		for (size_t i = 0; i < n; i++) {
			memset(want, (int)(i + 1), sizeof(want));
			assert_memory_equal(want, k.sha256[i], 32);
			assert_true(keyset_has(&k, want));
		}
		memset(want, (int)(n + 1), sizeof(want));
		assert_false(keyset_has(&k, want));
	}
	assert_int_equal(-1, keyset_from_extension(der, list(der, KEYSET_MAX + 1), &k, &e));
	assert_non_null(strstr(e.text, "more than 32"));
}

static void
a_list_cut_or_prolonged_anywhere_is_refused(void **state)
{
	uint8_t der[256];
	size_t n = list(der, 4);
	struct keyset k = { .n = 7 };
	struct err e;

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(-1, keyset_from_extension(der, i, &k, &e));
	der[n] = 0;
	assert_int_equal(-1, keyset_from_extension(der, n + 1, &k, &e));
	assert_int_equal(7, k.n);
}

static void
what_is_not_der_or_no_hash_is_refused(void **state)
{
	/* one good list in front, so that the row after it differs by one thing */
	static const struct {
		const char *what, *der;
		size_t n;
	} bad[] = {
		{ "a SET", "\x31\x00", 2 },
		{ "a primitive SEQUENCE", "\x10\x00", 2 },
		{ "an indefinite length", "\x30\x80\x00\x00", 4 },
		{ "a length that is too long a form", "\x30\x81\x00", 3 },
		{ "a length of two bytes for one", "\x30\x82\x00\x00", 4 },
		{ "a length of three bytes", "\x30\x83\x00\x00\x00", 5 },
		{ "no length", "\x30", 1 },
		{ "an INTEGER in it", "\x30\x03\x02\x01\x05", 5 },
		{ "an empty string in it", "\x30\x02\x04\x00", 4 },
		{ "a SEQUENCE in it", "\x30\x02\x30\x00", 4 },
		{ "text", "SHA256:abc", 10 },
	};
	uint8_t der[64];
	struct keyset k;
	struct err e;

	(void)state;
	assert_int_equal(0, keyset_from_extension((const uint8_t *)"\x30\x00", 2, &k, &e));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (keyset_from_extension((const uint8_t *)bad[i].der, bad[i].n, &k, &e) != -1)
			fail_msg("%s was taken", bad[i].what);
	for (uint8_t len = 31; len <= 33; len++) {
		(void)list(der, 1);
		der[1] = (uint8_t)(len + 2);
		der[3] = len;
		assert_int_equal(len == 32 ? 0 : -1, keyset_from_extension(der, len + 4U, &k, &e));
	}
}

static void
a_copy_holds_the_same_keys(void **state)
{
	uint8_t der[256];
	struct keyset k, *copy;
	struct err e;

	(void)state;
	assert_int_equal(0, keyset_from_extension(der, list(der, 3), &k, &e));
	copy = keyset_copy(&k);
	assert_non_null(copy);
	assert_int_equal(3, copy->n);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(keyset_has(copy, k.sha256[i]));
	free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_publickey_line_counts),
		cmocka_unit_test(other_methods_bring_no_key),
		cmocka_unit_test(a_bad_publickey_line_is_an_error_wherever_it_stands),
		cmocka_unit_test(an_ssh_certificate_is_proved_but_none_of_the_keys),
		cmocka_unit_test(more_keys_than_there_is_room_for_are_an_error),
		cmocka_unit_test(a_list_of_hashes_is_read_whole),
		cmocka_unit_test(a_list_cut_or_prolonged_anywhere_is_refused),
		cmocka_unit_test(what_is_not_der_or_no_hash_is_refused),
		cmocka_unit_test(a_copy_holds_the_same_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
