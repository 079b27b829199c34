/* dertime.h - times of certificates and CRLs, from their DER; spans of time in words */
#ifndef DERTIME_H
#define DERTIME_H

#include <stddef.h>
#include <stdint.h>

/* ASN.1 tags of the two kinds */
#define DERTIME_UTC	    0x17
#define DERTIME_GENERALIZED 0x18

/*
 * UTCTime "YYMMDDHHMMSSZ" or GeneralizedTime "YYYYMMDDHHMMSSZ" and no other spelling (RFC 5280
 * section 4.1.2.5), the n content octets at p, as seconds since 1970-01-01 UTC. Arithmetic only:
 * no time zone is looked up, no file opened. 0, or -1 for anything else, also for a month 13 or a
 * February 30.
 */
int dertime_get(unsigned tag, const uint8_t *p, size_t n, int64_t *seconds)
    __attribute__((warn_unused_result, nonnull));

/* "3 h", "12 min", "40 d": a span in its largest whole unit; `dst` has at least 24 bytes. */
#define CERTTIME_SPAN_SIZE 24
char *certtime_span(char dst[CERTTIME_SPAN_SIZE], int64_t seconds) __attribute__((nonnull));

#endif
