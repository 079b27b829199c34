/* cred.c - the user's certificate and key, and the certificates that sign bridges */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "agentkey.h"
#include "ask.h"
#include "cred.h"
#include "files.h"
#include "opensshkey.h"
#include "text.h"

#define PASSPHRASE_MAX 1024
#define TRIES	       3

int
cred_time(const ASN1_TIME *t, int64_t *seconds)
{
	struct tm tm;
	time_t v;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return -1;
	errno = 0;
	v = timegm(&tm);
	if (v == (time_t)-1 && errno != 0)
		return -1;
	*seconds = v;
	return 0;
}

/* Every certificate of a PEM text, in order; NULL and *e. `most` bounds them. */
static STACK_OF(X509) *
    certs_parse(const char *shown, const uint8_t *text, size_t n, int most, struct err *e)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	BIO *bio = BIO_new_mem_buf(text, (int)n);
	X509 *cert = NULL;
	unsigned long code;
	int r = -1;

	if (certs == NULL || bio == NULL) {
		(void)err_nomem(e, shown);
		goto out;
	}
	ERR_clear_error();
	while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (sk_X509_num(certs) == most) {
			(void)err_set(e, ERR_FORMAT, "%s: more than %d certificates", shown, most);
			goto out;
		}
		if (sk_X509_push(certs, cert) <= 0) {
			(void)err_nomem(e, shown);
			goto out;
		}
	}
	/* NO_START_LINE is how libcrypto says end of file, also for a file with no PEM in it. */
	code = ERR_peek_last_error();
	if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
		(void)err_set(
		    e, ERR_FORMAT, "%s: certificate %d is damaged", shown, sk_X509_num(certs) + 1);
	else if (sk_X509_num(certs) == 0)
		(void)err_set(e, ERR_FORMAT,
		    "%s: there is no certificate in it (PEM: \"-----BEGIN "
		    "CERTIFICATE-----\")",
		    shown);
	else
		r = 0;
out:
	ERR_clear_error();
	X509_free(cert);
	BIO_free(bio);
	if (r == -1) {
		sk_X509_pop_free(certs, X509_free);
		certs = NULL;
	}
	return certs;
}

static STACK_OF(X509) * certs_load(const char *path, int most, struct err *e)
{
	STACK_OF(X509) * certs;
	char shown[300];
	uint8_t *text;
	size_t n;

	if ((text = files_read(path, FILES_PUBLIC, &n, e)) == NULL)
		return NULL;
	certs =
	    certs_parse(text_escape(shown, sizeof(shown), path, strlen(path)), text, n, most, e);
	files_free(text, n);
	return certs;
}

/* The passphrase of one try; libcrypto may ask more than once while it finds the format. */
struct passphrase {
	char buf[PASSPHRASE_MAX];
	int len; /* -1: not asked yet */
	const char *shown;
	struct err *e;
	bool never; /* it is not the time to ask */
	bool failed;
};

static int
passphrase_get(char *buf, int size, int rwflag, void *arg)
{
	struct passphrase *p = arg;
	char prompt[360];

	(void)rwflag;
	if (p->never && !p->failed) {
		(void)err_set(p->e, ERR_FORMAT, "its passphrase is not asked for in a session");
		p->failed = true;
	} else if (p->len == -1 && !p->failed) {
		(void)snprintf(prompt, sizeof(prompt), "Passphrase for %s: ", p->shown);
		p->len = ask_passphrase(prompt, p->buf, sizeof(p->buf), p->e);
		p->failed = p->len == -1;
	}
	if (p->failed || p->len > size)
		return -1;
	memcpy(buf, p->buf, (size_t)p->len);
	return p->len;
}

static int
openssh_parse(const char *shown, const uint8_t *text, size_t n, EVP_PKEY **key, struct err *e)
{
	BIO *bio = BIO_new_mem_buf(text, (int)n);
	char *name = NULL, *header = NULL;
	uint8_t *blob = NULL;
	long len = 0;
	int r = -1;

	if (bio == NULL)
		(void)err_nomem(e, shown);
	else if (PEM_read_bio(bio, &name, &header, &blob, &len) != 1 ||
		 strcmp(name, OPENSSHKEY_PEM_NAME) != 0)
		(void)err_set(e, ERR_FORMAT, "%s: the key is damaged", shown);
	else if ((*key = opensshkey_parse(blob, (size_t)len, e)) == NULL)
		(void)err_prefix(e, "%s", shown);
	else
		r = 0;
	ERR_clear_error();
	BIO_free(bio);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(blob, len > 0 ? (size_t)len : 0);
	return r;
}

static int
key_parse(const char *shown, const uint8_t *text, size_t n, bool ask, EVP_PKEY **key, struct err *e)
{
	struct passphrase p = { .shown = shown, .e = e, .never = !ask };
	EVP_PKEY *k = NULL;
	BIO *bio;

	if (strstr((const char *)text, "-----BEGIN " OPENSSHKEY_PEM_NAME "-----") != NULL)
		return openssh_parse(shown, text, n, key, e);
	for (int try = 0; k == NULL && try < TRIES && !p.failed; try++) {
		if (try > 0 && p.len <= 0)
			break; /* it was not about a passphrase, or none was typed */
		p.len = -1;
		if ((bio = BIO_new_mem_buf(text, (int)n)) == NULL)
			return err_nomem(e, shown);
		ERR_clear_error();
		k = PEM_read_bio_PrivateKey(bio, NULL, passphrase_get, &p);
		BIO_free(bio);
	}
	ERR_clear_error();
	OPENSSL_cleanse(p.buf, sizeof(p.buf));
	if (k == NULL && p.failed)
		return err_prefix(e, "%s: the key is encrypted", shown);
	if (k == NULL && p.len >= 0)
		return err_set(e, ERR_FORMAT, "%s: the passphrase is wrong", shown);
	if (k == NULL)
		return err_set(e, ERR_FORMAT,
		    "%s: there is no private key in it (PEM: \"-----BEGIN "
		    "PRIVATE KEY-----\")",
		    shown);
	*key = k;
	return 0;
}

