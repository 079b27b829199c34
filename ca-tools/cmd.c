/* cmd.c - what all commands of mtls-ca share: parse, help, run, print the error */
#include "cmd.h"

static void
command_help(const struct command *c, FILE *out)
{
	fprintf(out, "usage: mtls-ca [--dir DIR] %s%s%s [OPTION ...]\n\n%s\n\n", c->name,
	    c->operands[0] == '\0' ? "" : " ", c->operands, c->summary);
	opts_help(c->opts, c->nopts, out);
	if (c->more != NULL)
		fprintf(out, "\n%s", c->more);
}

static int
command_usage(const struct command *c, struct env *env, const char *why)
{
	fprintf(env->err, "mtls-ca %s: %s\nTry 'mtls-ca %s --help'.\n", c->name, why, c->name);
	return CMD_USAGE;
}

int
command_run(const struct command *c, struct env *env, int argc, char **argv)
{
	struct opts o;
	struct err e = { 0 };
	enum cmd_exit ret;

	if (opts_parse(&o, c->opts, c->nopts, argc, argv, &e) == -1)
		return command_usage(c, env, e.text);
	if (o.help) {
		command_help(c, env->out);
		return CMD_OK;
	}
	if (o.noperands > c->max_operands)
		return command_usage(c, env, "too many words");
	if (o.noperands < c->min_operands) {
		err_set(&e, ERR_FORMAT, "%s is needed", c->operands);
		return command_usage(c, env, e.text);
	}
	ret = c->run(env, &o, &e);
	if (ret == CMD_USAGE)
		return command_usage(c, env, e.text);
	if (ret != CMD_OK)
		fprintf(env->err, "mtls-ca %s: %s\n", c->name, e.text);
	return (int)ret;
}
