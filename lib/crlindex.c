/* crlindex.c - revoked serial numbers: looking them up */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "crlindex.h"
#include "crlindex_form.h"
#include "dertime.h"
#include "text.h"

/* Beyond what a GeneralizedTime can say; sums of two still fit. */
#define TIME_MAX (INT64_C(1) << 40)

size_t
crlindex_bytes_max(void)
{
	return sizeof(struct crlindex_head) + CRLINDEX_LISTS_MAX * sizeof(struct crlindex_list) +
	       (size_t)CRLINDEX_ENTRIES_MAX * CRLINDEX_ENTRY;
}

/* Whether a text field ends within itself. */
static bool
ends(const char *p, size_t size)
{
	return memchr(p, '\0', size) != NULL;
}

static int
check_list(const struct crlindex *ix, uint32_t i, struct err *e)
{
	const struct crlindex_list *l = &ix->lists[i];

	if (l->first > ix->nentries || l->n > ix->nentries - l->first)
		return err_set(e, ERR_PEER, "CRL index: list %u lies outside", i);
	if (l->this_update < -TIME_MAX || l->this_update > TIME_MAX ||
	    l->next_update < l->this_update || l->next_update > TIME_MAX)
		return err_set(e, ERR_PEER, "CRL index: list %u has no time", i);
	if (l->scope > CRLINDEX_CAS || l->pad != 0 || !ends(l->file, sizeof(l->file)) ||
	    !ends(l->name, sizeof(l->name)) || !ends(l->section_name, sizeof(l->section_name)))
		return err_set(e, ERR_PEER, "CRL index: list %u is malformed", i);
	if (i > 0 && crlindex_list_compare(&ix->lists[i - 1], l) > 0)
		return err_set(e, ERR_PEER, "CRL index: list %u is out of order", i);
	return 0;
}

int
crlindex_open(const struct sealed *s, struct crlindex *ix, struct err *e)
{
	struct crlindex got = { 0 };
	struct crlindex_head head;
	size_t left = s->n;

	if (left < sizeof(head))
		return err_set(e, ERR_PEER, "CRL index: %zu bytes", s->n);
	memcpy(&head, s->p, sizeof(head));
	left -= sizeof(head);
	if (memcmp(head.magic, CRLINDEX_MAGIC, sizeof(head.magic)) != 0 || head.pad != 0)
		return err_set(e, ERR_PEER, "CRL index: not one, or of another version");
	if (head.nlists > CRLINDEX_LISTS_MAX || head.nentries > CRLINDEX_ENTRIES_MAX)
		return err_set(e, ERR_PEER, "CRL index: %u lists, %llu entries", head.nlists,
		    (unsigned long long)head.nentries);
	if (left / sizeof(struct crlindex_list) < head.nlists)
		return err_set(e, ERR_PEER, "CRL index: %u lists in %zu bytes", head.nlists, s->n);
	left -= head.nlists * sizeof(struct crlindex_list);
	if (left != head.nentries * CRLINDEX_ENTRY)
		return err_set(e, ERR_PEER, "CRL index: %llu entries in %zu bytes",
		    (unsigned long long)head.nentries, s->n);
	/* a mapping begins at a page, and the head's size keeps what follows aligned */
	if ((uintptr_t)s->p % _Alignof(struct crlindex_list) != 0)
		return err_set(e, ERR_PEER, "CRL index: not aligned");
	got.nlists = head.nlists;
	got.nentries = head.nentries;
	got.lists = (const struct crlindex_list *)(const void *)(s->p + sizeof(head));
	got.entries = s->p + sizeof(head) + head.nlists * sizeof(struct crlindex_list);
	for (uint32_t i = 0; i < got.nlists; i++)
		if (check_list(&got, i, e) == -1)
			return -1;
	*ix = got;
	return 0;
}

