/* listen.c - accepting */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gate.h"

/* Accepted in one turn of the loop, so that newcomers do not starve those who are in. */
enum { BURST = 32 };
/* What can wait on a listener at once; those who come while we look are not promised anything. */
enum { QUEUE_MAX = 8192 };

static void
pause_accepting(struct gate *g, int errnum)
{
	struct timeval soon = { .tv_usec = 100 * 1000 };
	struct timespec ts;
	struct logline l;

	for (size_t i = 0; i < g->listen.n; i++)
		(void)event_del(&g->listen.one[i].ev);
	if (evtimer_add(&g->listen.pause, &soon) == -1)
		gate_end(g, "out of memory");
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	if (ts.tv_sec == g->listen.told)
		return;
	g->listen.told = ts.tv_sec;
	logline_start(&l, "cannot-accept");
	logline_str(&l, "why", strerror(errnum));
	logline_u64(&l, "connections", g->conns.n);
	(void)report_line(g, CHILD_ERROR, &l);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct gate *g = arg;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < g->listen.n; i++)
		if (event_add(&g->listen.one[i].ev, NULL) == -1)
			gate_end(g, "out of memory");
}

void
listen_init(struct gate *g)
{
	(void)evtimer_assign(&g->listen.pause, g->base, on_pause_over, g);
}

static void
refuse(struct gate *g, int fd, const struct sockaddr_storage *peer, const char *why)
{
	char from[ADDR_TEXT_SIZE];
	struct logline l;

	logline_start(&l, "refused");
	logline_str(&l, "from", addr_text_port(peer, from));
	logline_str(&l, "why", why);
	report_refusal(g, &l);
	close(fd);
}

/* The proxy peers in force: a reload may have changed them without making a new listener. */
static const struct settings_listener *
settings_of(const struct listener *l)
{
	const struct settings *s = &l->g->gen->set;

	for (uint32_t i = 0; i < s->nlisteners; i++)
		if (strcmp(s->listeners[i].name, l->conf.name) == 0)
			return &s->listeners[i];
	return &l->conf;
}

static void
admit(struct listener *l, int fd, struct sockaddr_storage *peer)
{
	struct gate *g = l->g;
	const struct settings_listener *s = settings_of(l);
	bool listed = false;

	if (addr_fold(peer) == -1) {
		close(fd);
		return;
	}
	for (uint32_t i = 0; i < s->npeers && !listed; i++)
		listed = cidr_contains(&s->peers[i], peer);
	if (s->npeers > 0 && !listed)
		refuse(g, fd, peer, "not a listed load balancer");
	else if (g->conns.n >= g->gen->set.gate_connections || g->conns.n >= g->conns.max)
		refuse(g, fd, peer, "this gate has all the connections that its descriptors allow");
	else
		conn_new(g, fd, peer, s->npeers > 0 ? l->conf.name : NULL);
}

/* Accept one. False when there is none, or none can be had now. */
static bool
accept_one(struct listener *l)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int fd;

	memset(&peer, 0, sizeof(peer));
	fd = accept4(l->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd != -1) {
		admit(l, fd, &peer);
		return true;
	}
	switch (errno) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EINVAL: /* listens no more: the monitor will say something, and we must not spin */
		pause_accepting(l->g, errno);
		return false;
	default: /* that client is gone already (accept(2) lists them) */
		return true;
	}
}

static void
on_newcomer(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < BURST && accept_one(l); i++)
		;
}

/* Options that an accepted socket inherits: set once here, not once for each. */
static int
set_up(struct listener *l, struct err *e)
{
	const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 60 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 15 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 4 },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
	};
	int listening = 0;
	socklen_t len = sizeof(listening);

	if (getsockopt(l->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == -1 || !listening)
		return err_set(e, ERR_PEER, "LISTEN: not a listener");
	if (evutil_make_socket_nonblocking(l->fd) == -1)
		return err_sys(e, errno, "listener");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (setsockopt(l->fd, options[i].level, options[i].name, &options[i].value,
			sizeof(options[i].value)) == -1)
			return err_sys(e, errno, "listener");
	(void)event_assign(&l->ev, l->g->base, l->fd, EV_READ | EV_PERSIST, on_newcomer, l);
	return 0;
}

/* The old ones: those who wait there were promised a place. */
static void
close_old(struct gate *g)
{
	struct listen *s = &g->listen;

	for (size_t i = 0; i < s->n; i++) {
		(void)event_del(&s->one[i].ev);
		for (int k = 0; k < QUEUE_MAX && accept_one(&s->one[i]); k++)
			;
		close(s->one[i].fd);
	}
	(void)event_del(&s->pause);
	free(s->one);
	s->one = NULL;
	s->n = 0;
}

int
listen_replace(struct gate *g, const uint32_t *index, int *fds, size_t n, struct err *e)
{
	struct listener *set = NULL;

	if (n > 0 && (set = calloc(n, sizeof(*set))) == NULL)
		return err_nomem(e, "listeners");
	for (size_t i = 0; i < n; i++) {
		set[i] = (struct listener){
			.g = g, .fd = fds[i], .conf = g->gen->set.listeners[index[i]]
		};
		if (set_up(&set[i], e) == -1) {
			free(set);
			return -1;
		}
	}
	close_old(g);
	g->listen.one = set;
	g->listen.n = n;
	for (size_t i = 0; i < n; i++) {
		fds[i] = -1;
		if (event_add(&set[i].ev, NULL) == -1)
			gate_end(g, "out of memory");
	}
	return 0;
}
