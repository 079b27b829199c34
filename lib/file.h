/* file.h - files of the administrator: judged before a byte is read, and taken only whole */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "err.h"

struct file_rules {
	size_t max;   /* bytes; a larger file is refused */
	bool private; /* holds a secret: group and others may not read it either */
};

/*
 * Open `path` for reading and judge what was opened: a regular file, not reached by a symbolic
 * link as its last component, of root or of the own effective uid, which nobody else may write
 * (nor read, if `private`). The folders above it are not looked at. Never blocks on a FIFO.
 * Return the descriptor (close-on-exec), or -1 and *e: ERR_SYS when it cannot be opened,
 * ERR_FORMAT when it is not as it must be; the text says what to do.
 */
int file_open(const char *path, const struct file_rules *r, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/*
 * Open `path` to append to it, created with mode 0600 where it is not there; judged as above, of
 * any size. Never blocks, and nobody can rewrite what is in it through the descriptor.
 */
int file_open_append(const char *path, struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * Read all of `fd` (a regular file; its offset does not matter and stays) into *p, which the
 * caller frees, with a NUL behind its *n bytes. `name` goes before errors. A file that changed
 * while it was read (size, time of change) is refused, as far as the clock of the file system
 * can tell. -1: ERR_SYS, ERR_FORMAT (larger than `max`, changed), ERR_NOMEM; what had been read
 * is cleansed.
 */
int file_read(int fd, const char *name, size_t max, uint8_t **p, size_t *n, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* Whether two looks at one file saw the same content, by size and times. */
bool file_same(const struct stat *a, const struct stat *b)
    __attribute__((warn_unused_result, nonnull));

#endif
