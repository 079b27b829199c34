/* pathinfo.h - the facts of a path that ident judges again: no OpenSSL here */
#ifndef PATHINFO_H
#define PATHINFO_H

#include <stdint.h>

#include "err.h"
#include "msg.h"

#define SECTION_MAX	    64	/* bytes of a trust section's name with its NUL */
#define SECTIONS_MAX	    16	/* trust sections of one configuration */
#define PATHCERTS_MAX	    160 /* certificates of all paths together: 10 for each section */
#define PATHCERT_SERIAL_MAX 64
#define PATHCERT_ISSUER	    32

struct pathcert {
	uint8_t sha256[32]; /* of the DER */
	/* Who issued it and revokes it: certpath_issuer_id() of that one; zero for the anchor. */
	uint8_t issuer[PATHCERT_ISSUER];
	uint8_t serial[PATHCERT_SERIAL_MAX]; /* the INTEGER's content octets */
	size_t serial_len;
	int64_t not_before, not_after; /* seconds since 1970-01-01 UTC, both inclusive */
	char section[SECTION_MAX];     /* the trust section whose path it is in; leaf first */
};
void pathcert_put(const struct pathcert *pc, struct msg_out *o) __attribute__((nonnull));
/* -1: malformed (the message is marked bad: msg_end() reports it) */
int pathcert_get(struct msg_in *m, struct pathcert *pc)
    __attribute__((warn_unused_result, nonnull));

#endif
