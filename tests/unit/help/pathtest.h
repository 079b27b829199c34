/* pathtest.h - a trust section with a root and an intermediate, and paths tried in it */
#ifndef TEST_PATHTEST_H
#define TEST_PATHTEST_H

#include "certpath.h"
#include "pki.h"

struct pathtest {
	struct certpath_trust *trust;
	struct pki_cert *root, *inter;
	struct certpath_request request; /* now PKI_NOW, purpose CERTPATH_CLIENT, identity rules */
	struct certpath_result result;	 /* of the last pathtest_leaf() that was accepted */
	struct err err;
	char notes[2000]; /* of certpath_trust_check() */
};

/* The root is an anchor and the intermediate is known, unless the test gives its own. */
struct pathtest *pathtest_new(const struct pki_spec *root, const struct pki_spec *inter);
void pathtest_free(struct pathtest *p);
/* Add one certificate or CRL; the result of certpath_trust_add(). */
int pathtest_add(struct pathtest *p, enum certpath_kind kind, const X509 *cert);
int pathtest_add_crl(struct pathtest *p, const char *name, const X509_CRL *crl);
/* A CRL of `issuer` under `spec`, added and freed. */
void pathtest_crl(struct pathtest *p, const char *name, const struct pki_crl_spec *spec,
    const struct pki_cert *issuer);
/* certpath_trust_check() at `now`, with revocation = require from then on. */
int pathtest_check(struct pathtest *p, int64_t now);
/* 0, or the X509_V_ERR_* code; -1 for an error of another kind than ERR_REFUSED. */
int pathtest_verify(struct pathtest *p, X509 *leaf);
/* The same for a leaf made for this by the intermediate. */
int pathtest_leaf(struct pathtest *p, const struct pki_spec *leaf);

#endif
