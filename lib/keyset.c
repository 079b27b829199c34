/* keyset.c - the SSH keys of a login, and those that a certificate lists */
#include <stdlib.h>
#include <string.h>

#include "keyset.h"

bool
keyset_has(const struct keyset *k, const uint8_t sha256[32])
{
	for (uint32_t i = 0; i < k->n; i++)
		if (memcmp(k->sha256[i], sha256, 32) == 0)
			return true;
	return false;
}

struct keyset *
keyset_copy(const struct keyset *k)
{
	size_t size = offsetof(struct keyset, sha256) + k->n * sizeof(k->sha256[0]);
	struct keyset *copy = malloc(size);

	if (copy != NULL)
		memcpy(copy, k, size);
	return copy;
}

static int
add(struct keyset *k, const uint8_t sha256[32], struct err *e)
{
	if (k->n == KEYSET_MAX)
		return err_set(e, ERR_FORMAT, "SSH keys: more than %d", KEYSET_MAX);
	memcpy(k->sha256[k->n++], sha256, 32);
	return 0;
}

/* ---- SSH_AUTH_INFO_0 ------------------------------------------------------------------------ */
/* Whether the line is of this method; *rest is what follows the method and its blank. */
static bool
is_publickey(const char *line, size_t n, const char **rest, size_t *left)
{
	static const char method[] = "publickey";
	const size_t m = sizeof(method) - 1;

	if (n < m || memcmp(line, method, m) != 0 || (n > m && line[m] != ' '))
		return false;
	*rest = line + m + (n > m);
	*left = n - m - (n > m);
	return true;
}

int
keyset_from_auth_info(const char *text, size_t n, struct keyset *k, struct err *e)
{
	struct keyset got = { .n = 0 };
	struct sshkey key;
	bool any = false;

	while (n > 0) {
		const char *end = memchr(text, '\n', n), *rest;
		size_t len = end == NULL ? n : (size_t)(end - text), left;
		int r = 1;

		if (is_publickey(text, len, &rest, &left)) {
			any = true;
			/* one without a key is not "no key": nobody may take it so */
			r = sshkey_parse_line(rest, left, &key, e);
		}
		if (r == -1 || (r == 0 && add(&got, key.sha256, e) == -1))
			return -1;
		text += len + (end != NULL);
		n -= len + (end != NULL);
	}
	*k = got;
	return any ? 0 : 1;
}

/* ---- the extension --------------------------------------------------------------------------- */
/* A length in DER (X.690 section 10.1: the shortest form); 0, or -1. At most 65535. */
static int
der_length(const uint8_t **p, size_t *n, size_t *len)
{
	size_t bytes = 0, v;

	if (*n == 0)
		return -1;
	v = *(*p)++;
	--*n;
	if (v >= 0x80) {
		bytes = v & 0x7f;
		if (bytes < 1 || bytes > 2 || bytes > *n)
			return -1;
		v = 0;
		for (size_t i = 0; i < bytes; i++)
			v = v << 8 | (*p)[i];
		*p += bytes;
		*n -= bytes;
		if (v < (bytes == 1 ? 0x80U : 0x100U))
			return -1;
	}
	*len = v;
	return 0;
}

static int
malformed(struct err *e)
{
	return err_set(
	    e, ERR_FORMAT, "SSH keys: not a SEQUENCE OF OCTET STRING of 32 bytes each in DER");
}

int
keyset_from_extension(const uint8_t *der, size_t n, struct keyset *k, struct err *e)
{
	enum { SEQUENCE = 0x30, OCTET_STRING = 0x04 };
	struct keyset got = { .n = 0 };
	size_t len;

	if (n == 0 || *der++ != SEQUENCE)
		return malformed(e);
	n--;
	if (der_length(&der, &n, &len) == -1 || len != n)
		return malformed(e);
	while (n > 0) {
		if (n < 34 || der[0] != OCTET_STRING || der[1] != 32)
			return malformed(e);
		if (add(&got, der + 2, e) == -1)
			return -1;
		der += 34;
		n -= 34;
	}
	*k = got;
	return 0;
}
