/*
 * pamfile.h - a service file of PAM as the list of lines that libpam makes of it (pam.conf(5)),
 * with the files that it includes; without libpam, which would load what they name
 */
#ifndef PAMFILE_H
#define PAMFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define PAMFILE_TEXT_MAX (1U << 20) /* bytes of one file */
#define PAMFILE_LINES	 1024	    /* of all files of a service */
#define PAMFILE_FILES	 64
#define PAMFILE_DEPTH	 16 /* files within files */
#define PAMFILE_PATH	 512
#define PAMFILE_WORDS	 1024 /* bytes of one line */

enum pamtype { PAMTYPE_AUTH, PAMTYPE_ACCOUNT, PAMTYPE_SESSION, PAMTYPE_PASSWORD };

struct pamline {
	enum pamtype type;
	const char *file; /* of the struct pamfile */
	unsigned line;	  /* its first, where it goes on over several */
	unsigned level;	  /* how many substacks it is within */
	bool dash;	  /* "-account": a module that is missing is passed over */
	char *control;	  /* "required", or "[success=ok default=bad]" */
	char *module;	  /* as written */
	char *args;	  /* with a blank between two; "" for none */
};

/* What libpam cannot make sense of; every login with it fails. */
struct pamfault {
	const char *file;
	unsigned line;
	char text[160];
};

struct pamfile {
	struct pamline lines[PAMFILE_LINES];
	size_t nlines;
	struct pamfault faults[8]; /* the first ones */
	size_t nfaults;
	char *files[PAMFILE_FILES]; /* paths */
	size_t nfiles;
};

/*
 * The text of the file `name` (of a service, or an absolute path) with a NUL behind its *n bytes,
 * which the caller frees, and its path. NULL and *e: it cannot be read.
 */
typedef char *pamfile_source(
    void *arg, const char *name, char path[PAMFILE_PATH], size_t *n, struct err *e);

/* NULL and *e: the service has no file that can be read, or memory ran out. */
struct pamfile *pamfile_read(const char *service, pamfile_source *source, void *arg, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 4)));
void pamfile_free(struct pamfile *f);

#endif
