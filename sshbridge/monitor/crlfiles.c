/* crlfiles.c - the CRL files that the configuration names, folders opened up */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crlfiles.h"
#include "file.h"

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
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of CRL files in an open folder into names[]; how many, -1: *e. Takes fd. */
static int
read_folder(int fd, const char *path, char *names[CRLFILES_FOLDER_MAX], struct err *e)
{
	DIR *d = fdopendir(fd);
	struct dirent *entry;
	int n = 0;

	if (d == NULL) {
		err_sys(e, errno, "crl: %.200s", path);
		close(fd);
		return -1;
	}
	while ((entry = readdir(d)) != NULL) {
		if (!is_crl_name(entry->d_name))
			continue;
		if (n == CRLFILES_FOLDER_MAX) {
			err_set(e, ERR_FORMAT, "crl: %.200s: more than %d files in it", path,
			    CRLFILES_FOLDER_MAX);
			break;
		}
		if ((names[n] = strdup(entry->d_name)) == NULL) {
			err_nomem(e, "crl");
			break;
		}
		n++;
	}
	(void)closedir(d);
	if (entry == NULL)
		return n;
	while (n > 0)
		free(names[--n]);
	return -1;
}

/* As a file: root's or our own, and nobody else may put something into it. */
static int
open_folder(const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1 || fstat(fd, &st) == -1) {
		err_sys(e, errno, "crl: %.200s", path);
		if (fd != -1)
			close(fd);
		return -1;
	}
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022) != 0) {
		close(fd);
		return err_set(e, ERR_FORMAT,
		    "crl: %.200s: a folder of CRLs must belong to root and be written by nobody "
		    "else: chown root, chmod go-w",
		    path);
	}
	return fd;
}

static int
add_folder(struct crlfiles *to, uint32_t section, const char *path, struct err *e)
{
	char *names[CRLFILES_FOLDER_MAX];
	int fd = open_folder(path, e), n, r = 0;

	if (fd == -1 || (n = read_folder(fd, path, names, e)) == -1)
		return -1;
	qsort(names, (size_t)n, sizeof(names[0]), compare);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = add(to, section, false, path, names[i], e);
		free(names[i]);
	}
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
