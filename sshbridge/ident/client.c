/* client.c - sshbridgectl's connections to ident */
#include <stdlib.h>

#include "ident.h"
#include "report.h"

enum { CLIENT_SECONDS = 60 };

void
client_free(struct client *c)
{
	if (c->inquiry != NULL)
		inquiry_free(c->inquiry);
	LIST_REMOVE(c, all);
	c->id->control.nclients--;
	if (c->timer != NULL)
		event_free(c->timer);
	msgq_free(c->q);
	free(c);
}

static int
on_question(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	static const struct timeval limit = { .tv_sec = CLIENT_SECONDS };
	struct client *c = ctx;

	(void)fds;
	(void)nfds;
	if (m->conn != 0)
		return err_set(e, ERR_PEER, "%s: with a connection id", msg_name(m->type));
	if ((c->inquiry = inquiry_new(c->id, m->type, e)) == NULL)
		return -1;
	c->inquiry->client = c;
	(void)evtimer_add(c->timer, &limit);
	return inquiry_ask(c->inquiry, m, e);
}

enum { PH_IDLE = 1, PH_WAITING = 2 };
/* One question at a time, but one after the other: LIST asks for page after page. */
static const struct msg_rule from_client[] = {
	{ MSG_LIST, PH_IDLE, 0, 0, on_question },
	{ MSG_SHOW, PH_IDLE, 0, 0, on_question },
	{ MSG_CUTS, PH_IDLE, 0, 0, on_question },
	{ MSG_STATS, PH_IDLE, 0, 0, on_question },
};

static int
on_client_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct client *c = arg;

	return msg_dispatch(from_client, sizeof(from_client) / sizeof(from_client[0]), &c->seen,
	    c->inquiry == NULL ? PH_IDLE : PH_WAITING, c, buf, n, fds, nfds, e);
}

static void
on_client_end(void *arg, const struct err *why)
{
	struct client *c = arg;

	if (why->kind == ERR_PEER)
		report(c->id, CHILD_WARNING, "control-socket: %s", why->text);
	client_free(c);
}

static void
on_client_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_free(arg);
}

int
control_client(struct ident *id, int fd, struct err *e)
{
	static const struct timeval limit = { .tv_sec = CLIENT_SECONDS };
	struct client *c;

	if (id->control.nclients >= CLIENTS_MAX)
		return err_set(e, ERR_PEER, "control-socket: more than %d clients", CLIENTS_MAX);
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_nomem(e, "client of control-socket");
	c->id = id;
	LIST_INSERT_HEAD(&id->control.clients, c, all);
	id->control.nclients++;
	if ((c->timer = evtimer_new(id->base, on_client_timer, c)) == NULL ||
	    evtimer_add(c->timer, &limit) == -1) {
		client_free(c);
		return err_nomem(e, "client of control-socket");
	}
	c->q = msgq_new(id->base, fd, 2 * MSG_MAX, on_client_msg, on_client_end, c, e);
	if (c->q == NULL) {
		client_free(c);
		return -1;
	}
	return 0;
}
