/* certtime.h - times of certificates as seconds since 1970-01-01 UTC */
#ifndef CERTTIME_H
#define CERTTIME_H

#include <stdint.h>
#include <openssl/asn1.h>

#include "dertime.h"

/* dertime_get() of an ASN1_TIME. */
int certtime_get(const ASN1_TIME *t, int64_t *seconds) __attribute__((warn_unused_result, nonnull));

#endif
