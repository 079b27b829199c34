/* crlpem.h - the PEM objects of a text (RFC 7468), as large as they are (no OpenSSL here) */
#ifndef CRLPEM_H
#define CRLPEM_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define CRLPEM_LABEL_MAX 41

struct crlpem {
	const uint8_t *text;
	size_t n, pos;
	unsigned count; /* objects so far */
};

/*
 * The next object from x->pos on: 1, its label and its bytes, which the caller frees; 0 at the end.
 * Any text may stand around objects, but no line that begins with five dashes and is neither
 * BEGIN nor END of one: such a line is what a cut or a slip left of an object. -1 ERR_FORMAT,
 * ERR_NOMEM; the text says which object.
 */
int crlpem_next(struct crlpem *x, char label[CRLPEM_LABEL_MAX], uint8_t **der, size_t *n,
    struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
