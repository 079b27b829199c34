/*
 * crls.c - which CRLs are in force: the files as they are now, or what was last good of them
 *
 * A CRL file may be half-written, cut, swapped or rolled back at any moment. What it held before
 * stays in force then, out of the index that is in force; one line says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "load.h"
#include "text.h"

/* One file, or one that is not to be read. */
struct source {
	const char *name, *section_name;
	uint32_t section;
	bool named; /* in the configuration, not found in a folder */
};

/* ---- what was in force -------------------------------------------------------------------------
 */

/* The name of a file as it stands in an index. */
static const char *
short_name(const char *name)
{
	size_t n = strlen(name);

	return n < CRLINDEX_FILE_MAX ? name : name + n - CRLINDEX_FILE_MAX + 1;
}

static bool
is_from(const struct crlindex_list *l, const struct source *s)
{
	return strcmp(l->section_name, s->section_name) == 0 &&
	       strcmp(l->file, short_name(s->name)) == 0;
}

/* Take over what the index in force has of this file. How many; -1: *e. */
static int
keep(struct load *l, const struct source *s, int64_t *until, struct err *e)
{
	int n = 0;

	*until = INT64_MAX;
	for (uint32_t i = 0; i < l->old.nlists; i++) {
		const struct crlindex_list *list = &l->old.lists[i];

		if (!is_from(list, s))
			continue;
		if (crldrafts_keep(&l->crls, &l->old, list, e) == -1)
			return -1;
		/* the configuration may count its sections anew */
		l->crls.v[l->crls.n - 1].list.section = s->section;
		if (list->next_update < *until)
			*until = list->next_update;
		n++;
	}
	return n;
}

/* Keep the last good of a file because of `why`. */
static int
keep_because(struct load *l, const struct source *s, const char *why, struct err *e)
{
	char at[TEXT_TIME_SIZE];
	int64_t until;
	int n = keep(l, s, &until, e);

	if (n == -1)
		return -1;
	if (n > 0) {
		load_text(CHILD_ERROR,
		    "trust \"%s\": %s: not taken, its last good CRL stays in force until %s",
		    s->section_name, why, text_time(at, until));
		return 0;
	}
	/* at start there is nothing to fall back on, nor for a file that was just configured */
	if (!l->has_old || (s->named && !l->crls_only))
		return err_set(e, ERR_FORMAT, "%s", why);
	load_text(CHILD_ERROR, "trust \"%s\": %s: left out", s->section_name, why);
	return 0;
}

/* ---- whether what is there now may take its place
 * ------------------------------------------------ */

/* Of the lists that take the place of `old` the newest that begins at `last` or before. */
static const struct crldraft *
newest(const struct crldrafts *set, const struct crlindex_list *old, int64_t last)
{
	const struct crldraft *best = NULL;

	for (size_t i = 0; i < set->n; i++) {
		const struct crlindex_list *l = &set->v[i].list;

		if (memcmp(l->issuer, old->issuer, sizeof(l->issuer)) == 0 &&
		    l->scope == old->scope && l->this_update <= last &&
		    strcmp(l->section_name, old->section_name) == 0 &&
		    (best == NULL || crlindex_list_compare(l, &best->list) < 0))
			best = &set->v[i];
	}
	return best;
}

/* One that is to begin hides nothing: the newest of those that have begun is asked. */
static const struct crldraft *
successor(const struct crldrafts *set, const struct crlindex_list *old, int64_t now)
{
	const struct crldraft *d = old->this_update > now ? NULL : newest(set, old, now);

	return d != NULL ? d : newest(set, old, INT64_MAX);
}

/* Whether the number goes back, and then what to say. */
static bool
goes_back(const struct crldraft *d, const struct crlindex_list *old, struct err *e)
{
	char was[LOAD_NUMBER_SIZE], is[LOAD_NUMBER_SIZE];
	int c = memcmp(d->list.number, old->number, sizeof(old->number));

	if (c > 0 || (c == 0 && d->list.this_update >= old->this_update))
		return false;
	err_set(e, ERR_FORMAT,
	    "%s: CRL of \"%s\": number %s, but number %s is in force (reload --force takes it all "
	    "the same)",
	    d->list.file, old->name, load_number(is, d->list.number),
	    load_number(was, old->number));
	return true;
}

