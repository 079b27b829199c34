/* issue.c - one certificate: signed, checked, recorded, and only then handed out */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/x509_vfy.h>

#include "ca.h"
#include "certpath.h"
#include "hold.h"
#include "issue.h"
#include "keyfile.h"
#include "names.h"
#include "text.h"

struct work {
	struct ca ca;
	EVP_PKEY *ca_key, *made; /* made: NULL where the key came from outside */
	X509 *cert;
	struct store_cert row;
	char cert_path[FILE_PATH_MAX], key_path[FILE_PATH_MAX];
	struct outfile cert_out, key_out;
};

/*
 * PREFIX.key is replaced only where PREFIX.pem shows that this CA wrote the pair: whoever forgets
 * --csr must not lose the key that he made for it.
 */
static int
may_replace_key(struct work *w, struct err *e)
{
	struct store_cert c;
	struct stat st;

	if (lstat(w->key_path, &st) == -1 && errno == ENOENT)
		return 0;
	if (ca_find(&w->ca, w->cert_path, &c, e) == -1)
		return err_set(e, ERR_FORMAT,
		    "%s: is there, and there is no certificate of this CA in %s: it may be "
		    "somebody's own key; take it away or name another --out",
		    w->key_path, w->cert_path);
	store_cert_done(&c);
	return 0;
}

/* Before any key is touched: the issuer outlives the certificate, the files can be written. */
static int
work_precheck(struct work *w, const struct issue *is, struct err *e)
{
	int64_t from, until;
	char ours[TEXT_TIME_SIZE], its[TEXT_TIME_SIZE];

	if (cert_times(w->ca.intermediate, &from, &until, e) == -1)
		return -1;
	if (is->not_after > until)
		return err_set(e, ERR_REFUSED,
		    "the certificate would be valid until %s, but the "
		    "intermediate that signs it only until %s: ask for less (--days, --until)",
		    text_time(its, is->not_after), text_time(ours, until));
	if (snprintf(w->cert_path, FILE_PATH_MAX, "%s.pem", is->out) >= FILE_PATH_MAX ||
	    snprintf(w->key_path, FILE_PATH_MAX, "%s.key", is->out) >= FILE_PATH_MAX)
		return err_set(e, ERR_FORMAT, "%.80s...: the name is too long", is->out);
	if (ca_may_write(&w->ca, w->cert_path, e) == -1)
		return -1;
	if (ca_may_write(&w->ca, w->key_path, e) == -1)
		return -1;
	return is->key != NULL ? 0 : may_replace_key(w, e);
}

static int
work_open(struct work *w, const struct issue *is, struct env *env, const char *file, struct err *e)
{
	struct passphrase p;

	if (ca_open(&w->ca, env->dir, e) == -1 || work_precheck(w, is, e) == -1)
		return -1;
	passphrase_init(&p, file);
	w->ca_key = ca_key(&w->ca, PROFILE_INTERMEDIATE, &p, env, e);
	passphrase_done(&p);
	if (w->ca_key == NULL)
		return -1;
	return is->key != NULL || (w->made = key_generate(e)) != NULL ? 0 : -1;
}

/* OpenSSL says only that a name is not permitted: find out which, and tell what is. */
static int
refused_by_constraints(struct work *w, const struct issue *is, struct err *e)
{
	NAME_CONSTRAINTS *nc =
	    X509_get_ext_d2i(w->ca.intermediate, NID_name_constraints, NULL, NULL);
	char permitted[160], refused[160];

	if (nc == NULL)
		return -1;
	if (names_refused(is->names, nc, refused, sizeof(refused))[0] == '\0')
		(void)snprintf(refused, sizeof(refused), "the name \"%.100s\"", is->name);
	err_set(e, ERR_REFUSED, "%s: outside of what this CA's intermediate may certify (%s)",
	    refused, names_permitted(nc, permitted, sizeof(permitted)));
	NAME_CONSTRAINTS_free(nc);
	return -1;
}

static int
trust_add(struct certpath_trust *t, enum certpath_kind kind, X509 *cert, struct err *e)
{
	uint8_t *der = NULL, sha256[32];
	size_t n = 0;
	int ret;

	if (cert_der(cert, &der, &n, sha256, e) == -1)
		return -1;
	ret = certpath_trust_add(t, kind, "the CA's own certificate", der, n, e);
	free(der);
	return ret == -1 ? -1 : 0;
}

/*
 * Ask the bridge's own verifier, at the first moment at which the whole path is valid: it is
 * stricter than OpenSSL where a name could be read in two ways.
 */
static int
check_as_bridge(struct work *w, const struct issue *is, struct err *e)
{
	struct certpath_request r = { .leaf = w->cert,
		.now = is->not_before,
		.purpose = is->profile == PROFILE_USER ? CERTPATH_CLIENT : CERTPATH_SERVER,
		.identity_rules = true };
	struct certpath_result res;
	struct certpath_trust *t;
	int64_t from, until;
	int ret = -1;

	/* an intermediate is never older than its root, nor ends later */
	if (cert_times(w->ca.intermediate, &from, &until, e) == -1)
		return -1;
	if (r.now < from)
		r.now = from;
	if (r.now > is->not_after)
		return 0; /* ended before this CA began: it counts at no time */
	if ((t = certpath_trust_new(e)) == NULL)
		return -1;
	if (trust_add(t, CERTPATH_ANCHOR, w->ca.root, e) == 0 &&
	    trust_add(t, CERTPATH_INTERMEDIATE, w->ca.intermediate, e) == 0 &&
	    (ret = certpath_verify(t, &r, &res, e)) == 0)
		certpath_result_done(&res);
	certpath_trust_free(t);
	return ret;
}

