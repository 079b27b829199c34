/* names.h - the names that a certificate may carry: checked, then put into a subjectAltName */
#ifndef CA_NAMES_H
#define CA_NAMES_H

#include <stdbool.h>
#include <openssl/x509v3.h>

#include "err.h"

#define NAMES_MAX 100 /* in one certificate */

enum name_type { NAME_EMAIL, NAME_URI, NAME_UPN, NAME_DNS, NAME_IP };

/* "email", …: the option's word, and the key in --json. */
const char *name_word(enum name_type type);

/*
 * A CN: 1 to 64 characters (RFC 5280 ub-common-name) of well-formed UTF-8, printable, no `"` or
 * `\`, no blank at either end. -1: ERR_FORMAT.
 */
int name_check_cn(const char *cn, struct err *e) __attribute__((warn_unused_result, nonnull));
/* A host name in letters, digits, hyphens (RFC 1123 section 2.1), not an address, no wildcard. */
bool name_is_dns(const char *s) __attribute__((nonnull));
bool name_is_ip(const char *s) __attribute__((nonnull));

/*
 * Check `value` and append it to *list (made when it is NULL; free with GENERAL_NAMES_free()). A
 * value that is there already is left out. -1: ERR_FORMAT (with what is allowed), ERR_NOMEM.
 *	email	LOCAL@DOMAIN, dot-atom and host name, ASCII (RFC 5321 section 4.1.2 less quotes)
 *	uri	absolute, ASCII, an authority has a host (RFC 3986, RFC 5280 section 4.2.1.6)
 *	upn	NAME@REALM, printable UTF-8 without blanks (otherName 1.3.6.1.4.1.311.20.2.3)
 *	dns	host name        ip	IPv4 or IPv6 address
 */
int names_add(GENERAL_NAMES **list, enum name_type type, const char *value, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/*
 * Append to the permitted subtrees (RFC 5280 section 4.2.1.10) of *nc (made when it is NULL; free
 * with NAME_CONSTRAINTS_free()): for NAME_EMAIL a mailbox, host or .domain; for NAME_DNS a domain,
 * itself and all below it; for NAME_URI a host, or .domain for all below it.
 */
int names_permit(NAME_CONSTRAINTS **nc, enum name_type type, const char *value, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* The permitted subtrees as text for an error: "email corp.example, dns example.net". */
char *names_permitted(const NAME_CONSTRAINTS *nc, char *dst, size_t size) __attribute__((nonnull));

/*
 * The first of `names` (may be NULL) that `nc` does not permit, as "email a@b.example", for an
 * error; "" when each by itself is permitted.
 */
char *names_refused(const GENERAL_NAMES *names, NAME_CONSTRAINTS *nc, char *dst, size_t size)
    __attribute__((nonnull(2, 3)));

/*
 * One name read back: its type and its text (not escaped). false for a type that we do not make,
 * or when it does not fit.
 */
bool name_read(const GENERAL_NAME *gn, enum name_type *type, char *dst, size_t size)
    __attribute__((warn_unused_result, nonnull));

#endif
