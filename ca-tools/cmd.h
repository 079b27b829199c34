/* cmd.h - a command of mtls-ca: its words as a table, its work as one function */
#ifndef CA_CMD_H
#define CA_CMD_H

#include <stdint.h>
#include <stdio.h>

#include "opts.h"

/* What a command sees of the world; main() fills it, tests set it. */
struct env {
	const char *dir; /* where the CA lives */
	int64_t now;	 /* seconds since 1970-01-01 UTC, asked once */
	FILE *out, *err;
};

enum cmd_exit { CMD_OK = 0, CMD_FAILED = 1, CMD_USAGE = 2 };

struct command {
	const char *name;
	const char *operands; /* "NAME", for the synopsis */
	const char *summary;  /* one line */
	const char *more;     /* further lines of --help, or NULL */
	const struct opt *opts;
	size_t nopts;
	size_t min_operands, max_operands;
	/* What it returns is the exit code; unless that is CMD_OK, *e says why. */
	enum cmd_exit (*run)(struct env *env, const struct opts *o, struct err *e);
};

/* Parse argv[1..] (argv[0] is the command's word), run, print the error; the exit code. */
int command_run(const struct command *c, struct env *env, int argc, char **argv)
    __attribute__((nonnull));

extern const struct command command_init, command_issue, command_revoke, command_crl, command_list,
    command_show, command_export;

#endif
