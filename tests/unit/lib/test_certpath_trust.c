/* test_certpath_trust.c - reading anchors, intermediates and CRLs; verifying with no file at hand
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/wait.h>
#include <cmocka.h>
#include <seccomp.h>
#include <openssl/pem.h>

#include "identity_x509.h"
#include "tests/unit/help/pathtest.h"

static int
add(struct certpath_trust *t, enum certpath_kind kind, const void *text, size_t n, struct err *e)
{
	return certpath_trust_add(t, kind, "f.pem", text, n, e);
}

static void
text_around_pem_objects_is_allowed_other_objects_are_not(void **state)
{
	struct pki_cert *root = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);
	char *pem = pki_pem_cert(root->cert), *key = pki_pem_key(root->key), text[8192];
	struct err e;
	struct certpath_trust *t = certpath_trust_new(&e);
	int n;

	(void)state;
	n = snprintf(
	    text, sizeof(text), "# ours\n%sbetween - dashes\n\n%sbehind, no newline", pem, pem);
	assert_int_equal(2, add(t, CERTPATH_ANCHOR, text, (size_t)n, &e));
	assert_int_equal(2, certpath_nanchors(t));
	n = snprintf(text, sizeof(text), "%s%s", pem, key);
	assert_int_equal(-1, add(t, CERTPATH_ANCHOR, text, (size_t)n, &e));
	assert_int_equal(ERR_FORMAT, e.kind);
	assert_string_equal("f.pem: object 2 is a PRIVATE KEY, wanted is a certificate", e.text);
	assert_int_equal(-1, add(t, CERTPATH_CRL, pem, strlen(pem), &e));
	assert_int_equal(-1, add(t, CERTPATH_ANCHOR, "", 0, &e));
	assert_string_equal("f.pem: no PEM or DER certificate in it", e.text);
	assert_int_equal(-1, add(t, CERTPATH_ANCHOR, "hello\n", 6, &e));
	assert_int_equal(-1, add(t, CERTPATH_ANCHOR, pem, (size_t)CERTPATH_PEM_MAX + 1, &e));
	certpath_trust_free(t);
	free(key);
	free(pem);
	pki_free(root);
}

static void
a_file_cut_off_anywhere_is_refused_or_cut_between_objects(void **state)
{
	struct pki_cert *root = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);
	char *pem = pki_pem_cert(root->cert), *both;
	size_t one = strlen(pem), n;
	struct err e;

	(void)state;
	assert_true(asprintf(&both, "%s%s", pem, pem) > 0);
	n = 2 * one;
	for (size_t cut = 0; cut <= n; cut++) {
		struct certpath_trust *t = certpath_trust_new(&e);
		int got = add(t, CERTPATH_ANCHOR, both, cut, &e);

		/* the newline behind an END line may be missing */
		if (cut >= n - 1)
			assert_int_equal(2, got);
		else if (cut == one || cut == one - 1)
			assert_int_equal(1, got);
		else if (got != -1)
			fail_msg("cut at %zu of %zu: %d objects", cut, n, got);
		certpath_trust_free(t);
	}
	free(both);
	free(pem);
	pki_free(root);
}

static void
a_damaged_object_is_refused_wherever_it_is(void **state)
{
	struct pki_cert *root = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);
	X509_CRL *crl = pki_crl(&(struct pki_crl_spec){ 0 }, root);
	char *pem = pki_pem_cert(root->cert), *crl_pem = pki_pem_crl(crl), text[8192];
	struct err e;
	struct certpath_trust *t = certpath_trust_new(&e);
	int n;

	(void)state;
	assert_int_equal(1, add(t, CERTPATH_CRL, crl_pem, strlen(crl_pem), &e));
	n = snprintf(text, sizeof(text), "%s%s", pem, pem);
	text[strlen(pem) + 100] = '*';
	assert_int_equal(-1, add(t, CERTPATH_ANCHOR, text, (size_t)n, &e));
	n = snprintf(
	    text, sizeof(text), "%s-----BEGIN CERTIFICATE----\n%s", pem, strchr(pem, '\n'));
	assert_int_equal(-1, add(t, CERTPATH_ANCHOR, text, (size_t)n, &e));
	n = snprintf(
	    text, sizeof(text), "%s -----BEGIN CERTIFICATE-----\n%s", pem, strchr(pem, '\n'));
	assert_int_equal(-1, add(t, CERTPATH_ANCHOR, text, (size_t)n, &e));
	n = snprintf(
	    text, sizeof(text), "-----BEGIN TRUSTED CERTIFICATE-----%s", strchr(pem, '\n'));
	assert_int_equal(-1, add(t, CERTPATH_ANCHOR, text, (size_t)n, &e));
	n = snprintf(text, sizeof(text),
	    "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
	    "DEK-Info: AES-128-CBC,00\n%s",
	    strchr(pem, '\n'));
	assert_int_equal(-1, add(t, CERTPATH_ANCHOR, text, (size_t)n, &e));
	certpath_trust_free(t);
	X509_CRL_free(crl);
	free(crl_pem);
	free(pem);
	pki_free(root);
}