int
crlindex_serial(const uint8_t *octets, size_t n, struct crlindex_serial *s)
{
	bool negative;

	if (n == 0)
		return -1;
	negative = (octets[0] & 0x80) != 0;
	/* the octet that only carries the sign */
	if (n == CRLINDEX_MAGNITUDE + 1 && octets[0] == (negative ? 0xff : 0)) {
		octets++;
		n--;
	}
	if (n > CRLINDEX_MAGNITUDE)
		return -1;
	memset(s->magnitude, 0, CRLINDEX_MAGNITUDE);
	s->negative = negative;
	if (!negative) {
		memcpy(s->magnitude + CRLINDEX_MAGNITUDE - n, octets, n);
		return 0;
	}
	/* two's complement: invert and add one */
	for (size_t i = n, carry = 1; i > 0; i--) {
		unsigned v = (uint8_t)~octets[i - 1] + (unsigned)carry;

		s->magnitude[CRLINDEX_MAGNITUDE - n + i - 1] = (uint8_t)v;
		carry = v >> 8;
		/* -2^160: its magnitude has one bit more than there is room for */
		if (i == 1 && carry != 0) {
			if (n == CRLINDEX_MAGNITUDE)
				return -1;
			s->magnitude[CRLINDEX_MAGNITUDE - n - 1] = 1;
		}
	}
	return 0;
}

/* Magnitude and sign as numbers, which compare quicker than bytes. */
struct order {
	uint64_t high, middle;
	uint32_t low; /* of the last four octets; then the sign */
	uint8_t sign;
};

static inline uint64_t
get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static inline uint32_t
get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

/* Whether the entry stands before what is looked for. */
static inline bool
is_below(const uint8_t *entry, const struct order *o)
{
	uint64_t high = get64(entry), middle = get64(entry + 8);
	uint32_t low = get32(entry + 16);

	if (high != o->high)
		return high < o->high;
	if (middle != o->middle)
		return middle < o->middle;
	if (low != o->low)
		return low < o->low;
	return (entry[CRLINDEX_MAGNITUDE] & CRLINDEX_NEGATIVE) < o->sign;
}

