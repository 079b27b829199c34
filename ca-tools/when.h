/* when.h - times and counts as they stand on the command line */
#ifndef CA_WHEN_H
#define CA_WHEN_H

#include <stdint.h>

#include "err.h"

#define WHEN_HOUR 3600
#define WHEN_DAY  86400

/*
 * "2026-11-23T22:38:51Z" (RFC 3339 section 5.6, UTC only, whole seconds, years 1970 to 9999, no
 * leap second) in seconds since 1970-01-01 UTC. -1: ERR_FORMAT.
 */
int when_parse(const char *text, int64_t *t, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* A decimal number without sign, blank or tail, within min..max; `what` goes before errors. */
int count_parse(const char *what, const char *text, int64_t min, int64_t max, int64_t *n,
    struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