static int
work_check(struct work *w, const struct issue *is, struct err *e)
{
	if (profile_check(w->cert, is->profile, w->ca.intermediate, w->ca.root, e) == 0 &&
	    check_as_bridge(w, is, e) == 0)
		return 0;
	if (e->detail == X509_V_ERR_PERMITTED_VIOLATION ||
	    e->detail == X509_V_ERR_UNSUPPORTED_NAME_SYNTAX)
		return refused_by_constraints(w, is, e);
	return err_prefix(e, "a verifier would refuse the certificate");
}

/* What a verifier would refuse is not handed out. */
static int
work_sign(struct work *w, const struct issue *is, int64_t now, struct err *e)
{
	const struct cert_request r = { .profile = is->profile,
		.cn = is->name,
		.key = is->key != NULL ? is->key : w->made,
		.names = is->names,
		.ssh_sha256 = is->ssh ? is->ssh_sha256 : NULL,
		.not_before = is->not_before,
		.not_after = is->not_after };

	if ((w->cert = profile_sign(&r, w->ca.intermediate, w->ca_key, e)) == NULL ||
	    ca_row(w->cert, is->profile, is->name, now, &w->row, e) == -1)
		return -1;
	if (w->row.der_len > CERTPATH_LEAF_MAX)
		return err_set(e, ERR_REFUSED,
		    "with all its names the certificate has %zu bytes; a verifier takes %d",
		    w->row.der_len, CERTPATH_LEAF_MAX);
	return work_check(w, is, e);
}

/* Both files on the disk under temporary names: a full disk stops here. */
static int
work_prepare(struct work *w, struct err *e)
{
	char *pem = NULL;
	size_t n = 0;
	int ret;

	if (certs_to_pem(w->cert, w->ca.intermediate, &pem, &n, e) == -1)
		return -1;
	ret = outfile_prepare(&w->cert_out, w->cert_path, 0600, pem, n, e);
	OPENSSL_free(pem);
	if (ret == -1 || w->made == NULL)
		return ret;
	if (key_to_pem(w->made, NULL, &pem, &n, e) == -1)
		return -1;
	ret = outfile_prepare(&w->key_out, w->key_path, 0600, pem, n, e);
	OPENSSL_clear_free(pem, n);
	return ret;
}

static int
issuer_stands(struct work *w, struct err *e)
{
	struct store_cert c;
	char serial[SERIAL_TEXT];
	int r;

	if (serial_text(X509_get0_serialNumber(w->ca.intermediate), serial, e) == -1 ||
	    (r = store_find_cert(w->ca.store, serial, &c, e)) == -1)
		return -1;
	store_cert_done(&c);
	if (r == 1 && !c.revoked)
		return 0;
	return err_set(e, ERR_REFUSED, "the intermediate is revoked: it signs nothing more");
}

static int
work_record(struct work *w, const struct issue *is, int64_t now, struct err *e)
{
	struct store *st = w->ca.store;
	char detail[100], until[TEXT_TIME_SIZE];

	(void)snprintf(detail, sizeof(detail), "%s until %s%s", profile_word(is->profile),
	    text_time(until, is->not_after),
	    is->ssh	      ? ", on an SSH key"
	    : is->key != NULL ? ", on a request's key"
			      : "");
	if (store_begin(st, e) == -1)
		return -1;
	if (issuer_stands(w, e) == 0 && store_add_cert(st, &w->row, e) == 0 &&
	    store_add_event(st, now, "issue", w->row.serial, detail, e) == 0)
		return store_commit(st, e);
	store_rollback(st);
	return -1;
}

/* The certificate is on record now: if a name cannot be given, say which serial that is. */
static int
work_hand_out(struct work *w, struct err *e)
{
	if ((w->made == NULL || outfile_commit(&w->key_out, e) == 0) &&
	    outfile_commit(&w->cert_out, e) == 0)
		return 0;
	return err_prefix(e,
	    "certificate %s is recorded but its files are not in place (revoke "
	    "it and issue another)",
	    w->row.serial);
}

static void
work_done(struct work *w)
{
	outfile_discard(&w->cert_out);
	outfile_discard(&w->key_out);
	store_cert_done(&w->row);
	X509_free(w->cert);
	EVP_PKEY_free(w->ca_key);
	EVP_PKEY_free(w->made);
	ca_close(&w->ca);
}

static void
issue_tell(const struct work *w, const struct issue *is, struct env *env)
{
	char until[TEXT_TIME_SIZE];

	fprintf(env->out, "issued %s %s, serial %s, until %s: %s%s%s\n", profile_word(is->profile),
	    is->name, w->row.serial, text_time(until, is->not_after), w->cert_path,
	    w->made == NULL ? "" : " ", w->made == NULL ? "" : w->key_path);
	if (is->not_after < env->now)
		fprintf(env->err, "mtls-ca: warning: this certificate has ended already\n");
}

int
issue_do(const struct issue *is, struct env *env, const char *passphrase_file, struct err *e)
{
	struct work w = { .ca.dirfd = -1 };
	sigset_t old;
	int ret = -1;

	outfile_init(&w.cert_out);
	outfile_init(&w.key_out);
	if (work_open(&w, is, env, passphrase_file, e) == 0 &&
	    work_sign(&w, is, env->now, e) == 0) {
		/* ^C between the row and the files would leave a certificate nobody has */
		hold_begin(&old);
		if (work_prepare(&w, e) == 0 && work_record(&w, is, env->now, e) == 0)
			ret = work_hand_out(&w, e);
		if (ret == 0)
			issue_tell(&w, is, env);
		work_done(&w);
		hold_end(&old);
		return ret;
	}
	work_done(&w);
	return ret;
}
