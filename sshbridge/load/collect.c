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
	    kind > LOAD_LOCKS || f->section >= SECTIONS_MAX)
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

static const struct msg_rule from_monitor[] = {
	{ MSG_KEY, 1, 1, 0, on_key },
	{ MSG_FILES, 1, 0, MSG_FDS_MAX, on_files },
};

/* The trust of a generation in force holds what were files once: each becomes one again. */
static int
split_trust(struct load *l, const struct load_file *trust, struct err *e)
{
	static const enum load_kind kinds[] = { [RECORD_ANCHOR] = LOAD_ANCHORS,
		[RECORD_INTERMEDIATE] = LOAD_INTERMEDIATES,
		[RECORD_CRL] = LOAD_CRL };
	const struct sealed s = { .p = trust->text, .n = trust->n };
	struct record r;
	size_t pos = 0;
	int more;

	while ((more = records_next(&s, &pos, &r, e)) == 1) {
		struct load_file *f = &l->files[l->nfiles];

		if (l->nfiles == LOAD_FILES_MAX || r.kind < RECORD_ANCHOR || r.kind > RECORD_CRL ||
		    r.section >= SECTIONS_MAX)
			return err_set(e, ERR_PEER, "FILES: trust");
		*f = (struct load_file){
			.kind = kinds[r.kind], .section = r.section, .fd = -1, .n = r.n
		};
		memcpy(f->name, trust->name, sizeof(f->name));
		/* with a NUL behind it, as file_read() leaves it */
		if ((f->text = malloc(r.n + 1)) == NULL)
			return err_nomem(e, f->name);
		memcpy(f->text, r.p, r.n);
		f->text[r.n] = '\0';
		l->nfiles++;
	}
	return more;
}

/* Read all that came. What changed while it was read is refused by file_read(). */
static int
read_files(struct load *l, struct err *e)
{
	size_t total = 0, n = l->nfiles; /* what came, not what is made of it */

	for (size_t i = 0; i < n; i++) {
		struct load_file *f = &l->files[i];

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
		if (f->kind != LOAD_TRUST)
			continue;
		l->in_force = true;
		if (split_trust(l, f, e) == -1)
			return -1;
	}
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
