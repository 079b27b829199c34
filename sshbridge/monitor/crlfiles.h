/* crlfiles.h - the CRL files that the configuration names, folders opened up, as they are now */
#ifndef CRLFILES_H
#define CRLFILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "conf.h"
#include "err.h"

#define CRLFILES_FOLDER_MAX 256 /* files of one folder */
#define CRLFILES_MAX	    384 /* of all sections: LOAD_FILES_MAX less what else is named */

struct crlfile {
	uint32_t section;
	bool named; /* in the configuration, not found in a folder */
	char path[CONF_PATH_MAX + 256];
	bool there;	/* `st` is of it */
	struct stat st; /* what tells one content from another: file_same() */
};
struct crlfiles {
	struct crlfile *v;
	size_t n, room;
};

/*
 * Every file that `crl` of each section names, in its order; of a folder the regular *.pem, *.crl
 * and *.der in it, sorted, but none whose name begins with a dot. A named file need not be there;
 * one that is named twice comes once. -1: ERR_SYS, ERR_FORMAT (a folder that others may write, too
 * many files), ERR_NOMEM; *to is then as before.
 */
int crlfiles_scan(const struct conf *c, struct crlfiles *to, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void crlfiles_done(struct crlfiles *f);

/* The file of the same section and path in another list, or NULL. */
const struct crlfile *crlfiles_find(const struct crlfiles *in, const struct crlfile *f)
    __attribute__((nonnull));
/* Whether its content is what it was, as far as the file system tells; NULL: it was not there. */
bool crlfile_same(const struct crlfile *a, const struct crlfile *b);
/* Whether two lists are of the same files with the same content. */
bool crlfiles_same(const struct crlfiles *a, const struct crlfiles *b) __attribute__((nonnull));

#endif
