/* verify.c - mtls-ca verify: the bridge's own verifier on files */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "certpath.h"
#include "certtime.h"
#include "cmd.h"
#include "files.h"
#include "identity_x509.h"
#include "text.h"
#include "verify.h"
#include "when.h"
#include "x509text.h"

static const struct opt options[] = {
	{ "trust", "FILE", true, "trust anchors, self-signed or not; needed" },
	{ "untrusted", "FILE", true, "intermediates that a path may use" },
	{ "crl", "FILE", true, "CRLs; once given, each issuer in the path needs a current one" },
	{ "at", "TIME", true, "judge at this time (2026-11-23T22:38:51Z), not now" },
	{ "purpose", "client|server", true, "the leaf must list this extended key usage" },
	{ "host", "NAME", true, "a dNSName or iPAddress of the leaf must match" },
	{ "policy", "OID", true, "one of these certificate policies must hold for the path" },
};

static const char more[] =
    "Files may hold several PEM objects, or one in DER. The first certificate of LEAF.pem is the\n"
    "leaf, further ones count as untrusted. --at, --purpose and --host given more than once must\n"
    "all hold. Exit status: 0 valid, 1 not valid (the reason goes to standard error; a file of\n"
    "junk included), 2 usage, or a file that cannot be opened.\n";

/* What the command line gave, in lists: as many as there are options at most. */
struct job {
	struct {
		enum certpath_kind kind;
		const char *name;
		char *data;
		size_t n;
	} file[OPTS_GIVEN_MAX + 1]; /* the last one is LEAF.pem */
	size_t nfiles;
	int64_t at[OPTS_GIVEN_MAX];
	size_t nat;
	enum certpath_purpose purpose[OPTS_GIVEN_MAX];
	size_t npurposes;
	const char *host[OPTS_GIVEN_MAX];
	size_t nhosts;
	const char *policy[OPTS_GIVEN_MAX];
	size_t npolicies;
	bool crls;
	struct certpath_trust *trust;
	X509 *leaf;
};

static int
usage(const char *why)
{
	fprintf(stderr, "mtls-ca verify: %s\nTry 'mtls-ca verify --help'.\n", why);
	return CMD_USAGE;
}

static void
help(void)
{
	printf("usage: mtls-ca verify --trust FILE [OPTION ...] LEAF.pem\n\n"
	       "Check a certificate against files, as the bridge does.\n\n");
	opts_help(options, sizeof(options) / sizeof(options[0]), stdout);
	printf("\n%s", more);
}

static int
take_file(struct job *j, enum certpath_kind kind, const char *name, struct err *e)
{
	j->file[j->nfiles].kind = kind;
	j->file[j->nfiles].name = name;
	/* The verifier has limits of its own; one beyond the largest of them is never read whole.
	 */
	if (infile_read(AT_FDCWD, name, CERTPATH_CRL_MAX, FILE_ANY, &j->file[j->nfiles].data,
		&j->file[j->nfiles].n, e) == -1)
		return -1;
	j->nfiles++;
	return 0;
}

static int
take_purpose(struct job *j, const char *word, struct err *e)
{
	if (strcmp(word, "client") == 0)
		j->purpose[j->npurposes++] = CERTPATH_CLIENT;
	else if (strcmp(word, "server") == 0)
		j->purpose[j->npurposes++] = CERTPATH_SERVER;
	else
		return err_set(e, ERR_FORMAT, "--purpose %.40s: client or server is needed", word);
	return 0;
}

static int
take_policy(struct job *j, const char *oid, struct err *e)
{
	ASN1_OBJECT *o = strspn(oid, "0123456789.") == strlen(oid) ? OBJ_txt2obj(oid, 1) : NULL;

	ERR_clear_error();
	if (o == NULL)
		return err_set(e, ERR_FORMAT,
		    "--policy %.80s: an OID like 1.3.6.1.4.1.99999.1 is needed", oid);
	ASN1_OBJECT_free(o);
	j->policy[j->npolicies++] = oid;
	return 0;
}

