/* crlwalk.c - reading a CertificateList without an object for each entry */
#include <string.h>

#include "crlwalk.h"
#include "dertime.h"

/* The last octet of 2.5.29.x, the arc of the standard extensions; 0: another one. */
enum {
	EXT_NUMBER = 20,
	EXT_REASON = 21,
	EXT_DELTA = 27,
	EXT_POINT = 28,
	EXT_CERT_ISSUER = 29,
	EXT_AKID = 35,
};

#define REMOVE_FROM_CRL 8

/* What is read at the moment: for messages. */
struct reading {
	struct crldraft *d;
	struct crlwalk *w;
	struct err *e;
	uint64_t entry; /* counted from 1; 0: the list itself */
	bool numbered;	/* it has a CRL number */
};

static int
refuse(struct reading *r, enum crlwalk_fault fault, const char *why)
{
	r->w->fault = fault;
	if (r->entry == 0)
		return err_set(r->e, ERR_FORMAT, "%s", why);
	return err_set(r->e, ERR_FORMAT, "entry %llu: %s", (unsigned long long)r->entry, why);
}

static int
damaged(struct reading *r, const char *what)
{
	r->w->fault = CRLWALK_DAMAGED;
	if (r->entry == 0)
		return err_set(r->e, ERR_FORMAT, "a damaged CRL: %s", what);
	return err_set(
	    r->e, ERR_FORMAT, "a damaged CRL: entry %llu: %s", (unsigned long long)r->entry, what);
}

/* ---- extensions ------------------------------------------------------------------------------ */

struct extension {
	struct der oid, value;
	bool critical;
	unsigned id;
};

static bool
get_extension(struct der *in, struct extension *x)
{
	static const uint8_t arc[] = { 0x55, 0x1d };
	struct der body, flag;

	if (!der_get(in, DER_SEQUENCE, &body) || !der_get(&body, DER_OID, &x->oid) ||
	    der_left(&x->oid) == 0)
		return false;
	x->critical = false;
	if (der_get(&body, DER_BOOLEAN, &flag)) {
		/* DER leaves FALSE out; some write it all the same, and it means nothing else */
		if (der_left(&flag) != 1 || (flag.p[0] != 0 && flag.p[0] != 0xff))
			return false;
		x->critical = flag.p[0] != 0;
	}
	x->id = der_left(&x->oid) == 3 && memcmp(x->oid.p, arc, 2) == 0 ? x->oid.p[2] : 0;
	return der_get(&body, DER_OCTETS, &x->value) && der_left(&body) == 0;
}

static bool
same(const struct der *a, const struct der *b)
{
	return der_left(a) == der_left(b) && memcmp(a->p, b->p, der_left(a)) == 0;
}

/* Each extension of a list or of an entry, none of them twice, to `take`. */
static int
each_extension(
    struct reading *r, struct der in, int (*take)(struct reading *, const struct extension *))
{
	struct der seen[CRLWALK_EXTENSIONS_MAX];
	struct extension x;
	size_t n = 0;

	if (der_left(&in) == 0)
		return damaged(r, "an empty list of extensions");
	while (der_left(&in) > 0) {
		if (!get_extension(&in, &x))
			return damaged(r, "an extension cannot be read");
		for (size_t i = 0; i < n; i++)
			if (same(&seen[i], &x.oid))
				return refuse(r, CRLWALK_EXTENSION,
				    r->entry == 0 ? "it has an extension twice"
						  : "an extension stands twice");
		if (n == CRLWALK_EXTENSIONS_MAX)
			return refuse(r, CRLWALK_EXTENSION, "it has too many extensions");
		seen[n++] = x.oid;
		if (take(r, &x) == -1)
			return -1;
	}
	return 0;
}

/* ---- entries --------------------------------------------------------------------------------- */

