/* test_cred.c - what is sent, and which key files are taken */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include "client/cred.h"
#include "client/files.h"
#include "tests/unit/help/pki.h"

/* leaf <- I1 <- I2 <- root; only names count here, so nothing is signed */
struct chain {
	X509 *leaf;
	STACK_OF(X509) * rest; /* I1, I2, root */
};

static X509_NAME *
name_of(const char *cn)
{
	X509_NAME *n = X509_NAME_new();

	assert_non_null(n);
	assert_int_equal(1, X509_NAME_add_entry_by_txt(
				n, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0));
	return n;
}

static X509 *
cert_of(const char *subject, const char *issuer)
{
	X509 *x = X509_new();
	X509_NAME *s = name_of(subject), *i = name_of(issuer);

	assert_non_null(x);
	assert_int_equal(1, X509_set_subject_name(x, s));
	assert_int_equal(1, X509_set_issuer_name(x, i));
	X509_NAME_free(s);
	X509_NAME_free(i);
	return x;
}

static int
chain_make(void **state)
{
	static struct chain c;

	c.leaf = cert_of("alice", "I1");
	c.rest = sk_X509_new_null();
	sk_X509_push(c.rest, cert_of("I1", "I2"));
	sk_X509_push(c.rest, cert_of("I2", "root"));
	sk_X509_push(c.rest, cert_of("root", "root"));
	*state = &c;
	return 0;
}

static int
chain_free(void **state)
{
	struct chain *c = *state;

	X509_free(c->leaf);
	sk_X509_pop_free(c->rest, X509_free);
	return 0;
}

static int
needed(const struct chain *c, const char *const *names)
{
	STACK_OF(X509_NAME) *cas = sk_X509_NAME_new_null();
	int n;

	for (; *names != NULL; names++)
		sk_X509_NAME_push(cas, name_of(*names));
	n = cred_chain_needed(c->leaf, c->rest, cas);
	sk_X509_NAME_pop_free(cas, X509_NAME_free);
	return n;
}

static void
naming_the_leafs_issuer_leaves_the_leaf_alone(void **state)
{
	assert_int_equal(0, needed(*state, (const char *const[]){ "I1", NULL }));
	assert_int_equal(0, needed(*state, (const char *const[]){ "root", "I2", "I1", NULL }));
	/* the same letters in another case are the same name (RFC 5280 section 7.1) */
	assert_int_equal(0, needed(*state, (const char *const[]){ "i1", NULL }));
}

static void
naming_the_root_leaves_no_intermediate_out(void **state)
{
	assert_int_equal(2, needed(*state, (const char *const[]){ "root", NULL }));
	assert_int_equal(2, needed(*state, (const char *const[]){ "someone else", NULL }));
	assert_int_equal(2, needed(*state, (const char *const[]){ "alice", NULL }));
	assert_int_equal(2, needed(*state, (const char *const[]){ NULL }));
}

static void
naming_an_upper_intermediate_leaves_out_that_one_only(void **state)
{
	assert_int_equal(1, needed(*state, (const char *const[]){ "I2", NULL }));
	assert_int_equal(1, needed(*state, (const char *const[]){ "root", "I2", NULL }));
}

static void
without_a_list_all_but_the_root_is_sent(void **state)
{
	const struct chain *c = *state;

	assert_int_equal(2, cred_chain_needed(c->leaf, c->rest, NULL));
}

/* ---- files ---------------------------------------------------------------------------------- */

static char dir[] = "/tmp/test_cred.XXXXXX";
static char file[64];

static int
dir_make(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(file, sizeof(file), "%s/key", dir);
	return 0;
}

static int
dir_free(void **state)
{
	(void)state;
	(void)unlink(file);
	return rmdir(dir);
}

static void
file_put(const char *text, size_t n, mode_t mode)
{
	int fd;

	(void)unlink(file);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_not_equal(-1, fd);
	assert_int_equal((ssize_t)n, write(fd, text, n));
	assert_int_equal(0, fchmod(fd, mode));
	assert_int_equal(0, close(fd));
}

static int
taken(enum files_guard guard)
{
	struct err e = { 0 };
	size_t n = 0;
	uint8_t *p = files_read(file, guard, &n, &e);
	int r = p != NULL;

	files_free(p, n);
	if (!r)
		assert_int_equal(ERR_FORMAT, e.kind);
	return r;
}

static void
a_key_that_others_may_read_is_refused_and_a_private_one_taken(void **state)
{
	(void)state;
	for (mode_t mode = 0400; mode <= 0777; mode++) {
		if ((mode & 0400) == 0)
			continue;
		file_put("key", 3, mode);
		assert_int_equal((mode & 077) == 0, taken(FILES_SECRET));
		assert_int_equal((mode & 02) == 0, taken(FILES_PUBLIC));
	}
}

