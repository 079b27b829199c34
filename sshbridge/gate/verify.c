/*
 * verify.c - the verify callback: lib/certpath once for each trust section
 *
 * Sections are tried all, not until the first that accepts: the identity map may grant an account
 * to one section and not to another. The answer is yes when one accepts at least; what each found
 * goes to ident, which judges again.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/bio.h>
#include <openssl/err.h>

#include "certtime.h"
#include "generation.h"
#include "verify.h"

/* Certificates that may come with the leaf: each costs a tenth of a millisecond to decode. */
#define UNTRUSTED_MAX 16

struct proof *
proof_new(struct generation *gen)
{
	struct proof *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->gen = generation_ref(gen);
	return p;
}

struct proof *
proof_renewal(struct generation *const *latest)
{
	struct proof *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->latest = latest;
	return p;
}

static void
proof_drop_sections(struct proof *p)
{
	while (p->nsections > 0)
		certpath_result_done(&p->sections[--p->nsections].res);
}

void
proof_free(struct proof *p)
{
	if (p == NULL)
		return;
	proof_drop_sections(p);
	generation_unref(p->gen);
	X509_free(p->leaf);
	free(p);
}

/*
 * Of several sections' refusals, the one worth telling: that a section does not know the CA says
 * little when another knows it and found something wrong.
 */
static bool
tells_more(const struct err *a, const struct err *than)
{
	switch (than->detail) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return a->detail != than->detail;
	default:
		return than->kind == ERR_NONE;
	}
}

static int
refuse(struct proof *p, int detail, const char *why)
{
	err_set(&p->why, ERR_REFUSED, "%s", why);
	p->why.detail = detail;
	return 0;
}

static bool
find_path(struct proof *p, struct proof_section *s, int64_t now)
{
	struct pathcache_key key;
	const struct pathcache_ask a = {
		.key = &key, .trust = p->gen->trust[s->index], .leaf = p->leaf, .now = now
	};

	return pathcache_key(p->leaf, s->index, &key) == 0 &&
	       pathcache_find(p->gen->paths, &a, &s->res);
}

/* Only what the client has proved to be its own is kept: or strangers would fill the cache. */
static void
keep_paths(const struct proof *p)
{
	struct pathcache_key key;

	for (size_t i = 0; i < p->nsections; i++)
		if (!p->sections[i].cached &&
		    pathcache_key(p->leaf, p->sections[i].index, &key) == 0)
			pathcache_add(p->gen->paths, &key, &p->sections[i].res);
}

static void
try_sections(struct proof *p, STACK_OF(X509) * untrusted)
{
	struct certpath_request r = {
		.leaf = p->leaf,
		.untrusted = untrusted,
		.now = p->now != 0 ? p->now : (int64_t)time(NULL),
		.purpose = CERTPATH_CLIENT,
		.identity_rules = true,
	};

	for (uint32_t i = 0; i < p->gen->set.nsections; i++) {
		struct proof_section *s = &p->sections[p->nsections];
		struct err e = { 0 };

		s->index = i;
		s->cached = find_path(p, s, r.now);
		if (s->cached || certpath_verify(p->gen->trust[i], &r, &s->res, &e) == 0)
			p->nsections++;
		else if (tells_more(&e, &p->why))
			p->why = e;
	}
}

/* Judge the certificate that was shown. 1 yes, 0 no and p->why. */
static int
judge(struct proof *p, STACK_OF(X509) * untrusted)
{
	if (i2d_X509(p->leaf, NULL) > CERTPATH_LEAF_MAX)
		return refuse(p, X509_V_ERR_APPLICATION_VERIFICATION, "certificate too large");
	if (untrusted != NULL && sk_X509_num(untrusted) > 1 + UNTRUSTED_MAX)
		return refuse(p, X509_V_ERR_CERT_CHAIN_TOO_LONG, "too many certificates came");
	try_sections(p, untrusted);
	if (p->nsections > 0)
		return 1;
	if (p->why.kind == ERR_NONE)
		return refuse(p, X509_V_ERR_UNSPECIFIED, "no trust section accepts it");
	return 0;
}

/*
 * By its code OpenSSL chooses the alert that the client gets. Of some the alert says something else
 * than what is wrong: another code is shown for those, and the log has the reason.
 */