/* RFC 5280 section 5.3.1: 7 is not used. */
static int
get_reason(struct reading *r, struct der value, unsigned *reason)
{
	struct der body;

	if (!der_get(&value, DER_ENUMERATED, &body) || der_left(&value) != 0 ||
	    der_left(&body) != 1 || body.p[0] > 10 || body.p[0] == 7)
		return refuse(r, CRLWALK_EXTENSION, "an entry has a malformed reason");
	if (body.p[0] == REMOVE_FROM_CRL)
		return refuse(
		    r, CRLWALK_SCOPE, "an entry says removeFromCRL, which only a delta CRL may");
	*reason = body.p[0];
	return 0;
}

static int
take_entry_extension(struct reading *r, const struct extension *x)
{
	unsigned unused;

	if (x->id == EXT_CERT_ISSUER)
		return refuse(
		    r, CRLWALK_SCOPE, "an entry names another issuer (certificateIssuer)");
	if (x->critical)
		return refuse(r, CRLWALK_CRITICAL,
		    "an entry has a critical extension that is not known here");
	/* judged here, picked up by get_entry(): most entries have this one or none */
	return x->id == EXT_REASON ? get_reason(r, x->value, &unused) : 0;
}

/* The extensions of most entries that have any: a reason of one octet, and nothing else. */
static bool
is_plain_reason(const struct der *d)
{
	static const uint8_t plain[] = { 0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04,
		0x03, 0x0a, 0x01 };

	return der_left(d) == sizeof(plain) + 1 && memcmp(d->p, plain, sizeof(plain)) == 0 &&
	       d->p[sizeof(plain)] <= 10 && d->p[sizeof(plain)] != 7 &&
	       d->p[sizeof(plain)] != REMOVE_FROM_CRL;
}

static int
get_entry_extensions(struct reading *r, struct der rest, unsigned *reason)
{
	struct der list, in;
	struct extension x;

	*reason = 0;
	if (is_plain_reason(&rest)) {
		*reason = rest.end[-1];
		return 0;
	}
	if (!der_get(&rest, DER_SEQUENCE, &list) || der_left(&rest) != 0)
		return damaged(r, "something stands behind its date");
	if (each_extension(r, list, take_entry_extension) == -1)
		return -1;
	for (in = list; der_left(&in) > 0 && get_extension(&in, &x);)
		if (x.id == EXT_REASON && get_reason(r, x.value, reason) == -1)
			return -1;
	return 0;
}

/* Date and all of one entry; `last` is the last date that was found to be one. */
static int
get_entry(struct reading *r, struct der *in, struct der *last)
{
	struct der entry, serial, when;
	unsigned reason = 0;
	int64_t ignored;
	uint8_t tag;

	if (!der_get(in, DER_SEQUENCE, &entry) || !der_get(&entry, DER_INTEGER, &serial) ||
	    !der_is_integer(&serial))
		return damaged(r, "no serial number");
	if (!der_any(&entry, &tag, &when))
		return damaged(r, "no revocation date");
	if (last->p == NULL || last->p[-2] != tag || !same(last, &when)) {
		if (dertime_get(tag, when.p, der_left(&when), &ignored) == -1)
			return damaged(r, "its revocation date cannot be read");
		*last = when;
	}
	if (der_left(&entry) > 0 && get_entry_extensions(r, entry, &reason) == -1)
		return -1;
	if (crldraft_add(r->d, serial.p, der_left(&serial), reason, r->e) == -1) {
		char why[sizeof(r->e->text)];

		r->w->fault = CRLWALK_LIMIT;
		memcpy(why, r->e->text, sizeof(why));
		if (r->e->kind == ERR_FORMAT)
			err_set(r->e, ERR_FORMAT, "entry %llu: %.200s",
			    (unsigned long long)r->entry, why);
		return -1;
	}
	return 0;
}

static int
get_entries(struct reading *r, struct der in)
{
	struct der last = { NULL, NULL };

	while (der_left(&in) > 0) {
		r->entry++;
		if (get_entry(r, &in, &last) == -1)
			return -1;
	}
	r->entry = 0;
	return 0;
}

