/* der.h - the little of DER that walking a CRL needs: tag, length, value, nothing allocated */
#ifndef DER_H
#define DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DER_BOOLEAN	0x01
#define DER_INTEGER	0x02
#define DER_BIT_STRING	0x03
#define DER_OCTETS	0x04
#define DER_OID		0x06
#define DER_ENUMERATED	0x0a
#define DER_SEQUENCE	0x30
#define DER_EXPLICIT(n) (0xa0 | (n))

struct der {
	const uint8_t *p, *end;
};

static inline size_t
der_left(const struct der *d)
{
	return (size_t)(d->end - d->p);
}

/*
 * Take the next value of `in`: its tag and its content. Only tags of one byte and definite lengths
 * in the fewest bytes (X.690 section 10.1), up to 4 GiB. False: there is none, or it is not DER.
 */
static inline bool
der_any(struct der *in, uint8_t *tag, struct der *body)
{
	const uint8_t *p = in->p;
	size_t left = der_left(in), n;

	if (left < 2 || (p[0] & 0x1f) == 0x1f)
		return false;
	*tag = p[0];
	n = p[1];
	p += 2;
	left -= 2;
	if (n >= 0x80) {
		size_t octets = n & 0x7f;

		if (octets == 0 || octets > 4 || octets > left || p[0] == 0)
			return false;
		n = 0;
		for (size_t i = 0; i < octets; i++)
			n = n << 8 | p[i];
		if (n < 0x80)
			return false;
		p += octets;
		left -= octets;
	}
	if (n > left)
		return false;
	body->p = p;
	body->end = p + n;
	in->p = body->end;
	return true;
}

/* The same where only one tag may stand; nothing is taken when it is another. */
static inline bool
der_get(struct der *in, uint8_t want, struct der *body)
{
	uint8_t tag;

	return in->p < in->end && in->p[0] == want && der_any(in, &tag, body);
}

/* Whether these are the content octets of an INTEGER or ENUMERATED: not empty, not padded. */
static inline bool
der_is_integer(const struct der *d)
{
	size_t n = der_left(d);

	return n > 0 && !(n > 1 && ((d->p[0] == 0 && d->p[1] < 0x80) ||
				       (d->p[0] == 0xff && d->p[1] >= 0x80)));
}

#endif
