/* scratch.h - a folder of the test's own, gone at its end */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline int
scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

struct scratch {
	char dir[64];
	char path[200]; /* of the last scratch_path() */
};

static inline int
scratch_make(struct scratch *s)
{
	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/mtls-ca-test-XXXXXX");
	return mkdtemp(s->dir) == NULL ? -1 : 0;
}

static inline void
scratch_gone(struct scratch *s)
{
	(void)nftw(s->dir, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline const char *
scratch_path(struct scratch *s, const char *name)
{
	(void)snprintf(s->path, sizeof(s->path), "%s/%s", s->dir, name);
	return s->path;
}

#endif