static int
shown_code(int code)
{
	switch (code) {
	/* would be internal_error, handshake_failure (TLS 1.2's "none came"), unknown_ca */
	case X509_V_ERR_UNSPECIFIED:
	case X509_V_ERR_APPLICATION_VERIFICATION:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
		return X509_V_ERR_CERT_REJECTED; /* bad_certificate */
	/* would be unknown_ca, yet it is known, and its CRL is what we lack */
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return X509_V_ERR_DIFFERENT_CRL_SCOPE; /* certificate_unknown */
	default:
		return code;
	}
}

int
verify_client(X509_STORE_CTX *ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct proof *p = ssl == NULL ? NULL : SSL_get_app_data(ssl);
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
	int error = X509_V_ERR_UNSPECIFIED;

	(void)arg;
	/* the answer stands here until something below says yes */
	X509_STORE_CTX_set_error(ctx, error);
	if (p == NULL || leaf == NULL || X509_up_ref(leaf) != 1)
		return 0;
	proof_drop_sections(p);
	X509_free(p->leaf);
	p->leaf = leaf;
	p->why = (struct err){ 0 };
	if (p->gen == NULL)
		p->gen = generation_ref(*p->latest);
	if (judge(p, X509_STORE_CTX_get0_untrusted(ctx)) == 1) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	if (p->why.kind == ERR_NOMEM)
		error = X509_V_ERR_OUT_OF_MEM;
	else if (p->why.kind == ERR_REFUSED && p->why.detail != X509_V_OK)
		error = shown_code(p->why.detail);
	X509_STORE_CTX_set_error(ctx, error);
	ERR_clear_error();
	return p->latest != NULL ? 1 : 0;
}

bool
verify_holds(const SSL *ssl, const struct proof *p)
{
	const X509 *peer = SSL_get0_peer_certificate(ssl);

	if (!SSL_is_init_finished(ssl) || peer == NULL || p->leaf == NULL ||
	    X509_cmp(peer, p->leaf) != 0 || p->nsections == 0 || SSL_session_reused(ssl) != 0 ||
	    SSL_get_verify_result(ssl) != X509_V_OK)
		return false;
	keep_paths(p);
	return true;
}

bool
verify_again(const SSL *ssl, struct proof *p, struct generation *now)
{
	bool ok;

	proof_drop_sections(p);
	(void)generation_ref(now);
	generation_unref(p->gen);
	p->gen = now;
	p->why = (struct err){ 0 };
	ok = judge(p, SSL_get_peer_cert_chain(ssl)) == 1;
	if (ok)
		keep_paths(p);
	ERR_clear_error();
	return ok;
}

int64_t
proof_until(const struct proof *p)
{
	int64_t until;

	return certtime_get(X509_get0_notAfter(p->leaf), &until) == 0 ? until : 0;
}

/* ---- for the log ----------------------------------------------------------------------------- */

static void
describe_name(struct logline *l, const char *key, const X509_NAME *name)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *text;
	long n;

	/* RFC 4514 form with every odd byte escaped: it is a stranger's */
	if (b != NULL &&
	    X509_NAME_print_ex(
		b, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0 &&
	    (n = BIO_get_mem_data(b, &text)) >= 0)
		logline_bytes(l, key, text, (size_t)n);
	BIO_free(b);
}

void
verify_describe(const struct proof *p, struct logline *l)
{
	const ASN1_INTEGER *serial;
	char hex[2 * PATHCERT_SERIAL_MAX + 1], fingerprint[TEXT_SHA256_SIZE];
	uint8_t sha256[32];
	unsigned len = 0;
	int n;

	if (p->leaf == NULL)
		return;
	describe_name(l, "subject", X509_get_subject_name(p->leaf));
	describe_name(l, "issuer", X509_get_issuer_name(p->leaf));
	serial = X509_get0_serialNumber(p->leaf);
	n = ASN1_STRING_length(serial);
	logline_str(l, "serial",
	    text_hex(hex, sizeof(hex), ASN1_STRING_get0_data(serial), n < 0 ? 0 : (size_t)n));
	if (X509_digest(p->leaf, EVP_sha256(), sha256, &len) == 1 && len == sizeof(sha256))
		logline_str(l, "fingerprint", text_sha256(fingerprint, sha256));
	ERR_clear_error();
}
