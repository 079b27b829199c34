/* cmd_crl.c - mtls-ca crl: the revocation lists of intermediate and root, in one file */
#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "ca.h"
#include "crl.h"
#include "text.h"
#include "when.h"

#define DAYS	       7
#define DAYS_MAX       365
#define ROOT_DAYS      365
#define ROOT_DAYS_MAX  7305
#define ROOT_DAYS_LEFT 30 /* with less, and the key away, somebody must act */

static const struct opt options[] = {
	{ "out", "FILE", false, "write there (mode 0644) instead of to standard output" },
	{ "days", "N", false, "life of the intermediate's list (7)" },
	{ "root-days", "N", false, "life of the root's list (365); needs root.key" },
	{ "passphrase-file", "FILE", false, "opens the keys; the passphrase is FILE's first line" },
};

struct crl_job {
	struct ca ca;
	EVP_PKEY *key, *root_key; /* root_key NULL: away */
	int64_t days, root_days;
	BIO *pem;
	char complaint[300]; /* why the root's list needs somebody soon; "" when all is well */
};

static int
job_keys(struct crl_job *j, struct env *env, const struct opts *o, struct err *e)
{
	struct passphrase p;
	int ret = 0;

	passphrase_init(&p, opts_get(o, "passphrase-file"));
	if ((j->key = ca_key(&j->ca, PROFILE_INTERMEDIATE, &p, env, e)) == NULL)
		ret = -1;
	else if ((j->root_key = ca_key(&j->ca, PROFILE_ROOT, &p, env, e)) == NULL)
		/* only "not there" is away: a key that cannot be read is a mistake to be told */
		ret = e->kind == ERR_SYS && e->detail == ENOENT ? 0 : -1;
	passphrase_done(&p);
	if (ret == 0 && j->root_key == NULL && opts_get(o, "root-days") != NULL)
		return err_set(e, ERR_FORMAT,
		    "--root-days: %s/root.key is not there, so the "
		    "root's list cannot be signed",
		    j->ca.path);
	return ret;
}

/* After its end nobody takes an issuer's list: better told here than found out at a login. */
static int
job_issuers(struct crl_job *j, int64_t now, struct err *e)
{
	X509 *const issuers[] = { j->ca.intermediate, j->ca.root };
	int64_t from, until;
	char at[TEXT_TIME_SIZE];

	for (size_t i = 0; i < 2; i++) {
		if (cert_times(issuers[i], &from, &until, e) == -1)
			return -1;
		if (now > until)
			return err_set(e, ERR_REFUSED,
			    "the %s ended at %s: its list would count for "
			    "nothing",
			    i == 0 ? "intermediate" : "root", text_time(at, until));
	}
	return 0;
}

/* What the stored list of the root lacks when its key is away. */
static void
job_judge_root(struct crl_job *j, X509_CRL *crl, int64_t next_update, int64_t now)
{
	X509_REVOKED *rev = NULL;
	struct store_cert c;
	struct err e;
	char serial[SERIAL_TEXT], until[TEXT_TIME_SIZE];
	bool revoked = true;

	if (serial_text(X509_get0_serialNumber(j->ca.intermediate), serial, &e) == 0 &&
	    store_find_cert(j->ca.store, serial, &c, &e) == 1) {
		revoked = c.revoked;
		store_cert_done(&c);
	}
	if (revoked && X509_CRL_get0_by_cert(crl, &rev, j->ca.intermediate) == 0)
		(void)snprintf(j->complaint, sizeof(j->complaint),
		    "the intermediate is revoked "
		    "but the root's CRL does not tell of it");
	else if (next_update - now < (int64_t)ROOT_DAYS_LEFT * WHEN_DAY)
		(void)snprintf(j->complaint, sizeof(j->complaint), "the root's CRL %s at %s",
		    next_update <= now ? "ended" : "ends", text_time(until, next_update));
}

static int
job_add_pem(struct crl_job *j, enum profile which, int64_t now, struct err *e)
{
	struct store_crl c;
	const unsigned char *p;
	X509_CRL *crl;
	int r = store_get_crl(j->ca.store, profile_word(which), &c, e), ok;

	if (r != 1)
		return r == -1 ? -1
			       : err_set(e, ERR_FORMAT, "%s: the CRL of the %s was never signed",
				     j->ca.path, profile_word(which));
	p = c.der;
	crl = d2i_X509_CRL(NULL, &p, (long)c.der_len);
	ok = crl != NULL && PEM_write_bio_X509_CRL(j->pem, crl) == 1;
	if (ok && which == PROFILE_ROOT && j->root_key == NULL)
		job_judge_root(j, crl, c.next_update, now);
	X509_CRL_free(crl);
	store_crl_done(&c);
	ERR_clear_error();
	return ok ? 0
		  : err_set(e, ERR_FORMAT, "%s: the stored CRL of the %s is damaged", j->ca.path,
			profile_word(which));
}

