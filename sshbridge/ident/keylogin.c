/* keylogin.c - the verdict on a jump login */
#include <string.h>

#include "keylogin.h"

static struct login
login_of(const struct keylogin_case *k, enum keylogin_by way)
{
	return (struct login){ .service = KEYLOGIN_SERVICE,
		.account = k->account,
		.name_only = true,
		.age = k->age,
		.keys = k->keys,
		.own_key = evidence_key(k->evidence),
		.bound_only = way == KEYLOGIN_BOUND };
}

void
keylogin_query(const struct keylogin_case *k, enum keylogin_by way, struct idmap_query *q)
{
	const struct login l = login_of(k, way);

	judge_query(k->accepted, k->identity, k->from, &l, q);
}

static int
judge_map(const struct keylogin_case *k, enum keylogin_by way, struct verdict *v)
{
	const struct login l = login_of(k, way);

	return judge_account(k->gen, k->accepted, k->identity, k->from, &l, v);
}

static int
refuse_key(struct verdict *v, const char *text)
{
	v->cut = CUT_KEY;
	v->map = IDMAP_NO_KEY;
	return verdict_refuse(v, REFUSED_MAP, text);
}

static const char untouched[] = "this security key has to be touched for a login";

/* sshd demands a touch too, where nothing says otherwise, and a certificate cannot. */
static int
judge_bound(const struct keylogin_case *k, struct keylogin *by, struct verdict *v)
{
	if (judge_map(k, KEYLOGIN_BOUND, v) == -1)
		return -1;
	by->only_touch = k->use.untouched;
	if (!by->only_touch)
		return 0;
	err_set(&v->why, ERR_REFUSED, "the security key was not touched");
	return refuse_key(v, untouched);
}

static int
refuse_listing(enum authkeys_verdict said, bool bound_too, struct verdict *v)
{
	v->ends = said == AUTHKEYS_EXPIRED ? "the SSH key has expired"
					   : "the SSH key gives no access to this account any more";
	err_set(&v->why, ERR_REFUSED, "%s%s",
	    bound_too ? "the certificate does not vouch for the SSH key, and " : "",
	    authkeys_verdict_text(said));
	if (said == AUTHKEYS_UNTOUCHED)
		return refuse_key(v, untouched);
	if (said == AUTHKEYS_UNVERIFIED)
		return refuse_key(v, "this security key has to ask for its PIN for a login");
	return refuse_key(v, "the certificate gives no access to this account with this SSH key");
}

/* Is it in the account's file, for this client and this time? */
static int
judge_listing(const struct keylogin_case *k, const struct settings_target *target,
    struct keylogin *by, struct verdict *v)
{
	const struct authkeys_query q = { .target = (uint32_t)(target - k->gen->settings.targets),
		.account = k->account,
		.sha256 = k->keys->sha256[0],
		.from = (const struct sockaddr *)k->from,
		.now = k->now,
		.use = k->use };
	enum authkeys_verdict said = AUTHKEYS_NOT_LISTED;

	if (k->gen->authkeys != NULL)
		said = authkeys_find(k->gen->authkeys, &q, &by->listing);
	if (said != AUTHKEYS_YES)
		return refuse_listing(said, (target->ssh_keys & SSH_KEYS_BOUND) != 0, v);
	return 0;
}

/*
 * Of two ways the one that lasts longer. Of none the wider one's reason, unless only a touch is
 * missing.
 */
static bool
listed_counts(const struct settings_target *target, const struct keylogin *by,
    const struct verdict *bound, const struct verdict *listed)
{
	uint32_t first = idmap_first_end(bound->max_session, listed->max_session);

	if (by->by[KEYLOGIN_LISTED])
		return !by->by[KEYLOGIN_BOUND] || listed->max_session != first;
	return !by->by[KEYLOGIN_BOUND] && !by->only_touch &&
	       (target->ssh_keys & SSH_KEYS_LISTED) != 0;
}

int
keylogin_judge(const struct keylogin_case *k, struct keylogin *by, struct verdict *v)
{
	const struct settings_target *target = generation_target(k->gen, k->target);
	struct verdict listed = { 0 };

	*by = (struct keylogin){ .listing = NULL };
	if (target == NULL || target->mode != TARGET_JUMP) {
		v->cut = CUT_MAP;
		err_set(&v->why, ERR_REFUSED, "the configuration has no such jump target any more");
		return verdict_refuse(v, REFUSED_MAP, "this jump host is not in service any more");
	}
	if ((target->ssh_keys & SSH_KEYS_BOUND) != 0)
		by->by[KEYLOGIN_BOUND] = judge_bound(k, by, v) == 0;
	if ((target->ssh_keys & SSH_KEYS_LISTED) != 0)
		by->by[KEYLOGIN_LISTED] = judge_map(k, KEYLOGIN_LISTED, &listed) == 0 &&
					  judge_listing(k, target, by, &listed) == 0;
	if (by->by[KEYLOGIN_LISTED])
		listed.key_to = by->listing->expires == INT64_MAX ? 0 : by->listing->expires;
	if (listed_counts(target, by, v, &listed))
		*v = listed;
	return by->by[KEYLOGIN_BOUND] || by->by[KEYLOGIN_LISTED] ? 0 : -1;
}
