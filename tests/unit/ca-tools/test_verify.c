/* test_verify.c - mtls-ca verify: options, exit codes, what it says */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <openssl/x509v3.h>

#include "ca-tools/verify.h"
#include "tests/unit/help/pki.h"

#define NOW "--at", "2027-01-15T08:00:00Z"

static struct {
	char dir[64];
	char said[4096], printed[4096];
	struct pki_cert *root, *inter, *leaf, *server;
} t;

static void
write_text(const char *name, const char *text)
{
	FILE *fp = fopen(name, "we");

	assert_non_null(fp);
	assert_true(fputs(text, fp) >= 0);
	assert_int_equal(0, fclose(fp));
}

static void
write_crl(const char *name, const struct pki_crl_spec *spec, const struct pki_cert *by, int append)
{
	X509_CRL *crl = pki_crl(spec, by);

	pki_write_crl(name, crl, append);
	X509_CRL_free(crl);
}

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(t.dir, sizeof(t.dir), "/tmp/test-verify-XXXXXX");
	if (mkdtemp(t.dir) == NULL || chdir(t.dir) == -1)
		return -1;
	t.root = pki_make(&(struct pki_spec){ .profile = PKI_ROOT }, NULL);
	t.inter = pki_make(&(struct pki_spec){ .profile = PKI_INTERMEDIATE,
			       .ext = { "certificatePolicies=1.2.3.4,1.2.3.5" } },
	    t.root);
	t.leaf = pki_make(
	    &(struct pki_spec){ .subject = "CN=alice", .ext = { "certificatePolicies=1.2.3.4" } },
	    t.inter);
	t.server = pki_make(
	    &(struct pki_spec){ .profile = PKI_SERVER,
		.ext = { "subjectAltName=DNS:login.example,DNS:ssh.example,IP:192.0.2.1" } },
	    t.inter);
	pki_write_cert("root.pem", t.root->cert, 0);
	pki_write_cert("inter.pem", t.inter->cert, 0);
	pki_write_cert("leaf.pem", t.leaf->cert, 0);
	pki_write_cert("chain.pem", t.leaf->cert, 0);
	pki_write_cert("chain.pem", t.inter->cert, 1);
	pki_write_cert("server.pem", t.server->cert, 0);
	pki_write_cert("server.pem", t.inter->cert, 1);
	pki_write_key("leaf.key", t.leaf->key);
	write_crl("root.crl", &(struct pki_crl_spec){ 0 }, t.root, 0);
	write_crl("inter.crl", &(struct pki_crl_spec){ 0 }, t.inter, 0);
	write_crl("both.crl", &(struct pki_crl_spec){ 0 }, t.root, 0);
	write_crl("both.crl", &(struct pki_crl_spec){ 0 }, t.inter, 1);
	write_crl("revoked.crl",
	    &(struct pki_crl_spec){ .from = PKI_FROM + 1, .revoked = { { .cert = t.leaf } } },
	    t.inter, 0);
	write_text("junk.pem", "this is no certificate\n");
	write_text("empty.pem", "");
	return mkdir("folder", 0700);
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	pki_free(t.root);
	pki_free(t.inter);
	pki_free(t.leaf);
	pki_free(t.server);
	(void)snprintf(command, sizeof(command), "rm -r %s", t.dir);
	return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

/* What a stream wrote to file `name`, read back into buf. */
static void
slurp(const char *name, char *buf, size_t size)
{
	FILE *fp = fopen(name, "re");
	size_t n;

	assert_non_null(fp);
	n = fread(buf, 1, size - 1, fp);
	buf[n] = '\0';
	fclose(fp);
}

