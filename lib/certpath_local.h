/* certpath_local.h - between the files of certpath: trust, crl, build, verify, rules, form, names
 */
#ifndef CERTPATH_LOCAL_H
#define CERTPATH_LOCAL_H

#include "certpath.h"

struct certpath_crl {
	X509_CRL *crl;
	char *name;   /* the file that it came from, for messages */
	X509 *signer; /* the certificate whose key signed it; NULL until it was checked */
};

struct certpath_trust {
	STACK_OF(X509) * anchors, *inter;
	struct certpath_crl *crls;
	size_t ncrls;
	bool crls_checked; /* since the last one was added */
	enum certpath_revocation revocation;
	X509_STORE *store; /* holds call-backs, no certificate and no CRL */
};

/* certificates that a peer may send besides its leaf */
#define CERTPATH_UNTRUSTED_MAX 32

/* certpath.c: the call-backs of a section's store. */
void certpath_store_setup(X509_STORE *store) __attribute__((nonnull));

/* A path: [0] the leaf, and, when it is whole, [n - 1] the anchor. */
#define CERTPATH_LEN_MAX (CERTPATH_DEPTH_MAX + 2)
struct certpath_path {
	X509 *cert[CERTPATH_LEN_MAX];
	int n;
	bool whole;
};

/*
 * certpath_build.c: every path by names and key identifiers, those to an anchor first. Calls `try`
 * for each until it returns 0. Returns 0; or -1 and *e: the first failure of `try`, or why there
 * was no path at all.
 */
struct certpath_try {
	int (*try)(void *arg, const struct certpath_path *path, struct err *e);
	void *arg;
};
int certpath_build(const struct certpath_trust *t, const struct certpath_request *r,
    const struct certpath_try *try, struct err *e) __attribute__((warn_unused_result, nonnull));

/* certpath_rules.c: what OpenSSL leaves out, on a path that it accepted. */
int certpath_rules(const struct certpath_request *r, const struct certpath_path *path,
    struct err *e) __attribute__((warn_unused_result, nonnull));
/* The key and the signature algorithm are strong enough, or why not; NULL: they are. */
const char *certpath_weak_key(X509 *cert) __attribute__((warn_unused_result, nonnull));
const char *certpath_weak_digest(int md_nid, int key_nid) __attribute__((warn_unused_result));

/* certpath_der.c: whether these bytes are one value in DER, as far as tags and lengths tell. */
bool certpath_is_der(const uint8_t *der, size_t n) __attribute__((warn_unused_result, nonnull));
/* certpath_form.c: what is wrong with the form of a certificate by itself; NULL: nothing. */
const char *certpath_form(X509 *x, bool anchor) __attribute__((warn_unused_result, nonnull));

/* certpath_names.c: the names of the leaf, and name constraints that OpenSSL cannot judge. */
int certpath_names(const struct certpath_request *r, const struct certpath_path *path,
    struct err *e) __attribute__((warn_unused_result, nonnull));

/* certpath_crl.c: those CRLs of `name`'s that a key of path[from..] signed; the caller frees. */
STACK_OF(X509_CRL) * certpath_crls_for(const struct certpath_trust *t,
			 const struct certpath_path *path, int from, const X509_NAME *name)
			 __attribute__((warn_unused_result, nonnull));
/* Whether two certificates hold the same public key. */
bool certpath_same_key(const X509 *a, const X509 *b) __attribute__((nonnull));

/*
 * certpath_text.c: "leaf "CN=alice": " or "intermediate 2 "CN=…": " and the text. Set *e to
 * ERR_REFUSED with detail `code` (X509_V_ERR_*); return -1.
 */
int certpath_refuse(struct err *e, int code, const struct certpath_path *path, int depth,
    const char *fmt, ...) __attribute__((format(printf, 5, 6), nonnull(1, 3, 5)));
/* The same for an error of X509_verify_cert(); `crl` is the CRL at hand, or NULL. */
int certpath_refuse_code(struct err *e, int code, const struct certpath_trust *t,
    const struct certpath_path *path, int depth, X509_CRL *crl, int64_t now)
    __attribute__((nonnull(1, 3, 4)));

#endif
