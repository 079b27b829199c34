/* crlfiles.c - the CRL files that the configuration names, folders opened up */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crlfiles.h"
#include "file.h"
#include "folder.h"

void
crlfiles_done(struct crlfiles *f)
{
	free(f->v);
	*f = (struct crlfiles){ .v = NULL };
}

static int
add(struct crlfiles *to, uint32_t section, bool named, const char *folder, const char *name,
    struct err *e)
{
	const struct crlfile *twin;
	struct crlfile *f;
	int n;

	if (to->n == CRLFILES_MAX)
		return err_set(e, ERR_FORMAT, "crl: more than %d files in all", CRLFILES_MAX);
	if (to->n == to->room) {
		size_t room = to->room == 0 ? 8 : to->room * 2;

		if ((f = reallocarray(to->v, room, sizeof(*f))) == NULL)
			return err_nomem(e, "crl");
		to->v = f;
		to->room = room;
	}
	f = &to->v[to->n];
	memset(f, 0, sizeof(*f));
	f->section = section;
	f->named = named;
	n = snprintf(f->path, sizeof(f->path), "%s%s%s", folder, *name == '\0' ? "" : "/", name);
	if (n < 0 || (size_t)n >= sizeof(f->path))
		return err_set(e, ERR_FORMAT, "crl: %.100s: the path is too long", folder);
	/* named twice, or by itself and with its folder: kept twice it would double each time */
	if ((twin = crlfiles_find(to, f)) != NULL) {
		to->v[twin - to->v].named = twin->named || named;
		return 0;
	}
	/* of a link the link itself: it is refused when it is opened */
	f->there = lstat(f->path, &f->st) == 0;
	/* what is in a folder is a CRL only if it is a file; one that went meanwhile is gone */
	if (named || (f->there && S_ISREG(f->st.st_mode)))
		to->n++;
	return 0;
}

static bool
is_crl_name(const char *name)
{
	static const char *const ends[] = { ".pem", ".crl", ".der" };
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (n > 4 && name[0] != '.' && strcmp(name + n - 4, ends[i]) == 0)
			return true;
	return false;
}

static int
add_folder(struct crlfiles *to, uint32_t section, const char *path, struct err *e)
{
	struct folder f;
	int r = folder_read(path, "crl", is_crl_name, CRLFILES_FOLDER_MAX, &f, e);

	for (size_t i = 0; r == 0 && i < f.n; i++)
		r = add(to, section, false, path, f.names[i], e);
	folder_done(&f);
	return r;
}

int
crlfiles_scan(const struct conf *c, struct crlfiles *to, struct err *e)
{
	struct crlfiles got = { .v = NULL };
	struct stat st;

	for (uint32_t i = 0; i < c->settings.nsections; i++)
		for (uint32_t k = 0; k < c->trust[i].crls.n; k++) {
			const char *path = c->trust[i].crls.v[k];
			int r = lstat(path, &st) == 0 && S_ISDIR(st.st_mode)
				    ? add_folder(&got, i, path, e)
				    : add(&got, i, true, path, "", e);

			if (r == -1) {
				crlfiles_done(&got);
				return -1;
			}
		}
	crlfiles_done(to);
	*to = got;
	return 0;
}

const struct crlfile *
crlfiles_find(const struct crlfiles *in, const struct crlfile *f)
{
	for (size_t i = 0; i < in->n; i++)
		if (in->v[i].section == f->section && strcmp(in->v[i].path, f->path) == 0)
			return &in->v[i];
	return NULL;
}

bool
crlfile_same(const struct crlfile *a, const struct crlfile *b)
{
	return a != NULL && b != NULL && a->there == b->there &&
	       (!a->there || (file_same(&a->st, &b->st) && a->st.st_mode == b->st.st_mode &&
				 a->st.st_uid == b->st.st_uid));
}

bool
crlfiles_same(const struct crlfiles *a, const struct crlfiles *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!crlfile_same(&a->v[i], crlfiles_find(b, &a->v[i])))
			return false;
	return true;
}
