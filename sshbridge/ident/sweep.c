/* sweep.c - cutting all live connections that something holds for, a slice at a time */
#include <string.h>

#include "sweep.h"
#include "ident.h"

/* Buckets of one slice: each connection's serial is read out of its evidence, some microseconds. */
enum { SLICE = 32 };

static bool
has_serial(const struct conn *c, const char *serial)
{
	struct err e;
	struct identity *id = evidence_identity(c->evidence, &e);
	const struct id_value *v;
	size_t pos = 0;
	bool same = false;

	if (id == NULL)
		return false;
	if ((v = identity_next(id, ID_SERIAL, &pos)) != NULL)
		same = v->len == strlen(serial) && memcmp(v->data, serial, v->len) == 0;
	identity_free(id);
	return same;
}

static bool
holds(const struct ident *id, const struct sweep *k, const struct conn *c)
{
	switch (k->by) {
	case SWEEP_ID:
		return c->id == k->id;
	case SWEEP_IDENTITY:
		return strcmp(c->person->name, k->value) == 0;
	case SWEEP_SERIAL:
		return has_serial(c, k->value);
	default:
		return lock_holds(id, c->person->name);
	}
}

/* Also one that still reaches for its target; `c` may be gone afterwards. */
static void
look_at(struct ident *id, struct sweep *k, struct conn *c)
{
	bool lock = k->by == SWEEP_LOCKED;

	/* a jump process that has hung up on its client may still speak with targets */
	if (c->cut != CUT_NOT || (c->ended && c->jump == NULL) || !holds(id, k, c))
		return;
	k->n++;
	conn_cut(id, c, CUT_OPERATOR, lock ? "this identity is locked" : NULL,
	    lock ? "the identity is locked" : "an operator's word");
}

bool
sweep_step(struct ident *id, struct sweep *k)
{
	struct conn *c;

	if (k->by == SWEEP_ID) {
		if ((c = table_by_id(&id->table, k->id)) != NULL)
			look_at(id, k, c);
		return true;
	}
	for (int i = 0; i < SLICE; i++) {
		struct hash_node *node, *next;

		if (k->begun && k->cursor == 0)
			return true;
		k->begun = true;
		for (node = hash_scan(&id->table.by_id, &k->cursor); node != NULL; node = next) {
			next = node->next;
			look_at(id, k, HASH_ENTRY(node, struct conn, by_id));
		}
	}
	return k->cursor == 0;
}
