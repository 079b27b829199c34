/* folder.h - names in a folder of the administrator's */
#ifndef FOLDER_H
#define FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct folder {
	char **names; /* sorted */
	size_t n;
};

/*
 * The names of `path` that `wanted` says yes to. The folder is not reached by a link as its last
 * component, belongs to root or to the own effective uid, and nobody else may put something into
 * it. `what` goes before errors. -1: ERR_SYS, ERR_FORMAT (not such a folder, more than `max`
 * names), ERR_NOMEM.
 */
int folder_read(const char *path, const char *what, bool (*wanted)(const char *name), size_t max,
    struct folder *f, struct err *e) __attribute__((warn_unused_result, nonnull));
void folder_done(struct folder *f) __attribute__((nonnull));

#endif
