/* describe.h - certificates of the store for people and for programs */
#ifndef CA_DESCRIBE_H
#define CA_DESCRIBE_H

#include <stdint.h>
#include <stdio.h>
#include <jansson.h>

#include "err.h"
#include "store.h"

/* "valid", "expired", "future" (not valid yet), "revoked"; both ends of the life count as within.
 */
const char *cert_status(const struct store_cert *c, int64_t now);

/* What `list --json` and `show --json` tell of a certificate; json_decref(). NULL: ERR_NOMEM. */
json_t *cert_json(const struct store_cert *c, int64_t now, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The same as lines "key: value"; every value is made printable. */
int cert_print(const struct store_cert *c, int64_t now, FILE *out, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
