/* control.c - control-socket: the operator's questions, and a new instance's */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "listeners.h"

/* Bytes that may wait for one client: what an explanation says, and STATUS. */
#define CONTROL_QUEUE_MAX (1U << 20)

static void
control_free(struct control *c)
{
	for (struct control **p = &c->m->controls; *p != NULL; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			break;
		}
	if (c->explain)
		kid_kill(&c->m->explainer, "");
	if (c->timer != NULL)
		event_free(c->timer);
	if (c->first != NULL)
		event_free(c->first);
	if (c->fd != -1)
		close(c->fd);
	msgq_free(c->q);
	free(c);
}

void
control_send(struct control *c, const struct msg_out *o, const int *fds, size_t nfds)
{
	struct err e = { 0 };

	if (msgq_send(c->q, o, fds, nfds, &e) == -1)
		monitor_log(c->m, CHILD_WARNING, "control-socket: %s", e.text);
}

void
control_answer(struct control *c, bool ok, const char *text, const int *fd)
{
	static uint8_t buf[ANSWER_MAX + 64];
	char cut[ANSWER_MAX];
	struct msg_out o;

	(void)snprintf(cut, sizeof(cut), "%s", text);
	msg_start(&o, buf, sizeof(buf), MSG_ANSWER, 0);
	msg_put_u32(&o, ok);
	msg_put_str(&o, cut);
	control_send(c, &o, fd, fd == NULL ? 0 : 1);
}

void
control_reloaded(struct monitor *m, bool ok, const char *text)
{
	for (struct control *c = m->controls; c != NULL; c = c->next)
		if (c->reload) {
			c->reload = false;
			control_answer(c, ok, text, NULL);
		}
}

void
control_close_all(struct monitor *m)
{
	while (m->controls != NULL)
		control_free(m->controls);
}

