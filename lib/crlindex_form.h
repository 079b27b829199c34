/* crlindex_form.h - the bytes of an index: head, lists, entries; between its writer and its reader
 */
#ifndef CRLINDEX_FORM_H
#define CRLINDEX_FORM_H

#include "crlindex.h"

/* The last digit is the version of struct crlindex_list. */
#define CRLINDEX_MAGIC "CRLIDX1"

struct crlindex_head {
	char magic[8];
	uint32_t nlists;
	uint32_t pad; /* 0 */
	uint64_t nentries;
};

_Static_assert(sizeof(struct crlindex_head) % _Alignof(struct crlindex_list) == 0,
    "the lists behind the head are aligned");

#endif
