/* certpath_issuer.c - one number for a CA's name and key */
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "certpath_local.h"

bool
certpath_same_key(const X509 *a, const X509 *b)
{
	const ASN1_BIT_STRING *ka = X509_get0_pubkey_bitstr(a), *kb = X509_get0_pubkey_bitstr(b);

	return ka != NULL && kb != NULL && ASN1_STRING_cmp(ka, kb) == 0;
}

/* Bytes that grow; `bad` once there was no memory. */
struct bytes {
	uint8_t *p;
	size_t n, room;
	bool bad;
};

static void
put(struct bytes *b, const void *p, size_t n)
{
	if (b->bad)
		return;
	if (n > b->room - b->n) {
		size_t room = (b->n + n) * 2 + 512;
		uint8_t *grown = realloc(b->p, room);

		if (grown == NULL) {
			b->bad = true;
			return;
		}
		b->p = grown;
		b->room = room;
	}
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void
put_number(struct bytes *b, uint32_t v)
{
	const uint8_t be[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8),
		(uint8_t)v };

	put(b, be, sizeof(be));
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ASCII letters in lower case, blanks at the ends left out and inside one space. In place. */
static size_t
fold(uint8_t *p, size_t n)
{
	size_t from = 0, to = 0;

	while (n > 0 && is_blank(p[n - 1]))
		n--;
	while (from < n && is_blank(p[from]))
		from++;
	for (; from < n; from++) {
		uint8_t c = p[from];

		if (is_blank(c)) {
			if (is_blank(p[from + 1]))
				continue;
			c = ' ';
		}
		p[to++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
	}
	return to;
}

/* A value of a string type counts by its characters, any other by its bytes. */
static void
put_value(struct bytes *b, const ASN1_STRING *s)
{
	const unsigned long folded = B_ASN1_UTF8STRING | B_ASN1_BMPSTRING | B_ASN1_UNIVERSALSTRING |
				     B_ASN1_PRINTABLESTRING | B_ASN1_T61STRING | B_ASN1_IA5STRING |
				     B_ASN1_VISIBLESTRING;
	unsigned char *utf8 = NULL;
	int n, type = ASN1_STRING_type(s);

	if ((ASN1_tag2bit(type) & folded) != 0) {
		if ((n = ASN1_STRING_to_UTF8(&utf8, s)) >= 0) {
			size_t len = fold(utf8, (size_t)n);

			put_number(b, V_ASN1_UTF8STRING);
			put_number(b, (uint32_t)len);
			put(b, utf8, len);
			OPENSSL_free(utf8);
			return;
		}
	}
	put_number(b, (uint32_t)type);
	put_number(b, (uint32_t)ASN1_STRING_length(s));
	put(b, ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static void
put_entry(struct bytes *b, const X509_NAME_ENTRY *entry)
{
	const ASN1_OBJECT *oid = X509_NAME_ENTRY_get_object(entry);

	put_number(b, (uint32_t)OBJ_length(oid));
	put(b, OBJ_get0_data(oid), OBJ_length(oid));
	put_value(b, X509_NAME_ENTRY_get_data(entry));
}

struct span {
	const uint8_t *p;
	size_t n;
};

static int
compare(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return c != 0 ? c : (x->n > y->n) - (x->n < y->n);
}

/* The entries from..until, which are one RDN: a set, so in an order of our own. */
static void
put_rdn(struct bytes *b, const X509_NAME *name, int from, int until)
{
	size_t n = (size_t)(until - from);
	struct span *spans = calloc(n, sizeof(*spans));
	struct bytes all = { .p = NULL };
	size_t *ends = calloc(n, sizeof(*ends));

	put_number(b, (uint32_t)n);
	for (size_t i = 0; spans != NULL && ends != NULL && i < n; i++) {
		put_entry(&all, X509_NAME_get_entry(name, from + (int)i));
		ends[i] = all.n;
	}
	if (spans == NULL || ends == NULL || all.bad) {
		b->bad = true;
	} else {
		for (size_t i = 0; i < n; i++) {
			size_t start = i == 0 ? 0 : ends[i - 1];

			spans[i] = (struct span){ all.p + start, ends[i] - start };
		}
		qsort(spans, n, sizeof(*spans), compare);
		for (size_t i = 0; i < n; i++)
			put(b, spans[i].p, spans[i].n);
	}
	free(all.p);
	free(ends);
	free(spans);
}

static void
put_name(struct bytes *b, const X509_NAME *name)
{
	int n = X509_NAME_entry_count(name);

	for (int i = 0, k; i < n; i = k) {
		int set = X509_NAME_ENTRY_set(X509_NAME_get_entry(name, i));

		for (k = i + 1; k < n; k++)
			if (X509_NAME_ENTRY_set(X509_NAME_get_entry(name, k)) != set)
				break;
		if (k == i + 1) {
			put_number(b, 1);
			put_entry(b, X509_NAME_get_entry(name, i));
		} else {
			put_rdn(b, name, i, k);
		}
	}
}

int
certpath_issuer_id(X509 *ca, uint8_t id[CRLINDEX_ID])
{
	struct bytes b = { .p = NULL };
	unsigned char *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ca), &spki), ret = -1;

	if (n > 0) {
		put_number(&b, (uint32_t)n);
		put(&b, spki, (size_t)n);
		put_name(&b, X509_get_subject_name(ca));
		if (!b.bad && EVP_Digest(b.p, b.n, id, NULL, EVP_sha256(), NULL) == 1)
			ret = 0;
	}
	OPENSSL_free(spki);
	free(b.p);
	return ret;
}
