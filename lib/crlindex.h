/*
 * crlindex.h - revoked serial numbers in sealed memory: looking them up (no OpenSSL here)
 *
 * One index holds the lists of all trust sections. The load process writes it (crldraft.h); gates
 * and ident map the same memory, so a million serial numbers are there once. It comes from another
 * process: crlindex_open() checks every bound before anything is looked up.
 */
#ifndef CRLINDEX_H
#define CRLINDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "sealed.h"

#define CRLINDEX_ENTRY	     21 /* bytes: magnitude, big-endian; then sign and reason */
#define CRLINDEX_MAGNITUDE   20
#define CRLINDEX_NEGATIVE    0x80
#define CRLINDEX_REASON	     0x0f
#define CRLINDEX_ID	     32 /* bytes of an issuer id */
#define CRLINDEX_NUMBER	     20 /* bytes of a CRL number, RFC 5280 section 5.2.3 */
#define CRLINDEX_FILE_MAX    512
#define CRLINDEX_TEXT_MAX    128
#define CRLINDEX_LISTS_MAX   2048
#define CRLINDEX_ENTRIES_MAX (16U << 20) /* of all lists together: 336 MiB */

/* Which certificates of its issuer a list speaks of (onlyContainsUserCerts, …CACerts). */
enum crlindex_scope { CRLINDEX_ALL = 0, CRLINDEX_USERS = 1, CRLINDEX_CAS = 2 };

/* One CRL. These bytes lie in the index as they are: it never leaves the machine. */
struct crlindex_list {
	uint8_t issuer[CRLINDEX_ID];	 /* certpath_issuer_id(): name and key */
	uint8_t number[CRLINDEX_NUMBER]; /* big-endian */
	uint32_t section;
	uint32_t scope;			  /* enum crlindex_scope */
	uint32_t pad;			  /* 0 */
	int64_t this_update, next_update; /* seconds since 1970-01-01 UTC */
	uint64_t first, n;		  /* its entries, counted from the first of all */
	char section_name[64];
	char file[CRLINDEX_FILE_MAX]; /* where it came from */
	char name[CRLINDEX_TEXT_MAX]; /* of its issuer, for messages */
};

struct crlindex {
	const struct crlindex_list *lists; /* by section, issuer, and the newest first */
	const uint8_t *entries;		   /* of each list sorted bytewise */
	uint32_t nlists;
	uint64_t nentries;
};

/*
 * Look at the bytes of an index, which must stay as long as it is used; an empty one has no lists.
 * -1 ERR_PEER: they are none.
 */
int crlindex_open(const struct sealed *s, struct crlindex *ix, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Bytes that an index can have at most. */
size_t crlindex_bytes_max(void);

/* A serial number as it stands in an entry. */
struct crlindex_serial {
	uint8_t magnitude[CRLINDEX_MAGNITUDE];
	bool negative;
};
/* From the content octets of an INTEGER. -1: none, or more than 20 octets of magnitude. */
int crlindex_serial(const uint8_t *octets, size_t n, struct crlindex_serial *s)
    __attribute__((warn_unused_result, nonnull));

/*
 * What is known of one certificate: its issuer in the path, its serial number, and whether it is a
 * CA's (which lists speak of it).
 */
struct crlindex_query {
	uint32_t section;
	const uint8_t *issuer;
	struct crlindex_serial serial;
	bool is_ca;
};
enum crlindex_state {
	CRLINDEX_CURRENT,
	CRLINDEX_MISSING, /* no list of this issuer */
	CRLINDEX_OTHERS,  /* only lists for the other kind of certificate */
	CRLINDEX_EARLY,	  /* the newest has not begun */
	CRLINDEX_STALE,	  /* its nextUpdate is there */
};
struct crlindex_answer {
	enum crlindex_state state;
	bool revoked; /* it stands in `list`, whatever `state` says of that list */
	unsigned reason;
	const struct crlindex_list *list; /* NULL: CRLINDEX_MISSING */
};
/*
 * Of the lists of this section and issuer for all certificates, and of those for this kind, the
 * newest one that has begun each: highest number, then latest thisUpdate. Of these two the one that
 * lists the certificate counts, else the one that is current.
 */
void crlindex_ask(const struct crlindex *ix, const struct crlindex_query *q, int64_t now,
    struct crlindex_answer *a) __attribute__((nonnull));

/* Whether one list holds a serial number, and for what reason. */
bool crlindex_has(const struct crlindex *ix, const struct crlindex_list *l,
    const struct crlindex_serial *s, unsigned *reason) __attribute__((nonnull));

/* "keyCompromise"; "" for unspecified, which says nothing. */
const char *crlindex_reason_name(unsigned reason) __attribute__((returns_nonnull));

/* The order of lists in an index; 0 for two of one section, issuer, number and times. */
int crlindex_list_compare(const struct crlindex_list *a, const struct crlindex_list *b)
    __attribute__((nonnull));

/*
 * "FILE: CRL of "ISSUER" ends in 3 h (nextUpdate …)": when the list is not in force, or a quarter
 * of its life or less is left. False: nothing to tell.
 */
bool crlindex_age(const struct crlindex_list *l, int64_t now, char *dst, size_t size)
    __attribute__((nonnull));

#endif