static int
on_reload(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
{
	struct control *c = ctx;
	uint32_t force;
	struct err why = { 0 };

	(void)fds;
	(void)nfds;
	if (msg_get_u32(in, &force) == -1 || msg_end(in, e) == -1)
		return err_set(e, ERR_PEER, "RELOAD: malformed");
	/* CRLs that are just being taken: it follows them */
	if (c->m->current != NULL && c->m->candidate != NULL && c->m->candidate->crls_only &&
	    !c->m->again) {
		notify_reloading(c->m);
		c->reload = c->m->again = true;
		c->m->again_force = force != 0;
		return 0;
	}
	if (c->m->current == NULL || c->m->candidate != NULL) {
		control_answer(c, false, "another reload is under way", NULL);
		return 0;
	}
	notify_reloading(c->m);
	c->reload = true;
	if (generation_start(c->m, force != 0, &why) == -1)
		audit_reload_refused(c->m, why.text);
	return 0;
}

static int
on_drain(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
{
	struct control *c = ctx;

	(void)fds;
	(void)nfds;
	if (msg_end(in, e) == -1)
		return -1;
	control_answer(c, true,
	    c->m->draining ? "draining already"
			   : "draining: nobody new is accepted, sessions go on",
	    NULL);
	if (!c->m->draining)
		drain_start(c->m);
	return 0;
}

/* A new instance wants our sessions' table: only a draining one gives it. */
static int
on_takeover(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
{
	struct control *c = ctx;
	struct monitor *m = c->m;
	uint8_t buf[64];
	struct msg_out o;
	char text[160];
	uint32_t pid;
	int pair[2];

	(void)fds;
	(void)nfds;
	if (msg_get_u32(in, &pid) == -1 || msg_end(in, e) == -1)
		return err_set(e, ERR_PEER, "TAKEOVER: malformed");
	if (!m->draining) {
		(void)snprintf(text, sizeof(text),
		    "an instance is in service already (pid %d): "
		    "stop it first, or use another control-socket",
		    (int)getpid());
		control_answer(c, false, text, NULL);
		return 0;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == -1)
		return err_sys(e, errno, "pair to a newer instance");
	msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
	msg_put_u32(&o, PEER_NEWER);
	msg_put_u32(&o, 0);
	kid_send(&m->ident, &o, &pair[0], 1);
	m->successor = (pid_t)pid;
	control_answer(c, true, "draining", &pair[1]);
	monitor_log(m, CHILD_NOTICE,
	    "a newer instance (pid %u) takes over; sessions of this one "
	    "go on",
	    pid);
	return 0;
}

static const struct msg_rule from_control[] = {
	{ MSG_RELOAD, 1, 1, 0, on_reload },
	{ MSG_DRAIN, 1, 1, 0, on_drain },
	{ MSG_TAKEOVER, 1, 1, 0, on_takeover },
	{ MSG_LOCK, 1, 1, 0, locks_on_lock },
	{ MSG_UNLOCK, 1, 1, 0, locks_on_unlock },
	{ MSG_LOCKS, 1, 1, 0, locks_on_list },
	{ MSG_EXPLAIN, 1, 1, 1, explain_on_control },
	{ MSG_STATUS, 1, 1, 0, status_on_control },
};

static int
on_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct control *c = arg;

	return msg_dispatch(from_control, sizeof(from_control) / sizeof(from_control[0]), &c->seen,
	    1, c, buf, n, fds, nfds, e);
}

static void
on_end(void *arg, const struct err *why)
{
	struct control *c = arg;

	if (why->kind == ERR_PEER)
		monitor_log(c->m, CHILD_WARNING, "control-socket: %s", why->text);
	control_free(c);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	control_free(arg);
}

/* ---- the first look at a client -------------------------------------------------------------- */

/* What ident answers, and nobody else reads: what clients' certificates say is in the answers. */
static bool
is_for_ident(unsigned type)
{
	static const unsigned types[] = { MSG_LIST, MSG_SHOW, MSG_CUTS, MSG_STATS };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == type)
			return true;
	return false;
}

/* Hand the client over to ident, with its question still unread. */
static void
to_ident(struct control *c)
{
	uint8_t buf[64];
	struct msg_out o;
	int fd = c->fd;

	c->fd = -1;
	msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
	msg_put_u32(&o, PEER_CONTROL);
	msg_put_u32(&o, 0);
	kid_send(&c->m->ident, &o, &fd, 1);
	control_free(c);
}

/* The first packet is there: whose question is it? */
static void
on_first(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;
	struct err e = { 0 };
	uint8_t type[2];
	ssize_t n = recv(fd, type, sizeof(type), MSG_PEEK | MSG_DONTWAIT);

	(void)what;
	if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
		(void)event_add(c->first, NULL);
		return;
	}
	if (n == sizeof(type) && is_for_ident((unsigned)type[0] << 8 | type[1])) {
		to_ident(c);
		return;
	}
	if (n <= 0 ||
	    (c->q = msgq_new(c->m->base, fd, CONTROL_QUEUE_MAX, on_msg, on_end, c, &e)) == NULL) {
		control_free(c);
		return;
	}
	c->fd = -1;
}

/* root, or who runs this */
static bool
may_ask(struct monitor *m, int fd, struct ucred *cred)
{
	socklen_t n = sizeof(*cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, cred, &n) == -1)
		return false;
	if (cred->uid == 0 || cred->uid == geteuid())
		return true;
	monitor_log(m, CHILD_WARNING, "control-socket: uid %u may not ask (pid %d)",
	    (unsigned)cred->uid, (int)cred->pid);
	return false;
}

static struct control *
control_new(struct monitor *m, int fd, const struct ucred *who)
{
	/* a reload of large files may take a while; an idle client may not */
	static const struct timeval patience = { 300, 0 };
	struct control *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->m = m;
	c->fd = -1;
	c->pid = who->pid;
	c->uid = who->uid;
	c->next = m->controls;
	m->controls = c;
	if ((c->timer = evtimer_new(m->base, on_timer, c)) == NULL ||
	    (c->first = event_new(m->base, fd, EV_READ, on_first, c)) == NULL ||
	    event_add(c->timer, &patience) == -1 || event_add(c->first, NULL) == -1) {
		control_free(c);
		return NULL;
	}
	c->fd = fd;
	return c;
}

void
control_accept(evutil_socket_t listener, short what, void *arg)
{
	struct monitor *m = arg;
	struct ucred who = { .uid = (uid_t)-1 };
	size_t n = 0;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd == -1)
		return;
	for (struct control *c = m->controls; c != NULL; c = c->next)
		n++;
	if (n >= CONTROLS_MAX || !may_ask(m, fd, &who) || control_new(m, fd, &who) == NULL)
		close(fd);
}
