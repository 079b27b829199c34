/* names.c - host names of targets, asked of the resolve process */
#include <stdlib.h>
#include <string.h>

#include "dial.h"
#include "ident.h"
#include "report.h"

/*
 * One question, and the dials that wait for its answer. The one that resolve works on stays until
 * it has answered, with nobody waiting too; any other goes with the last of its dials.
 */
struct lookup {
	TAILQ_ENTRY(lookup) all;
	uint64_t number; /* 0: not asked yet */
	uint32_t port;
	LIST_HEAD(, dial) dials;
	char host[SETTINGS_HOST_MAX];
};

static int
send_question(struct ident *id, struct lookup *l, struct err *e)
{
	uint8_t buf[SETTINGS_HOST_MAX + 64];
	struct msg_out o;
	struct dial *d;

	l->number = ++id->table.asked;
	msg_start(&o, buf, sizeof(buf), MSG_RESOLVE, 0);
	msg_put_u64(&o, l->number);
	msg_put_str(&o, l->host);
	msg_put_u32(&o, l->port);
	if (msgq_send(id->names.q, &o, NULL, 0, e) == -1)
		return -1;
	id->names.now = l;
	LIST_FOREACH(d, &l->dials, waiting)
	d->to.conn->person->asked = l->number;
	return 0;
}

/* Its dials end or go on; each of them may be freed by that, and only that one. */
static void
finish(struct ident *id, struct lookup *l, const struct sockaddr_storage *found, size_t n,
    const char *why)
{
	struct dial *d;

	TAILQ_REMOVE(&id->names.all, l, all);
	if (id->names.now == l)
		id->names.now = NULL;
	while ((d = LIST_FIRST(&l->dials)) != NULL) {
		LIST_REMOVE(d, waiting);
		d->lookup = NULL;
		if (n > 0)
			dial_found(d, found, n);
		else
			dial_not_found(d, why);
	}
	free(l);
}

/* When one of those who wait for it was asked for last. */
static uint64_t
asked_before(const struct lookup *l)
{
	const struct dial *d;
	uint64_t least = UINT64_MAX;

	LIST_FOREACH(d, &l->dials, waiting)
	if (d->to.conn->person->asked < least)
		least = d->to.conn->person->asked;
	return least;
}

/*
 * resolve takes one question after the other, and some names take it long. Next is who has had no
 * turn for the longest time, so that nobody's names keep everybody else's waiting.
 */
static struct lookup *
next_one(const struct ident *id)
{
	struct lookup *l, *best = NULL;

	TAILQ_FOREACH(l, &id->names.all, all)
	if (best == NULL || asked_before(l) < asked_before(best))
		best = l;
	return best;
}

static void
go_on(struct ident *id)
{
	struct lookup *l;
	struct err e;

	while (id->names.q != NULL && id->names.now == NULL && (l = next_one(id)) != NULL)
		if (send_question(id, l, &e) == -1)
			finish(id, l, NULL, 0, e.text);
}

static int
read_addresses(struct msg_in *m, struct sockaddr_storage *found, size_t *n, struct err *e)
{
	uint32_t count;

	if (msg_get_u32(m, &count) == -1 || count > NAMES_ADDRESSES_MAX)
		return err_set(e, ERR_PEER, "RESOLVED: number of addresses");
	for (uint32_t i = 0; i < count; i++)
		if (addr_get(m, &found[i]) == -1 || addr_fold(&found[i]) == -1)
			return err_set(e, ERR_PEER, "RESOLVED: address");
	*n = count;
	return 0;
}

static int
on_resolved(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct ident *id = ctx;
	struct sockaddr_storage found[NAMES_ADDRESSES_MAX];
	char why[512];
	uint64_t number;
	uint32_t ok;
	size_t n = 0;
	struct lookup *l;

	(void)fds;
	(void)nfds;
	if (msg_get_u64(m, &number) == -1 || msg_get_u32(m, &ok) == -1)
		return err_set(e, ERR_PEER, "RESOLVED: malformed");
	if (read_addresses(m, found, &n, e) == -1)
		return -1;
	if (msg_get_str(m, why, sizeof(why)) == -1)
		return err_set(e, ERR_PEER, "RESOLVED: reason");
	if (msg_end(m, e) == -1)
		return -1;
	if (ok > 1 || (ok == 1) != (n > 0))
		return err_set(e, ERR_PEER, "RESOLVED: %u with %zu addresses", (unsigned)ok, n);
	if ((l = id->names.now) == NULL || l->number != number)
		return err_set(e, ERR_PEER, "RESOLVED: a number that was not asked");
	finish(id, l, found, n, why);
	go_on(id);
	return 0;
}

static const struct msg_rule from_resolve[] = {
	{ MSG_RESOLVED, 1, 0, 0, on_resolved },
};

static int
on_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct ident *id = arg;

	return msg_dispatch(from_resolve, 1, &id->names.seen, 1, id, buf, n, fds, nfds, e);
}

static void
drop(struct ident *id, const char *why)
{
	struct lookup *l;

	msgq_free(id->names.q);
	id->names.q = NULL;
	while ((l = TAILQ_FIRST(&id->names.all)) != NULL)
		finish(id, l, NULL, 0, why);
}

static void
on_end(void *arg, const struct err *why)
{
	struct ident *id = arg;

	if (why->kind != ERR_NONE)
		report(id, CHILD_ERROR, "resolve: %s", why->text);
	drop(id, "the resolver ended");
}

int
names_peer(struct ident *id, int fd, struct err *e)
{
	struct msgq *q = msgq_new(id->base, fd, IDENT_QUEUE_MAX, on_msg, on_end, id, e);

	if (q == NULL)
		return -1;
	drop(id, "the resolver was replaced");
	id->names.seen = (struct msg_seen){ 0 };
	id->names.q = q;
	return 0;
}

void
names_done(struct ident *id)
{
	drop(id, "ident ends");
}

static struct lookup *
lookup_new(struct ident *id, const char *host, uint32_t port, struct err *e)
{
	struct lookup *l;
	size_t n = strlen(host);

	if (id->names.q == NULL) {
		err_set(e, ERR_SYS, "%s: there is no resolver at the moment", host);
		return NULL;
	}
	if (n >= sizeof(l->host) || (l = calloc(1, sizeof(*l))) == NULL) {
		err_nomem(e, "name");
		return NULL;
	}
	memcpy(l->host, host, n);
	l->port = port;
	TAILQ_INSERT_TAIL(&id->names.all, l, all);
	return l;
}

void
names_forget(struct dial *d)
{
	struct names *names = &d->id->names;
	struct lookup *l = d->lookup;

	if (l == NULL)
		return;
	LIST_REMOVE(d, waiting);
	d->lookup = NULL;
	if (l == names->now || !LIST_EMPTY(&l->dials))
		return;
	TAILQ_REMOVE(&names->all, l, all);
	free(l);
}

int
names_ask(struct ident *id, struct dial *d, const char *host, uint32_t port, struct err *e)
{
	struct lookup *l;

	TAILQ_FOREACH(l, &id->names.all, all)
	if (l->port == port && strcmp(l->host, host) == 0)
		break;
	if (l == NULL && (l = lookup_new(id, host, port, e)) == NULL)
		return -1;
	d->lookup = l;
	LIST_INSERT_HEAD(&l->dials, d, waiting);
	if (id->names.now != NULL || send_question(id, l, e) == 0)
		return 0;
	names_forget(d);
	return -1;
}
