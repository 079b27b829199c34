/* cmd_init.c - mtls-ca init: a root, an intermediate, an empty store */
#include <string.h>

#include "ca.h"
#include "name_syntax.h"
#include "names.h"

#define DEFAULT_NAME "mtls-ca"
#define NAME_CHARS   51 /* " intermediate" is put behind it, and a CN has 64 */

static const struct opt options[] = {
	{ "name", "CN", false, "common name of the root (" DEFAULT_NAME ")" },
	{ "passphrase-file", "FILE", false,
	    "encrypt the keys; the passphrase is FILE's first line" },
	{ "permit-email", "DOMAIN", true, "e-mail names the intermediate may certify" },
	{ "permit-dns", "DOMAIN", true, "dns names the intermediate may certify" },
	{ "permit-uri", "HOST", true, "hosts of URIs the intermediate may certify" },
};

static int
permit_parse(const struct opts *o, NAME_CONSTRAINTS **nc, struct err *e)
{
	static const struct {
		const char *option;
		enum name_type type;
	} permits[] = { { "permit-email", NAME_EMAIL }, { "permit-dns", NAME_DNS },
		{ "permit-uri", NAME_URI } };

	for (size_t i = 0; i < o->ngiven; i++)
		for (size_t k = 0; k < sizeof(permits) / sizeof(permits[0]); k++)
			if (strcmp(o->given[i].opt->name, permits[k].option) == 0 &&
			    names_permit(nc, permits[k].type, o->given[i].value, e) == -1)
				return -1;
	return 0;
}

static int
init_name(const struct opts *o, const char **name, struct err *e)
{
	*name = opts_get(o, "name") == NULL ? DEFAULT_NAME : opts_get(o, "name");
	if (name_check_cn(*name, e) == -1)
		return err_prefix(e, "--name");
	if (syntax_characters(*name, strlen(*name)) > NAME_CHARS)
		return err_set(
		    e, ERR_FORMAT, "--name: at most %d characters are allowed", NAME_CHARS);
	return 0;
}

static enum cmd_exit
run(struct env *env, const struct opts *o, struct err *e)
{
	struct ca_plan plan = { .dir = env->dir, .now = env->now };
	struct passphrase p;
	NAME_CONSTRAINTS *nc = NULL;
	enum cmd_exit ret = CMD_USAGE;

	passphrase_init(&p, opts_get(o, "passphrase-file"));
	if (init_name(o, &plan.name, e) == -1 || permit_parse(o, &nc, e) == -1)
		goto out;
	ret = CMD_FAILED;
	plan.permit = nc;
	if (p.file != NULL) {
		if (passphrase_get(&p, "the CA's keys", env->err, e) == -1)
			goto out;
		plan.passphrase = &p;
	}
	if (ca_create(&plan, e) == -1)
		goto out;
	fprintf(env->out, "%s: root and intermediate made, keys %s\n", env->dir,
	    p.file != NULL ? "encrypted" : "in the clear, mode 0600");
	ret = CMD_OK;
out:
	NAME_CONSTRAINTS_free(nc);
	passphrase_done(&p);
	return ret;
}

const struct command command_init = {
	.name = "init",
	.operands = "",
	.summary = "Make a new CA: a root (20 years), an intermediate (5 years), an empty store.",
	.more = "DIR must be absent or empty; all of it is made or nothing. root.key may be moved\n"
		"away afterwards. A kind of name that no --permit option speaks of stays free.\n",
	.opts = options,
	.nopts = sizeof(options) / sizeof(options[0]),
	.run = run,
};
