/* table.c - every client connection from its OPEN to its CLOSED */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cut.h"
#include "dial.h"
#include "grant.h"
#include "ident.h"
#include "report.h"
#include "unbound.h"

int
table_init(struct table *t, struct err *e)
{
	*t = (struct table){ 0 };
	TAILQ_INIT(&t->review);
	TAILQ_INIT(&t->count);
	if (getrandom(&t->seed, sizeof(t->seed), 0) != (ssize_t)sizeof(t->seed))
		return err_sys(e, errno, "random number");
	if (hash_init(&t->by_id, e) == 0 && hash_init(&t->by_number, e) == 0 &&
	    hash_init(&t->by_tuple, e) == 0 && hash_init(&t->people, e) == 0)
		return 0;
	table_done(t);
	return -1;
}

void
table_done(struct table *t)
{
	hash_done(&t->by_id);
	hash_done(&t->by_number);
	hash_done(&t->by_tuple);
	hash_done(&t->people);
}

static uint64_t
number_value(const struct table *t, const struct gate *g, uint32_t number)
{
	const struct {
		uint64_t gate, number;
	} key = { (uint64_t)(uintptr_t)g, number };

	return hash_bytes(t->seed, &key, sizeof(key));
}

struct conn *
table_by_id(const struct table *t, uint64_t id)
{
	/* ids are random: their own hash */
	struct hash_node *node = hash_first(&t->by_id, id);

	return node == NULL ? NULL : HASH_ENTRY(node, struct conn, by_id);
}

struct conn *
table_by_number(const struct table *t, const struct gate *g, uint32_t number)
{
	struct hash_node *node = hash_first(&t->by_number, number_value(t, g, number));

	for (; node != NULL; node = hash_next(node)) {
		struct conn *c = HASH_ENTRY(node, struct conn, by_number);

		if (c->gate == g && c->number == number)
			return c;
	}
	return NULL;
}

struct leg *
table_by_tuple(const struct table *t, const struct tuple *tuple)
{
	struct hash_node *node =
	    hash_first(&t->by_tuple, hash_bytes(t->seed, tuple, sizeof(*tuple)));

	for (; node != NULL; node = hash_next(node)) {
		struct leg *l = HASH_ENTRY(node, struct leg, by_tuple);

		if (memcmp(&l->tuple, tuple, sizeof(*tuple)) == 0)
			return l;
	}
	return NULL;
}

static struct person *
find_person(const struct table *t, const char *name)
{
	struct hash_node *node = hash_first(&t->people, hash_bytes(t->seed, name, strlen(name)));

	for (; node != NULL; node = hash_next(node)) {
		struct person *p = HASH_ENTRY(node, struct person, node);

		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

uint32_t
table_count(const struct table *t, const char *name)
{
	const struct person *p = find_person(t, name);

	return p == NULL ? 0 : p->count;
}

struct conn *
conn_new(const struct table *t, struct gate *g, uint32_t number, struct evidence *ev, struct err *e)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		err_nomem(e, "connection");
		return NULL;
	}
	do {
		if (getrandom(&c->id, sizeof(c->id), 0) != (ssize_t)sizeof(c->id)) {
			err_sys(e, errno, "random number");
			free(c);
			return NULL;
		}
	} while (c->id == 0 || table_by_id(t, c->id) != NULL);
	c->gate = g;
	c->number = number;
	c->evidence = ev;
	leg_init(&c->leg, c);
	c->since = ident_monotonic();
	return c;
}

void
conn_free(struct conn *c)
{
	if (c == NULL)
		return;
	unbound_end(c);
	grants_free(c);
	free(c->cut_text);
	free(c->evidence);
	free(c);
}

/* One more connection of that name. NULL: ERR_NOMEM. */
static struct person *
join_person(struct table *t, const char *name, struct err *e)
{
	struct person *p = find_person(t, name);
	size_t n = strlen(name);

	if (p == NULL) {
		if ((p = malloc(sizeof(*p) + n + 1)) == NULL) {
			err_nomem(e, "connection");
			return NULL;
		}
		p->count = 0;
		p->asked = t->asked; /* a turn, as it were: nobody gains by coming anew */
		memcpy(p->name, name, n + 1);
		hash_add(&t->people, &p->node, hash_bytes(t->seed, name, n));
	}
	p->count++;
	return p;
}

static void
leave_person(struct table *t, struct person *p)
{
	if (--p->count > 0)
		return;
	hash_remove(&t->people, &p->node);
	free(p);
}

int
table_add(struct table *t, struct conn *c, const char *name, struct err *e)
{
	if ((c->person = join_person(t, name, e)) == NULL)
		return -1;
	hash_add(&t->by_id, &c->by_id, c->id);
	hash_add(&t->by_number, &c->by_number, number_value(t, c->gate, c->number));
	LIST_INSERT_HEAD(&c->gate->conns, c, of_gate);
	c->gate->nconns++;
	TAILQ_INSERT_TAIL(&t->review, c, in_review);
	TAILQ_INSERT_TAIL(&t->count, c, in_count);
	t->n++;
	return 0;
}

int
table_rename(struct table *t, struct conn *c, const char *name, struct err *e)
{
	struct person *p = join_person(t, name, e);

	if (p == NULL)
		return -1;
	leave_person(t, c->person);
	c->person = p;
	return 0;
}

void
table_live(struct table *t, struct conn *c)
{
	c->live = true;
	t->nlive++;
}

static void
take_off(struct table *t, struct conn *c)
{
	t->nlive -= c->live;
	hash_remove(&t->by_number, &c->by_number);
	hash_remove(&t->by_id, &c->by_id);
	TAILQ_REMOVE(&t->review, c, in_review);
	TAILQ_REMOVE(&t->count, c, in_count);
	t->n--;
}

void
table_remove(struct ident *id, struct conn *c, const struct conn_end *end)
{
	take_off(&id->table, c);
	jump_forget(c, end->why == NULL ? "refused" : end->why);
	cut_forget(c);
	dial_free(c->dial);
	c->dial = NULL;
	leg_drop(id, &c->leg);
	/* one that was refused, or held, was never opened */
	if (c->live && !c->held && end->why != NULL)
		id->stats.closed++;
	report_closed(id, c, ident_monotonic() - c->since, end);
	leave_person(&id->table, c->person);
	LIST_REMOVE(c, of_gate);
	c->gate->nconns--;
	conn_free(c);
}
