/* hostkeys.h - the SSH host keys of a generation, as their files stand */
#ifndef HOSTKEYS_H
#define HOSTKEYS_H

#include "monitor.h"

/*
 * Read the files that host-keys of each jump target names into g->host_keys: each judged as a
 * secret (lib/file.h), none of them parsed. -1: *e; what was read goes with hostkeys_free().
 */
int hostkeys_read(struct generation *g, struct err *e) __attribute__((warn_unused_result, nonnull));
void hostkeys_free(struct generation *g) __attribute__((nonnull));
/* As generation_keep_key(). */
void hostkeys_keep(struct generation *g, bool over_fork) __attribute__((nonnull));

#endif
