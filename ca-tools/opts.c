/* opts.c - long options from a table: the same rows parse and print the help */
#include <assert.h>
#include <string.h>

#include "opts.h"

static const struct opt *
opt_find(const struct opts *o, const char *name, size_t n)
{
	for (size_t i = 0; i < o->ntable; i++)
		if (strlen(o->table[i].name) == n && memcmp(o->table[i].name, name, n) == 0)
			return &o->table[i];
	return NULL;
}

const char *
opts_get(const struct opts *o, const char *name)
{
	for (size_t i = 0; i < o->ngiven; i++)
		if (strcmp(o->given[i].opt->name, name) == 0)
			return o->given[i].value;
	return NULL;
}

/* One option at argv[*i]; *i moves on where its value is the next word. */
static int
opt_take(struct opts *o, int argc, char **argv, int *i, struct err *e)
{
	const char *word = argv[*i] + 2, *eq = strchr(word, '=');
	size_t n = eq == NULL ? strlen(word) : (size_t)(eq - word);
	const struct opt *opt;
	const char *value = "";

	if (n == 4 && memcmp(word, "help", 4) == 0 && eq == NULL) {
		o->help = true;
		return 0;
	}
	if ((opt = opt_find(o, word, n)) == NULL)
		return err_set(
		    e, ERR_FORMAT, "--%.*s: there is no such option", n > 40 ? 40 : (int)n, word);
	if (opt->arg == NULL && eq != NULL)
		return err_set(e, ERR_FORMAT, "--%s takes no value", opt->name);
	if (!opt->many && opts_get(o, opt->name) != NULL)
		return err_set(e, ERR_FORMAT, "--%s is given twice", opt->name);
	if (opt->arg != NULL && eq == NULL && *i + 1 >= argc)
		return err_set(e, ERR_FORMAT, "--%s needs a value: %s", opt->name, opt->arg);
	if (opt->arg != NULL)
		value = eq != NULL ? eq + 1 : argv[++*i];
	if (o->ngiven == OPTS_GIVEN_MAX)
		return err_set(e, ERR_FORMAT, "more than %d options", OPTS_GIVEN_MAX);
	o->given[o->ngiven].opt = opt;
	o->given[o->ngiven++].value = value;
	return 0;
}

int
opts_parse(
    struct opts *o, const struct opt *table, size_t ntable, int argc, char **argv, struct err *e)
{
	bool words_only = false;

	memset(o, 0, sizeof(*o));
	o->table = table;
	o->ntable = ntable;
	for (int i = 1; i < argc; i++) {
		if (!words_only && strcmp(argv[i], "--") == 0) {
			words_only = true;
		} else if (!words_only && strncmp(argv[i], "--", 2) == 0) {
			if (opt_take(o, argc, argv, &i, e) == -1)
				return -1;
		} else if (!words_only && argv[i][0] == '-' && argv[i][1] != '\0') {
			return err_set(e, ERR_FORMAT, "%.40s: there is no such option", argv[i]);
		} else if (o->noperands == OPERANDS_MAX) {
			return err_set(e, ERR_FORMAT, "%.40s: too many words", argv[i]);
		} else {
			o->operand[o->noperands++] = argv[i];
		}
	}
	return 0;
}

void
opts_help(const struct opt *table, size_t ntable, FILE *out)
{
	char left[48];

	for (size_t i = 0; i < ntable; i++) {
		(void)snprintf(left, sizeof(left), "--%s%s%s", table[i].name,
		    table[i].arg == NULL ? "" : " ", table[i].arg == NULL ? "" : table[i].arg);
		fprintf(out, "  %-26s %s%s\n", left, table[i].help,
		    table[i].many ? " (may repeat)" : "");
	}
	fprintf(out, "  %-26s %s\n", "--help", "this text");
}