/* All options that do not name files. -1: wrong usage. */
static int
take_words(struct job *j, const struct opts *o, struct err *e)
{
	for (size_t i = 0; i < o->ngiven; i++) {
		const char *name = o->given[i].opt->name, *value = o->given[i].value;
		int ret = 0;

		if (strcmp(name, "at") == 0)
			ret = when_parse(value, &j->at[j->nat++], e);
		else if (strcmp(name, "purpose") == 0)
			ret = take_purpose(j, value, e);
		else if (strcmp(name, "policy") == 0)
			ret = take_policy(j, value, e);
		else if (strcmp(name, "host") == 0)
			j->host[j->nhosts++] = value;
		if (ret == -1)
			return -1;
	}
	if (j->nat == 0)
		j->at[j->nat++] = time(NULL);
	if (j->npurposes == 0)
		j->purpose[j->npurposes++] = CERTPATH_ANY;
	if (j->nhosts == 0)
		j->host[j->nhosts++] = NULL;
	return 0;
}

/* Read all files before one is parsed: what cannot be opened comes before what is junk. */
static int
take_files(struct job *j, const struct opts *o, struct err *e)
{
	for (size_t i = 0; i < o->ngiven; i++) {
		const char *name = o->given[i].opt->name, *value = o->given[i].value;
		int ret = 0;

		if (strcmp(name, "trust") == 0) {
			ret = take_file(j, CERTPATH_ANCHOR, value, e);
		} else if (strcmp(name, "untrusted") == 0) {
			ret = take_file(j, CERTPATH_INTERMEDIATE, value, e);
		} else if (strcmp(name, "crl") == 0) {
			ret = take_file(j, CERTPATH_CRL, value, e);
			j->crls = true;
		}
		if (ret == -1)
			return -1;
	}
	return take_file(j, CERTPATH_INTERMEDIATE, o->operand[0], e);
}

static void
note(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "mtls-ca verify: note: %s\n", text);
}

/*
 * The first certificate of a text that certpath_trust_add() has found whole. It tells DER from PEM
 * in the same way: else a PEM text inside a DER certificate could pass for the leaf.
 */
static X509 *
first_certificate(const char *data, size_t n)
{
	const unsigned char *p = (const unsigned char *)data;
	X509 *x = NULL;
	BIO *bio = NULL;

	if (n > 1 && p[0] == 0x30 && p[1] >= 0x80)
		x = d2i_X509(NULL, &p, (long)n);
	else if ((bio = BIO_new_mem_buf(data, (int)n)) != NULL)
		x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return x;
}

/* All files that are CRLs, or all that are not. */
static int
add_files(struct job *j, bool crls, struct err *e)
{
	for (size_t i = 0; i < j->nfiles; i++)
		if ((j->file[i].kind == CERTPATH_CRL) == crls &&
		    certpath_trust_add(j->trust, j->file[i].kind, j->file[i].name,
			(const uint8_t *)j->file[i].data, j->file[i].n, e) == -1)
			return -1;
	return 0;
}

/* Fill the trust section and the leaf: CRLs when all keys are known. -1: not valid. */
static int
load(struct job *j, struct err *e)
{
	if ((j->trust = certpath_trust_new(e)) == NULL || add_files(j, false, e) == -1 ||
	    add_files(j, true, e) == -1)
		return -1;
	if (j->crls) {
		certpath_trust_revocation(j->trust, CERTPATH_REVOCATION_REQUIRE);
		/* Files of all sorts come here; what nobody signed says nothing about anybody. */
		certpath_trust_drop_strangers(j->trust, note, NULL);
	}
	if ((j->leaf = first_certificate(j->file[j->nfiles - 1].data, j->file[j->nfiles - 1].n)) ==
	    NULL)
		return err_set(
		    e, ERR_FORMAT, "%s: no certificate in it", j->file[j->nfiles - 1].name);
	return 0;
}

