/* badchain.c - chains with one defect each, beside the nearest chain without it */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/pem.h>

#include "badchain.h"
#include "pki_local.h"

#define WORDS_MAX 40

/* The keys serve for all rows: making them would take most of the time. */
static EVP_PKEY *keys[BADCHAIN_LEN];

static struct pki_cert *
make(const struct badchain *row, const struct badchain_variant *v, int at, struct pki_cert *by)
{
	static const char *const subjects[] = { "CN=leaf", "CN=lower", "CN=upper", "CN=root" };
	struct pki_spec s = { 0 };

	if (at == row->at)
		s = v->spec;
	else if (at == row->also && row->also_spec.ext[0] != NULL)
		s = row->also_spec;
	else if (at != ROOT)
		s.ext[0] = row->rest;
	if (at != LEAF && s.profile == PKI_LEAF)
		s.profile = at == ROOT ? PKI_ROOT : PKI_INTERMEDIATE;
	if (s.subject == NULL)
		s.subject = subjects[at];
	if (s.key == NULL && s.key_kind == PKI_P256)
		s.key = keys[at];
	return pki_make(&s, by);
}

static void
write_der(const char *name, const char *mode, const uint8_t *der, size_t n)
{
	FILE *fp = fopen(name, mode);

	pki_must(
	    fp != NULL && PEM_write(fp, "CERTIFICATE", "", der, (long)n) > 0 && fclose(fp) == 0,
	    name);
}

/* root.pem, ca.pem and leaf.pem */
static void
write_chain(const struct badchain *row, const struct badchain_variant *v)
{
	static const char *const files[] = { "leaf.pem", "ca.pem", "ca.pem", "root.pem" };
	struct pki_cert *by = NULL, *made[BADCHAIN_LEN];

	remove("ca.pem");
	for (int at = ROOT; at >= LEAF; at--) {
		unsigned char *der = NULL;
		uint8_t *edited;
		size_t len;
		int n;

		made[at] = make(row, v, at, by);
		pki_must((n = i2d_X509(made[at]->cert, &der)) > 0, "certificate");
		edited = dertree_edit(der, (size_t)n,
		    at == row->at ? v->edit : (const struct dertree_edit[DERTREE_EDITS]){ 0 },
		    by == NULL ? made[at]->key : by->key, &len);
		write_der(files[at], at == LOWER ? "ae" : "we", edited, len);
		free(edited);
		OPENSSL_free(der);
		by = made[at];
	}
	for (int at = LEAF; at <= ROOT; at++)
		pki_free(made[at]);
}

int
badchain_run(
    int (*verify)(int argc, char **argv), const char *const *words, char *said, size_t size)
{
	char *argv[WORDS_MAX], *errors = NULL, *output = NULL;
	FILE *err = stderr, *out = stdout;
	size_t n = 0, nout = 0;
	int argc = 0, ret;

	for (; words[argc] != NULL; argc++)
		pki_must(argc < WORDS_MAX && (argv[argc] = strdup(words[argc])) != NULL, "words");
	fflush(NULL);
	stderr = open_memstream(&errors, &n);
	stdout = open_memstream(&output, &nout);
	pki_must(stderr != NULL && stdout != NULL, "stream");
	ret = verify(argc, argv);
	fclose(stderr);
	fclose(stdout);
	stderr = err;
	stdout = out;
	(void)snprintf(said, size, "%s", errors);
	/* valid: said on stdout and nowhere else; refused: the other way round */
	pki_must((ret == 0) == (nout > 0), "output beside the verdict");
	free(errors);
	free(output);
	while (argc > 0)
		free(argv[--argc]);
	return ret;
}

static int
run(const struct badchain *row, const struct badchain_variant *v,
    int (*verify)(int argc, char **argv), char *said, size_t size)
{
	const char *words[WORDS_MAX] = { "verify", "--trust", "root.pem", "--untrusted", "ca.pem",
		"--at", "2027-01-15T08:00:00Z" };
	size_t n = 7;

	write_chain(row, v);
	for (size_t i = 0; i < sizeof(row->args) / sizeof(row->args[0]); i++)
		if (row->args[i] != NULL)
			words[n++] = row->args[i];
	words[n] = "leaf.pem";
	return badchain_run(verify, words, said, size);
}

static bool
is_reason(const char *said, const char *want, const char *who)
{
	return want != NULL && strstr(said, want) != NULL &&
	       (strstr(want, ": ") != NULL || strstr(said, who) != NULL);
}

static int
check_row(const struct badchain *row, int (*verify)(int argc, char **argv))
{
	static const char *const who[] = { "leaf \"", "intermediate 1 \"", "intermediate 2 \"",
		"anchor \"" };
	char said[2048];
	int ret;

	if ((ret = run(row, &row->good, verify, said, sizeof(said))) != 0) {
		printf("%s: the good neighbour: %d, %s\n", row->what, ret, said);
		return 1;
	}
	ret = run(row, &row->bad, verify, said, sizeof(said));
	if (ret == 1 &&
	    (is_reason(said, row->want, who[row->at]) || is_reason(said, row->or, who[row->at])))
		return 0;
	printf("%s: exit status %d, wanted \"%s\", said %s\n", row->what, ret, row->want, said);
	return 1;
}

int
badchain_check(const struct badchain *rows, size_t n, int (*verify)(int argc, char **argv))
{
	int failed = 0;

	for (int i = 0; i < BADCHAIN_LEN; i++)
		pki_must((keys[i] = pki_key_make(PKI_P256)) != NULL, "key");
	for (size_t i = 0; i < n; i++)
		failed += check_row(&rows[i], verify);
	for (int i = 0; i < BADCHAIN_LEN; i++) {
		EVP_PKEY_free(keys[i]);
		keys[i] = NULL;
	}
	printf("%zu chains, each beside its neighbour, %d wrong\n", n, failed);
	return failed;
}
