/* lockfile.h - the file in which locks outlive the daemon: read whole or not at all */
#ifndef LOCKFILE_H
#define LOCKFILE_H

#include "lockset.h"

/*
 * Read it. A file that is not there is an empty set. -1: ERR_SYS (it cannot be read), ERR_FORMAT
 * (damaged, cut off, or others may read or write it): then nobody knows who is locked.
 */
int lockfile_read(const char *path, struct lockset *s, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/*
 * Replace it by rename, so that a crash leaves the old one or the new one; its folder is made if it
 * is not there. 0: file and folder are on the disk. -1: ERR_SYS, ERR_NOMEM.
 */
int lockfile_write(const char *path, const struct lockset *s, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
