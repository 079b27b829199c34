/* certpath_trust.c - a trust section: reading anchors, intermediates and CRLs */
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "certpath_local.h"
#include "x509text.h"

struct certpath_trust *
certpath_trust_new(struct err *e)
{
	struct certpath_trust *t = calloc(1, sizeof(*t));

	if (t == NULL || (t->anchors = sk_X509_new_null()) == NULL ||
	    (t->inter = sk_X509_new_null()) == NULL || (t->store = X509_STORE_new()) == NULL) {
		certpath_trust_free(t);
		ERR_clear_error();
		err_nomem(e, "trust section");
		return NULL;
	}
	certpath_store_setup(t->store);
	return t;
}

void
certpath_trust_free(struct certpath_trust *t)
{
	if (t == NULL)
		return;
	certpath_crl_done(t);
	sk_X509_pop_free(t->anchors, X509_free);
	sk_X509_pop_free(t->inter, X509_free);
	X509_STORE_free(t->store);
	free(t);
}

void
certpath_trust_revocation(struct certpath_trust *t, enum certpath_revocation r)
{
	t->revocation = r;
}

/* Takes one certificate that was just decoded, also on failure. */
static int
add_cert(
    struct certpath_trust *t, enum certpath_kind kind, X509 *x, const char *name, struct err *e)
{
	STACK_OF(X509) *to = kind == CERTPATH_ANCHOR ? t->anchors : t->inter;
	char who[X509TEXT_NAME_SIZE];
	const char *why = NULL;

	/* Both are worked out once here and kept in the certificate. */
	(void)X509_check_purpose(x, -1, 0);
	if (X509_get0_pubkey(x) == NULL)
		why = "its public key cannot be read";
	else if ((X509_get_extension_flags(x) & EXFLAG_INVALID) != 0)
		why = "it has a malformed extension";
	else if (X509_check_ca(x) != 1)
		why = "no CA:TRUE, or a key usage without keyCertSign";
	/* An intermediate is judged when a path leads over it: a bad one serves for nothing. */
	if (kind == CERTPATH_ANCHOR && why != NULL) {
		err_set(e, ERR_FORMAT, "%s: \"%s\" cannot be an anchor: %s", name,
		    x509text_name(who, sizeof(who), X509_get_subject_name(x)), why);
		X509_free(x);
		return -1;
	}
	if (sk_X509_push(to, x) <= 0) {
		X509_free(x);
		return err_nomem(e, name);
	}
	return 0;
}

/*
 * Whether a certificate came in the only frame that DER has. What the frame holds is kept as it
 * came, and judged with the path (certpath_form.c).
 */
static bool
is_framed(X509 *x, const uint8_t *der, size_t n)
{
	unsigned char *again = NULL;
	int len = i2d_X509(x, &again);
	bool same = len > 0 && (size_t)len == n && memcmp(again, der, n) == 0;

	OPENSSL_free(again);
	return same;
}

/* One DER object, which must fill all n bytes. */
static int
add_der(struct certpath_trust *t, enum certpath_kind kind, const char *name, const uint8_t *der,
    size_t n, struct err *e)
{
	const unsigned char *p = der;
	X509 *x = NULL;

	if ((x = d2i_X509(NULL, &p, (long)n)) == NULL || p != der + n || !is_framed(x, der, n)) {
		X509_free(x);
		return err_set(e, ERR_FORMAT, "%s: a damaged certificate", name);
	}
	return add_cert(t, kind, x, name, e);
}

/* Whether a PEM label names what is wanted; TRUSTED CERTIFICATE carries settings: not taken. */
static bool
label_is_certificate(const char *label)
{
	return strcmp(label, PEM_STRING_X509) == 0 || strcmp(label, PEM_STRING_X509_OLD) == 0;
}

/*
 * How many lines begin with five dashes. PEM_read_bio() passes over a BEGIN line that it does not
 * understand as it passes over text, and so over what a cut or a slip of the pen left of an
 * object: each object must account for two of these lines, or the file is not whole. A last line
 * without its newline counts from the first dash on.
 */
static size_t
count_marks(const uint8_t *text, size_t n)
{
	size_t marks = 0;

	for (size_t i = 0; i < n;) {
		const uint8_t *end = memchr(text + i, '\n', n - i);
		size_t stop = end == NULL ? n : (size_t)(end - text);

		while (i < stop && (text[i] == ' ' || text[i] == '\t'))
			i++;
		if (stop - i >= 5 && memcmp(text + i, "-----", 5) == 0)
			marks++;
		else if (end == NULL && i < stop && text[i] == '-')
			marks++;
		i = stop + 1;
	}
	return marks;
}

