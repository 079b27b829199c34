/* test_keyfile.c - the CA's keys on the disk, in the clear or under a passphrase */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "ca-tools/files.h"
#include "ca-tools/keyfile.h"
#include "scratch.h"

static struct scratch s;
static int dirfd_;

static int
setup(void **state)
{
	(void)state;
	(void)umask(077);
	if (scratch_make(&s) == -1)
		return -1;
	dirfd_ = open(s.dir, O_RDONLY | O_DIRECTORY);
	return dirfd_ == -1 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)close(dirfd_);
	scratch_gone(&s);
	return 0;
}

static const char *
put(const char *name, const char *text, size_t n)
{
	struct err e;

	assert_int_equal(0, outfile_write(scratch_path(&s, name), 0600, text, n, &e));
	return scratch_path(&s, name);
}

static EVP_PKEY *
get(const char *name, const char *passphrase_file, struct err *e)
{
	struct passphrase p;
	EVP_PKEY *key;

	passphrase_init(&p, passphrase_file);
	key = key_read(dirfd_, name, &p, stderr, e);
	passphrase_done(&p);
	return key;
}

/* Make a key, write it as k.key; the passphrase NULL: in the clear. */
static EVP_PKEY *
make(const char *passphrase, const char *begins)
{
	struct passphrase p;
	struct err e;
	EVP_PKEY *key = key_generate(&e);
	char *pem = NULL;
	size_t n = 0;

	assert_non_null(key);
	passphrase_init(&p, NULL);
	if (passphrase != NULL) {
		passphrase_init(&p, put("pass", passphrase, strlen(passphrase)));
		assert_int_equal(0, passphrase_get(&p, "k", stderr, &e));
	}
	assert_int_equal(0, key_to_pem(key, passphrase == NULL ? NULL : &p, &pem, &n, &e));
	assert_memory_equal(begins, pem, strlen(begins));
	put("k.key", pem, n);
	OPENSSL_clear_free(pem, n);
	passphrase_done(&p);
	return key;
}

static void
a_key_in_the_clear_needs_no_passphrase(void **state)
{
	EVP_PKEY *key = make(NULL, "-----BEGIN PRIVATE KEY-----\n"), *back;
	struct err e;

	(void)state;
	assert_true(EVP_PKEY_is_a(key, "EC"));
	assert_int_equal(256, EVP_PKEY_get_bits(key));
	back = get("k.key", NULL, &e);
	assert_non_null(back);
	assert_int_equal(1, EVP_PKEY_eq(key, back));
	EVP_PKEY_free(back);
	EVP_PKEY_free(key);
}

