/*
 * chain.c - the server's certificates and key, judged as a gate's TLS library will
 *
 * A gate that refused them would do so after ident has taken the generation, and every gate would:
 * what is wrong with them has to be found here, while the old ones are still in force.
 */
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "certtime.h"
#include "child.h"
#include "dertime.h"
#include "load.h"
#include "text.h"

/* OpenSSL's security level 2, at which gates run (SSL_CTX_set_security_level(3)). */
#define SECURITY_BITS 112

/* Never ask anybody for a passphrase: a daemon has nobody to ask. */
static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static EVP_PKEY *
parse_key(const uint8_t *p, size_t n)
{
	BIO *b = BIO_new_mem_buf(p, (int)n);
	EVP_PKEY *key = b == NULL ? NULL : PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL);

	BIO_free(b);
	return key;
}

/* The curves that TLS 1.3 has signature schemes for (RFC 8446 section 4.2.3). */
static bool
curve_is_known(const EVP_PKEY *key)
{
	static const char *const curves[] = { SN_X9_62_prime256v1, SN_secp384r1, SN_secp521r1 };
	char name[64];
	size_t n;

	if (EVP_PKEY_get_group_name(key, name, sizeof(name), &n) != 1)
		return false;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(name, curves[i]) == 0)
			return true;
	return false;
}

/* What a gate can sign a handshake with. */
static bool
kind_is_known(const EVP_PKEY *key)
{
	static const int kinds[] = { EVP_PKEY_ED25519, EVP_PKEY_ED448, EVP_PKEY_RSA };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (EVP_PKEY_get_base_id(key) == kinds[i])
			return true;
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && curve_is_known(key);
}

static int
judge_strength(const char *name, int number, X509 *c, struct err *e)
{
	EVP_PKEY *key = X509_get0_pubkey(c);
	int bits = 0;

	if (key == NULL || !kind_is_known(key))
		return err_set(e, ERR_FORMAT,
		    "%s: certificate %d has a key of a kind that TLS does "
		    "not take (EC P-256, P-384, P-521, Ed25519, Ed448, RSA)",
		    name, number);
	if (EVP_PKEY_get_security_bits(key) < SECURITY_BITS)
		return err_set(e, ERR_FORMAT,
		    "%s: certificate %d has too short a key (RSA: at least "
		    "2048 bits)",
		    name, number);
	/* nobody relies on the signature that a root makes over itself */
	if ((X509_get_extension_flags(c) & EXFLAG_SS) == 0 &&
	    (X509_get_signature_info(c, NULL, NULL, &bits, NULL) != 1 || bits < SECURITY_BITS))
		return err_set(e, ERR_FORMAT,
		    "%s: certificate %d is signed with too weak a digest "
		    "(SHA-256 or better)",
		    name, number);
	return 0;
}

/* Every certificate of the file, the first of which is the server's own, into *leaf. */
static int
parse_chain(const struct load_file *f, X509 **leaf, struct err *e)
{
	BIO *b = BIO_new_mem_buf(f->text, (int)f->n);
	unsigned long code;
	X509 *c;
	int n = 0, r = -1;

	if (b == NULL)
		return err_nomem(e, f->name);
	while ((c = PEM_read_bio_X509(b, NULL, no_passphrase, NULL)) != NULL) {
		r = judge_strength(f->name, ++n, c, e);
		if (n == 1)
			*leaf = c;
		else
			X509_free(c);
		if (r == -1)
			goto out;
	}
	/* NO_START_LINE is how libcrypto says end of file, also for a file with no PEM in it. */
	code = ERR_peek_last_error();
	if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
		r = err_set(
		    e, ERR_FORMAT, "%s: certificate %d is damaged or cut off", f->name, n + 1);
	else if (n == 0)
		r = err_set(e, ERR_FORMAT, "%s: no certificate in PEM form", f->name);
out:
	BIO_free(b);
	return r;
}

static int
judge_key(const struct load *l, const char *name, X509 *leaf, struct err *e)
{
	EVP_PKEY *key = parse_key(l->key, l->key_len);
	int r = 0;

	if (key == NULL)
		r = err_set(e, ERR_FORMAT,
		    "tls: key: no private key in PEM form, or it is "
		    "encrypted (a daemon has nobody to ask for the passphrase)");
	else if (X509_check_private_key(leaf, key) != 1)
		r = err_set(e, ERR_FORMAT, "%s: tls: key is not the key of this certificate", name);
	EVP_PKEY_free(key);
	return r;
}

/* What STATS says of it. */
static void
note_end(struct load *l, const X509 *leaf)
{
	if (certtime_get(X509_get0_notBefore(leaf), &l->chain_from) == -1 ||
	    certtime_get(X509_get0_notAfter(leaf), &l->chain_until) == -1)
		l->chain_from = l->chain_until = 0;
	(void)x509text_name(l->chain_name, sizeof(l->chain_name), X509_get_subject_name(leaf));
}

/* What clients refuse is theirs to say: the bridge itself can still start. */
static void
warn(const struct load *l, const char *name, X509 *leaf, int64_t now)
{
	char span[CERTTIME_SPAN_SIZE], when[TEXT_TIME_SIZE];

	if (l->chain_until != 0 && now > l->chain_until)
		load_text(CHILD_WARNING,
		    "%s: the server's certificate has expired %s ago (notAfter %s): clients will "
		    "refuse it",
		    name, certtime_span(span, now - l->chain_until),
		    text_time(when, l->chain_until));
	if (l->chain_until != 0 && now < l->chain_from)
		load_text(CHILD_WARNING,
		    "%s: the server's certificate begins in %s (notBefore %s): clients will refuse "
		    "it until then, or the clock is wrong",
		    name, certtime_span(span, l->chain_from - now), text_time(when, l->chain_from));
	if ((X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE) == 0 ||
	    (X509_get_extended_key_usage(leaf) & XKU_SSL_SERVER) == 0)
		load_text(CHILD_WARNING,
		    "%s: not a certificate for a TLS server (extended key usage): clients will "
		    "refuse it",
		    name);
}

int
load_chain(struct load *l, const struct load_file *f, int64_t now, struct err *e)
{
	X509 *leaf = NULL;
	int r = -1;

	ERR_clear_error();
	if (parse_chain(f, &leaf, e) == 0 && judge_key(l, f->name, leaf, e) == 0)
		r = 0;
	if (r == 0) {
		note_end(l, leaf);
		warn(l, f->name, leaf, now);
	}
	explicit_bzero(l->key, sizeof(l->key));
	l->key_len = 0;
	X509_free(leaf);
	ERR_clear_error();
	return r;
}
