/* crlmake.c - a CertificateList out of parts */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/help/crlmake.h"

struct out {
	uint8_t *p;
	size_t n, size;
};

static void
put(struct out *o, const void *p, size_t n)
{
	assert_true(o->n + n <= o->size);
	if (n > 0)
		memcpy(o->p + o->n, p, n);
	o->n += n;
}

static void
put_hex(struct out *o, const char *hex)
{
	while (*hex != '\0') {
		char two[3] = { hex[0], hex[1], '\0' };
		uint8_t byte;

		if (*hex == ' ') {
			hex++;
			continue;
		}
		byte = (uint8_t)strtoul(two, NULL, 16);
		put(o, &byte, 1);
		hex += 2;
	}
}

static void
put_tlv(struct out *o, uint8_t tag, const uint8_t *p, size_t n)
{
	uint8_t head[6] = { tag };
	size_t k = 2;

	if (n < 0x80) {
		head[1] = (uint8_t)n;
	} else {
		size_t octets = n > 0xffffff ? 4 : n > 0xffff ? 3 : n > 0xff ? 2 : 1;

		head[1] = (uint8_t)(0x80 | octets);
		for (size_t i = 0; i < octets; i++)
			head[k++] = (uint8_t)(n >> 8 * (octets - 1 - i));
	}
	put(o, head, k);
	put(o, p, n);
}

static const char *
part(const char *given, const char *usual)
{
	return given == NULL ? usual : given;
}

/* SEQUENCE of what the hexadecimal text says, in an explicit tag when `outer` is one. */
static void
put_sequence(struct out *o, uint8_t outer, const char *hex)
{
	size_t room = strlen(hex) + 16;
	struct out in = { malloc(room), 0, room }, seq = { malloc(room), 0, room };

	put_hex(&in, hex);
	put_tlv(&seq, 0x30, in.p, in.n);
	if (outer != 0)
		put_tlv(o, outer, seq.p, seq.n);
	else
		put(o, seq.p, seq.n);
	free(in.p);
	free(seq.p);
}

size_t
crlmake(const struct crlmake *m, uint8_t *dst, size_t size)
{
	/* ecdsa-with-SHA256; CN=x */
	const char *algorithm = part(m->algorithm, "300a 06082a8648ce3d040302");
	struct out tbs = { malloc(size), 0, size }, list = { malloc(size), 0, size };
	struct out all = { dst, 0, size };

	put_hex(&tbs, part(m->version, "020101"));
	put_hex(&tbs, algorithm);
	put_hex(&tbs, part(m->issuer, "300c 310a 3008 0603550403 0c0178"));
	put_hex(&tbs, part(m->this_update, "170d 3236303130313030303030305a"));
	put_hex(&tbs, part(m->next_update, "170d 3237303130313030303030305a"));
	if (m->revoked != NULL)
		put_sequence(&tbs, 0, m->revoked);
	if (m->extensions == NULL || *m->extensions != '\0')
		put_sequence(&tbs, 0xa0, part(m->extensions, CRLMAKE_NUMBER));
	put_hex(&tbs, part(m->behind, ""));
	put_tlv(&list, 0x30, tbs.p, tbs.n);
	put_hex(&list, part(m->outside, algorithm));
	put_hex(&list, part(m->signature, "0303 00 abcd"));
	put_tlv(&all, 0x30, list.p, list.n);
	free(tbs.p);
	free(list.p);
	return all.n;
}
