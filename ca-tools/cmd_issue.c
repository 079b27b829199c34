/* cmd_issue.c - mtls-ca issue: from the command line to what is to be certified */
#include <string.h>

#include "ca.h"
#include "issue.h"
#include "names.h"
#include "pubkey.h"
#include "text.h"
#include "when.h"

#define DAYS	  30
#define DAYS_MAX  3650
#define HOURS_MAX 87600

static const struct opt options[] = {
	{ "email", "A", true, "e-mail address (user)" },
	{ "uri", "U", true, "URI, SPIFFE ids included (user)" },
	{ "upn", "U", true, "user principal name (user)" },
	{ "dns", "N", true, "host name" },
	{ "ip", "A", true, "IPv4 or IPv6 address (host)" },
	{ "hours", "N", false, "how long it is valid" },
	{ "days", "N", false, "how long it is valid (30)" },
	{ "from", "TIME", false, "valid from then, as 2026-11-23T22:38:51Z (5 minutes ago)" },
	{ "until", "TIME", false, "valid to then" },
	{ "csr", "FILE", false, "certify the key of this request; its names do not count" },
	{ "ssh-key", "FILE", false, "certify this SSH public key, and name it within (user)" },
	{ "out", "PREFIX", false, "write PREFIX.pem and PREFIX.key (NAME)" },
	{ "passphrase-file", "FILE", false, "opens the CA's key; FILE's first line" },
};

/* Options that only one of the two kinds takes: EKU and names are fixed by profile. */
static int
issue_kind(struct issue *is, const struct opts *o, struct err *e)
{
	static const char *const user_only[] = { "email", "uri", "upn", "ssh-key" };
	const char *kind = o->operand[0];

	if (profile_parse(kind, &is->profile) == -1 ||
	    (is->profile != PROFILE_USER && is->profile != PROFILE_HOST))
		return err_set(e, ERR_FORMAT, "%.40s: user or host is needed", kind);
	if (is->profile == PROFILE_USER && opts_get(o, "ip") != NULL)
		return err_set(e, ERR_FORMAT, "--ip: only a host has it");
	for (size_t i = 0; i < sizeof(user_only) / sizeof(user_only[0]); i++)
		if (is->profile == PROFILE_HOST && opts_get(o, user_only[i]) != NULL)
			return err_set(e, ERR_FORMAT, "--%s: only a user has it", user_only[i]);
	return 0;
}

static int
issue_names(struct issue *is, const struct opts *o, struct err *e)
{
	static const enum name_type types[] = { NAME_EMAIL, NAME_URI, NAME_UPN, NAME_DNS, NAME_IP };

	is->name = o->operand[1];
	if (name_check_cn(is->name, e) == -1)
		return -1;
	if (is->profile == PROFILE_HOST && name_is_dns(is->name) &&
	    names_add(&is->names, NAME_DNS, is->name, e) == -1)
		return -1;
	if (is->profile == PROFILE_HOST && name_is_ip(is->name) &&
	    names_add(&is->names, NAME_IP, is->name, e) == -1)
		return -1;
	for (size_t i = 0; i < o->ngiven; i++)
		for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++)
			if (strcmp(o->given[i].opt->name, name_word(types[k])) == 0 &&
			    names_add(&is->names, types[k], o->given[i].value, e) == -1)
				return -1;
	if (is->profile == PROFILE_HOST && is->names == NULL)
		return err_set(e, ERR_FORMAT,
		    "\"%s\" is no host name or address, and there is no "
		    "--dns or --ip: a client could not check it",
		    is->name);
	return 0;
}

static int
issue_times(struct issue *is, const struct opts *o, int64_t now, struct err *e)
{
	const char *hours = opts_get(o, "hours"), *days = opts_get(o, "days");
	const char *from = opts_get(o, "from"), *until = opts_get(o, "until");
	int64_t n = DAYS, start = now;

	if ((hours != NULL) + (days != NULL) + (until != NULL) > 1)
		return err_set(
		    e, ERR_FORMAT, "only one of --hours, --days and --until can be given");
	if ((from != NULL && when_parse(from, &start, e) == -1) ||
	    (hours != NULL && count_parse("--hours", hours, 1, HOURS_MAX, &n, e) == -1) ||
	    (days != NULL && count_parse("--days", days, 1, DAYS_MAX, &n, e) == -1))
		return -1;
	is->not_before = from != NULL ? start : now - BACKDATE;
	is->not_after = start + n * (hours != NULL ? WHEN_HOUR : WHEN_DAY);
	if (until != NULL && when_parse(until, &is->not_after, e) == -1)
		return -1;
	if (is->not_after <= is->not_before)
		return err_set(e, ERR_FORMAT, "--until lies before the certificate's beginning");
	return 0;
}

/* A NAME that could lead elsewhere, or be taken for an option, is not made a file name. */
static int
issue_out(struct issue *is, const struct opts *o, struct err *e)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789._@+-";

	if ((is->out = opts_get(o, "out")) != NULL)
		return is->out[0] != '\0' ? 0 : err_set(e, ERR_FORMAT, "--out is empty");
	is->out = is->name;
	if (strspn(is->name, safe) == strlen(is->name) && is->name[0] != '.' && is->name[0] != '-')
		return 0;
	return err_set(
	    e, ERR_FORMAT, "\"%s\" makes no file name: --out PREFIX is needed", is->name);
}

static enum cmd_exit
issue_key(struct issue *is, const struct opts *o, struct err *e)
{
	const char *csr = opts_get(o, "csr"), *ssh = opts_get(o, "ssh-key");
	struct sshkey k;

	if (csr != NULL && ssh != NULL) {
		err_set(e, ERR_FORMAT, "only one of --csr and --ssh-key can be given");
		return CMD_USAGE;
	}
	if (csr != NULL)
		is->key = pubkey_from_csr(csr, e);
	else if (ssh != NULL)
		is->key = pubkey_from_ssh(ssh, &k, e);
	else
		return CMD_OK;
	if (is->key == NULL)
		return CMD_FAILED;
	if (ssh != NULL) {
		memcpy(is->ssh_sha256, k.sha256, sizeof(is->ssh_sha256));
		is->ssh = true;
	}
	return CMD_OK;
}

static enum cmd_exit
run(struct env *env, const struct opts *o, struct err *e)
{
	struct issue is = { 0 };
	enum cmd_exit ret = CMD_USAGE;

	if (issue_kind(&is, o, e) == 0 && issue_names(&is, o, e) == 0 &&
	    issue_times(&is, o, env->now, e) == 0 && issue_out(&is, o, e) == 0)
		ret = issue_key(&is, o, e);
	if (ret == CMD_OK && issue_do(&is, env, opts_get(o, "passphrase-file"), e) == -1)
		ret = CMD_FAILED;
	GENERAL_NAMES_free(is.names);
	EVP_PKEY_free(is.key);
	return ret;
}

const struct command command_issue = {
	.name = "issue",
	.operands = "user|host NAME",
	.summary = "Issue a certificate: for a user's client (clientAuth) or a host (serverAuth).",
	.more =
	    "PREFIX.pem gets the certificate, then the intermediate; PREFIX.key the private key\n"
	    "where none was given by --csr or --ssh-key; both mode 0600.\n",
	.opts = options,
	.nopts = sizeof(options) / sizeof(options[0]),
	.min_operands = 2,
	.max_operands = 2,
	.run = run,
};
