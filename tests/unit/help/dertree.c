/* dertree.c - a certificate as a tree of DER values, to be spoiled in one place and signed again */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "dertree.h"
#include "pki_local.h"

#define KIDS_MAX 64

struct node {
	uint8_t id;
	bool longer, indefinite;
	uint8_t *data; /* content, when it has no members */
	size_t n;
	struct node *kid[KIDS_MAX];
	size_t nkids;
};

struct bytes {
	uint8_t *p;
	size_t n;
};

static void
bytes_add(struct bytes *b, const void *p, size_t n)
{
	pki_must((b->p = realloc(b->p, b->n + n + 1)) != NULL, "memory");
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void
node_free(struct node *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->nkids; i++)
		node_free(x->kid[i]);
	free(x->data);
	free(x);
}

static void
node_content(struct node *x, const uint8_t *p, size_t n)
{
	free(x->data);
	pki_must((x->data = malloc(n + 1)) != NULL, "memory");
	if (n > 0)
		memcpy(x->data, p, n);
	x->n = n;
}

/* One value of at most *n bytes at *p, which go on behind it. */
static struct node *
node_parse(const uint8_t **p, size_t *n)
{
	struct node *x = calloc(1, sizeof(*x));
	const uint8_t *at = *p + 2;
	size_t len, octets;

	pki_must(x != NULL && *n >= 2, "DER");
	x->id = (*p)[0];
	len = (*p)[1];
	if (len >= 0x80)
		for (octets = len & 0x7f, len = 0; octets > 0; octets--)
			len = len << 8 | *at++;
	pki_must((size_t)(at - *p) + len <= *n, "DER");
	*n -= (size_t)(at - *p) + len;
	*p = at + len;
	if ((x->id & 0x20) == 0) {
		node_content(x, at, len);
		return x;
	}
	while (len > 0) {
		pki_must(x->nkids < KIDS_MAX, "DER: too many members");
		x->kid[x->nkids++] = node_parse(&at, &len);
	}
	return x;
}

static void
put_length(struct bytes *b, size_t n, bool longer)
{
	uint8_t head[6];
	size_t octets = n < 0x80 ? 0 : n < 0x100 ? 1 : n < 0x10000 ? 2 : 3, k = 0;

	octets += longer;
	head[k++] = octets == 0 ? (uint8_t)n : (uint8_t)(0x80 | octets);
	while (octets-- > 0)
		head[k++] = (uint8_t)(n >> 8 * octets);
	bytes_add(b, head, k);
}

static void
node_write(const struct node *x, struct bytes *out)
{
	struct bytes in = { 0 };

	bytes_add(&in, x->data, x->n);
	for (size_t i = 0; i < x->nkids; i++)
		node_write(x->kid[i], &in);
	bytes_add(out, &x->id, 1);
	if (x->indefinite)
		bytes_add(out, "\x80", 1);
	else
		put_length(out, in.n, x->longer);
	bytes_add(out, in.p, in.n);
	if (x->indefinite)
		bytes_add(out, "\0", 2);
	free(in.p);
}

/* The node at `place` and, where asked, the one that holds it, with its number there. */
static struct node *
node_at(struct node *root, const char *place, struct node **in, size_t *index)
{
	struct node *x = root;

	while (*place != '\0') {
		char *end;
		size_t i = strtoul(place, &end, 10);

		pki_must(end != place && i < x->nkids, place);
		*in = x;
		*index = i;
		x = x->kid[i];
		place = *end == '.' ? end + 1 : end;
	}
	return x;
}

/* Put all values of `hex` into the members of x, from number i on. */
static void
insert(struct node *x, size_t i, const uint8_t *p, size_t n)
{
	while (n > 0) {
		pki_must(x->nkids < KIDS_MAX && i <= x->nkids, "edit");
		memmove(&x->kid[i + 1], &x->kid[i], (x->nkids - i) * sizeof(x->kid[0]));
		x->kid[i++] = node_parse(&p, &n);
		x->nkids++;
	}
}

static void
apply(struct node *root, const struct dertree_edit *edit)
{
	struct node *in = NULL, *x;
	size_t index = 0;
	long n = 0;
	uint8_t *hex = OPENSSL_hexstr2buf(edit->hex == NULL ? "" : edit->hex, &n);

	pki_must(hex != NULL || n == 0, edit->hex);
	x = node_at(root, edit->place, &in, &index);
	switch (edit->op) {
	case DERTREE_REPLACE:
		pki_must(in != NULL, "edit");
		memmove(&in->kid[index], &in->kid[index + 1],
		    (--in->nkids - index) * sizeof(in->kid[0]));
		node_free(x);
		insert(in, index, hex, (size_t)n);
		break;
	case DERTREE_CONTENT:
		node_content(x, hex, (size_t)n);
		break;
	case DERTREE_APPEND:
		insert(x, x->nkids, hex, (size_t)n);
		break;
	case DERTREE_BEFORE:
		pki_must(in != NULL, "edit");
		insert(in, index, hex, (size_t)n);
		break;
	case DERTREE_TAG:
		x->id = hex[0];
		break;
	case DERTREE_LONG:
		x->longer = true;
		break;
	case DERTREE_INDEFINITE:
		x->indefinite = true;
		break;
	case DERTREE_FLIP:
		x->data[x->n - 1] ^= 1;
		break;
	case DERTREE_NONE:
		break;
	}
	OPENSSL_free(hex);
}

/* A new signature, with SHA-256, over the first member. */
static void
sign(struct node *root, EVP_PKEY *key)
{
	struct bytes tbs = { 0 };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t value[1024];
	size_t n = sizeof(value) - 1;

	node_write(root->kid[0], &tbs);
	value[0] = 0; /* unused bits of the BIT STRING */
	pki_must(ctx != NULL &&
		     EVP_DigestSignInit(ctx, NULL, pki_digest(key, NULL), NULL, key) == 1 &&
		     EVP_DigestSign(ctx, value + 1, &n, tbs.p, tbs.n) == 1,
	    "signature");
	node_content(root->kid[2], value, n + 1);
	EVP_MD_CTX_free(ctx);
	free(tbs.p);
}

uint8_t *
dertree_edit(const uint8_t *der, size_t n, const struct dertree_edit edits[DERTREE_EDITS],
    EVP_PKEY *key, size_t *len)
{
	struct node *root = node_parse(&der, &n);
	struct bytes out = { 0 };
	bool signed_part = false;

	pki_must(n == 0 && root->nkids == 3, "certificate");
	for (size_t i = 0; i < DERTREE_EDITS; i++) {
		if (edits[i].op == DERTREE_NONE)
			continue;
		apply(root, &edits[i]);
		signed_part |= edits[i].place[0] == '0';
	}
	if (signed_part)
		sign(root, key);
	node_write(root, &out);
	node_free(root);
	*len = out.n;
	return out.p;
}
