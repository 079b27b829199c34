/* control.c - control-socket: the operator's questions, and a new instance's */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listeners.h"
#include "monitor.h"

#define ANSWER_MAX 16384

struct control {
	struct control *next;
	struct monitor *m;
	struct msgq *q;
	struct msg_seen seen;
	struct event *timer;
	bool reload; /* waits for the verdict on a reload */
};

static void
control_free(struct control *c)
{
	for (struct control **p = &c->m->controls; *p != NULL; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			break;
		}
	if (c->timer != NULL)
		event_free(c->timer);
	msgq_free(c->q);
	free(c);
}

static void
answer(struct control *c, bool ok, const char *text, const int *fd)
{
	static uint8_t buf[ANSWER_MAX + 64];
	char cut[ANSWER_MAX];
	struct msg_out o;
	struct err e = { 0 };

	(void)snprintf(cut, sizeof(cut), "%s", text);
	msg_start(&o, buf, sizeof(buf), MSG_ANSWER, 0);
	msg_put_u32(&o, ok);
	msg_put_str(&o, cut);
	if (msgq_send(c->q, &o, fd, fd == NULL ? 0 : 1, &e) == -1)
		monitor_log(c->m, CHILD_WARNING, "control-socket: %s", e.text);
}

void
control_reloaded(struct monitor *m, bool ok, const char *text)
{
	for (struct control *c = m->controls; c != NULL; c = c->next)
		if (c->reload) {
			c->reload = false;
			answer(c, ok, text, NULL);
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
	if (c->m->current == NULL || c->m->candidate != NULL) {
		answer(c, false, "another reload is under way", NULL);
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
	answer(c, true,
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
		answer(c, false, text, NULL);
		return 0;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == -1)
		return err_sys(e, errno, "pair to a newer instance");
	msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
	msg_put_u32(&o, PEER_NEWER);
	msg_put_u32(&o, 0);
	kid_send(&m->ident, &o, &pair[0], 1);
	answer(c, true, "draining", &pair[1]);
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

/* root, or who runs this */
static bool
may_ask(struct monitor *m, int fd)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == -1)
		return false;
	if (cred.uid == 0 || cred.uid == geteuid())
		return true;
	monitor_log(m, CHILD_WARNING, "control-socket: uid %u may not ask (pid %d)",
	    (unsigned)cred.uid, (int)cred.pid);
	return false;
}

void
control_accept(evutil_socket_t listener, short what, void *arg)
{
	/* a reload of large files may take a while; an idle client may not */
	static const struct timeval patience = { 300, 0 };
	struct monitor *m = arg;
	struct control *c;
	struct err e = { 0 };
	size_t n = 0;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd == -1)
		return;
	for (c = m->controls; c != NULL; c = c->next)
		n++;
	if (n >= CONTROLS_MAX || !may_ask(m, fd) || (c = calloc(1, sizeof(*c))) == NULL) {
		close(fd);
		return;
	}
	c->m = m;
	if ((c->q = msgq_new(m->base, fd, ANSWER_MAX * 2, on_msg, on_end, c, &e)) == NULL ||
	    (c->timer = evtimer_new(m->base, on_timer, c)) == NULL) {
		if (c->q == NULL)
			close(fd);
		msgq_free(c->q);
		free(c);
		return;
	}
	(void)evtimer_add(c->timer, &patience);
	c->next = m->controls;
	m->controls = c;
}
