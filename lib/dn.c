/* dn.c - the canonical form of distinguished names */
#include <string.h>
#include <strings.h>

#include "dn.h"

#define TYPE_MAX 255 /* its length is one byte */

/* RFC 4514 section 3, and those of RFC 4519 and RFC 2985 that certificates really carry. */
static const struct {
	const char *name, *oid;
} types[] = {
	{ "CN", "2.5.4.3" },
	{ "SN", "2.5.4.4" },
	{ "SERIALNUMBER", "2.5.4.5" },
	{ "C", "2.5.4.6" },
	{ "L", "2.5.4.7" },
	{ "ST", "2.5.4.8" },
	{ "STREET", "2.5.4.9" },
	{ "O", "2.5.4.10" },
	{ "OU", "2.5.4.11" },
	{ "TITLE", "2.5.4.12" },
	{ "GIVENNAME", "2.5.4.42" },
	{ "DC", "0.9.2342.19200300.100.1.25" },
	{ "UID", "0.9.2342.19200300.100.1.1" },
	{ "EMAILADDRESS", "1.2.840.113549.1.9.1" },
};

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

bool
dn_is_oid(const void *text, size_t n)
{
	const uint8_t *p = text;
	size_t arcs = 0, i = 0;

	if (n > TYPE_MAX)
		return false;
	for (;;) {
		size_t start = i;

		while (i < n && is_digit(p[i]))
			i++;
		if (i == start || (p[start] == '0' && i - start > 1))
			return false;
		if (arcs == 0 && (i - start > 1 || p[start] > '2'))
			return false;
		/* the second arc of 0 and 1 is at most 39 */
		if (arcs == 1 && p[0] < '2' &&
		    (i - start > 2 || (i - start == 2 && p[start] > '3')))
			return false;
		arcs++;
		if (i == n)
			return arcs >= 2;
		if (p[i++] != '.')
			return false;
	}
}

/* Set type and type_len of `to` to the canonical spelling of those of `from`. */
static bool
type_canonical(const struct dn_ava *from, struct dn_ava *to)
{
	const char *p = (const char *)from->type;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const char *name = types[i].name, *oid = types[i].oid;

		if ((strlen(name) == from->type_len && strncasecmp(name, p, from->type_len) == 0) ||
		    (strlen(oid) == from->type_len && memcmp(oid, p, from->type_len) == 0)) {
			to->type = (const uint8_t *)name;
			to->type_len = strlen(name);
			return true;
		}
	}
	to->type = from->type;
	to->type_len = from->type_len;
	return dn_is_oid(from->type, from->type_len);
}

static int
type_compare(const struct dn_ava *a, const struct dn_ava *b)
{
	size_t n = a->type_len < b->type_len ? a->type_len : b->type_len;
	int c = memcmp(a->type, b->type, n);

	if (c != 0)
		return c;
	return (a->type_len > b->type_len) - (a->type_len < b->type_len);
}

void
dn_writer_init(struct dn_writer *w)
{
	w->len = 0;
	w->nrdns = 0;
}

/* Sort `n` attributes with canonical types into `sorted`; sets *need to their bytes. */
static int
rdn_sort(const struct dn_ava *avas, size_t n, struct dn_ava *sorted, size_t *need, struct err *e)
{
	*need = 1;
	for (size_t i = 0; i < n; i++) {
		struct dn_ava a = avas[i];
		size_t at = i;

		if (!type_canonical(&avas[i], &a))
			return err_set(e, ERR_FORMAT,
			    "distinguished name: unknown attribute type, "
			    "allowed are CN O OU L ST STREET C DC UID EMAILADDRESS SERIALNUMBER "
			    "GIVENNAME SN TITLE and dotted OIDs");
		if (a.value_len == 0)
			return err_set(e, ERR_FORMAT, "distinguished name: empty attribute value");
		if (a.value_len > DN_MAX)
			return err_set(
			    e, ERR_FORMAT, "distinguished name: longer than %d bytes", DN_MAX);
		for (; at > 0 && type_compare(&sorted[at - 1], &a) >= 0; at--) {
			if (type_compare(&sorted[at - 1], &a) == 0)
				return err_set(e, ERR_FORMAT,
				    "distinguished name: one attribute "
				    "type twice in one RDN");
			sorted[at] = sorted[at - 1];
		}
		sorted[at] = a;
		*need += 3 + a.type_len + a.value_len;
	}
	return 0;
}

