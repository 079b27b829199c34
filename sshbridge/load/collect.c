/* collect.c - take the opened files from the monitor and read each of them whole */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "file.h"
#include "load.h"
#include "msgio.h"
#include "sealed.h"

static const size_t limits[] = {
	[LOAD_SETTINGS] = SETTINGS_BYTES_MAX,
	[LOAD_ANCHORS] = CERTPATH_PEM_MAX,
	[LOAD_INTERMEDIATES] = CERTPATH_PEM_MAX,
	[LOAD_CRL] = CERTPATH_CRL_MAX,
	[LOAD_CHAIN] = SETTINGS_CHAIN_MAX,
	[LOAD_MAP] = IDMAP_TEXT_MAX,
	[LOAD_TRUST] = LOAD_BYTES_MAX,
	[LOAD_LOCKS] = LOCKSET_TEXT_MAX,
	[LOAD_AUTHKEYS] = AUTHKEYS_TEXT_MAX,
};

static int
on_key(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct load *l = ctx;
	uint64_t generation;
	const uint8_t *p;
	size_t n;

	(void)fds;
	(void)nfds;
	if (msg_get_u64(m, &generation) == -1 || msg_get_bytes(m, &p, &n, sizeof(l->key)) == -1 ||
	    msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "KEY: malformed");
	memcpy(l->key, p, n);
	l->key_len = n;
	return 0;
}

/* One entry of FILES; takes the descriptor. */
static int
take_file(struct load *l, struct msg_in *m, int *fd, struct err *e)
{
	struct load_file *f;
	uint32_t kind;

	if (l->nfiles == LOAD_FILES_MAX)
		return err_set(e, ERR_FORMAT, "more than %d files are named", LOAD_FILES_MAX);
	f = &l->files[l->nfiles];
	memset(f, 0, sizeof(*f));
	if (msg_get_u32(m, &kind) == -1 || msg_get_u32(m, &f->section) == -1 ||
	    msg_get_str(m, f->name, sizeof(f->name)) == -1 || kind < LOAD_SETTINGS ||
	    kind > LOAD_AUTHKEYS || f->section >= SECTIONS_MAX)
		return err_set(e, ERR_PEER, "FILES: malformed");
	f->kind = (enum load_kind)kind;
	f->fd = *fd;
	*fd = -1;
	l->nfiles++;
	return 0;
}

static int
on_files(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct load *l = ctx;
	uint32_t n;

	if (msg_get_u64(m, &l->generation) == -1 || msg_get_u32(m, &n) == -1 || n != nfds)
		return err_set(e, ERR_PEER, "FILES: malformed");
	l->complete = n == 0;
	for (size_t i = 0; i < n; i++)
		if (take_file(l, m, &fds[i], e) == -1)
			return -1;
	return msg_end(m, e);
}

static int
on_keep(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct load *l = ctx;
	struct load_keep *k = &l->keeps[l->nkeeps];
	uint32_t named;

	(void)fds;
	(void)nfds;
	if (l->nkeeps == LOAD_FILES_MAX)
		return err_set(e, ERR_FORMAT, "more than %d files are named", LOAD_FILES_MAX);
	if (msg_get_u32(m, &k->section) == -1 || msg_get_u32(m, &named) == -1 ||
	    msg_get_str(m, k->name, sizeof(k->name)) == -1 ||
	    msg_get_str(m, k->why, sizeof(k->why)) == -1 || k->section >= SECTIONS_MAX || named > 1)
		return err_set(e, ERR_PEER, "KEEP: malformed");
	k->named = named != 0;
	l->nkeeps++;
	return msg_end(m, e);
}

static int
on_terms(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct load *l = ctx;
	uint32_t terms;

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &terms) == -1 || terms > (LOAD_FORCE | LOAD_QUIET))
		return err_set(e, ERR_PEER, "TERMS: malformed");
	l->force = (terms & LOAD_FORCE) != 0;
	l->quiet = (terms & LOAD_QUIET) != 0;
	return msg_end(m, e);
}

static const struct msg_rule from_monitor[] = {
	{ MSG_KEY, 1, 1, 0, on_key },
	{ MSG_TERMS, 1, 1, 0, on_terms },
	{ MSG_KEEP, 1, 0, 0, on_keep },
	{ MSG_FILES, 1, 0, MSG_FDS_MAX, on_files },
};

/* The index that is in force, which a load process of before has sealed. */
static int
map_old(struct load *l, struct load_file *f, struct err *e)
{
	int r = -1;

	if (l->has_old)
		err_set(e, ERR_PEER, "FILES: two CRL indexes");
	else if (sealed_map(f->fd, crlindex_bytes_max(), &l->old_bytes, e) == 0)
		r = crlindex_open(&l->old_bytes, &l->old, e);
	l->has_old = r == 0;
	close(f->fd);
	f->fd = -1;
	return r;
}

/*
 * Read all that came but CRLs, of which one at a time is in memory later. What changed while it
 * was read is refused by file_read().
 */
static int
read_files(struct load *l, struct err *e)
{
	bool trust = false, locks = false;
	size_t total = 0;

	for (size_t i = 0; i < l->nfiles; i++) {
		struct load_file *f = &l->files[i];

		if (f->kind == LOAD_CRL || f->kind == LOAD_CRL_FOUND)
			continue;
		if (f->kind == LOAD_OLD_CRLS) {
			if (map_old(l, f, e) == -1)
				return -1;
			continue;
		}
		if (file_read(f->fd, f->name, limits[f->kind], &f->text, &f->n, e) == -1)
			return -1;
		close(f->fd);
		f->fd = -1;
		if ((total += f->n) > LOAD_BYTES_MAX)
			return err_set(e, ERR_FORMAT,
			    "%s: all files together have more than %u "
			    "bytes",
			    f->name, LOAD_BYTES_MAX);
		if (f->kind == LOAD_LOCKS && lockset_parse(f->text, f->n, &l->locks, e) == -1)
			return err_prefix(e, "%s", f->name);
		trust = trust || f->kind == LOAD_TRUST;
		locks = locks || f->kind == LOAD_LOCKS;
	}
	if (locks && (!trust || !l->has_old))
		return err_set(e, ERR_PEER, "FILES: locks without trust and CRLs in force");
	l->in_force = locks;
	l->crls_only = trust && !locks;
	return 0;
}

int
load_collect(struct load *l, struct err *e)
{
	static uint8_t buf[MSG_MAX];
	int fds[MSG_FDS_MAX];
	size_t nfds;

	while (!l->complete) {
		ssize_t n = msgio_recv(CHILD_CHANNEL, buf, sizeof(buf), fds, &nfds, e);
		int r;

		if (n == 0)
			return err_set(e, ERR_PEER, "the monitor is gone");
		if (n == -1)
			return -1;
		r = msg_dispatch(from_monitor, sizeof(from_monitor) / sizeof(from_monitor[0]),
		    &l->seen, 1, l, buf, (size_t)n, fds, nfds, e);
		explicit_bzero(buf, (size_t)n);
		if (r == -1)
			return -1;
	}
	return read_files(l, e);
}