static void
one_der_object_is_taken_whole_or_not_at_all(void **state)
{
	struct pki_cert *root = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);
	unsigned char *der = NULL;
	int n = i2d_X509(root->cert, &der);
	unsigned char more[4096];
	struct err e;
	struct certpath_trust *t = certpath_trust_new(&e);
	uint8_t sha256[32], want[32];

	(void)state;
	assert_int_equal(1, add(t, CERTPATH_ANCHOR, der, (size_t)n, &e));
	assert_int_equal(-1, add(t, CERTPATH_ANCHOR, der, (size_t)n - 1, &e));
	memcpy(more, der, (size_t)n);
	more[n] = 0;
	assert_int_equal(-1, add(t, CERTPATH_ANCHOR, more, (size_t)n + 1, &e));
	assert_int_equal(1, certpath_nanchors(t));
	assert_int_equal(0, certpath_anchor_sha256(t, 0, sha256));
	assert_int_equal(1, X509_digest(root->cert, EVP_sha256(), want, NULL));
	assert_memory_equal(want, sha256, 32);
	assert_int_equal(-1, certpath_anchor_sha256(t, 1, sha256));
	certpath_trust_free(t);
	OPENSSL_free(der);
	pki_free(root);
}

static void
names_for_the_client_are_those_of_all_cas_once(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	STACK_OF(X509_NAME) * names;

	(void)state;
	assert_int_equal(1, pathtest_add(p, CERTPATH_INTERMEDIATE, p->inter->cert));
	assert_non_null(names = certpath_ca_names(p->trust, &p->err));
	assert_int_equal(2, sk_X509_NAME_num(names));
	assert_int_equal(
	    0, X509_NAME_cmp(sk_X509_NAME_value(names, 0), X509_get_subject_name(p->root->cert)));
	assert_int_equal(
	    0, X509_NAME_cmp(sk_X509_NAME_value(names, 1), X509_get_subject_name(p->inter->cert)));
	sk_X509_NAME_pop_free(names, X509_NAME_free);
	pathtest_free(p);
}

/* Kill this process at the first attempt to open a file or a socket. */
static int
forbid_open(void)
{
	static const int calls[] = { SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2),
		SCMP_SYS(creat), SCMP_SYS(socket), SCMP_SYS(stat), SCMP_SYS(access),
		SCMP_SYS(readlink), SCMP_SYS(newfstatat), SCMP_SYS(execve) };
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int bad = ctx == NULL;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && !bad; i++)
		bad = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, calls[i], 0) != 0;
	if (!bad)
		bad = seccomp_load(ctx) != 0;
	seccomp_release(ctx);
	return bad ? -1 : 0;
}

/* In a child that may open nothing: 0 when all went as it should. */
static int
work_confined(struct pathtest *p, X509 *good, X509 *expired, X509 *revoked)
{
	struct identity *id;
	struct pathcert pc;

	if (forbid_open() == -1)
		return 1;
	if (pathtest_verify(p, good) != 0)
		return 2;
	if (pathtest_verify(p, expired) != X509_V_ERR_CERT_HAS_EXPIRED)
		return 3;
	if (pathtest_verify(p, revoked) != X509_V_ERR_CERT_REVOKED)
		return 4;
	if ((id = identity_from_x509(good, NULL, 0, &p->err)) == NULL)
		return 5;
	identity_free(id);
	return pathcert_from_x509(good, "corp", p->result.issuers[0], &pc, &p->err) == 0 ? 0 : 6;
}

static void
verifying_and_reading_the_identity_opens_no_file(void **state)
{
	struct pathtest *p = pathtest_new(NULL, NULL);
	struct pki_cert *good = pki_make(
	    &(struct pki_spec){ .ext = { "subjectAltName=email:a@corp.example" } }, p->inter);
	struct pki_cert *expired = pki_make(&(struct pki_spec){ .until = PKI_NOW - 1 }, p->inter);
	struct pki_cert *revoked = pki_make(&(struct pki_spec){ 0 }, p->inter);
	int status;
	pid_t pid;

	(void)state;
	pathtest_crl(p, "root.crl", &(struct pki_crl_spec){ 0 }, p->root);
	pathtest_crl(
	    p, "inter.crl", &(struct pki_crl_spec){ .revoked = { { .cert = revoked } } }, p->inter);
	assert_int_equal(0, pathtest_check(p, PKI_NOW));
	tzset(); /* as every child does before it is confined */
	fflush(NULL);
	if ((pid = fork()) == 0)
		_exit(work_confined(p, good->cert, expired->cert, revoked->cert));
	assert_true(pid > 0);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
	pki_free(revoked);
	pki_free(expired);
	pki_free(good);
	pathtest_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_around_pem_objects_is_allowed_other_objects_are_not),
		cmocka_unit_test(a_file_cut_off_anywhere_is_refused_or_cut_between_objects),
		cmocka_unit_test(a_damaged_object_is_refused_wherever_it_is),
		cmocka_unit_test(one_der_object_is_taken_whole_or_not_at_all),
		cmocka_unit_test(names_for_the_client_are_those_of_all_cas_once),
		cmocka_unit_test(verifying_and_reading_the_identity_opens_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