/* Once for one time, purpose and host. */
static int
verify_once(const struct job *j, int64_t at, enum certpath_purpose purpose, const char *host,
    struct certpath_result *res, struct err *e)
{
	const struct certpath_request r = {
		.leaf = j->leaf,
		.now = at,
		.purpose = purpose,
		.host = host,
		.policies = j->policy,
		.npolicies = j->npolicies,
		.identity_rules = purpose == CERTPATH_CLIENT,
	};
	struct identity *id;

	if (certpath_verify(j->trust, &r, res, e) == -1)
		return -1;
	if (purpose != CERTPATH_CLIENT)
		return 0;
	/* A client whose names the bridge could not read gets no login. */
	id = identity_from_x509(j->leaf, res->policies, res->npolicies, e);
	identity_free(id);
	return id == NULL ? -1 : 0;
}

/* Each time with each purpose and each host; the last path is left in *res. */
static int
verify_all(struct job *j, struct certpath_result *res, struct err *e)
{
	size_t total = j->nat * j->npurposes * j->nhosts;
	int64_t checked_at = -1;

	for (size_t i = 0; i < total; i++) {
		int64_t at = j->at[i / (j->npurposes * j->nhosts)];

		if (at != checked_at && certpath_trust_check(j->trust, at, note, NULL, e) == -1)
			return -1;
		checked_at = at;
		certpath_result_done(res);
		if (verify_once(j, at, j->purpose[i / j->nhosts % j->npurposes],
			j->host[i % j->nhosts], res, e) == -1)
			return -1;
	}
	return 0;
}

static void
print_valid(const struct job *j, const struct certpath_result *res)
{
	char leaf[X509TEXT_NAME_SIZE], anchor[X509TEXT_NAME_SIZE], when[TEXT_TIME_SIZE] = "?";
	int n = sk_X509_num(res->path);
	int64_t end;

	if (certtime_get(X509_get0_notAfter(j->leaf), &end) == 0)
		(void)text_time(when, end);
	printf("valid: \"%s\" until %s, %d certificate%s below \"%s\"",
	    x509text_name(leaf, sizeof(leaf), X509_get_subject_name(j->leaf)), when, n - 1,
	    n == 2 ? "" : "s",
	    x509text_name(
		anchor, sizeof(anchor), X509_get_subject_name(sk_X509_value(res->path, n - 1))));
	for (size_t i = 0; i < res->npolicies; i++)
		printf("%s%s", i == 0 ? ", policies " : " ", res->policies[i]);
	printf("\n");
}

static int
verify_files(struct job *j)
{
	struct certpath_result res = { 0 };
	struct err e = { 0 };
	int ret = CMD_OK;

	if (load(j, &e) == -1 || verify_all(j, &res, &e) == -1) {
		fprintf(stderr, "mtls-ca verify: %s\n", e.text);
		ret = CMD_FAILED;
	} else {
		print_valid(j, &res);
	}
	certpath_result_done(&res);
	return ret;
}

int
cmd_verify(int argc, char **argv)
{
	struct opts o;
	struct job *j;
	struct err e = { 0 };
	int ret;

	if (opts_parse(&o, options, sizeof(options) / sizeof(options[0]), argc, argv, &e) == -1)
		return usage(e.text);
	if (o.help) {
		help();
		return CMD_OK;
	}
	if (o.noperands != 1)
		return usage(o.noperands == 0 ? "LEAF.pem is needed" : "one LEAF.pem is allowed");
	if (opts_get(&o, "trust") == NULL)
		return usage("--trust is needed");
	if ((j = calloc(1, sizeof(*j))) == NULL) {
		fprintf(stderr, "mtls-ca verify: out of memory\n");
		return CMD_FAILED;
	}
	if (take_words(j, &o, &e) == -1) {
		ret = usage(e.text);
	} else if (take_files(j, &o, &e) == -1) {
		fprintf(stderr, "mtls-ca verify: %s\n", e.text);
		ret = CMD_USAGE;
	} else {
		ret = verify_files(j);
	}
	for (size_t i = 0; i < j->nfiles; i++)
		OPENSSL_clear_free(j->file[i].data, j->file[i].n);
	X509_free(j->leaf);
	certpath_trust_free(j->trust);
	free(j);
	return ret;
}
