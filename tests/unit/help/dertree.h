/*
 * dertree.h - a certificate as a tree of DER values, to be spoiled in one place and signed again
 *
 * A place is written as the way there from the outermost SEQUENCE, "0.4.1" is notAfter: 0 is the
 * first member. What holds others (constructed) has members, all else has content.
 */
#ifndef TEST_DERTREE_H
#define TEST_DERTREE_H

#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>

enum dertree_op {
	DERTREE_NONE,
	DERTREE_REPLACE,    /* by the values `hex` */
	DERTREE_CONTENT,    /* new content octets `hex` */
	DERTREE_APPEND,	    /* the values `hex` as last members */
	DERTREE_BEFORE,	    /* the values `hex` in front of this one */
	DERTREE_TAG,	    /* another identifier octet, `hex` */
	DERTREE_LONG,	    /* a length of one octet more than DER has */
	DERTREE_INDEFINITE, /* without length, ended by two zeros */
	DERTREE_FLIP,	    /* the last bit of the content */
};

struct dertree_edit {
	const char *place;
	enum dertree_op op;
	const char *hex;
};

/*
 * The certificate `der` with these edits, one after the other; if one lies in what is signed
 * ("0…"), with a new signature of `key`'s. The caller frees. What cannot be done is a mistake of
 * the test and ends it.
 */
#define DERTREE_EDITS 2
uint8_t *dertree_edit(const uint8_t *der, size_t n, const struct dertree_edit edits[DERTREE_EDITS],
    EVP_PKEY *key, size_t *len);

#endif
