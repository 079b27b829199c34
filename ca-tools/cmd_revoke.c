/* cmd_revoke.c - mtls-ca revoke: from the next CRL on, a certificate counts no more */
#include <string.h>

#include "ca.h"
#include "crl.h"
#include "text.h"

static const struct opt options[] = {
	{ "reason", "REASON", false, "why, by its name in RFC 5280 (unspecified)" },
};

/* What is revoked stays so, with its first reason; but a hold may become final. */
static bool
revoke_changes(const struct store_cert *c, int reason)
{
	return !c->revoked || (c->reason == CRL_REASON_HOLD && reason != CRL_REASON_HOLD);
}

static int
revoke_store(
    struct env *env, struct store *st, const struct store_cert *c, int reason, struct err *e)
{
	/* a hold that becomes final keeps the day on which trust ended */
	int64_t at = c->revoked ? c->revoked_at : env->now;

	if (store_revoke(st, c->serial, at, reason, e) == -1)
		return -1;
	return store_add_event(st, env->now, "revoke", c->serial, crl_reason_word(reason), e);
}

static void
revoke_tell(struct env *env, const struct store_cert *c, int reason, bool changed)
{
	char at[TEXT_TIME_SIZE];

	if (!changed)
		fprintf(env->err,
		    "mtls-ca revoke: %s (%s) was revoked at %s already, reason %s; "
		    "nothing was changed\n",
		    c->serial, c->name, text_time(at, c->revoked_at), crl_reason_word(c->reason));
	else
		fprintf(env->out,
		    "revoked %s (%s), reason %s; the next 'mtls-ca crl' tells of it\n", c->serial,
		    c->name, crl_reason_word(reason));
}

/* Within a transaction, so that two at once are one after the other. */
static int
revoke_serial(struct env *env, struct store *st, const char *serial, int reason, struct err *e)
{
	struct store_cert c;
	bool change;
	int ret = -1;

	if (store_find_cert(st, serial, &c, e) != 1)
		return err_prefix(e, "serial %s", serial);
	change = revoke_changes(&c, reason);
	if (strcmp(c.profile, profile_word(PROFILE_ROOT)) == 0)
		err_set(e, ERR_FORMAT,
		    "%s: is the root: no CRL can revoke it; take it out of "
		    "every trust file instead",
		    c.serial);
	else if ((!change || revoke_store(env, st, &c, reason, e) == 0) &&
		 (ret = store_commit(st, e)) == 0)
		revoke_tell(env, &c, reason, change);
	store_cert_done(&c);
	return ret;
}

static enum cmd_exit
revoke_one(struct env *env, struct ca *ca, const char *word, int reason, struct err *e)
{
	struct store_cert c;

	if (ca_find(ca, word, &c, e) == -1)
		return CMD_FAILED;
	store_cert_done(&c);
	if (store_begin(ca->store, e) == -1)
		return CMD_FAILED;
	if (revoke_serial(env, ca->store, c.serial, reason, e) == 0)
		return CMD_OK;
	store_rollback(ca->store);
	return CMD_FAILED;
}

static enum cmd_exit
run(struct env *env, const struct opts *o, struct err *e)
{
	const char *word = opts_get(o, "reason");
	struct ca ca;
	enum cmd_exit ret;
	int reason = 0;

	if (word != NULL && crl_reason_parse(word, &reason, e) == -1)
		return CMD_USAGE;
	if (ca_open(&ca, env->dir, e) == -1)
		return CMD_FAILED;
	ret = revoke_one(env, &ca, o->operand[0], reason, e);
	ca_close(&ca);
	return ret;
}

const struct command command_revoke = {
	.name = "revoke",
	.operands = "SERIAL|FILE",
	.summary = "Revoke a certificate; 'mtls-ca crl' then makes the list that tells of it.",
	.more = "Revoking what is revoked already changes nothing, says so, and exits 0;\n"
		"only a certificateHold can be followed by another reason.\n",
	.opts = options,
	.nopts = sizeof(options) / sizeof(options[0]),
	.min_operands = 1,
	.max_operands = 1,
	.run = run,
};
