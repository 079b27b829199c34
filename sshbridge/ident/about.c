/* about.c - ABOUT: what a jump tells its client of itself */
#include <string.h>

#include "ident.h"
#include "login.h"

/* Targets of one answer, and the room that each has in it. */
enum { TARGETS_MAX = 1000, TARGET_ROOM = IDMAP_LINE_MAX + 8 };

/* As the map writes them, of the wider way where both hold: it has all of the other's. */
static size_t
list_targets(const struct login_case *l, const char **target)
{
	struct idmap_query q;
	bool cut;

	if (l->by.by[KEYLOGIN_LISTED] && !l->by.listing->opens && !l->by.by[KEYLOGIN_BOUND])
		return 0;
	keylogin_query(&l->k, l->by.by[KEYLOGIN_LISTED] ? KEYLOGIN_LISTED : KEYLOGIN_BOUND, &q);
	return idmap_targets(l->k.gen->map, &q, target, TARGETS_MAX, &cut);
}

/* As many as there is room for. */
static void
put_targets(const struct login_case *l, struct msg_out *o)
{
	static const char *target[TARGETS_MAX];
	size_t n = list_targets(l, target), bytes = 0, fit = 0;

	while (fit < n && bytes + strlen(target[fit]) + TARGET_ROOM < o->size - o->len)
		bytes += strlen(target[fit++]) + 8;
	msg_put_u32(o, (uint32_t)fit);
	for (size_t i = 0; i < fit; i++)
		msg_put_str(o, target[i]);
}

int
about_handle(struct jump *j, struct msg_in *m, struct err *e)
{
	static uint8_t buf[MSG_MAX];
	const struct conn *c = j->conn;
	struct verdict v = { 0 };
	struct identity *identity;
	struct login_case l;
	char serial[160];
	struct msg_out o;
	uint32_t number;
	bool holds;

	if (msg_get_u32(m, &number) == -1)
		return err_set(e, ERR_PEER, "ABOUT: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	if (j->phase == JUMP_ENDING)
		return 0;
	holds = login_judge(j, &j->key, JUDGE_NEW, &l, &v) == 0;
	/* what opens nothing any more is told of all the same */
	identity = evidence_identity(c->evidence, &v.why);
	evidence_value(identity, ID_SERIAL, serial, sizeof(serial));
	identity_free(identity);
	msg_start(&o, buf, sizeof(buf), MSG_ABOUT, c->id);
	msg_put_u32(&o, number);
	msg_put_str(&o, c->person->name);
	msg_put_str(&o, j->key.account);
	msg_put_str(&o, serial);
	msg_put_u64(&o, (uint64_t)c->evidence->leaf_not_after);
	if (holds)
		put_targets(&l, &o);
	else
		msg_put_u32(&o, 0);
	login_case_done(&l);
	jump_send(j, &o, NULL, 0);
	return 0;
}
