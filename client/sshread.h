/* sshread.h - SSH's data types within bytes that are there (RFC 4251 section 5) */
#ifndef SSHREAD_H
#define SSHREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What is left to read. A read that fails leaves it as it was. */
struct sshread {
	const uint8_t *p;
	size_t n;
};

static inline bool
sshread_byte(struct sshread *r, uint8_t *v)
{
	if (r->n < 1)
		return false;
	*v = *r->p;
	r->p++;
	r->n--;
	return true;
}

static inline bool
sshread_u32(struct sshread *r, uint32_t *v)
{
	if (r->n < 4)
		return false;
	*v = (uint32_t)r->p[0] << 24 | (uint32_t)r->p[1] << 16 | (uint32_t)r->p[2] << 8 | r->p[3];
	r->p += 4;
	r->n -= 4;
	return true;
}

/* *s points into the bytes of *r. */
static inline bool
sshread_string(struct sshread *r, struct sshread *s)
{
	struct sshread rest = *r;
	uint32_t len;

	if (!sshread_u32(&rest, &len) || len > rest.n)
		return false;
	*s = (struct sshread){ rest.p, len };
	*r = (struct sshread){ rest.p + len, rest.n - len };
	return true;
}

/* An mpint greater than zero. *m is without the zeros in front. */
static inline bool
sshread_positive(struct sshread *r, struct sshread *m)
{
	struct sshread rest = *r, s;

	if (!sshread_string(&rest, &s) || s.n == 0 || (s.p[0] & 0x80) != 0)
		return false;
	while (s.n > 0 && s.p[0] == 0) {
		s.p++;
		s.n--;
	}
	if (s.n == 0)
		return false;
	*r = rest;
	*m = s;
	return true;
}

static inline bool
sshread_is(const struct sshread *s, const char *text)
{
	return s->n == strlen(text) && memcmp(s->p, text, s->n) == 0;
}

#endif
