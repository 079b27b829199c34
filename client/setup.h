/* setup.h - the lines for ssh_config(5) */
#ifndef SETUP_H
#define SETUP_H

#include <stddef.h>

#include "options.h"

/* Exit code of `mtls-connect setup`. */
int setup_run(const struct options *o) __attribute__((warn_unused_result, nonnull));

/*
 * The stanza for o->bridge, ending in a newline. `program` is how the ProxyCommand calls us. ssh
 * hands that line to a shell and expands % in it: every word is quoted and each % doubled.
 * Options go in that differ from what they would be without. With o->targets a stanza for
 * them follows. -1: ERR_FORMAT (a file name with a
 * control character, too long).
 */
int setup_stanza(const struct options *o, const char *program, char *dst, size_t size,
    struct err *e) __attribute__((warn_unused_result, nonnull));

/* One word for sh(1) within a ProxyCommand. -1: ERR_FORMAT. */
int setup_quote(const char *word, char *dst, size_t size, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
