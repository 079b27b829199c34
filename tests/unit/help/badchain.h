/*
 * badchain.h - chains with one defect each, beside the nearest chain without it
 *
 * Leaf, two intermediates and an anchor, "CN=leaf", "CN=lower", "CN=upper" and "CN=root". The bad
 * variant differs from the good one in the certificate `at` only.
 */
#ifndef TEST_BADCHAIN_H
#define TEST_BADCHAIN_H

#include "dertree.h"
#include "pki.h"

enum { LEAF, LOWER, UPPER, ROOT, BADCHAIN_LEN };

struct badchain_variant {
	struct pki_spec spec; /* profile and subject by its place, unless they are given */
	struct dertree_edit edit[DERTREE_EDITS];
};

struct badchain {
	const char *what; /* the section of RFC 5280 and the defect */
	int at;
	struct badchain_variant bad, good;
	int also; /* another certificate that differs from the plain one, in both chains */
	struct pki_spec also_spec;
	const char *rest;    /* an extension of all the others below the anchor */
	const char *args[8]; /* of mtls-ca verify, besides files and time */
	/* In the reason, which names the certificate `at`; with ": " in it, it names one itself. */
	const char *want;
	const char * or ; /* what another version of libcrypto says, in the same way */
};

/*
 * Run `verify` (mtls-ca's) on both chains of each row: the good one must pass, the bad one be
 * refused with exit status 1 and the reason wanted. Prints each row that fails; the number of them
 * comes back.
 */
int badchain_check(const struct badchain *rows, size_t n, int (*verify)(int argc, char **argv));
/* The same for one command line; what it wrote to stderr is in `said`. */
int badchain_run(
    int (*verify)(int argc, char **argv), const char *const *words, char *said, size_t size);

#endif