/* Nothing may be missing that is current, and no CRL number goes back. */
static int
judge_change(const struct load *l, const struct source *s, const struct crldrafts *set, int64_t now,
    struct err *e)
{
	for (uint32_t i = 0; i < l->old.nlists && !l->force; i++) {
		const struct crlindex_list *old = &l->old.lists[i];
		const struct crldraft *d;

		if (!is_from(old, s))
			continue;
		if ((d = successor(set, old, now)) == NULL) {
			if (now >= old->next_update)
				continue;
			return err_set(e, ERR_FORMAT,
			    "%s: no longer has the CRL of \"%s\" that it had (reload --force "
			    "takes it all the same)",
			    s->name, old->name);
		}
		if (goes_back(d, old, e))
			return -1;
	}
	return 0;
}

/*
 * Nor does it by way of another file, when that of the newest has gone: what is older is left out,
 * as if it had gone too. A reload is refused.
 */
static int
leave_out_older(struct load *l, int64_t now, struct err *e)
{
	for (uint32_t i = 0; i < l->old.nlists && !l->force; i++) {
		const struct crldraft *d;

		while ((d = successor(&l->crls, &l->old.lists[i], now)) != NULL &&
		       goes_back(d, &l->old.lists[i], e)) {
			if (!l->crls_only)
				return -1;
			load_text(CHILD_ERROR, "trust \"%s\": %s: left out", d->list.section_name,
			    e->text);
			crldrafts_drop(&l->crls, (size_t)(d - l->crls.v));
		}
	}
	return 0;
}

/* ---- telling
 * ------------------------------------------------------------------------------------- */

char *
load_number(char dst[LOAD_NUMBER_SIZE], const uint8_t number[CRLINDEX_NUMBER])
{
	uint64_t small = 0;
	size_t i = 0;

	while (i < CRLINDEX_NUMBER && number[i] == 0)
		i++;
	if (CRLINDEX_NUMBER - i > sizeof(small)) {
		char hex[2 * CRLINDEX_NUMBER + 1];

		(void)snprintf(dst, LOAD_NUMBER_SIZE, "0x%s",
		    text_hex(hex, sizeof(hex), number + i, CRLINDEX_NUMBER - i));
		return dst;
	}
	for (; i < CRLINDEX_NUMBER; i++)
		small = small << 8 | number[i];
	(void)snprintf(dst, LOAD_NUMBER_SIZE, "%llu", (unsigned long long)small);
	return dst;
}

static bool
was_in_force(const struct load *l, const struct source *s, const struct crldraft *d)
{
	for (uint32_t i = 0; i < l->old.nlists; i++) {
		const struct crlindex_list *old = &l->old.lists[i];

		if (is_from(old, s) && old->scope == d->list.scope && old->n == d->n &&
		    old->next_update == d->list.next_update &&
		    old->this_update == d->list.this_update &&
		    memcmp(old->issuer, d->list.issuer, sizeof(old->issuer)) == 0 &&
		    memcmp(old->number, d->list.number, sizeof(old->number)) == 0)
			return true;
	}
	return false;
}

static void
tell(const struct load *l, const struct source *s, const struct crldraft *d, int64_t now)
{
	char number[LOAD_NUMBER_SIZE], at[TEXT_TIME_SIZE], line[1000];

	if (!l->quiet && !was_in_force(l, s, d))
		load_text(CHILD_NOTICE,
		    "trust \"%s\": %s: CRL of \"%s\", number %s, %llu entries, nextUpdate %s",
		    s->section_name, s->name, d->list.name, load_number(number, d->list.number),
		    (unsigned long long)d->n, text_time(at, d->list.next_update));
	if (crlindex_age(&d->list, now, line, sizeof(line)))
		load_text(CHILD_WARNING, "trust \"%s\": %s", s->section_name, line);
}