/* Run `mtls-ca verify` with these words; its exit code. What it writes is left in t. */
static int
run(const char *first, ...)
{
	char *argv[40] = { (char[]){ "verify" } };
	int argc = 1, ret, out, err;
	va_list ap;

	va_start(ap, first);
	for (const char *w = first; w != NULL; w = va_arg(ap, const char *))
		assert_non_null(argv[argc++] = strdup(w));
	va_end(ap);
	fflush(NULL);
	out = dup(STDOUT_FILENO);
	err = dup(STDERR_FILENO);
	assert_non_null(freopen("said.txt", "w", stderr));
	assert_non_null(freopen("printed.txt", "w", stdout));
	ret = cmd_verify(argc, argv);
	fflush(NULL);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	while (argc > 1)
		free(argv[--argc]);
	slurp("said.txt", t.said, sizeof(t.said));
	slurp("printed.txt", t.printed, sizeof(t.printed));
	/* exit 0 says so on stdout; anything else says why on stderr, and nothing on stdout */
	if (ret == 0) {
		assert_string_not_equal("", t.printed);
	} else {
		assert_string_equal("", t.printed);
		assert_memory_equal("mtls-ca verify: ", t.said, 16);
	}
	return ret;
}
#define verify(...) run(__VA_ARGS__, NULL)
#define TRUST	    "--trust", "root.pem"
#define MORE	    "--untrusted", "inter.pem"

static void
a_valid_leaf_exits_0(void **state)
{
	(void)state;
	assert_int_equal(0, verify(TRUST, MORE, NOW, "leaf.pem"));
	assert_string_equal("", t.said);
	assert_non_null(strstr(t.printed, "valid: \"CN=alice\" until 2049-12-31T23:59:59Z"));
	assert_int_equal(0, verify("leaf.pem", TRUST, MORE, NOW));
	assert_int_equal(0, verify("--trust=root.pem", MORE, NOW, "--", "leaf.pem"));
	/* further certificates of LEAF.pem are untrusted ones */
	assert_int_equal(0, verify(TRUST, NOW, "chain.pem"));
	assert_int_equal(1, verify(TRUST, NOW, "leaf.pem"));
	assert_non_null(strstr(t.said, "neither an anchor nor among the intermediates"));
	/* the first one is the leaf */
	assert_int_equal(0, verify(TRUST, NOW, "--untrusted", "chain.pem", "inter.pem"));
	assert_non_null(strstr(t.printed, "valid: \"CN=intermediate\""));
	/* without --at: now, which lies between 2020 and 2050 */
	assert_int_equal(0, verify(TRUST, "chain.pem"));
}

static void
anchors_are_those_of_trust_self_signed_or_not(void **state)
{
	(void)state;
	assert_int_equal(0, verify("--trust", "inter.pem", NOW, "leaf.pem"));
	/* of several --trust one is enough */
	assert_int_equal(0, verify("--trust", "inter.pem", TRUST, NOW, "leaf.pem"));
	/* a root among the untrusted is none */
	assert_int_equal(
	    1, verify("--trust", "inter.pem", "--untrusted", "root.pem", NOW, "inter.pem"));
}

static void
wrong_usage_exits_2(void **state)
{
	(void)state;
	assert_int_equal(2, verify("leaf.pem"));
	assert_non_null(strstr(t.said, "--trust is needed"));
	assert_int_equal(2, verify(TRUST));
	assert_int_equal(2, verify(TRUST, MORE, "leaf.pem", "leaf.pem"));
	assert_non_null(strstr(t.said, "one LEAF.pem is allowed"));
	assert_int_equal(2, verify(TRUST, "--nonsense", "leaf.pem"));
	assert_int_equal(2, verify("--tru", "root.pem", "leaf.pem"));
	assert_int_equal(2, verify(TRUST, "-x", "leaf.pem"));
	assert_int_equal(2, verify("leaf.pem", "--trust"));
	assert_int_equal(2, verify(TRUST, MORE, "--purpose", "email", "leaf.pem"));
	assert_int_equal(2, verify(TRUST, MORE, "--purpose", "Client", "leaf.pem"));
	assert_int_equal(2, verify(TRUST, MORE, "--policy", "1.2.x", "leaf.pem"));
	assert_int_equal(2, verify(TRUST, MORE, "--policy", "", "leaf.pem"));
	assert_int_equal(2, verify(TRUST, MORE, "--policy", "clientAuth", "leaf.pem"));
	assert_int_equal(2, verify(TRUST, MORE, "--at", "2027-01-15", "leaf.pem"));
	assert_int_equal(2, verify(TRUST, MORE, "--at", "2027-01-15T08:00:00+00:00", "leaf.pem"));
	assert_int_equal(2, verify(TRUST, MORE, "--at", "2027-02-30T08:00:00Z", "leaf.pem"));
}