static int
add_pem(struct certpath_trust *t, enum certpath_kind kind, const char *name, BIO *bio, int *count,
    struct err *e)
{
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	long n = 0;
	int ret = -1;

	while (PEM_read_bio(bio, &label, &header, &der, &n) == 1) {
		if (!label_is_certificate(label))
			ret = err_set(e, ERR_FORMAT,
			    "%s: object %d is a %.40s, wanted is a certificate", name, *count + 1,
			    label);
		else if (header[0] != '\0')
			ret = err_set(
			    e, ERR_FORMAT, "%s: object %d has PEM headers", name, *count + 1);
		else if ((ret = add_der(t, kind, name, der, (size_t)n, e)) == 0)
			++*count;
		OPENSSL_free(label);
		OPENSSL_free(header);
		OPENSSL_free(der);
		if (ret == -1)
			return -1;
	}
	/* This is how libcrypto says end of text; anything else is a damaged object. */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return err_set(e, ERR_FORMAT, "%s: damaged PEM behind object %d", name, *count);
	return 0;
}

static int
add_text(struct certpath_trust *t, enum certpath_kind kind, const char *name, const uint8_t *text,
    size_t n, struct err *e)
{
	BIO *bio;
	int count = 0;

	/* No PEM text begins with the byte of a SEQUENCE and a length of more than one byte. */
	if (n > 1 && text[0] == 0x30 && text[1] >= 0x80)
		return add_der(t, kind, name, text, n, e) == -1 ? -1 : 1;
	if ((bio = BIO_new_mem_buf(text, (int)n)) == NULL)
		return err_nomem(e, name);
	if (add_pem(t, kind, name, bio, &count, e) == -1)
		count = -1;
	else if (count == 0)
		count = err_set(e, ERR_FORMAT, "%s: no PEM or DER certificate in it", name);
	else if (count_marks(text, n) != 2 * (size_t)count)
		count =
		    err_set(e, ERR_FORMAT, "%s: a PEM object that is cut off or misspelt", name);
	BIO_free(bio);
	return count;
}

int
certpath_trust_add(struct certpath_trust *t, enum certpath_kind kind, const char *name,
    const uint8_t *text, size_t n, struct err *e)
{
	size_t max = kind == CERTPATH_CRL ? CERTPATH_CRL_MAX : CERTPATH_PEM_MAX;
	int count;

	if (n > max)
		return err_set(e, ERR_FORMAT, "%s: larger than %zu bytes", name, max);
	ERR_clear_error();
	count = kind == CERTPATH_CRL ? certpath_crl_add(t, name, text, n, e)
				     : add_text(t, kind, name, text, n, e);
	ERR_clear_error();
	return count;
}

size_t
certpath_nanchors(const struct certpath_trust *t)
{
	return (size_t)sk_X509_num(t->anchors);
}

int
certpath_anchor_sha256(const struct certpath_trust *t, size_t i, uint8_t sha256[32])
{
	unsigned int n = 0;

	if (i >= certpath_nanchors(t) ||
	    X509_digest(sk_X509_value(t->anchors, (int)i), EVP_sha256(), sha256, &n) != 1 ||
	    n != 32) {
		ERR_clear_error();
		return -1;
	}
	return 0;
}

/* Add the subjects of `certs` that are not there yet. */
static int
names_add(STACK_OF(X509_NAME) * names, const STACK_OF(X509) * certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		const X509_NAME *subject = X509_get_subject_name(sk_X509_value(certs, i));
		X509_NAME *copy;
		int k = 0;

		while (k < sk_X509_NAME_num(names) &&
		       X509_NAME_cmp(sk_X509_NAME_value(names, k), subject) != 0)
			k++;
		if (k < sk_X509_NAME_num(names))
			continue;
		copy = X509_NAME_dup(subject);
		if (copy == NULL || sk_X509_NAME_push(names, copy) <= 0) {
			X509_NAME_free(copy);
			return -1;
		}
	}
	return 0;
}

STACK_OF(X509_NAME) * certpath_ca_names(const struct certpath_trust *t, struct err *e)
{
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();

	if (names == NULL || names_add(names, t->anchors) == -1 ||
	    names_add(names, t->inter) == -1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		ERR_clear_error();
		err_nomem(e, "names of the certificate authorities");
		return NULL;
	}
	return names;
}