static void
an_encrypted_key_opens_with_its_passphrase_only(void **state)
{
	EVP_PKEY *key = make(
		     "correct horse\nsecond line\n", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
		 *back;
	struct err e;

	(void)state;
	back = get("k.key", put("p1", "correct horse", 13), &e);
	assert_non_null(back);
	assert_int_equal(1, EVP_PKEY_eq(key, back));
	EVP_PKEY_free(back);
	back = get("k.key", put("p2", "correct horse\r\n", 15), &e);
	assert_non_null(back);
	EVP_PKEY_free(back);
	assert_null(get("k.key", put("p3", "correct horsf", 13), &e));
	assert_int_equal(ERR_REFUSED, e.kind);
	assert_null(get("k.key", put("p4", "correct horse ", 14), &e));
	EVP_PKEY_free(key);
}

static void
without_a_passphrase_and_a_terminal_an_encrypted_key_is_an_error(void **state)
{
	EVP_PKEY *key = make("x", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
	struct err e;
	int saved = dup(STDIN_FILENO), null = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(saved != -1 && null != -1 && dup2(null, STDIN_FILENO) == STDIN_FILENO);
	assert_null(get("k.key", NULL, &e));
	assert_non_null(strstr(e.text, "--passphrase-file is needed"));
	assert_int_equal(STDIN_FILENO, dup2(saved, STDIN_FILENO));
	(void)close(saved);
	(void)close(null);
	EVP_PKEY_free(key);
}

static void
a_passphrase_is_1_to_1024_bytes_in_a_file_others_cannot_write(void **state)
{
	static char big[PASSPHRASE_MAX + 1];
	struct passphrase p;
	struct err e;

	(void)state;
	memset(big, 'x', sizeof(big));
	passphrase_init(&p, put("p", big, PASSPHRASE_MAX));
	assert_int_equal(0, passphrase_get(&p, "k", stderr, &e));
	assert_int_equal(PASSPHRASE_MAX, p.len);
	passphrase_done(&p);
	assert_int_equal('\0', p.text[0]);
	passphrase_init(&p, put("p", big, PASSPHRASE_MAX + 1));
	assert_int_equal(-1, passphrase_get(&p, "k", stderr, &e));
	passphrase_init(&p, put("p", "", 0));
	assert_int_equal(-1, passphrase_get(&p, "k", stderr, &e));
	passphrase_init(&p, put("p", "\nnot this\n", 10));
	assert_int_equal(-1, passphrase_get(&p, "k", stderr, &e));
	passphrase_init(&p, put("p", "a\0b\n", 4));
	assert_int_equal(-1, passphrase_get(&p, "k", stderr, &e));
	passphrase_init(&p, put("p", "abc\n", 4));
	assert_int_equal(0, chmod(p.file, 0620));
	assert_int_equal(-1, passphrase_get(&p, "k", stderr, &e));
	assert_int_equal(0, chmod(p.file, 0600));
	assert_int_equal(0, passphrase_get(&p, "k", stderr, &e));
	passphrase_done(&p);
	passphrase_init(&p, scratch_path(&s, "none"));
	assert_int_equal(-1, passphrase_get(&p, "k", stderr, &e));
}

static void
a_passphrase_that_others_may_read_is_taken_with_a_warning(void **state)
{
	struct passphrase p;
	struct err e;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	(void)state;
	passphrase_init(&p, put("p", "abc\n", 4));
	assert_int_equal(0, passphrase_get(&p, "k", out, &e));
	passphrase_done(&p);
	assert_int_equal(0, fflush(out));
	assert_int_equal(0, n);
	assert_int_equal(0, chmod(p.file, 0644));
	assert_int_equal(0, passphrase_get(&p, "k", out, &e));
	passphrase_done(&p);
	assert_int_equal(0, fclose(out));
	assert_non_null(strstr(text, "others may read"));
	free(text);
}

static void
a_key_file_that_is_not_one_is_told_apart_from_none(void **state)
{
	static const char legacy[] = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n"
				     "-----END EC PRIVATE KEY-----\n";
	static const char damaged[] = "-----BEGIN PRIVATE KEY-----\nMAAA\n"
				      "-----END PRIVATE KEY-----\n";
	static const char sealed[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAAA\n"
				     "-----END ENCRYPTED PRIVATE KEY-----\n";
	struct err e;

	(void)state;
	assert_null(get("none.key", NULL, &e));
	assert_int_equal(ERR_SYS, e.kind);
	assert_int_equal(ENOENT, e.detail);
	put("a.key", "junk", 4);
	assert_null(get("a.key", NULL, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	put("b.key", legacy, sizeof(legacy) - 1);
	assert_null(get("b.key", NULL, &e));
	assert_non_null(strstr(e.text, "not a PKCS#8 key"));
	put("c.key", damaged, sizeof(damaged) - 1);
	assert_null(get("c.key", NULL, &e));
	put("d.key", sealed, sizeof(sealed) - 1);
	assert_null(get("d.key", NULL, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	put("e.key", "", 0);
	assert_null(get("e.key", NULL, &e));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_key_in_the_clear_needs_no_passphrase),
		T(an_encrypted_key_opens_with_its_passphrase_only),
		T(without_a_passphrase_and_a_terminal_an_encrypted_key_is_an_error),
		T(a_passphrase_is_1_to_1024_bytes_in_a_file_others_cannot_write),
		T(a_passphrase_that_others_may_read_is_taken_with_a_warning),
		T(a_key_file_that_is_not_one_is_told_apart_from_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
