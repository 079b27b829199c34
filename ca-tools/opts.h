/* opts.h - long options from a table: the same rows parse and print the help */
#ifndef CA_OPTS_H
#define CA_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "err.h"

struct opt {
	const char *name; /* without the dashes */
	const char *arg;  /* name of its value for the help; NULL: takes none */
	bool many;	  /* may repeat; any other given twice is an error */
	const char *help; /* one line */
};

#define OPTS_GIVEN_MAX 300
#define OPERANDS_MAX   4

struct opts {
	const struct opt *table;
	size_t ntable;
	struct {
		const struct opt *opt;
		const char *value;
	} given[OPTS_GIVEN_MAX];
	size_t ngiven;
	const char *operand[OPERANDS_MAX];
	size_t noperands;
	bool help; /* --help was among them */
};

/*
 * Parse argv[1..argc). Options may stand anywhere before "--", as --name VALUE or --name=VALUE,
 * spelled out. -1 ERR_FORMAT: unknown, given twice, without its value, with one it does not take,
 * too many operands.
 */
int opts_parse(struct opts *o, const struct opt *table, size_t ntable, int argc, char **argv,
    struct err *e) __attribute__((warn_unused_result, nonnull(1, 5, 6)));

/* The value of a single option; "" for one that takes none; NULL when it was not given. */
const char *opts_get(const struct opts *o, const char *name) __attribute__((nonnull));

void opts_help(const struct opt *table, size_t ntable, FILE *out) __attribute__((nonnull(3)));

#endif
