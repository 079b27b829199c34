/* folder.c - names in a folder of the administrator's */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"

void
folder_done(struct folder *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->names[i]);
	free(f->names);
	*f = (struct folder){ .names = NULL };
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* As a file: root's or our own, and nobody else may put something into it. */
static int
open_folder(const char *path, const char *what, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1 || fstat(fd, &st) == -1) {
		err_sys(e, errno, "%s: %.200s", what, path);
		if (fd != -1)
			close(fd);
		return -1;
	}
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022) != 0) {
		close(fd);
		return err_set(e, ERR_FORMAT,
		    "%s: %.200s: the folder must belong to root and be written by nobody else: "
		    "chown root, chmod go-w",
		    what, path);
	}
	return fd;
}

static int
add(struct folder *f, const char *name, struct err *e)
{
	char **names = reallocarray(f->names, f->n + 1, sizeof(*names));

	if (names == NULL)
		return err_nomem(e, "folder");
	f->names = names;
	if ((names[f->n] = strdup(name)) == NULL)
		return err_nomem(e, "folder");
	f->n++;
	return 0;
}

int
folder_read(const char *path, const char *what, bool (*wanted)(const char *name), size_t max,
    struct folder *f, struct err *e)
{
	int fd = open_folder(path, what, e), r = 0;
	struct dirent *entry;
	DIR *d;

	*f = (struct folder){ .names = NULL };
	if (fd == -1)
		return -1;
	if ((d = fdopendir(fd)) == NULL) {
		err_sys(e, errno, "%s: %.200s", what, path);
		close(fd);
		return -1;
	}
	while (r == 0 && (entry = readdir(d)) != NULL) {
		if (!wanted(entry->d_name))
			continue;
		if (f->n == max)
			r = err_set(e, ERR_FORMAT, "%s: %.200s: more than %zu files in it", what,
			    path, max);
		else
			r = add(f, entry->d_name, e);
	}
	(void)closedir(d);
	if (r == -1)
		folder_done(f);
	else if (f->n > 0)
		qsort(f->names, f->n, sizeof(*f->names), compare);
	return r;
}