static int
key_read(const char *path, bool ask, EVP_PKEY **key, struct err *e)
{
	char shown[300];
	uint8_t *text;
	size_t n;
	int r;

	if ((text = files_read(path, FILES_SECRET, &n, e)) == NULL)
		return -1;
	r = key_parse(text_escape(shown, sizeof(shown), path, strlen(path)), text, n, ask, key, e);
	files_free(text, n);
	return r;
}

/* The key of the leaf, which is there already: held by the agent, or in a file. */
static int
key_load(struct cred *c, bool ask, struct err *e)
{
	if (agentkey_named(c->key_path))
		c->key = agentkey_open(c->key_path, c->leaf, e);
	else if (key_read(c->key_path, ask, &c->key, e) == -1)
		c->key = NULL;
	return c->key == NULL ? err_prefix(e, "key") : 0;
}

static int
leaf_facts(struct cred *c, struct err *e)
{
	char cert[200], key[200];

	(void)text_escape(cert, sizeof(cert), c->cert_path, strlen(c->cert_path));
	if (cred_time(X509_get0_notBefore(c->leaf), &c->not_before) == -1 ||
	    cred_time(X509_get0_notAfter(c->leaf), &c->not_after) == -1)
		return err_set(e, ERR_FORMAT, "%s: the certificate's times are damaged", cert);
	if (X509_check_private_key(c->leaf, c->key) != 1) {
		ERR_clear_error();
		return err_set(e, ERR_FORMAT, "%s is not the key of the first certificate in %s",
		    text_escape(key, sizeof(key), c->key_path, strlen(c->key_path)), cert);
	}
	return 0;
}

/* Leaf and intermediates. */
static int
cert_load(struct cred *c, struct err *e)
{
	if ((c->chain = certs_load(c->cert_path, CRED_CHAIN_MAX + 1, e)) == NULL)
		return err_prefix(e, "certificate");
	c->leaf = sk_X509_shift(c->chain);
	return 0;
}

static int
anchors_load(struct cred *c, struct err *e)
{
	if ((c->anchors = certs_load(c->ca_path, CRED_CA_MAX, e)) == NULL)
		return err_prefix(e, "CA");
	return 0;
}

int
cred_load(struct cred *c, const char *cert, const char *key, const char *ca, struct err *e)
{
	memset(c, 0, sizeof(*c));
	if (files_path(cert, "cert.pem", c->cert_path, e) == -1 ||
	    files_path(key, "key.pem", c->key_path, e) == -1 ||
	    files_path(ca, "ca.pem", c->ca_path, e) == -1)
		return -1;
	/* The key last: nobody types a passphrase or unlocks an agent for nothing. */
	if (cert_load(c, e) == 0 && anchors_load(c, e) == 0 && key_load(c, true, e) == 0 &&
	    leaf_facts(c, e) == 0)
		return 0;
	cred_done(c);
	return -1;
}

/* The key in use, if it is that of the new leaf too. */
static bool
key_keep(struct cred *c, const struct cred *old)
{
	bool same =
	    X509_check_private_key(c->leaf, old->key) == 1 && EVP_PKEY_up_ref(old->key) == 1;

	ERR_clear_error();
	if (same)
		c->key = old->key;
	return same;
}

int
cred_reload(struct cred *c, const struct cred *old, struct err *e)
{
	memset(c, 0, sizeof(*c));
	memcpy(c->cert_path, old->cert_path, sizeof(c->cert_path));
	memcpy(c->key_path, old->key_path, sizeof(c->key_path));
	memcpy(c->ca_path, old->ca_path, sizeof(c->ca_path));
	if (cert_load(c, e) == 0 && (key_keep(c, old) || key_load(c, false, e) == 0) &&
	    leaf_facts(c, e) == 0)
		return 0;
	cred_done(c);
	return -1;
}

int
cred_reopen(struct cred *c, const struct cred *old, struct err *e)
{
	if (cred_reload(c, old, e) == -1)
		return -1;
	if (anchors_load(c, e) == 0)
		return 0;
	cred_done(c);
	return -1;
}

void
cred_done(struct cred *c)
{
	X509_free(c->leaf);
	sk_X509_pop_free(c->chain, X509_free);
	sk_X509_pop_free(c->anchors, X509_free);
	EVP_PKEY_free(c->key);
	memset(c, 0, sizeof(*c));
}

static bool
is_named(const STACK_OF(X509_NAME) * cas, const X509_NAME *name)
{
	for (int i = 0; i < sk_X509_NAME_num(cas); i++)
		if (X509_NAME_cmp(sk_X509_NAME_value(cas, i), name) == 0)
			return true;
	return false;
}

int
cred_chain_needed(X509 *leaf, const STACK_OF(X509) * chain, const STACK_OF(X509_NAME) * cas)
{
	X509 *last = leaf;
	int n;

	for (n = 0; n < sk_X509_num(chain); n++) {
		X509 *next = sk_X509_value(chain, n);

		if (cas != NULL && is_named(cas, X509_get_issuer_name(last)))
			break;
		if (X509_NAME_cmp(X509_get_subject_name(next), X509_get_issuer_name(next)) == 0)
			break;
		last = next;
	}
	return n;
}
