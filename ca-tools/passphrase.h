/* passphrase.h - the passphrase of the CA's keys: from a file, or asked for at the terminal */
#ifndef CA_PASSPHRASE_H
#define CA_PASSPHRASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "err.h"

#define PASSPHRASE_MAX 1024

struct passphrase {
	const char *file; /* NULL: ask, where standard input is a terminal */
	bool have;
	char text[PASSPHRASE_MAX + 2]; /* room for the newline, then NUL-terminated */
	size_t len;
};

void passphrase_init(struct passphrase *p, const char *file) __attribute__((nonnull(1)));
/*
 * Have it in p->text; the first time it is read from the file (its first line), or asked for
 * with `what` in the prompt. A file that others may read is taken with a warning on `err`.
 * -1: ERR_SYS, ERR_FORMAT (empty, too long, no file and no terminal, a file others may write).
 */
int passphrase_get(struct passphrase *p, const char *what, FILE *err, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void passphrase_done(struct passphrase *p) __attribute__((nonnull)); /* cleanses */

#endif