static void
a_file_that_cannot_be_opened_exits_2_whatever_the_others_hold(void **state)
{
	(void)state;
	assert_int_equal(2, verify(TRUST, MORE, "missing.pem"));
	assert_non_null(strstr(t.said, "missing.pem: No such file"));
	assert_int_equal(2, verify(TRUST, MORE, "folder"));
	assert_int_equal(2, verify("--trust", "missing.pem", "leaf.pem"));
	assert_int_equal(2, verify("--trust", "junk.pem", "--crl", "missing.crl", "leaf.pem"));
	assert_int_equal(2, verify(TRUST, "--untrusted", "leaf.pem/x", "leaf.pem"));
}

static void
junk_in_a_readable_file_exits_1(void **state)
{
	(void)state;
	assert_int_equal(1, verify(TRUST, MORE, "junk.pem"));
	assert_non_null(strstr(t.said, "junk.pem: no PEM or DER certificate in it"));
	assert_int_equal(1, verify(TRUST, MORE, "empty.pem"));
	assert_int_equal(1, verify("--trust", "junk.pem", MORE, "leaf.pem"));
	assert_int_equal(1, verify(TRUST, "--untrusted", "junk.pem", "leaf.pem"));
	assert_int_equal(1, verify(TRUST, MORE, "--crl", "junk.pem", "leaf.pem"));
	assert_int_equal(1, verify(TRUST, MORE, "--crl", "empty.pem", "leaf.pem"));
	assert_int_equal(1, verify(TRUST, MORE, "leaf.key"));
	assert_int_equal(1, verify(TRUST, MORE, "--crl", "inter.pem", "leaf.pem"));
	/* a leaf is no anchor */
	assert_int_equal(1, verify("--trust", "leaf.pem", MORE, "leaf.pem"));
}

static void
der_is_taken_and_a_pem_text_inside_it_is_not(void **state)
{
	struct pki_cert *evil;
	char *pem = pki_pem_cert(t.leaf->cert), ext[4096] = "nsComment=DER:1682", *p;
	FILE *fp = fopen("leaf.der", "we");

	(void)state;
	assert_int_equal(1, i2d_X509_fp(fp, t.leaf->cert));
	fclose(fp);
	assert_int_equal(0, verify(TRUST, MORE, NOW, "leaf.der"));
	/* a self-signed certificate that carries the text of the good one */
	p = ext + strlen(ext);
	p += sprintf(p, "%04zx0a", strlen(pem) + 1);
	for (const char *c = pem; *c != '\0'; c++)
		p += sprintf(p, "%02x", (unsigned)*c);
	evil = pki_make(&(struct pki_spec){ .subject = "CN=mallory", .ext = { ext } }, NULL);
	fp = fopen("evil.der", "we");
	assert_int_equal(1, i2d_X509_fp(fp, evil->cert));
	fclose(fp);
	assert_int_equal(1, verify(TRUST, MORE, NOW, "evil.der"));
	assert_non_null(strstr(t.said, "leaf \"CN=mallory\""));
	pki_free(evil);
	free(pem);
}

static void
revocation_is_looked_at_only_with_a_crl_and_then_required(void **state)
{
	(void)state;
	assert_int_equal(0, verify(TRUST, NOW, "chain.pem"));
	assert_int_equal(0, verify(TRUST, NOW, "--crl", "both.crl", "chain.pem"));
	assert_int_equal(
	    0, verify(TRUST, NOW, "--crl", "root.crl", "--crl", "inter.crl", "chain.pem"));
	assert_int_equal(1, verify(TRUST, NOW, "--crl", "inter.crl", "chain.pem"));
	assert_non_null(strstr(t.said, "there is no CRL for its issuer \"CN=root\""));
	assert_int_equal(1, verify(TRUST, NOW, "--crl", "root.crl", "chain.pem"));
	assert_int_equal(
	    1, verify(TRUST, NOW, "--crl", "both.crl", "--crl", "revoked.crl", "chain.pem"));
	assert_non_null(strstr(t.said, "leaf \"CN=alice\": revoked by its issuer "
				       "\"CN=intermediate\" (CRL revoked.crl)"));
}

