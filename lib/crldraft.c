/* crldraft.c - lists of revoked serial numbers: gathered, sorted, written as an index */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crldraft.h"
#include "crlindex_form.h"

#define E CRLINDEX_ENTRY

void
crldraft_done(struct crldraft *d)
{
	if (d == NULL)
		return;
	free(d->own);
	d->own = NULL;
	d->lent = NULL;
	d->n = d->room = 0;
}

static int
grow(struct crldraft *d, struct err *e)
{
	uint64_t room = d->room == 0 ? 64 : d->room * 2;
	uint8_t *p;

	if (d->n >= CRLINDEX_ENTRIES_MAX)
		return err_set(e, ERR_FORMAT, "more than %u serial numbers", CRLINDEX_ENTRIES_MAX);
	if (room > CRLINDEX_ENTRIES_MAX)
		room = CRLINDEX_ENTRIES_MAX;
	if ((p = realloc(d->own, room * E)) == NULL)
		return err_nomem(e, "serial numbers");
	d->own = p;
	d->room = room;
	return 0;
}

int
crldraft_add(struct crldraft *d, const uint8_t *octets, size_t n, unsigned reason, struct err *e)
{
	struct crlindex_serial s;
	uint8_t *at;

	assert(d->lent == NULL && reason <= CRLINDEX_REASON);
	if (crlindex_serial(octets, n, &s) == -1)
		return err_set(
		    e, ERR_FORMAT, "a serial number of more than %d octets", CRLINDEX_MAGNITUDE);
	if (d->n == d->room && grow(d, e) == -1)
		return -1;
	at = d->own + d->n * E;
	memcpy(at, s.magnitude, CRLINDEX_MAGNITUDE);
	at[CRLINDEX_MAGNITUDE] = (uint8_t)((s.negative ? CRLINDEX_NEGATIVE : 0) | reason);
	if (d->n == 0)
		d->sorted = true;
	else if (d->sorted && memcmp(at - E, at, E) > 0)
		d->sorted = false;
	d->n++;
	return 0;
}

/* ---- sorting -------------------------------------------------------------------------------- */

/* Below this many an insertion sort is quicker than another round of counting. */
#define FEW 24

/* Most differ in the very next byte. */
static inline bool
is_above(const uint8_t *a, const uint8_t *b, size_t byte)
{
	return a[byte] != b[byte] ? a[byte] > b[byte]
				  : memcmp(a + byte, b + byte, CRLINDEX_ENTRY - byte) > 0;
}

static void
sort_few(uint8_t *v, size_t n, size_t byte)
{
	uint8_t held[E];

	for (size_t i = 1; i < n; i++) {
		size_t k = i;

		if (!is_above(v + (i - 1) * E, v + i * E, byte))
			continue;
		memcpy(held, v + i * E, E);
		while (k > 0 && is_above(v + (k - 1) * E, held, byte))
			k--;
		memmove(v + (k + 1) * E, v + k * E, (i - k) * E);
		memcpy(v + k * E, held, E);
	}
}

/* Bring each entry into the bucket of its value of `byte`; bucket i begins at start[i]. */
static void
permute(uint8_t *v, size_t byte, const size_t start[257])
{
	size_t next[256];
	uint8_t held[E], other[E];

	memcpy(next, start, sizeof(next));
	for (size_t b = 0; b < 256; b++)
		while (next[b] < start[b + 1]) {
			uint8_t *at = v + next[b] * E;

			if (at[byte] == b) {
				next[b]++;
				continue;
			}
			memcpy(held, at, E);
			do {
				uint8_t *to = v + next[held[byte]]++ * E;

				memcpy(other, to, E);
				memcpy(to, held, E);
				memcpy(held, other, E);
			} while (held[byte] != b);
			memcpy(v + next[b]++ * E, held, E);
		}
}

/*
 * By the byte at `byte`, in place, then each bucket by the next one: at most CRLINDEX_ENTRY deep
 * and as many passes, whatever the values are. A byte that is the same in all costs one look.
 */
static void
sort_from(uint8_t *v, size_t n, size_t byte)
{
	size_t start[257] = { 0 };

	for (; byte < E; byte++) {
		if (n <= FEW) {
			sort_few(v, n, byte);
			return;
		}
		memset(start, 0, sizeof(start));
		for (size_t i = 0; i < n; i++)
			start[(size_t)v[i * E + byte] + 1]++;
		if (start[(size_t)v[byte] + 1] != n)
			break;
	}
	if (byte == E)
		return;
	for (size_t b = 0; b < 256; b++)
		start[b + 1] += start[b];
	permute(v, byte, start);
	for (size_t b = 0; b < 256; b++)
		if (start[b + 1] - start[b] > 1)
			sort_from(v + start[b] * E, start[b + 1] - start[b], byte + 1);
}

/* Above this many the first round goes to memory of its own: in place it waits for memory. */
#define MANY 4096

/* How many bytes all entries begin with in common; at most 16 are looked at. */
static size_t
common_prefix(const uint8_t *v, size_t n)
{
	uint8_t differ[16] = { 0 };
	size_t byte = 0;

	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < sizeof(differ); k++)
			differ[k] |= v[k] ^ v[i * E + k];
	while (byte < sizeof(differ) && differ[byte] == 0)
		byte++;
	return byte;
}

static void
sort_many(struct crldraft *d, uint8_t *to)
{
	size_t start[257] = { 0 }, next[256], n = (size_t)d->n;
	size_t byte = common_prefix(d->own, n);

	for (size_t i = 0; i < n; i++)
		start[(size_t)d->own[i * E + byte] + 1]++;
	for (size_t b = 0; b < 256; b++)
		start[b + 1] += start[b];
	memcpy(next, start, sizeof(next));
	for (size_t i = 0; i < n; i++)
		memcpy(to + next[d->own[i * E + byte]]++ * E, d->own + i * E, E);
	free(d->own);
	d->own = to;
	d->room = d->n;
	for (size_t b = 0; b < 256; b++)
		if (start[b + 1] - start[b] > 1)
			sort_from(to + start[b] * E, start[b + 1] - start[b], byte + 1);
}