static void
put_bytes(struct dn_writer *w, const uint8_t *p, size_t n)
{
	memcpy(w->buf + w->len, p, n);
	w->len += n;
}

int
dn_writer_rdn(struct dn_writer *w, const struct dn_ava *avas, size_t n, struct err *e)
{
	struct dn_ava sorted[DN_AVAS_MAX];
	size_t need;

	if (n == 0 || n > DN_AVAS_MAX)
		return err_set(e, ERR_FORMAT, "distinguished name: an RDN has 1 to %d attributes",
		    DN_AVAS_MAX);
	if (w->nrdns == DN_RDNS_MAX)
		return err_set(e, ERR_FORMAT, "distinguished name: more than %d RDNs", DN_RDNS_MAX);
	if (rdn_sort(avas, n, sorted, &need, e) == -1)
		return -1;
	if (need > DN_MAX - w->len)
		return err_set(e, ERR_FORMAT, "distinguished name: longer than %d bytes", DN_MAX);
	w->buf[w->len++] = (uint8_t)n;
	for (size_t i = 0; i < n; i++) {
		w->buf[w->len++] = (uint8_t)sorted[i].type_len;
		put_bytes(w, sorted[i].type, sorted[i].type_len);
		w->buf[w->len++] = (uint8_t)(sorted[i].value_len >> 8);
		w->buf[w->len++] = (uint8_t)sorted[i].value_len;
		put_bytes(w, sorted[i].value, sorted[i].value_len);
	}
	w->nrdns++;
	return 0;
}

/* Read one attribute at *pos; false when a length leads beyond the end. */
static bool
ava_read(const uint8_t *dn, size_t n, size_t *pos, struct dn_ava *a)
{
	size_t at = *pos;

	if (at >= n)
		return false;
	a->type_len = dn[at++];
	if (a->type_len > n - at || n - at - a->type_len < 2)
		return false;
	a->type = dn + at;
	at += a->type_len;
	a->value_len = (size_t)dn[at] << 8 | dn[at + 1];
	at += 2;
	if (a->value_len > n - at)
		return false;
	a->value = dn + at;
	*pos = at + a->value_len;
	return true;
}

size_t
dn_next(const uint8_t *dn, size_t n, size_t *pos, struct dn_ava avas[DN_AVAS_MAX])
{
	size_t count, at = *pos;

	if (at >= n)
		return 0;
	count = dn[at++];
	if (count == 0 || count > DN_AVAS_MAX)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (!ava_read(dn, n, &at, &avas[i]))
			return 0;
	*pos = at;
	return count;
}

/* The attributes of one RDN are as dn_writer_rdn() would have written them. */
static bool
rdn_is_canonical(const struct dn_ava *avas, size_t n)
{
	struct dn_ava a;

	for (size_t i = 0; i < n; i++) {
		if (avas[i].value_len == 0 || !type_canonical(&avas[i], &a) ||
		    type_compare(&avas[i], &a) != 0)
			return false;
		if (i > 0 && type_compare(&avas[i - 1], &avas[i]) >= 0)
			return false;
	}
	return true;
}

int
dn_check(const uint8_t *dn, size_t n, struct err *e)
{
	struct dn_ava avas[DN_AVAS_MAX];
	size_t pos = 0, count, rdns = 0;

	if (n == 0 || n > DN_MAX)
		return err_set(e, ERR_PEER, "distinguished name: %zu bytes", n);
	while (pos < n) {
		if ((count = dn_next(dn, n, &pos, avas)) == 0)
			return err_set(e, ERR_PEER, "distinguished name: malformed");
		if (!rdn_is_canonical(avas, count))
			return err_set(e, ERR_PEER, "distinguished name: not canonical");
		if (++rdns > DN_RDNS_MAX)
			return err_set(
			    e, ERR_PEER, "distinguished name: more than %d RDNs", DN_RDNS_MAX);
	}
	return 0;
}
