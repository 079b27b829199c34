/* evidence.h - what a client's certificate said, kept in few bytes for as long as it is connected
 */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "crlindex.h"
#include "identity.h"
#include "pathinfo.h"

/* One section's path from the leaf to an anchor. All its certificates hold while this does. */
struct path {
	char section[SECTION_MAX];
	int64_t not_before, not_after; /* the latest and the earliest of the path, both inclusive */
	uint8_t anchor[32];	       /* SHA-256 of the last certificate */
	uint32_t first, n; /* its certificates but the anchor, leaf first: evidence_cert() */
};

/* What a CRL can say of one certificate. */
struct path_cert {
	uint8_t issuer[CRLINDEX_ID]; /* who revokes it */
	struct crlindex_serial serial;
	bool is_ca;
};

struct evidence {
	uint8_t leaf[32]; /* SHA-256 */
	int64_t leaf_not_after;
	bool has_key;	 /* the leaf's key has a form as an SSH key */
	uint8_t key[32]; /* SHA-256 of that form's blob */
	uint32_t npaths, ncerts;
	uint32_t identity_len;
	struct path paths[]; /* then the certificates, then the identity as a message */
};
/* Certificate i of all paths. */
const struct path_cert *evidence_cert(const struct evidence *ev, uint32_t i)
    __attribute__((returns_nonnull, nonnull));

/*
 * Read accepting sections, identity, SSH key and certificates: the end of OPEN. NULL: ERR_PEER
 * (malformed, or the parts contradict each other), ERR_NOMEM. The caller frees it with free(),
 * and *id with identity_free().
 */
struct evidence *evidence_get(struct msg_in *m, struct identity **id, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* SHA-256 of the leaf's key as an SSH key; NULL: it has no such form. */
const uint8_t *evidence_key(const struct evidence *ev) __attribute__((nonnull));
/* The first value of a field as text; "" where there is none, or no identity (NULL). */
void evidence_value(const struct identity *id, enum id_field field, char *dst, size_t size)
    __attribute__((nonnull(3)));
/* The identity again, which the caller frees; NULL: ERR_NOMEM. */
struct identity *evidence_identity(const struct evidence *ev, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