void
crldraft_sort(struct crldraft *d)
{
	uint8_t *to;

	if (d->own == NULL || d->sorted) {
		d->sorted = true;
		return;
	}
	if (d->n > MANY && (to = malloc((size_t)d->n * E)) != NULL)
		sort_many(d, to);
	else
		sort_from(d->own, (size_t)d->n, 0);
	d->sorted = true;
}

/* ---- a set of lists ------------------------------------------------------------------------- */

int
crldrafts_take(struct crldrafts *set, struct crldraft *d, struct err *e)
{
	struct crldraft *p;

	if (set->n == CRLINDEX_LISTS_MAX || d->n > CRLINDEX_ENTRIES_MAX - set->entries) {
		crldraft_done(d);
		return err_set(e, ERR_FORMAT,
		    "more than %d CRLs, or %u serial numbers in all of them", CRLINDEX_LISTS_MAX,
		    CRLINDEX_ENTRIES_MAX);
	}
	if (set->n == set->room) {
		size_t room = set->room == 0 ? 8 : set->room * 2;

		if ((p = reallocarray(set->v, room, sizeof(*p))) == NULL) {
			crldraft_done(d);
			return err_nomem(e, "CRLs");
		}
		set->v = p;
		set->room = room;
	}
	set->entries += d->n;
	set->v[set->n++] = *d;
	*d = (struct crldraft){ .own = NULL };
	return 0;
}

int
crldrafts_keep(
    struct crldrafts *set, const struct crlindex *ix, const struct crlindex_list *l, struct err *e)
{
	struct crldraft d = {
		.list = *l, .lent = ix->entries + l->first * E, .n = l->n, .sorted = true
	};

	return crldrafts_take(set, &d, e);
}

int
crldrafts_move(struct crldrafts *to, struct crldrafts *from, struct err *e)
{
	for (size_t i = 0; i < from->n; i++)
		if (crldrafts_take(to, &from->v[i], e) == -1)
			return -1;
	from->n = 0;
	crldrafts_done(from);
	return 0;
}

void
crldrafts_drop(struct crldrafts *set, size_t i)
{
	assert(i < set->n);
	set->entries -= set->v[i].n;
	crldraft_done(&set->v[i]);
	set->v[i] = set->v[--set->n];
}

void
crldrafts_done(struct crldrafts *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n; i++)
		crldraft_done(&set->v[i]);
	free(set->v);
	*set = (struct crldrafts){ .v = NULL };
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Where the bytes go: a descriptor, or memory that is large enough. */
struct sink {
	int fd;
	uint8_t *p;
};

static int
put(struct sink *s, const void *p, size_t n, struct err *e)
{
	const uint8_t *b = p;

	if (s->p != NULL) {
		memcpy(s->p, p, n);
		s->p += n;
		return 0;
	}
	while (n > 0) {
		ssize_t w = write(s->fd, b, n);

		if (w == -1 && errno == EINTR)
			continue;
		if (w <= 0)
			return err_sys(e, errno, "CRL index: write");
		b += w;
		n -= (size_t)w;
	}
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct crldraft *x = a, *y = b;

	return crlindex_list_compare(&x->list, &y->list);
}

static size_t
size_of(const struct crldrafts *set)
{
	return sizeof(struct crlindex_head) + set->n * sizeof(struct crlindex_list) +
	       (size_t)set->entries * E;
}

/* A million serial numbers are never there twice: a list is freed as soon as it is written. */
static int
write_all(struct crldrafts *set, struct sink *to, struct err *e)
{
	struct crlindex_head head = {
		.magic = CRLINDEX_MAGIC, .nlists = (uint32_t)set->n, .nentries = set->entries
	};
	uint64_t first = 0;

	if (set->n > 0)
		qsort(set->v, set->n, sizeof(*set->v), compare);
	if (put(to, &head, sizeof(head), e) == -1)
		return -1;
	for (size_t i = 0; i < set->n; i++) {
		struct crldraft *d = &set->v[i];

		d->list.first = first;
		d->list.n = d->n;
		first += d->n;
		if (put(to, &d->list, sizeof(d->list), e) == -1)
			return -1;
	}
	for (size_t i = 0; i < set->n; i++) {
		struct crldraft *d = &set->v[i];

		crldraft_sort(d);
		if (d->n > 0 &&
		    put(to, d->own != NULL ? d->own : d->lent, (size_t)d->n * E, e) == -1)
			return -1;
		crldraft_done(d);
	}
	set->entries = 0;
	return 0;
}

int
crldrafts_seal(struct crldrafts *set, struct err *e)
{
	struct sink to = { .fd = sealed_begin("crls", e) };

	if (to.fd == -1)
		return -1;
	if (write_all(set, &to, e) == -1 || sealed_end("crls", to.fd, e) == -1) {
		close(to.fd);
		return -1;
	}
	return to.fd;
}

uint8_t *
crldrafts_pack(struct crldrafts *set, size_t *n, struct err *e)
{
	size_t size = size_of(set);
	uint8_t *buf = malloc(size);
	struct sink to = { .fd = -1, .p = buf };

	if (buf == NULL) {
		err_nomem(e, "CRL index");
		return NULL;
	}
	if (write_all(set, &to, e) == -1) {
		free(buf);
		return NULL;
	}
	*n = size;
	return buf;
}
