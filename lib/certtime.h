/* certtime.h - times of certificates and CRLs as seconds since 1970-01-01 UTC */
#ifndef CERTTIME_H
#define CERTTIME_H

#include <stdint.h>
#include <openssl/asn1.h>

/*
 * UTCTime "YYMMDDHHMMSSZ" or GeneralizedTime "YYYYMMDDHHMMSSZ" and no other spelling (RFC 5280
 * section 4.1.2.5). Arithmetic only: no time zone is looked up, no file opened. 0, or -1 for
 * anything else, also for a month 13 or a February 30.
 */
int certtime_get(const ASN1_TIME *t, int64_t *seconds) __attribute__((warn_unused_result, nonnull));

/* "3 h", "12 min", "40 d": a span in its largest whole unit; `dst` has at least 24 bytes. */
#define CERTTIME_SPAN_SIZE 24
char *certtime_span(char dst[CERTTIME_SPAN_SIZE], int64_t seconds) __attribute__((nonnull));

#endif