static int
job_sign(struct crl_job *j, int64_t now, struct err *e)
{
	struct store *st = j->ca.store;

	if (store_begin(st, e) == -1)
		return -1;
	if (ca_crl_make(st, PROFILE_INTERMEDIATE, j->ca.intermediate, j->key, now,
		now + j->days * WHEN_DAY, e) == 0 &&
	    (j->root_key == NULL || ca_crl_make(st, PROFILE_ROOT, j->ca.root, j->root_key, now,
					now + j->root_days * WHEN_DAY, e) == 0) &&
	    job_add_pem(j, PROFILE_INTERMEDIATE, now, e) == 0 &&
	    job_add_pem(j, PROFILE_ROOT, now, e) == 0)
		return store_commit(st, e);
	store_rollback(st);
	return -1;
}

static int
job_write(struct crl_job *j, struct env *env, const char *out, struct err *e)
{
	char *p;
	long n = BIO_get_mem_data(j->pem, &p);

	if (out != NULL)
		return outfile_write(out, 0644, p, (size_t)n, e);
	(void)fwrite(p, 1, (size_t)n, env->out);
	return 0;
}

/*
 * With the root's key away and its list near the end the file is written all the same, since it
 * carries the newest revocations and is good for some days yet; but the exit code and the text say
 * that somebody must fetch the key.
 */
static enum cmd_exit
job_run(struct crl_job *j, struct env *env, const struct opts *o, struct err *e)
{
	const char *out = opts_get(o, "out");

	if (job_issuers(j, env->now, e) == -1 ||
	    (out != NULL && ca_may_write(&j->ca, out, e) == -1) || job_keys(j, env, o, e) == -1)
		return CMD_FAILED;
	if ((j->pem = BIO_new(BIO_s_mem())) == NULL) {
		err_nomem(e, "CRL");
		return CMD_FAILED;
	}
	/* of two at once, the one with the higher number must also be the last to write */
	if (flock(j->ca.dirfd, LOCK_EX) == -1) {
		err_sys(e, errno, "%s: locking", j->ca.path);
		return CMD_FAILED;
	}
	if (job_sign(j, env->now, e) == -1 || job_write(j, env, out, e) == -1)
		return CMD_FAILED;
	if (j->complaint[0] == '\0')
		return CMD_OK;
	err_set(e, ERR_REFUSED, "%s, and %s/root.key is away: put it back and run this again%s",
	    j->complaint, j->ca.path,
	    out == NULL ? "" : "; the file was written as far as it goes");
	return CMD_FAILED;
}

static enum cmd_exit
run(struct env *env, const struct opts *o, struct err *e)
{
	struct crl_job j = { .days = DAYS, .root_days = ROOT_DAYS };
	const char *days = opts_get(o, "days"), *root_days = opts_get(o, "root-days");
	enum cmd_exit ret;

	if ((days != NULL && count_parse("--days", days, 1, DAYS_MAX, &j.days, e) == -1) ||
	    (root_days != NULL &&
		count_parse("--root-days", root_days, 1, ROOT_DAYS_MAX, &j.root_days, e) == -1))
		return CMD_USAGE;
	if (ca_open(&j.ca, env->dir, e) == -1)
		return CMD_FAILED;
	ret = job_run(&j, env, o, e);
	BIO_free(j.pem);
	EVP_PKEY_free(j.key);
	EVP_PKEY_free(j.root_key);
	ca_close(&j.ca);
	return ret;
}

const struct command command_crl = {
	.name = "crl",
	.operands = "",
	.summary =
	    "Sign the intermediate's revocation list; write it and the root's as one PEM file.",
	.more =
	    "Where root.key is in DIR the root's list is signed too, else the last one is used.\n"
	    "Exit 1 when that has under 30 days left or does not tell of the intermediate's\n"
	    "revocation: the file is written, but the root's key is needed soon.\n",
	.opts = options,
	.nopts = sizeof(options) / sizeof(options[0]),
	.run = run,
};
