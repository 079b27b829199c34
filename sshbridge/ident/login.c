/* login.c - LOGIN to a jump: account and SSH key, judged, then perhaps PAM, then in */
#include <stdio.h>
#include <string.h>

#include "cut.h"
#include "grant.h"
#include "ident.h"
#include "login.h"
#include "pamlogin.h"
#include "report.h"
#include "sshkey.h"

enum { LOGGED_NO = 0, LOGGED_YES = 1, LOGGED_PAM = 2 };

static const char no_access[] = "no access to this account with this SSH key";

/* ---- the verdict ---------------------------------------------------------------------------- */

int
login_judge(const struct jump *j, const struct jump_key *key, enum judge_mode mode,
    struct login_case *l, struct verdict *v)
{
	struct ident *id = j->id;
	const struct conn *c = j->conn;
	int64_t now = ident_now();

	l->identity = NULL;
	if (c->ended || c->held) {
		err_set(&v->why, ERR_REFUSED, "the connection has ended");
		return verdict_refuse(v, REFUSED_INTERNAL, "the connection is ending");
	}
	if (locks_refuse(id, c->person->name, v) == -1 ||
	    judge_paths(id->gen, c->evidence, mode, now, &l->accepted, v) == -1)
		return -1;
	if ((l->identity = evidence_identity(c->evidence, &v->why)) == NULL)
		return verdict_refuse(v, REFUSED_INTERNAL, "try again later");
	endpoint_to(&c->client, &l->from);
	l->keys.n = 1;
	memcpy(l->keys.sha256[0], key->sha256, sizeof(key->sha256));
	l->k = (struct keylogin_case){ .gen = id->gen,
		.target = c->target,
		.evidence = c->evidence,
		.accepted = &l->accepted,
		.identity = l->identity,
		.from = &l->from,
		.account = key->account,
		.keys = &l->keys,
		.use = key->use,
		.age = (uint32_t)(ident_monotonic() - c->since),
		.now = now };
	return keylogin_judge(&l->k, &l->by, v);
}

void
login_case_done(struct login_case *l)
{
	identity_free(l->identity);
}

/* ---- its answer ----------------------------------------------------------------------------- */

static void
send_logged(struct jump *j, uint32_t number, uint32_t verdict, const char *text, const int *fd)
{
	uint8_t buf[512];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_LOGGED, j->conn->id);
	msg_put_u32(&o, number);
	msg_put_u32(&o, verdict);
	msg_put_str(&o, text);
	jump_send(j, &o, fd, fd == NULL ? 0 : 1);
}

static void
send_passed(struct jump *j, bool ok, const char *text)
{
	uint8_t buf[1024];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_PASSED, j->conn->id);
	msg_put_u32(&o, ok);
	msg_put_str(&o, text);
	jump_send(j, &o, NULL, 0);
}

/* The answer to the login that waits: to LOGIN itself, or what PAM said of it. */
static void
answer(struct jump *j, bool yes, const char *text)
{
	j->phase = yes ? JUMP_IN : JUMP_LOGIN;
	if (j->pam_asks)
		send_passed(j, yes, text);
	else
		send_logged(j, j->login_number, yes ? LOGGED_YES : LOGGED_NO, text, NULL);
	j->pam_asks = false;
	if (yes)
		return;
	pamlogin_free(j->pam);
	j->pam = NULL;
}

static void
deny(struct jump *j, const struct jump_key *key, const struct verdict *v)
{
	j->id->stats.denied++;
	report_login_denied(j->id, j, key, v);
}

static void
refuse(struct jump *j, const struct verdict *v)
{
	deny(j, &j->key, v);
	answer(j, false, v->user);
}

static void
let_in(struct jump *j)
{
	j->id->stats.granted++;
	j->conn->granted = ident_now();
	answer(j, true, j->text);
}

static void
on_recorded(void *arg, bool written)
{
	struct jump *j = arg;
	struct verdict v = { 0 };

	j->hold = NULL;
	if (written) {
		let_in(j);
		return;
	}
	err_set(&v.why, ERR_REFUSED, HOLD_REFUSAL);
	(void)verdict_refuse(&v, REFUSED_INTERNAL, HOLD_REFUSAL);
	refuse(j, &v);
}

/* All have said yes: kept, recorded, told. */
static int
grant(struct jump *j, struct verdict *v)
{
	struct keyset keys = { .n = 1 };
	const struct login login = { .service = KEYLOGIN_SERVICE,
		.account = j->key.account,
		.name_only = true,
		.use = j->key.use,
		.keys = &keys };
	uint64_t record;

	memcpy(keys.sha256[0], j->key.sha256, sizeof(j->key.sha256));
	if (grant_keep(j->conn, &login, v, false, &v->why) == -1)
		return verdict_refuse(v, REFUSED_INTERNAL, "try again later");
	if (report_login_granted(j->id, j, v, &record)) {
		if (record == 0) {
			let_in(j);
			return 0;
		}
		if ((j->hold = hold_call(j->id, record, on_recorded, j)) != NULL)
			return 0;
	}
	err_set(&v->why, ERR_REFUSED, HOLD_REFUSAL);
	return verdict_refuse(v, REFUSED_INTERNAL, HOLD_REFUSAL);
}