bool
crlindex_has(const struct crlindex *ix, const struct crlindex_list *l,
    const struct crlindex_serial *s, unsigned *reason)
{
	const uint8_t *base = ix->entries + l->first * CRLINDEX_ENTRY;
	const struct order o = { get64(s->magnitude), get64(s->magnitude + 8),
		get32(s->magnitude + 16), s->negative ? CRLINDEX_NEGATIVE : 0 };
	uint64_t n = l->n;

	/* the first entry that is not below (magnitude, sign, reason 0) */
	while (n > 0) {
		uint64_t half = n / 2;
		const uint8_t *mid = base + half * CRLINDEX_ENTRY;

		if (is_below(mid, &o)) {
			base = mid + CRLINDEX_ENTRY;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	if (base == ix->entries + (l->first + l->n) * CRLINDEX_ENTRY ||
	    memcmp(base, s->magnitude, CRLINDEX_MAGNITUDE) != 0 ||
	    (base[CRLINDEX_MAGNITUDE] & CRLINDEX_NEGATIVE) != o.sign)
		return false;
	*reason = base[CRLINDEX_MAGNITUDE] & CRLINDEX_REASON;
	return true;
}

/* Section and issuer only. */
static int
compare_owner(const struct crlindex_list *l, uint32_t section, const uint8_t *issuer)
{
	if (l->section != section)
		return l->section < section ? -1 : 1;
	return memcmp(l->issuer, issuer, CRLINDEX_ID);
}

int
crlindex_list_compare(const struct crlindex_list *a, const struct crlindex_list *b)
{
	int c = compare_owner(a, b->section, b->issuer);

	if (c == 0)
		c = memcmp(b->number, a->number, sizeof(a->number));
	if (c != 0)
		return c;
	if (a->this_update != b->this_update)
		return a->this_update > b->this_update ? -1 : 1;
	if (a->next_update != b->next_update)
		return a->next_update > b->next_update ? -1 : 1;
	return 0;
}

/* The first list of this section and issuer; ix->nlists: there is none. */
static uint32_t
find_owner(const struct crlindex *ix, uint32_t section, const uint8_t *issuer)
{
	uint32_t from = 0, n = ix->nlists;

	while (n > 0) {
		uint32_t half = n / 2;

		if (compare_owner(&ix->lists[from + half], section, issuer) < 0) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return from;
}

/* The newest list of one scope that has begun, from the owner's first list on. */
static void
ask_scope(const struct crlindex *ix, uint32_t first, const struct crlindex_query *q, uint32_t scope,
    int64_t now, struct crlindex_answer *a)
{
	*a = (struct crlindex_answer){ .state = CRLINDEX_MISSING };
	for (uint32_t i = first; i < ix->nlists; i++) {
		const struct crlindex_list *l = &ix->lists[i];

		if (compare_owner(l, q->section, q->issuer) != 0)
			break;
		if (l->scope != scope)
			continue;
		if (a->list == NULL) {
			a->state = CRLINDEX_EARLY;
			a->list = l;
		}
		if (l->this_update <= now) {
			a->state = now < l->next_update ? CRLINDEX_CURRENT : CRLINDEX_STALE;
			a->list = l;
			break;
		}
	}
	if (a->list != NULL)
		a->revoked = crlindex_has(ix, a->list, &q->serial, &a->reason);
}

/* Of two answers the higher one counts: revoked before all, then what is current. */
static int
rank(const struct crlindex_answer *a)
{
	switch (a->state) {
	case CRLINDEX_CURRENT:
		return a->revoked ? 5 : 3;
	case CRLINDEX_STALE:
		return a->revoked ? 4 : 2;
	case CRLINDEX_EARLY:
		return 1;
	default:
		return 0;
	}
}

void
crlindex_ask(const struct crlindex *ix, const struct crlindex_query *q, int64_t now,
    struct crlindex_answer *a)
{
	uint32_t first = find_owner(ix, q->section, q->issuer);
	struct crlindex_answer own;

	/* numbers count within one scope (RFC 5280 section 5.2.3), so neither list is the newer */
	ask_scope(ix, first, q, CRLINDEX_ALL, now, a);
	ask_scope(ix, first, q, q->is_ca ? CRLINDEX_CAS : CRLINDEX_USERS, now, &own);
	if (rank(&own) > rank(a))
		*a = own;
	if (a->list == NULL && first < ix->nlists &&
	    compare_owner(&ix->lists[first], q->section, q->issuer) == 0) {
		a->state = CRLINDEX_OTHERS;
		a->list = &ix->lists[first];
	}
}

const char *
crlindex_reason_name(unsigned reason)
{
	/* RFC 5280 section 5.3.1 */
	static const char *const names[] = { "", "keyCompromise", "cACompromise",
		"affiliationChanged", "superseded", "cessationOfOperation", "certificateHold", "",
		"removeFromCRL", "privilegeWithdrawn", "aACompromise" };

	return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "";
}

bool
crlindex_age(const struct crlindex_list *l, int64_t now, char *dst, size_t size)
{
	char span[CERTTIME_SPAN_SIZE], when[TEXT_TIME_SIZE], age[160];
	int64_t from = l->this_update, until = l->next_update;

	if (now < from)
		(void)snprintf(age, sizeof(age), "begins in %s (thisUpdate %s)",
		    certtime_span(span, from - now), text_time(when, from));
	else if (now >= until)
		(void)snprintf(age, sizeof(age),
		    "ended %s ago (nextUpdate %s): certificates of "
		    "this issuer are refused",
		    certtime_span(span, now - until), text_time(when, until));
	else if (until - now <= (until - from) / 4)
		(void)snprintf(age, sizeof(age), "ends in %s (nextUpdate %s)",
		    certtime_span(span, until - now), text_time(when, until));
	else
		return false;
	(void)snprintf(dst, size, "%s: CRL of \"%s\" %s", l->file, l->name, age);
	return true;
}