/* ---- the list's own extensions --------------------------------------------------------------- */

static int
take_number(struct reading *r, const struct extension *x)
{
	struct der value = x->value, number;
	struct crlindex_serial s;

	if (!der_get(&value, DER_INTEGER, &number) || der_left(&value) != 0 ||
	    !der_is_integer(&number))
		return refuse(r, CRLWALK_EXTENSION, "its CRL number is malformed");
	if (x->critical)
		return refuse(r, CRLWALK_EXTENSION, "its CRL number is marked critical");
	if (number.p[0] >= 0x80)
		return refuse(r, CRLWALK_EXTENSION, "its CRL number is negative");
	if (crlindex_serial(number.p, der_left(&number), &s) == -1)
		return refuse(r, CRLWALK_EXTENSION, "its CRL number has more than 20 octets");
	memcpy(r->d->list.number, s.magnitude, sizeof(r->d->list.number));
	return 0;
}

/* RFC 5280 section 5.2.5: fields [0] to [5], each at most once and in this order. */
static int
take_point(struct reading *r, const struct extension *x)
{
	static const struct {
		uint8_t tag;
		const char *refused; /* NULL: a scope that is honoured */
	} fields[] = {
		{ 0xa0, "a CRL for one distribution point only is not taken" },
		{ 0x81, NULL },
		{ 0x82, NULL },
		{ 0x83, "a CRL for some reasons only (onlySomeReasons) is not taken" },
		{ 0x84, "an indirect CRL (indirectCRL) is not taken" },
		{ 0x85, "a CRL for attribute certificates only is not taken" },
	};
	const char *why = NULL;
	struct der value = x->value, body, field;
	unsigned scope = 0;

	if (!der_get(&value, DER_SEQUENCE, &body) || der_left(&value) != 0)
		return refuse(r, CRLWALK_EXTENSION, "its issuingDistributionPoint is malformed");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		bool flag = i != 0 && i != 3, set = true;

		if (!der_get(&body, fields[i].tag, &field))
			continue;
		if (flag && (der_left(&field) != 1 || (field.p[0] != 0 && field.p[0] != 0xff)))
			return refuse(
			    r, CRLWALK_EXTENSION, "its issuingDistributionPoint is malformed");
		set = !flag || field.p[0] != 0;
		if (set && fields[i].refused == NULL)
			scope |= i == 1 ? CRLINDEX_USERS : CRLINDEX_CAS;
		/* of several the one that changes the meaning most is told last: indirect */
		if (set && fields[i].refused != NULL)
			why = fields[i].refused;
	}
	if (der_left(&body) != 0)
		return refuse(r, CRLWALK_EXTENSION, "its issuingDistributionPoint is malformed");
	if (why == NULL && scope == (CRLINDEX_USERS | CRLINDEX_CAS))
		why = "onlyContainsUserCerts and onlyContainsCACerts exclude each other";
	r->d->list.scope = scope;
	return why == NULL ? 0 : refuse(r, CRLWALK_SCOPE, why);
}

static int
take_list_extension(struct reading *r, const struct extension *x)
{
	switch (x->id) {
	case EXT_DELTA:
		return refuse(r, CRLWALK_SCOPE, "a delta CRL is not taken, only a complete one");
	case EXT_NUMBER:
		r->numbered = true;
		return take_number(r, x);
	case EXT_POINT:
		return take_point(r, x);
	case EXT_AKID:
		r->w->akid = x->value;
		break;
	}
	if (x->critical)
		return refuse(
		    r, CRLWALK_CRITICAL, "it has a critical extension that is not known here");
	return 0;
}

/* ---- the list -------------------------------------------------------------------------------- */

/* The next value with its tag and length. */
static bool
get_whole(struct der *in, uint8_t want, struct der *whole)
{
	struct der body;

	whole->p = in->p;
	if (!der_get(in, want, &body))
		return false;
	whole->end = in->p;
	return true;
}

