/* crlwalk.h - reading a CertificateList (RFC 5280 section 5) without an object for each entry */
#ifndef CRLWALK_H
#define CRLWALK_H

#include "crldraft.h"
#include "der.h"

#define CRLWALK_EXTENSIONS_MAX 32 /* of a list or of one entry */

/* Why a list is not taken. */
enum crlwalk_fault {
	CRLWALK_NONE,
	CRLWALK_DAMAGED,   /* not DER, or not a CertificateList */
	CRLWALK_LIMIT,	   /* too many entries, or no memory */
	CRLWALK_EXTENSION, /* an extension that must be there, or must not be so */
	CRLWALK_CRITICAL,  /* a critical extension that is not known */
	CRLWALK_SCOPE,	   /* delta, indirect, partitioned, … */
	CRLWALK_THIS_UPDATE,
	CRLWALK_NEXT_UPDATE,
};

/* What OpenSSL is needed for: the parts of the list, in the bytes that were walked. */
struct crlwalk {
	struct der tbs;	      /* all of tbsCertList, its tag included: what is signed */
	struct der algorithm; /* all of the AlgorithmIdentifier */
	struct der signature; /* the bits */
	struct der issuer;    /* all of the Name */
	struct der akid;      /* value of the authorityKeyIdentifier; p NULL: none */
	enum crlwalk_fault fault;
};

/*
 * Read one CertificateList, which must fill all n bytes, by the rules of docs/validation.md:
 * number, scope and times into d->list, the serial numbers into `d`, which the caller has emptied
 * and frees. Nothing is verified. -1 and *e (ERR_FORMAT, ERR_NOMEM) with w->fault; w->issuer is
 * filled when it was reached.
 */
int crlwalk(const uint8_t *der, size_t n, struct crldraft *d, struct crlwalk *w, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
