/* cmd_export.c - mtls-ca export: the certificates that others need */
#include <string.h>

#include "ca.h"

static const struct opt options[] = {
	{ "out", "FILE", false, "write there (mode 0644) instead of to standard output" },
};

static enum cmd_exit
export_pem(struct env *env, struct ca *ca, X509 *cert, const char *out, struct err *e)
{
	char *pem = NULL;
	size_t n = 0;
	enum cmd_exit ret = CMD_FAILED;

	if (certs_to_pem(cert, NULL, &pem, &n, e) == -1)
		return CMD_FAILED;
	if (out == NULL) {
		(void)fwrite(pem, 1, n, env->out);
		ret = CMD_OK;
	} else if (ca_may_write(ca, out, e) == 0 && outfile_write(out, 0644, pem, n, e) == 0) {
		ret = CMD_OK;
	}
	OPENSSL_free(pem);
	return ret;
}

static enum cmd_exit
run(struct env *env, const struct opts *o, struct err *e)
{
	bool trust = strcmp(o->operand[0], "trust") == 0;
	struct ca ca;
	enum cmd_exit ret;

	if (!trust && strcmp(o->operand[0], "chain") != 0) {
		err_set(e, ERR_FORMAT, "%.40s: trust or chain is needed", o->operand[0]);
		return CMD_USAGE;
	}
	if (ca_open(&ca, env->dir, e) == -1)
		return CMD_FAILED;
	ret = export_pem(env, &ca, trust ? ca.root : ca.intermediate, opts_get(o, "out"), e);
	ca_close(&ca);
	return ret;
}

const struct command command_export = {
	.name = "export",
	.operands = "trust|chain",
	.summary =
	    "Write the certificate to trust (the root), or the chain to it (the intermediate).",
	.opts = options,
	.nopts = sizeof(options) / sizeof(options[0]),
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
