/* names.c - host names of targets, asked of the resolve process */
#include <stdlib.h>
#include <string.h>

#include "dial.h"
#include "ident.h"
#include "report.h"

/*
 * One question under way, and the dials that wait for its answer. It stays until resolve has
 * answered, with nobody waiting too: so a slow name is asked once, not once for each client.
 */
struct lookup {
	LIST_ENTRY(lookup) all;
	uint64_t number;
	uint32_t port;
	LIST_HEAD(, dial) dials;
	char host[SETTINGS_HOST_MAX];
};

/* Its dials end or go on; each of them may be freed by that, and only that one. */
static void
finish(struct lookup *l, const struct sockaddr_storage *found, size_t n, const char *why)
{
	struct dial *d;

	LIST_REMOVE(l, all);
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
	LIST_FOREACH(l, &id->names.asked, all)
	if (l->number == number)
		break;
	if (l == NULL)
		return err_set(e, ERR_PEER, "RESOLVED: a number that was not asked");
	finish(l, found, n, why);
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
	while ((l = LIST_FIRST(&id->names.asked)) != NULL)
		finish(l, NULL, 0, why);
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
ask(struct ident *id, const char *host, uint32_t port, struct err *e)
{
	uint8_t buf[SETTINGS_HOST_MAX + 64];
	struct msg_out o;
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
	l->number = ++id->names.last;
	msg_start(&o, buf, sizeof(buf), MSG_RESOLVE, 0);
	msg_put_u64(&o, l->number);
	msg_put_str(&o, host);
	msg_put_u32(&o, port);
	if (msgq_send(id->names.q, &o, NULL, 0, e) == -1) {
		free(l);
		return NULL;
	}
	LIST_INSERT_HEAD(&id->names.asked, l, all);
	return l;
}

int
names_ask(struct ident *id, struct dial *d, const char *host, uint32_t port, struct err *e)
{
	struct lookup *l;

	LIST_FOREACH(l, &id->names.asked, all)
	if (l->port == port && strcmp(l->host, host) == 0)
		break;
	if (l == NULL && (l = ask(id, host, port, e)) == NULL)
		return -1;
	d->lookup = l;
	LIST_INSERT_HEAD(&l->dials, d, waiting);
	return 0;
}
