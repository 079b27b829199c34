/* certpath_local.h - between the files of certpath: trust, crl, build, verify, rules, form, names
 */
#ifndef CERTPATH_LOCAL_H
#define CERTPATH_LOCAL_H

#include "certpath.h"

/* A CRL that is not taken. */
struct certpath_bad_crl {
	struct err why;
	bool stranger; /* no key of this section signed it */
};

struct certpath_trust {
	STACK_OF(X509) * anchors, *inter;
	struct crldrafts fresh; /* added and good, but not in `own` yet */
	struct certpath_bad_crl *bad;
	size_t nbad;
	uint8_t *own_bytes; /* of `own` */
	struct crlindex own;
	const struct crlindex *index; /* what is asked; NULL: there is no CRL */
	uint32_t section;	      /* this section's number in it */
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

/* certpath_crl.c: add each CRL of a text, or remember why not. As certpath_trust_add(). */
int certpath_crl_add(struct certpath_trust *t, const char *name, const uint8_t *text, size_t n,
    struct err *e) __attribute__((warn_unused_result, nonnull));
void certpath_crl_done(struct certpath_trust *t) __attribute__((nonnull));

/*
 * certpath_revoked.c: the ids of the issuers in a path that was verified, and whether each
 * certificate below the anchor has a current CRL that does not list it. 0, -1 and *e.
 */
int certpath_revoked(const struct certpath_trust *t, const struct certpath_path *path, int64_t now,
    struct certpath_result *res, struct err *e) __attribute__((warn_unused_result, nonnull));
/* Whether two certificates hold the same public key. */
bool certpath_same_key(const X509 *a, const X509 *b) __attribute__((nonnull));

/*
 * certpath_text.c: "leaf "CN=alice": " or "intermediate 2 "CN=…": " and the text. Set *e to
 * ERR_REFUSED with detail `code` (X509_V_ERR_*); return -1.
 */
int certpath_refuse(struct err *e, int code, const struct certpath_path *path, int depth,
    const char *fmt, ...) __attribute__((format(printf, 5, 6), nonnull(1, 3, 5)));
/* The same for an error of X509_verify_cert(). */
int certpath_refuse_code(struct err *e, int code, const struct certpath_path *path, int depth,
    int64_t now) __attribute__((nonnull));

#endif
