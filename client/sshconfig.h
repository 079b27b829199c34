/* sshconfig.h - adding a stanza to the user's ssh_config(5) */
#ifndef SSHCONFIG_H
#define SSHCONFIG_H

#include <limits.h>
#include <stddef.h>

#include "err.h"

/*
 * The number of the first line that has `host` as a pattern of its own in a Host line (without
 * case), or 0. *wild gets the number of the first Host line that only matches it by a pattern, or
 * of a Match line; ssh takes the first value that it finds, so those come before ours.
 */
unsigned sshconfig_find(const char *text, const char *host, unsigned *wild)
    __attribute__((nonnull));

/* ~/.ssh/config of the real user, as ssh finds it (the password file, not $HOME). */
int sshconfig_path(char path[PATH_MAX], struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * Append `stanza` to the file at `path`; whoever reads it meanwhile sees the old file or the new
 * one, whole. Mode and owner stay; a new file is 0600, its folder is made 0700 if missing; where
 * `path` is a symbolic link, what it leads to is changed. *wild as above. -1: ERR_FORMAT when
 * `host` is there already (the text has file and line), ERR_SYS, ERR_NOMEM.
 */
int sshconfig_append(const char *path, const char *host, const char *stanza, unsigned *wild,
    struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
