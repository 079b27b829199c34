/* x509text.h - strings and names of certificates: for comparing (strict), and for showing (safe) */
#ifndef X509TEXT_H
#define X509TEXT_H

#include <stdbool.h>
#include <openssl/x509.h>

#include "err.h"

/*
 * The text of an attribute value as UTF-8 in dst[0..*n), no NUL behind it. UTF8String,
 * PrintableString, NumericString, IA5String, BMPString and UniversalString are taken; TeletexString
 * and the others are not, since what their bytes mean depends on who reads them. -1 ERR_REFUSED:
 * wrong type, ill-formed (surrogates, odd length, bytes beyond ASCII where there may be none), a
 * control character, empty, or more than `size` bytes. `what` goes before errors.
 */
int x509text_utf8(const ASN1_STRING *s, uint8_t *dst, size_t size, size_t *n, const char *what,
    struct err *e) __attribute__((warn_unused_result, nonnull));

/* The same for a GeneralName of IA5 type (rfc822Name, dNSName, URI): the bytes themselves. */
int x509text_ia5(const ASN1_STRING *s, const uint8_t **p, size_t *n, const char *what,
    struct err *e) __attribute__((warn_unused_result, nonnull));

/* Whether a string of any type holds a NUL or another C0 control, or DEL. */
bool x509text_has_control(const ASN1_STRING *s) __attribute__((warn_unused_result, nonnull));

/* A name in the manner of RFC 4514 for an error or a log line: quoted, escaped, cut to fit. */
#define X509TEXT_NAME_SIZE 128
char *x509text_name(char *dst, size_t size, const X509_NAME *name) __attribute__((nonnull));

#endif