static int
get_times(struct reading *r, struct der *tbs)
{
	struct crlindex_list *l = &r->d->list;
	struct der when;
	uint8_t tag;

	if (!der_any(tbs, &tag, &when) ||
	    dertime_get(tag, when.p, der_left(&when), &l->this_update) == -1)
		return refuse(r, CRLWALK_THIS_UPDATE, "its thisUpdate cannot be read");
	/* RFC 5280 section 5.1.2.5 demands it; without it no CRL would ever be stale. */
	if (der_left(tbs) == 0 || (tbs->p[0] != DERTIME_UTC && tbs->p[0] != DERTIME_GENERALIZED))
		return refuse(r, CRLWALK_NEXT_UPDATE, "it has no nextUpdate");
	if (!der_any(tbs, &tag, &when) ||
	    dertime_get(tag, when.p, der_left(&when), &l->next_update) == -1 ||
	    l->next_update < l->this_update)
		return refuse(r, CRLWALK_NEXT_UPDATE,
		    "its nextUpdate cannot be read, or is before thisUpdate");
	return 0;
}

static int
get_tbs(struct reading *r, struct der tbs, const struct der *outer)
{
	struct der version = { NULL, NULL }, algorithm, list;
	bool second = der_get(&tbs, DER_INTEGER, &version);

	if (!get_whole(&tbs, DER_SEQUENCE, &algorithm) ||
	    !get_whole(&tbs, DER_SEQUENCE, &r->w->issuer))
		return damaged(r, "no algorithm, or no issuer");
	/* the number 1 stands for version 2 */
	if (!second || der_left(&version) != 1 || version.p[0] != 1)
		return refuse(r, CRLWALK_EXTENSION, "it is not of version 2");
	if (!same(&algorithm, outer))
		return refuse(
		    r, CRLWALK_DAMAGED, "the signature algorithms inside and outside of it differ");
	if (get_times(r, &tbs) == -1)
		return -1;
	if (der_get(&tbs, DER_SEQUENCE, &list) && get_entries(r, list) == -1)
		return -1;
	if (der_get(&tbs, DER_EXPLICIT(0), &list)) {
		struct der all;

		if (!der_get(&list, DER_SEQUENCE, &all) || der_left(&list) != 0)
			return damaged(r, "its extensions cannot be read");
		if (each_extension(r, all, take_list_extension) == -1)
			return -1;
	}
	if (der_left(&tbs) != 0)
		return damaged(r, "something that does not belong into a CRL");
	return r->numbered ? 0 : refuse(r, CRLWALK_EXTENSION, "it has no CRL number");
}

int
crlwalk(const uint8_t *der, size_t n, struct crldraft *d, struct crlwalk *w, struct err *e)
{
	struct der in = { der, der + n }, list, tbs;
	struct reading r = { .d = d, .w = w, .e = e };

	*w = (struct crlwalk){ .fault = CRLWALK_NONE };
	if (!der_get(&in, DER_SEQUENCE, &list))
		return damaged(&r, "it is cut off, or no DER");
	if (der_left(&in) != 0)
		return damaged(&r, "bytes stand behind it");
	tbs = list;
	if (!get_whole(&list, DER_SEQUENCE, &w->tbs) ||
	    !get_whole(&list, DER_SEQUENCE, &w->algorithm) ||
	    !der_get(&list, DER_BIT_STRING, &w->signature) || der_left(&list) != 0)
		return damaged(&r, "its three parts cannot be read");
	/* the first octet counts unused bits: a signature has whole octets */
	if (der_left(&w->signature) < 2 || w->signature.p[0] != 0)
		return damaged(&r, "its signature is no string of octets");
	w->signature.p++;
	if (!der_get(&tbs, DER_SEQUENCE, &in))
		return damaged(&r, "its three parts cannot be read");
	return get_tbs(&r, in, &w->algorithm);
}