static void
an_empty_file_and_one_too_large_are_refused_and_the_largest_taken(void **state)
{
	char *big = calloc(1, FILES_MAX + 1);

	(void)state;
	assert_non_null(big);
	file_put("", 0, 0600);
	assert_int_equal(0, taken(FILES_SECRET));
	file_put("x", 1, 0600);
	assert_int_equal(1, taken(FILES_SECRET));
	file_put(big, FILES_MAX, 0600);
	assert_int_equal(1, taken(FILES_SECRET));
	file_put(big, FILES_MAX + 1, 0600);
	assert_int_equal(0, taken(FILES_SECRET));
	free(big);
}

static void
a_whole_file_is_read_with_a_nul_behind_it(void **state)
{
	struct err e;
	uint8_t *p;
	size_t n;

	(void)state;
	file_put("a\0b\n", 4, 0600);
	assert_non_null(p = files_read(file, FILES_SECRET, &n, &e));
	assert_int_equal(4, n);
	assert_memory_equal("a\0b\n", p, 5);
	files_free(p, n);
}

/* ---- reading again -------------------------------------------------------------------------- */

static char cert_file[64], ca_file[64];

static void
pair_put(const struct pki_cert *cert, const struct pki_cert *key)
{
	(void)unlink(file);
	(void)unlink(cert_file);
	pki_write_cert(cert_file, cert->cert, 0);
	pki_write_key(file, key->key);
	assert_int_equal(0, chmod(file, 0600));
}

static void
a_certificate_is_read_again_and_its_key_where_it_is_another(void **state)
{
	struct pki_cert *ca = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);
	struct pki_cert *first = pki_make(&(struct pki_spec){ .key_kind = PKI_P256 }, ca);
	struct pki_cert *same = pki_make(&(struct pki_spec){ .key = first->key }, ca);
	struct pki_cert *other = pki_make(&(struct pki_spec){ .key_kind = PKI_ED25519 }, ca);
	struct cred old, now;
	struct err e;

	(void)state;
	(void)snprintf(cert_file, sizeof(cert_file), "%s/cert", dir);
	(void)snprintf(ca_file, sizeof(ca_file), "%s/ca", dir);
	pki_write_cert(ca_file, ca->cert, 0);
	pair_put(first, first);
	assert_int_equal(0, cred_load(&old, cert_file, file, ca_file, &e));
	/* on the same key: its file is not looked at */
	pair_put(same, same);
	assert_int_equal(0, unlink(file));
	assert_int_equal(0, cred_reload(&now, &old, &e));
	assert_ptr_equal(old.key, now.key);
	assert_int_equal(0, X509_cmp(same->cert, now.leaf));
	assert_null(now.anchors);
	cred_done(&now);
	pair_put(other, other);
	assert_int_equal(0, cred_reload(&now, &old, &e));
	assert_int_equal(1, EVP_PKEY_eq(other->key, now.key));
	cred_done(&now);
	/* half of the new pair is there */
	pair_put(other, first);
	assert_int_equal(-1, cred_reload(&now, &old, &e));
	assert_non_null(strstr(e.text, "is not the key of the first certificate"));
	assert_null(now.leaf);
	cred_done(&old);
	(void)unlink(cert_file);
	(void)unlink(ca_file);
	pki_free(same);
	pki_free(other);
	pki_free(first);
	pki_free(ca);
}

int
main(void)
{
	const struct CMUnitTest names[] = {
		cmocka_unit_test(naming_the_leafs_issuer_leaves_the_leaf_alone),
		cmocka_unit_test(naming_the_root_leaves_no_intermediate_out),
		cmocka_unit_test(naming_an_upper_intermediate_leaves_out_that_one_only),
		cmocka_unit_test(without_a_list_all_but_the_root_is_sent),
	};
	const struct CMUnitTest files[] = {
		cmocka_unit_test(a_key_that_others_may_read_is_refused_and_a_private_one_taken),
		cmocka_unit_test(an_empty_file_and_one_too_large_are_refused_and_the_largest_taken),
		cmocka_unit_test(a_whole_file_is_read_with_a_nul_behind_it),
		cmocka_unit_test(a_certificate_is_read_again_and_its_key_where_it_is_another),
	};
	int r = cmocka_run_group_tests(names, chain_make, chain_free);

	return r | cmocka_run_group_tests(files, dir_make, dir_free);
}
