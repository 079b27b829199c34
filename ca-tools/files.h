/* files.h - reading the administrator's files, and writing by temporary file, fsync and rename */
#ifndef CA_FILES_H
#define CA_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

#define FILE_PATH_MAX 4096

/*
 * The whole file `name` under the folder `dirfd` (AT_FDCWD: as the shell gave it), at most `max`
 * bytes. FILE_SECRET: a regular file, not a symbolic link, of this uid, and nobody else may read
 * or write it. FILE_OWN: the same, but others may read it. The caller frees *data (a NUL stands
 * behind it) with OPENSSL_clear_free(*data, *n). -1: ERR_SYS (detail errno), ERR_FORMAT (too
 * large, wrong kind, owner or mode), ERR_NOMEM.
 */
enum file_care { FILE_ANY, FILE_OWN, FILE_SECRET };
int infile_read(int dirfd, const char *name, size_t max, enum file_care care, char **data,
    size_t *n, struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * One file in the making: outfile_prepare() writes `data` to a temporary file beside `path` and
 * syncs it, so that a full disk shows before anything is decided; outfile_commit() gives it its
 * name and syncs the folder; outfile_discard() removes what was not committed. `path` must be
 * free or a regular file (a rename over /dev/stdout would replace the device).
 */
struct outfile {
	int dirfd;
	char name[256];
	char temp[280];
	char path[FILE_PATH_MAX];
};
void outfile_init(struct outfile *o) __attribute__((nonnull));
int outfile_prepare(struct outfile *o, const char *path, mode_t mode, const void *data, size_t n,
    struct err *e) __attribute__((warn_unused_result, nonnull));
int outfile_commit(struct outfile *o, struct err *e) __attribute__((warn_unused_result, nonnull));
void outfile_discard(struct outfile *o) __attribute__((nonnull));

/* All three steps at once. */
int outfile_write(const char *path, mode_t mode, const void *data, size_t n, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* fsync of the folder `path` (what was renamed or made in it is there after a power failure). */
int folder_sync(const char *path, struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * Open a folder that is this uid's alone to write; close-on-exec. -1: ERR_SYS, or ERR_FORMAT when
 * it belongs to another or others may write in it.
 */
int folder_open(const char *path, struct err *e) __attribute__((warn_unused_result, nonnull));

/* The folder and the last part of `path` ("." when it has no slash); -1 ERR_FORMAT when too long.
 */
int path_split(const char *path, char dir[FILE_PATH_MAX], char name[256], struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
