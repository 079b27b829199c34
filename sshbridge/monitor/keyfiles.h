/* keyfiles.h - the files of authorized keys of all jump targets, as one */
#ifndef KEYFILES_H
#define KEYFILES_H

#include "conf.h"
#include "err.h"

/*
 * What is in the folders that authorized-keys of each target names whose ssh-keys looks there, read
 * but not parsed, in sealed memory for load: records RECORD_AUTHFILE, section the target, the path,
 * a NUL, and the text. The descriptor is the caller's. A file that is not named like an account,
 * that somebody else may write, or that cannot be read is left out: `skip` is told, and its keys
 * log nobody in. -1: ERR_SYS (a folder; no descriptors or memory), ERR_FORMAT (a folder that others
 * may write, too much in all), ERR_NOMEM.
 */
int keyfiles_seal(const struct conf *c, void (*skip)(void *arg, const char *why), void *arg,
    struct err *e) __attribute__((warn_unused_result, nonnull(1, 2, 4)));

#endif
