/* files.h - the user's own files: where they are, and reading them */
#ifndef FILES_H
#define FILES_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define FILES_MAX (1U << 20) /* bytes of any file that we read */

/*
 * The path that was given, or NAME in the folder for mtls-connect: $XDG_CONFIG_HOME/mtls-connect
 * (where that is an absolute path), else ~/.config/mtls-connect. -1: ERR_FORMAT (too long, no
 * home directory).
 */
int files_path(const char *given, const char *name, char path[PATH_MAX], struct err *e)
    __attribute__((warn_unused_result, nonnull(2, 3, 4)));

/* What others may do with a file that we rely on. */
enum files_guard {
	FILES_PUBLIC, /* others may read it, but not write it: certificates, anchors */
	FILES_SECRET, /* nobody but its owner may read or write it: the key */
};
/*
 * Read a whole regular file (or a pipe, as <(command) gives) into new memory with a NUL behind
 * it. The caller frees it with files_free(). NULL and *e: ERR_SYS (open, read), ERR_FORMAT (not
 * a file, empty, too large, open to others: the text says what to type), ERR_NOMEM.
 */
uint8_t *files_read(const char *path, enum files_guard guard, size_t *n, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void files_free(uint8_t *p, size_t n); /* cleanses; NULL does nothing */

#endif