static void
a_strangers_crl_is_told_and_left_out(void **state)
{
	struct pki_cert *other =
	    pki_make(&(struct pki_spec){ .profile = PKI_ROOT, .subject = "CN=other" }, NULL);

	(void)state;
	write_crl("other.crl", &(struct pki_crl_spec){ 0 }, other, 0);
	assert_int_equal(
	    0, verify(TRUST, NOW, "--crl", "both.crl", "--crl", "other.crl", "chain.pem"));
	assert_non_null(strstr(t.said, "note: other.crl: CRL of \"CN=other\""));
	assert_int_equal(1, verify(TRUST, NOW, "--crl", "other.crl", "chain.pem"));
	/* a form that is not taken is no stranger's: it may say what nothing else says */
	write_crl("delta.crl", &(struct pki_crl_spec){ .ext = { "deltaCRL=critical,DER:020101" } },
	    t.inter, 0);
	assert_int_equal(
	    1, verify(TRUST, NOW, "--crl", "both.crl", "--crl", "delta.crl", "chain.pem"));
	assert_non_null(strstr(t.said, "delta"));
	pki_free(other);
}

static void
at_is_the_time_of_the_verdict(void **state)
{
	(void)state;
	assert_int_equal(0, verify(TRUST, "--at", "2049-12-31T23:59:59Z", "chain.pem"));
	assert_int_equal(1, verify(TRUST, "--at", "2050-01-01T00:00:00Z", "chain.pem"));
	assert_non_null(strstr(t.said, "expired 1 s ago (notAfter 2049-12-31T23:59:59Z)"));
	assert_int_equal(0, verify(TRUST, "--at", "2020-01-01T00:00:00Z", "chain.pem"));
	assert_int_equal(1, verify(TRUST, "--at", "2019-12-31T23:59:59Z", "chain.pem"));
	/* given twice both must hold, in either order */
	assert_int_equal(1, verify(TRUST, NOW, "--at", "2050-01-01T00:00:00Z", "chain.pem"));
	assert_int_equal(1, verify(TRUST, "--at", "2050-01-01T00:00:00Z", NOW, "chain.pem"));
	assert_int_equal(
	    1, verify(TRUST, "--at", "2050-01-01T00:00:00Z", "--crl", "both.crl", "chain.pem"));
}

static void
purpose_must_be_listed_once_it_is_asked(void **state)
{
	struct pki_cert *none =
	    pki_make(&(struct pki_spec){ .ext = { "extendedKeyUsage=" } }, t.inter);

	(void)state;
	pki_write_cert("none.pem", none->cert, 0);
	assert_int_equal(0, verify(TRUST, MORE, NOW, "none.pem"));
	assert_int_equal(1, verify(TRUST, MORE, NOW, "--purpose", "client", "none.pem"));
	assert_int_equal(1, verify(TRUST, MORE, NOW, "--purpose", "server", "none.pem"));
	assert_int_equal(0, verify(TRUST, MORE, NOW, "--purpose", "client", "leaf.pem"));
	assert_int_equal(1, verify(TRUST, MORE, NOW, "--purpose", "server", "leaf.pem"));
	assert_int_equal(0, verify(TRUST, NOW, "--purpose", "server", "server.pem"));
	assert_int_equal(
	    1, verify(TRUST, NOW, "--purpose", "server", "--purpose", "client", "server.pem"));
	pki_free(none);
}