/* ---- LOGIN ---------------------------------------------------------------------------------- */

struct request {
	uint32_t number, proven;
	struct jump_key key;
	const char *unfit; /* why it is no login at all, whatever the map says; NULL: it may be */
};

/* As long as a key is only offered, nothing is held against it. */
static struct authkeys_use
use_of(const struct sshkey *key, uint32_t proven, uint32_t flags)
{
	struct sshkey_security s;

	if (proven == 0 || !sshkey_security(key, &s))
		return (struct authkeys_use){ false, false };
	return (struct authkeys_use){ .untouched = (flags & SSHKEY_TOUCHED) == 0,
		.unverified = (flags & SSHKEY_VERIFIED) == 0 };
}

static int
read_request(struct msg_in *m, struct request *r, struct err *e)
{
	static struct sshkey key;
	uint32_t flags;
	const uint8_t *account, *blob;
	size_t naccount, nblob;
	struct err why;

	memset(r, 0, sizeof(*r));
	if (msg_get_u32(m, &r->number) == -1 ||
	    msg_get_bytes(m, &account, &naccount, MSG_MAX) == -1 ||
	    msg_get_bytes(m, &blob, &nblob, MSG_MAX) == -1 || msg_get_u32(m, &r->proven) == -1 ||
	    r->proven > 1 || msg_get_u32(m, &flags) == -1 ||
	    (flags & ~(uint32_t)(SSHKEY_TOUCHED | SSHKEY_VERIFIED)) != 0 ||
	    (r->proven == 0 && flags != 0))
		return err_set(e, ERR_PEER, "LOGIN: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	/* what a client makes up is no fault of the process that asks */
	memcpy(r->key.account, account,
	    naccount < sizeof(r->key.account) ? naccount : sizeof(r->key.account) - 1);
	if (naccount >= sizeof(r->key.account) || strlen(r->key.account) != naccount)
		r->unfit = "no account has such a name";
	else if (sshkey_parse_blob(blob, nblob, &key, &why) == -1)
		r->unfit = "a key of a type that is not taken";
	else {
		memcpy(r->key.sha256, key.sha256, sizeof(r->key.sha256));
		r->key.use = use_of(&key, r->proven, flags);
	}
	return 0;
}

static int
judge(const struct jump *j, const struct request *r, struct login_case *l, struct verdict *v)
{
	if (r->unfit == NULL)
		return login_judge(j, &r->key, JUDGE_NEW, l, v);
	err_set(&v->why, ERR_REFUSED, "%s", r->unfit);
	return verdict_refuse(v, REFUSED_MAP, no_access);
}

/* The key is proven, and may come in: PAM has the last word, where the target has a stack. */
static void
proven(struct jump *j, struct verdict *v)
{
	const struct settings_target *t = generation_target(j->id->gen, j->conn->target);

	if (t != NULL && t->pam[0] != '\0') {
		if (pamlogin_ask(j, &v->why) == 0)
			return;
		(void)verdict_refuse(v, REFUSED_INTERNAL, "try again later");
		refuse(j, v);
	} else if (grant(j, v) == -1) {
		refuse(j, v);
	}
}

int
login_handle(struct jump *j, struct msg_in *m, struct err *e)
{
	struct login_case l = { .identity = NULL };
	struct verdict v = { 0 };
	struct request r;

	if (read_request(m, &r, e) == -1)
		return -1;
	if (j->phase == JUMP_ENDING)
		return 0;
	if (judge(j, &r, &l, &v) == -1) {
		deny(j, &r.key, &v);
		send_logged(j, r.number, LOGGED_NO, v.user, NULL);
	} else if (r.proven == 0) {
		send_logged(j, r.number, LOGGED_YES, "", NULL);
	} else {
		j->key = r.key;
		j->login_number = r.number;
		j->rule = v.line;
		j->text[0] = '\0';
		j->phase = JUMP_WAITS;
		proven(j, &v); /* v's grant is l's */
	}
	login_case_done(&l);
	return 0;
}

/* ---- PAM ------------------------------------------------------------------------------------ */

void
login_pam(struct jump *j, int fd)
{
	j->pam_asks = true;
	send_logged(j, j->login_number, LOGGED_PAM, "", &fd);
}

void
login_passed(struct jump *j, bool ok, const char *text, const char *why)
{
	struct verdict v = { 0 };
	struct login_case l;
	bool holds;

	(void)snprintf(j->text, sizeof(j->text), "%s", text);
	if (!ok) {
		err_set(&v.why, ERR_REFUSED, "%s", why);
		(void)verdict_refuse(&v, REFUSED_MAP, text);
		deny(j, &j->key, &v);
		answer(j, false, text);
		return;
	}
	/* a prompt may have stood there for long: everything else must still hold */
	holds = login_judge(j, &j->key, JUDGE_NEW, &l, &v) == 0 && grant(j, &v) == 0;
	login_case_done(&l);
	if (!holds)
		refuse(j, &v);
}
