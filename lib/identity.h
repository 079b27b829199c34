/* identity.h - what a certificate says of its holder, as typed values (no OpenSSL here) */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "err.h"
#include "msg.h"

/* The order is the wire value: append only. */
enum id_field {
	ID_SUBJECT = 1, /* value: a dn in the canonical form of dn.h */
	ID_ISSUER = 2,	/* likewise */
	ID_CN = 3,	/* of the subject, one value for each; UTF-8 */
	ID_OU = 4,
	ID_O = 5,
	ID_EMAIL = 6,	     /* SAN rfc822Name only */
	ID_UPN = 7,	     /* SAN otherName 1.3.6.1.4.1.311.20.2.3, UTF-8 */
	ID_URI = 8,	     /* SAN */
	ID_DNS = 9,	     /* SAN */
	ID_SERIAL = 10,	     /* lower-case hex, no leading zeros */
	ID_FINGERPRINT = 11, /* SHA256:base64 of the certificate */
	ID_SPKI = 12,	     /* SHA256:base64 of the SubjectPublicKeyInfo */
	ID_POLICY = 13,	 /* dotted OID; those valid for the whole path (RFC 5280 section 6.1.6) */
	ID_SSH_KEY = 14, /* SHA256:base64 of an SSH key that the certificate lists (lib/spki.h) */
};
#define ID_FIELD_MAX 14
#define ID_NAMED_MAX 13 /* the fields up to here may stand in the map and in identity-fields */

/* "email"; NULL for an unknown value. id_field_parse(): 0, or -1: no word that may be named. */
const char *id_field_name(unsigned field);
int id_field_parse(const char *word, enum id_field *field)
    __attribute__((warn_unused_result, nonnull));

#define IDENTITY_VALUE_MAX  8192  /* bytes of one value */
#define IDENTITY_VALUES_MAX 256	  /* values of one certificate; more is refused, never cut */
#define IDENTITY_BYTES_MAX  32768 /* all values together: they must fit in one message */

struct id_value {
	enum id_field field;
	uint8_t *data; /* `len` bytes and a NUL behind them, not empty, no control byte */
	size_t len;
};
struct identity {
	struct id_value values[IDENTITY_VALUES_MAX];
	size_t nvalues;
	size_t bytes;
};

struct identity *identity_new(void); /* NULL: out of memory */
void identity_free(struct identity *id);
/*
 * Add a copy of one value. -1: ERR_REFUSED for an empty value, a control byte (in a DN: within
 * an attribute), ill-formed UTF-8, or beyond the limits; ERR_NOMEM. Never part of a value.
 */
int identity_add(struct identity *id, enum id_field field, const void *data, size_t n,
    struct err *e) __attribute__((warn_unused_result, nonnull));

/* The whole identity as fields of a message, and back (every limit checked again: ERR_PEER). */
void identity_put(const struct identity *id, struct msg_out *o) __attribute__((nonnull));
struct identity *identity_get(struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* The next value of `field` at or after *pos (start at 0); NULL at the end. */
const struct id_value *identity_next(const struct identity *id, enum id_field field, size_t *pos)
    __attribute__((nonnull));

/*
 * The name of this identity for limits, logs and locks: "SECTION/FIELD:VALUE" with the first of
 * `fields` that has a value, of several the bytewise smallest; a DN in RFC 4514 form.
 * -1 with ERR_REFUSED when none has one; ERR_REFUSED too when it needs more than `size` bytes.
 */
#define IDENTITY_NAME_MAX 1024
int identity_name(const struct identity *id, const char *section, const enum id_field *fields,
    size_t nfields, char *dst, size_t size, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* A value for a log: text as it is, a DN in RFC 4514 form; not escaped. Cut to fit. */
char *id_value_text(const struct id_value *v, char *dst, size_t size) __attribute__((nonnull));

#endif