static void
host_is_a_name_or_an_address_of_the_san(void **state)
{
	(void)state;
	assert_int_equal(0, verify(TRUST, NOW, "--host", "login.example", "server.pem"));
	assert_int_equal(0, verify(TRUST, NOW, "--host", "192.0.2.1", "server.pem"));
	assert_int_equal(
	    0, verify(TRUST, NOW, "--host", "ssh.example", "--host", "192.0.2.1", "server.pem"));
	assert_int_equal(
	    1, verify(TRUST, NOW, "--host", "ssh.example", "--host", "192.0.2.2", "server.pem"));
	assert_int_equal(1, verify(TRUST, NOW, "--host", "server", "server.pem"));
	assert_int_equal(1, verify(TRUST, NOW, "--host", "", "server.pem"));
	/* the CN is no host name */
	assert_int_equal(1, verify(TRUST, NOW, "--host", "alice", "chain.pem"));
}

static void
one_of_the_policies_must_hold(void **state)
{
	(void)state;
	assert_int_equal(0, verify(TRUST, NOW, "--policy", "1.2.3.4", "chain.pem"));
	assert_non_null(strstr(t.printed, "policies 1.2.3.4"));
	assert_int_equal(
	    2, verify(TRUST, NOW, "--policy", "9.9.9", "--policy", "1.2.3.4", "chain.pem"));
	assert_int_equal(
	    0, verify(TRUST, NOW, "--policy", "1.9.9", "--policy", "1.2.3.4", "chain.pem"));
	assert_int_equal(1, verify(TRUST, NOW, "--policy", "1.2.3.5", "chain.pem"));
	assert_int_equal(1, verify(TRUST, NOW, "--policy", "1.2.3.4", "server.pem"));
	assert_int_equal(0, verify(TRUST, NOW, "--policy", "2.5.29.32.0", "chain.pem"));
}

static void
a_client_whose_names_cannot_be_mapped_is_refused(void **state)
{
	struct pki_cert *two =
	    pki_make(&(struct pki_spec){ .subject = "CN=alice,CN=root" }, t.inter);
	struct pki_cert *twin = pki_make(&(struct pki_spec){ .subject = "CN=a+O=x+O=y" }, t.inter);

	(void)state;
	pki_write_cert("two.pem", two->cert, 0);
	assert_int_equal(0, verify(TRUST, MORE, NOW, "two.pem"));
	assert_int_equal(1, verify(TRUST, MORE, NOW, "--purpose", "client", "two.pem"));
	assert_non_null(strstr(t.said, "more than one CN"));
	pki_write_cert("twin.pem", twin->cert, 0);
	assert_int_equal(0, verify(TRUST, MORE, NOW, "twin.pem"));
	assert_int_equal(1, verify(TRUST, MORE, NOW, "--purpose", "client", "twin.pem"));
	pki_free(twin);
	pki_free(two);
}

static void
help_prints_the_usage(void **state)
{
	(void)state;
	assert_int_equal(0, verify("--help"));
	for (size_t i = 0; i < 7; i++) {
		static const char *const words[] = { "--trust", "--untrusted", "--crl", "--at",
			"--purpose", "--host", "--policy" };

		assert_non_null(strstr(t.printed, words[i]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_valid_leaf_exits_0),
		cmocka_unit_test(anchors_are_those_of_trust_self_signed_or_not),
		cmocka_unit_test(wrong_usage_exits_2),
		cmocka_unit_test(a_file_that_cannot_be_opened_exits_2_whatever_the_others_hold),
		cmocka_unit_test(junk_in_a_readable_file_exits_1),
		cmocka_unit_test(der_is_taken_and_a_pem_text_inside_it_is_not),
		cmocka_unit_test(revocation_is_looked_at_only_with_a_crl_and_then_required),
		cmocka_unit_test(a_strangers_crl_is_told_and_left_out),
		cmocka_unit_test(at_is_the_time_of_the_verdict),
		cmocka_unit_test(purpose_must_be_listed_once_it_is_asked),
		cmocka_unit_test(host_is_a_name_or_an_address_of_the_san),
		cmocka_unit_test(one_of_the_policies_must_hold),
		cmocka_unit_test(a_client_whose_names_cannot_be_mapped_is_refused),
		cmocka_unit_test(help_prints_the_usage),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