/* What was in force of files that are not there any more. */
static void
tell_gone(const struct load *l)
{
	for (uint32_t i = 0; i < l->old.nlists; i++) {
		const struct crlindex_list *old = &l->old.lists[i];
		size_t k = 0;

		while (k < l->crls.n &&
		       (strcmp(l->crls.v[k].list.file, old->file) != 0 ||
			   strcmp(l->crls.v[k].list.section_name, old->section_name) != 0))
			k++;
		if (k == l->crls.n)
			load_text(CHILD_WARNING,
			    "trust \"%s\": %s is gone: its CRL of \"%s\" is not in force any more",
			    old->section_name, old->file, old->name);
	}
}

/* ---- all of it
 * ------------------------------------------------------------------------------------ */

/* One file at a time is in memory. */
static int
read_lists(struct load *l, struct load_file *f, const struct source *s, struct crldrafts *set,
    struct err *e)
{
	const struct certpath_crl_file file = {
		.name = s->name, .section = s->section, .section_name = s->section_name
	};
	uint8_t *text = NULL;
	size_t n = 0;
	int r = file_read(f->fd, f->name, CERTPATH_CRL_MAX, &text, &n, e);

	close(f->fd);
	f->fd = -1;
	if (r == 0)
		r = certpath_crls_read(l->trust[s->section], &file, text, n, set, e);
	free(text);
	return r;
}

static int
take_file(struct load *l, struct load_file *f, int64_t now, struct err *e)
{
	const struct source s = { .name = f->name,
		.section_name = l->settings.sections[f->section].name,
		.section = f->section,
		.named = f->kind == LOAD_CRL };
	struct crldrafts set = { .v = NULL };
	struct err why;
	size_t first = l->crls.n;
	int r;

	if (read_lists(l, f, &s, &set, &why) == -1 || judge_change(l, &s, &set, now, &why) == -1) {
		crldrafts_done(&set);
		return why.kind == ERR_NOMEM ? (*e = why, -1) : keep_because(l, &s, why.text, e);
	}
	r = crldrafts_move(&l->crls, &set, e);
	crldrafts_done(&set);
	for (size_t i = first; r == 0 && i < l->crls.n; i++)
		tell(l, &s, &l->crls.v[i], now);
	return r;
}

static int
take_kept(struct load *l, const struct load_keep *k, struct err *e)
{
	const struct source s = { .name = k->name,
		.section_name = l->settings.sections[k->section].name,
		.section = k->section,
		.named = k->named };
	int64_t until;

	if (k->why[0] != '\0')
		return keep_because(l, &s, k->why, e);
	return keep(l, &s, &until, e) == -1 ? -1 : 0;
}

int
load_crls(struct load *l, int64_t now, struct err *e)
{
	bool some[SECTIONS_MAX] = { false };

	for (size_t i = 0; i < l->nfiles; i++) {
		struct load_file *f = &l->files[i];

		if ((f->kind == LOAD_CRL || f->kind == LOAD_CRL_FOUND) &&
		    f->section < l->settings.nsections && take_file(l, f, now, e) == -1)
			return -1;
	}
	for (size_t i = 0; i < l->nkeeps; i++)
		if (l->keeps[i].section < l->settings.nsections &&
		    take_kept(l, &l->keeps[i], e) == -1)
			return -1;
	tell_gone(l);
	if (leave_out_older(l, now, e) == -1)
		return -1;
	for (size_t i = 0; i < l->crls.n; i++)
		some[l->crls.v[i].list.section] = true;
	for (uint32_t i = 0; i < l->settings.nsections; i++)
		if (l->settings.sections[i].revocation != 0 && !some[i])
			load_text(CHILD_WARNING,
			    "trust \"%s\": there is no CRL, so none of its certificates is "
			    "accepted",
			    l->settings.sections[i].name);
	return 0;
}

int
load_crls_seal(struct load *l, struct err *e)
{
	if ((l->crls_fd = crldrafts_seal(&l->crls, e)) == -1)
		return -1;
	if (sealed_map(l->crls_fd, crlindex_bytes_max(), &l->index_bytes, e) == -1 ||
	    crlindex_open(&l->index_bytes, &l->index, e) == -1)
		return -1;
	/* for EXPLAIN, which asks in this process */
	for (uint32_t i = 0; i < l->settings.nsections; i++)
		certpath_trust_index(l->trust[i], &l->index, i);
	return 0;
}
