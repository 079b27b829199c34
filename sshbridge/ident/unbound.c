/* unbound.c - connections that were let in before their SSH key was known */
#include <stdlib.h>
#include <string.h>

#include "cut.h"
#include "ident.h"
#include "unbound.h"

struct unbound {
	struct ident *id;
	struct conn *conn;
	struct event *timer;
	char account[]; /* that was granted */
};

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct unbound *u = arg;

	(void)fd;
	(void)what;
	unbound_cut(u->id, u->conn, "open_session has not confirmed the SSH key in time");
}

int
unbound_begin(struct ident *id, struct conn *c, const char *account, struct err *e)
{
	static const struct timeval limit = { .tv_sec = UNBOUND_SECONDS };
	size_t n = strlen(account) + 1;
	struct unbound *u;

	if (c->unbound != NULL)
		return 0;
	if ((u = malloc(sizeof(*u) + n)) == NULL)
		return err_nomem(e, "unbound connection");
	u->id = id;
	u->conn = c;
	memcpy(u->account, account, n);
	u->timer = evtimer_new(id->base, on_time, u);
	if (u->timer == NULL || event_add(u->timer, &limit) == -1) {
		if (u->timer != NULL)
			event_free(u->timer);
		free(u);
		return err_nomem(e, "unbound connection");
	}
	c->unbound = u;
	return 0;
}

bool
unbound_for_other(const struct conn *c, const char *account)
{
	return c->unbound != NULL && strcmp(c->unbound->account, account) != 0;
}

void
unbound_end(struct conn *c)
{
	if (c->unbound == NULL)
		return;
	event_free(c->unbound->timer);
	free(c->unbound);
	c->unbound = NULL;
}

void
unbound_cut(struct ident *id, struct conn *c, const char *why)
{
	unbound_end(c);
	conn_cut(id, c, CUT_KEY, NULL, why);
}
