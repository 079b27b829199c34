/* test_sshkey.c - SSH public keys as blob, as text, as sshd tells them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sshkey.h"
#include "tests/unit/help/sshkeys.h"
#include "text.h"

static int
parse(const char *text, struct sshkey *k)
{
	struct err e = { 0 };
	int ret = sshkey_parse_text(text, strlen(text), k, &e);

	assert_int_equal(ret == 0 ? ERR_NONE : ERR_FORMAT, e.kind);
	return ret;
}

/* "TYPE BASE64" of key i, in a buffer of its own. */
static const char *
line(size_t i)
{
	static char text[SSHKEY_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%s %s", sshkeys[i].type, sshkeys[i].base64);
	return text;
}

static void
each_kind_of_key_has_the_fingerprint_that_ssh_keygen_prints(void **state)
{
	struct sshkey k, again;
	struct err e;
	char fp[TEXT_SHA256_SIZE], text[2 * SSHKEY_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < NSSHKEYS; i++) {
		assert_int_equal(0, parse(line(i), &k));
		assert_string_equal(sshkeys[i].type, k.type);
		assert_string_equal(sshkeys[i].sha256, text_sha256(fp, k.sha256));
		assert_int_equal(0, sshkey_parse_blob(k.blob, k.blob_len, &again, &e));
		assert_memory_equal(&k, &again, sizeof(k));
		(void)snprintf(text, sizeof(text), "%s alice@corp and more\n", line(i));
		assert_int_equal(0, parse(text, &again));
		assert_memory_equal(&k, &again, sizeof(k));
	}
}

static void
a_blob_cut_off_or_prolonged_is_refused(void **state)
{
	struct sshkey k, other;
	struct err e;
	uint8_t more[SSHKEY_BLOB_MAX + 1];

	(void)state;
	for (size_t i = 0; i < NSSHKEYS; i++) {
		assert_int_equal(0, parse(line(i), &k));
		for (size_t cut = 0; cut < k.blob_len; cut++)
			assert_int_equal(-1, sshkey_parse_blob(k.blob, cut, &other, &e));
		memcpy(more, k.blob, k.blob_len);
		more[k.blob_len] = 0;
		assert_int_equal(-1, sshkey_parse_blob(more, k.blob_len + 1, &other, &e));
	}
	memset(more, 0, sizeof(more));
	assert_int_equal(-1, sshkey_parse_blob(more, sizeof(more), &other, &e));
}

/* Key i with one byte of its blob changed. */
static int
with_byte(size_t i, size_t at, uint8_t to)
{
	struct sshkey k, other;
	struct err e;

	assert_int_equal(0, parse(line(i), &k));
	assert_true(at < k.blob_len);
	assert_int_not_equal(to, k.blob[at]);
	k.blob[at] = to;
	return sshkey_parse_blob(k.blob, k.blob_len, &other, &e);
}

static void
every_part_of_a_key_is_checked(void **state)
{
	struct sshkey k;

	(void)state;
	/* ed25519: the type's length and name, the key's length; its bytes are free */
	assert_int_equal(-1, with_byte(0, 3, 12));
	assert_int_equal(-1, with_byte(0, 5, 'S'));
	assert_int_equal(-1, with_byte(0, 18, 33));
	assert_int_equal(0, with_byte(0, 19, 0xff));
	/* nistp256: the curve named inside, the form of the point */
	assert_int_equal(-1, with_byte(1, 4 + 19 + 4 + 7, '7'));
	assert_int_equal(-1, with_byte(1, 4 + 19 + 4 + 8 + 4, 2));
	/* RSA: e must be odd, n positive */
	assert_int_equal(-1, with_byte(4, 4 + 7 + 4 + 2, 0));
	assert_int_equal(-1, with_byte(4, 4 + 7 + 4, 0x81));
	assert_int_equal(-1, with_byte(4, 4 + 7 + 4 + 3 + 4, 0x80));
	/* security keys: the application is printable */
	assert_int_equal(0, parse(line(5), &k));
	assert_int_equal(-1, with_byte(5, k.blob_len - 1, '\n'));
	assert_int_equal(0, with_byte(5, k.blob_len - 1, 'x'));
}

static void
certificates_and_unknown_types_are_refused(void **state)
{
	struct sshkey k;
	char text[SSHKEY_TEXT_MAX];

	(void)state;
	assert_int_equal(-1, parse(sshkey_cert, &k));
	/* a certificate under the name of a plain key */
	(void)snprintf(text, sizeof(text), "ssh-ed25519 %s", strchr(sshkey_cert, ' ') + 1);
	assert_int_equal(-1, parse(text, &k));
	assert_int_equal(-1, parse("ssh-dss AAAAB3NzaC1kc3M=", &k));
}

static void
the_line_must_name_the_type_that_the_blob_has(void **state)
{
	struct sshkey k;
	char text[2 * SSHKEY_TEXT_MAX];

	(void)state;
	(void)snprintf(text, sizeof(text), "ssh-rsa %s", sshkeys[0].base64);
	assert_int_equal(-1, parse(text, &k));
	(void)snprintf(text, sizeof(text), "ssh-ed25519x %s", sshkeys[0].base64);
	assert_int_equal(-1, parse(text, &k));
	(void)snprintf(text, sizeof(text), "ssh-ed2551 %s", sshkeys[0].base64);
	assert_int_equal(-1, parse(text, &k));
	(void)snprintf(text, sizeof(text), "ecdsa-sha2-nistp384 %s", sshkeys[1].base64);
	assert_int_equal(-1, parse(text, &k));
	assert_int_equal(-1, parse(sshkeys[0].base64, &k));
	assert_int_equal(-1, parse("ssh-ed25519", &k));
	assert_int_equal(-1, parse("ssh-ed25519 ", &k));
	assert_int_equal(-1, parse("", &k));
	(void)snprintf(text, sizeof(text), " %s", line(0));
	assert_int_equal(-1, parse(text, &k));
	(void)snprintf(text, sizeof(text), "command=\"x\" %s", line(0));
	assert_int_equal(-1, parse(text, &k));
}

static void
a_security_key_has_a_point_and_an_application(void **state)
{
	struct sshkey_security s;
	struct sshkey k;

	(void)state;
	for (size_t i = 0; i < NSSHKEYS; i++) {
		assert_int_equal(0, parse(line(i), &k));
		if (strncmp(sshkeys[i].type, "sk-", 3) != 0) {
			assert_false(sshkey_security(&k, &s));
			continue;
		}
		assert_true(sshkey_security(&k, &s));
		assert_int_equal(i == 5 ? 32 : 65, s.npoint);
		assert_true(i == 5 || s.point[0] == 4);
		assert_int_equal(4, s.napplication);
		assert_memory_equal("ssh:", s.application, 4);
	}
}

static void
base64_has_one_spelling_and_a_key_one_line(void **state)
{
	struct sshkey k;
	char text[2 * SSHKEY_TEXT_MAX];
	size_t n;

	(void)state;
	/* the nistp521 key ends in "==": its last letter has four unused bits */
	(void)snprintf(text, sizeof(text), "%s", line(3));
	n = strlen(text);
	assert_int_equal('=', text[n - 1]);
	assert_int_equal(0, parse(text, &k));
	text[n - 3]++;
	assert_int_equal(-1, parse(text, &k));
	text[n - 3]--;
	text[n - 1] = '\0';
	assert_int_equal(-1, parse(text, &k));
	(void)snprintf(text, sizeof(text), "%s", line(0));
	text[30] = '-';
	assert_int_equal(-1, parse(text, &k));
	(void)snprintf(text, sizeof(text), "%s\n%s", line(0), sshkeys[1].base64);
	assert_int_equal(-1, parse(text, &k));
	(void)snprintf(text, sizeof(text), "%s x\r\n", line(0));
	assert_int_equal(-1, parse(text, &k));
	memset(text, 'A', sizeof(text));
	assert_int_equal(-1, sshkey_parse_text(text, SSHKEY_TEXT_MAX + 1, &k, &(struct err){ 0 }));
}

static void
a_line_of_a_type_that_is_not_taken_is_told_apart_from_a_bad_one(void **state)
{
	struct sshkey k, want;
	struct err e;
	char text[3 * SSHKEY_TEXT_MAX];

	(void)state;
	assert_int_equal(0, parse(line(0), &want));
	assert_int_equal(0, sshkey_parse_line(line(0), strlen(line(0)), &k, &e));
	assert_memory_equal(&want, &k, sizeof(k));
	assert_int_equal(1, sshkey_parse_line(sshkey_cert, strlen(sshkey_cert), &k, &e));
	assert_memory_equal(&want, &k, sizeof(k));
	/* its own name before it, or nothing */
	(void)snprintf(text, sizeof(text), "ssh-dss %s", strchr(sshkey_cert, ' ') + 1);
	assert_int_equal(-1, sshkey_parse_line(text, strlen(text), &k, &e));
	(void)snprintf(text, sizeof(text), "ssh-new AAAAB3NzaC1uZXc=");
	assert_int_equal(1, sshkey_parse_line(text, strlen(text), &k, &e));
	(void)snprintf(text, sizeof(text), "ssh-new AAAAB3NzaC1uZXc");
	assert_int_equal(-1, sshkey_parse_line(text, strlen(text), &k, &e));
	(void)snprintf(text, sizeof(text), "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5");
	assert_int_equal(-1, sshkey_parse_line(text, strlen(text), &k, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_key_has_the_fingerprint_that_ssh_keygen_prints),
		cmocka_unit_test(a_blob_cut_off_or_prolonged_is_refused),
		cmocka_unit_test(every_part_of_a_key_is_checked),
		cmocka_unit_test(certificates_and_unknown_types_are_refused),
		cmocka_unit_test(the_line_must_name_the_type_that_the_blob_has),
		cmocka_unit_test(a_security_key_has_a_point_and_an_application),
		cmocka_unit_test(base64_has_one_spelling_and_a_key_one_line),
		cmocka_unit_test(a_line_of_a_type_that_is_not_taken_is_told_apart_from_a_bad_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
