/*
 * dn.h - distinguished names as lists of RDNs, compared RDN by RDN, never as one string
 *
 * Canonical form: RDNs in RFC 4514 order (most specific first), each
 *	u8 number of attributes, then for each (sorted by type)
 *	u8 length of type, type, u16 length of value (big-endian), value.
 * A type is the RFC 4514 short name in upper case (CN O OU L ST STREET C DC UID, and
 * EMAILADDRESS SERIALNUMBER GIVENNAME SN TITLE) or a dotted OID that has none; a value is UTF-8
 * and not empty. A type comes once in an RDN (X.501 section 9.3). Two names are equal when their
 * canonical bytes are.
 */
#ifndef DN_H
#define DN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define DN_MAX	    8192 /* bytes of the canonical form */
#define DN_RDNS_MAX 64
#define DN_AVAS_MAX 16 /* attributes of one RDN */

struct dn_ava {
	const uint8_t *type, *value; /* into the canonical bytes, not NUL-terminated */
	size_t type_len, value_len;
};

/* Writer, for identity_x509.c and the parser below. */
struct dn_writer {
	uint8_t buf[DN_MAX];
	size_t len, nrdns;
};
void dn_writer_init(struct dn_writer *w) __attribute__((nonnull));
/*
 * Add one RDN of n attributes; sorts them. A type may be a short name in any case or a dotted OID:
 * it is brought to its canonical form. -1: ERR_FORMAT (limits, empty value, unknown type, a type
 * twice).
 */
int dn_writer_rdn(struct dn_writer *w, const struct dn_ava *avas, size_t n, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* Check canonical bytes from outside: 0, or -1 ERR_PEER (a length, a limit, an order is wrong). */
int dn_check(const uint8_t *dn, size_t n, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/*
 * Walk: start with *pos = 0; fills avas (room for DN_AVAS_MAX) and returns the number of
 * attributes of the next RDN, 0 at the end. The bytes must have passed dn_check().
 */
size_t dn_next(const uint8_t *dn, size_t n, size_t *pos, struct dn_ava avas[DN_AVAS_MAX])
    __attribute__((nonnull));

/*
 * RFC 4514 text, all of section 2.4's escapes (hex pairs, "\,"); "#hex", control characters and
 * the empty name are refused: ERR_FORMAT.
 */
int dn_parse(const char *text, struct dn_writer *w, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The same; the bytes 0x01 to 0x1f may stand in values: marks of the identity map's wildcards. */
int dn_parse_marked(const char *text, struct dn_writer *w, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* RFC 4514 text of canonical bytes; cut to fit, never within a character. Return dst. */
char *dn_text(const uint8_t *dn, size_t n, char *dst, size_t size) __attribute__((nonnull));
/* Bytes of that text when nothing is cut, without the NUL. */
size_t dn_text_len(const uint8_t *dn, size_t n) __attribute__((nonnull));

/* A dotted OID: at least two arcs, no leading zeros, first arc 0 to 2 (X.660). */
bool dn_is_oid(const void *text, size_t n) __attribute__((nonnull));

#endif
