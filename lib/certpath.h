/* certpath.h - certification path validation (RFC 5280 section 6), one verifier for bridge and CA
 */
#ifndef CERTPATH_H
#define CERTPATH_H

#include <stdbool.h>
#include <stdint.h>
#include <openssl/x509.h>

#include "crldraft.h"
#include "err.h"

#define CERTPATH_LEAF_MAX  16384 /* DER bytes of a leaf */
#define CERTPATH_DEPTH_MAX 8	 /* intermediates between leaf and anchor */
#define CERTPATH_PEM_MAX   (16U << 20)
#define CERTPATH_CRL_MAX   (256U << 20)

enum certpath_revocation { CERTPATH_REVOCATION_OFF, CERTPATH_REVOCATION_REQUIRE };
enum certpath_purpose { CERTPATH_ANY, CERTPATH_CLIENT, CERTPATH_SERVER };

/* One trust section: anchors, intermediates, CRLs. Not changed after it is filled. */
struct certpath_trust;
struct certpath_trust *certpath_trust_new(struct err *e);
void certpath_trust_free(struct certpath_trust *t);
void certpath_trust_revocation(struct certpath_trust *t, enum certpath_revocation r);

/*
 * Add every certificate (or CRL) of a PEM text (RFC 7468) or one DER object. Text before, between
 * and behind PEM objects is allowed, objects of another type are not. `name` goes before errors.
 * Return how many were added, at least 1; or -1: ERR_FORMAT (nothing there, a damaged one, too
 * large, an anchor that cannot be one), ERR_NOMEM. A CRL is read and its signature checked at once:
 * the certificates come first. What is wrong with one that is whole certpath_trust_check() tells.
 */
enum certpath_kind { CERTPATH_ANCHOR, CERTPATH_INTERMEDIATE, CERTPATH_CRL };
int certpath_trust_add(struct certpath_trust *t, enum certpath_kind kind, const char *name,
    const uint8_t *text, size_t n, struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * Whether each CRL that was added is one to be taken: its issuer is in this section, its signature
 * holds, it has no form that we refuse (delta, indirect, onlySomeReasons, …). From then on they
 * count. `note` gets one line for each that is expired at `now` or near its end. 0, or -1
 * ERR_FORMAT naming the CRL and its issuer.
 */
int certpath_trust_check(struct certpath_trust *t, int64_t now,
    void (*note)(void *arg, const char *text), void *arg, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 3, 5)));

/*
 * Leave out those CRLs that no key of this section signed, and tell each by `note`. For a tool that
 * is handed files of all sorts; the bridge has certpath_trust_check() refuse them.
 */
void certpath_trust_drop_strangers(struct certpath_trust *t,
    void (*note)(void *arg, const char *text), void *arg) __attribute__((nonnull(1, 2)));

/*
 * Read every CRL of one file for the section that `t` is, number `section` in an index to be: the
 * same checks, the lists into *to. -1: ERR_FORMAT (what is wrong, and where), ERR_NOMEM; what was
 * read before stays in *to.
 */
struct certpath_crl_file {
	const char *name;
	uint32_t section;
	const char *section_name;
};
int certpath_crls_read(const struct certpath_trust *t, const struct certpath_crl_file *f,
    const uint8_t *text, size_t n, struct crldrafts *to, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Ask this index, where the section has number `section`; it must stay as long as `t`. */
void certpath_trust_index(struct certpath_trust *t, const struct crlindex *ix, uint32_t section)
    __attribute__((nonnull));

/*
 * Who issued: SHA-256 over public key and subject of a CA's certificate, the name in a form that is
 * the same for names that are equal (RFC 5280 section 7.1, as X509_NAME_cmp() has it). -1: no
 * memory.
 */
int certpath_issuer_id(X509 *ca, uint8_t id[CRLINDEX_ID])
    __attribute__((warn_unused_result, nonnull));

size_t certpath_nanchors(const struct certpath_trust *t);
/* SHA-256 of the DER of anchor i. */
int certpath_anchor_sha256(const struct certpath_trust *t, size_t i, uint8_t sha256[32])
    __attribute__((warn_unused_result, nonnull));
/*
 * Tell of each anchor and intermediate its subject (as x509text_name() shows it) and the time that
 * it is good for; `until` 0: it has none that can be read.
 */
struct certpath_end {
	enum certpath_kind kind;
	const char *name;
	int64_t from, until;
};
void certpath_ends(const struct certpath_trust *t,
    void (*tell)(void *arg, const struct certpath_end *end), void *arg)
    __attribute__((nonnull(1, 2)));

/* The subject names of anchors and intermediates, for certificate_authorities (the caller frees).
 */
STACK_OF(X509_NAME) * certpath_ca_names(const struct certpath_trust *t, struct err *e)
			  __attribute__((warn_unused_result, nonnull));

struct certpath_request {
	X509 *leaf;
	STACK_OF(X509) * untrusted; /* what the peer sent besides; may be NULL */
	int64_t now;		    /* seconds since 1970-01-01 UTC */
	enum certpath_purpose purpose;
	const char *host;	     /* SAN dNSName or iPAddress must match; or NULL */
	const char *const *policies; /* dotted OIDs: initial set, explicit policy required */
	size_t npolicies;
	bool identity_rules; /* what we map must be unambiguous (§ NUL, control bytes, ...) */
};
struct certpath_result {       /* freed by certpath_result_done() */
	STACK_OF(X509) * path; /* leaf first, anchor last */
	/* Of each certificate but the anchor: the id of who issued it and revokes it. */
	uint8_t issuers[CERTPATH_DEPTH_MAX + 2][CRLINDEX_ID];
	int64_t crls_until; /* first nextUpdate of the CRLs that were asked; INT64_MAX: none was */
	char **policies;    /* dotted OIDs valid for the path (RFC 5280 section 6.1.6) */
	size_t npolicies;   /* freed by certpath_result_done() */
};
/*
 * Build and validate a path. 0 and *res, or -1 and *e: ERR_REFUSED (detail X509_V_ERR_*, text
 * says which certificate and why), ERR_NOMEM.
 */
int certpath_verify(const struct certpath_trust *t, const struct certpath_request *r,
    struct certpath_result *res, struct err *e) __attribute__((warn_unused_result, nonnull));
void certpath_result_done(struct certpath_result *res);

/*
 * Whether a path that this very section accepted before (*res) is to be accepted at the time `now`
 * without a look at its signatures: each certificate is in its time, and none is revoked by a CRL,
 * of which one is current. False says nothing but that certpath_verify() has to tell.
 */
bool certpath_again(const struct certpath_trust *t, const struct certpath_result *res, int64_t now)
    __attribute__((warn_unused_result, nonnull));

#endif
