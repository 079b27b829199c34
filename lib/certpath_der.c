/*
 * certpath_der.c - whether bytes are DER (X.690 sections 8 to 11), as RFC 5280 section 4.1 demands
 *
 * libcrypto reads BER: lengths of any form, strings in pieces, a BOOLEAN of 1. Each of these gives
 * one certificate several encodings, hence several digests, and another reader another meaning.
 * The walk is over tags and lengths only; what stands where is for those who parse it. Two things
 * it cannot see without knowing the type: a DEFAULT that is spelled out, and what hides behind an
 * implicit tag.
 */
#include <stdbool.h>
#include <string.h>
#include <openssl/asn1.h>

#include "certpath_local.h"

#define NEST_MAX     32	  /* a certificate has about 12 */
#define CONSTRUCTED  0x20 /* of the identifier octet */
#define CLASS_MASK   0xc0
#define UTCTIME_LEN  13 /* YYMMDDHHMMSSZ, RFC 5280 section 4.1.2.5 */
#define GENTIME_LEN  15 /* YYYYMMDDHHMMSSZ */
#define TAG_MULTIPLE 0x1f

struct der {
	const uint8_t *p, *end;
};

/* The head of one value; `value` is what it holds. False: it is not DER, or cut. */
static bool
der_head(struct der *at, uint8_t *id, struct der *value)
{
	size_t n, octets;

	if (at->end - at->p < 2)
		return false;
	*id = *at->p++;
	/* A tag number above 30 stands nowhere in a certificate. */
	if ((*id & TAG_MULTIPLE) == TAG_MULTIPLE)
		return false;
	n = *at->p++;
	if (n >= 0x80) {
		octets = n & 0x7f;
		if (octets == 0 || octets > 4 || (size_t)(at->end - at->p) < octets || *at->p == 0)
			return false;
		for (n = 0; octets > 0; octets--)
			n = n << 8 | *at->p++;
		if (n < 0x80)
			return false;
	}
	if ((size_t)(at->end - at->p) < n)
		return false;
	value->p = at->p;
	value->end = at->p += n;
	return true;
}

/* Two octets at least, unless the first carries more than a sign. */
static bool
is_integer(const uint8_t *p, size_t n)
{
	if (n == 0)
		return false;
	return n == 1 || !((p[0] == 0 && p[1] < 0x80) || (p[0] == 0xff && p[1] >= 0x80));
}

static bool
is_bit_string(const uint8_t *p, size_t n)
{
	if (n == 0 || p[0] > 7 || (n == 1 && p[0] != 0))
		return false;
	return n == 1 || (p[n - 1] & ((1U << p[0]) - 1)) == 0;
}

/* Groups of seven bits, each number without leading zeros and with an end. */
static bool
is_oid(const uint8_t *p, size_t n)
{
	if (n == 0 || p[n - 1] >= 0x80)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] == 0x80 && (i == 0 || p[i - 1] < 0x80))
			return false;
	return true;
}

static bool
is_time(const uint8_t *p, size_t n, size_t want)
{
	if (n != want || p[n - 1] != 'Z')
		return false;
	for (size_t i = 0; i + 1 < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

/* A value of the universal class that holds no others. */
static bool
is_primitive(int tag, const uint8_t *p, size_t n)
{
	switch (tag) {
	case V_ASN1_BOOLEAN:
		return n == 1 && (p[0] == 0 || p[0] == 0xff);
	case V_ASN1_INTEGER:
	case V_ASN1_ENUMERATED:
		return is_integer(p, n);
	case V_ASN1_BIT_STRING:
		return is_bit_string(p, n);
	case V_ASN1_NULL:
		return n == 0;
	case V_ASN1_OBJECT:
		return is_oid(p, n);
	case V_ASN1_UTCTIME:
		return is_time(p, n, UTCTIME_LEN);
	case V_ASN1_GENERALIZEDTIME:
		return is_time(p, n, GENTIME_LEN);
	case V_ASN1_BMPSTRING:
		return n % 2 == 0;
	case V_ASN1_UNIVERSALSTRING:
		return n % 4 == 0;
	case V_ASN1_EOC:
	case V_ASN1_SEQUENCE:
	case V_ASN1_SET:
		return false;
	default:
		return true;
	}
}

/* Encodings in ascending order, the shorter one first where it begins the longer one. */
static bool
is_ascending(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
	int order = memcmp(a, b, na < nb ? na : nb);

	return order < 0 || (order == 0 && na <= nb);
}

static bool walk(struct der at, int nest, bool set);

static bool
walk_one(struct der *at, int nest)
{
	struct der value = { NULL, NULL };
	uint8_t id;
	int tag;

	if (!der_head(at, &id, &value))
		return false;
	tag = id & TAG_MULTIPLE;
	if ((id & CLASS_MASK) == V_ASN1_UNIVERSAL && (id & CONSTRUCTED) == 0)
		return is_primitive(tag, value.p, (size_t)(value.end - value.p));
	if ((id & CONSTRUCTED) == 0)
		return true;
	if ((id & CLASS_MASK) != V_ASN1_UNIVERSAL || tag == V_ASN1_SEQUENCE)
		return walk(value, nest + 1, false);
	/* Every SET in a certificate is a SET OF with one member at least. */
	return tag == V_ASN1_SET && value.p < value.end && walk(value, nest + 1, true);
}

/* All values from at.p to at.end. At most NEST_MAX calls deep. */
static bool
walk(struct der at, int nest, bool set)
{
	const uint8_t *last = NULL, *start;
	size_t last_len = 0;

	if (nest > NEST_MAX)
		return false;
	while (at.p < at.end) {
		start = at.p;
		if (!walk_one(&at, nest))
			return false;
		if (set && last != NULL &&
		    !is_ascending(last, last_len, start, (size_t)(at.p - start)))
			return false;
		last = start;
		last_len = (size_t)(at.p - start);
	}
	return true;
}

bool
certpath_is_der(const uint8_t *der, size_t n)
{
	struct der at = { der, der + n };

	return n > 0 && walk_one(&at, 0) && at.p == at.end;
}
