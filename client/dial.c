/* dial.c - connecting: happy eyeballs (RFC 8305) */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "clock.h"
#include "dial.h"

/* One race: sockets under way, and what became of the others. */
struct race {
	const struct dial_list *l;
	int fd[DIAL_ADDRESSES_MAX];	/* -1: not begun, or over */
	int failed[DIAL_ADDRESSES_MAX]; /* errno, or 0 */
	size_t begun;
	size_t open;
	int64_t next_ms; /* when the next attempt begins */
	ssize_t winner;
};

void
dial_add(struct dial_list *l, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_storage ss = { 0 };

	if ((sa->sa_family != AF_INET && sa->sa_family != AF_INET6) || len > sizeof(ss) ||
	    l->n == DIAL_ADDRESSES_MAX)
		return;
	memcpy(&ss, sa, len);
	for (size_t i = 0; i < l->n; i++)
		if (addr_equal(&l->addr[i], &ss))
			return;
	l->addr[l->n++] = ss;
}

void
dial_interleave(struct dial_list *l)
{
	struct dial_list r = { .n = 0 };
	bool taken[DIAL_ADDRESSES_MAX] = { false };
	sa_family_t want = l->n > 0 ? l->addr[0].ss_family : AF_INET;

	while (r.n < l->n) {
		size_t i = 0, any = l->n;

		for (; i < l->n && (taken[i] || l->addr[i].ss_family != want); i++)
			if (!taken[i] && any == l->n)
				any = i;
		/* None of that family is left: the rest of the other one follows. */
		if (i == l->n)
			i = any;
		taken[i] = true;
		r.addr[r.n++] = l->addr[i];
		want = l->addr[i].ss_family == AF_INET ? AF_INET6 : AF_INET;
	}
	*l = r;
}

static void
socket_tune(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 60 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 20 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 6 },
	};

	/* Without them the connection is slower, or noticed dead later; no reason to give it up. */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
		    sizeof(options[i].value));
}

static void
attempt_over(struct race *r, size_t i, int errnum)
{
	r->failed[i] = errnum;
	if (r->fd[i] != -1) {
		(void)close(r->fd[i]);
		r->fd[i] = -1;
		r->open--;
	}
	/* RFC 8305 section 5: a failure starts the next attempt at once. */
	r->next_ms = clock_ms();
}

static void
attempt_begin(struct race *r)
{
	size_t i = r->begun++;
	const struct sockaddr_storage *ss = &r->l->addr[i];

	r->next_ms = clock_ms() + DIAL_STAGGER_MS;
	r->fd[i] = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	if (r->fd[i] == -1) {
		attempt_over(r, i, errno);
		return;
	}
	r->open++;
	socket_tune(r->fd[i]);
	if (connect(r->fd[i], (const struct sockaddr *)ss, addr_len(ss)) == 0)
		r->winner = (ssize_t)i;
	else if (errno != EINPROGRESS)
		attempt_over(r, i, errno);
}

/* Wait for one of the sockets, the time of the next attempt, or the deadline. */
static int
race_wait(struct race *r, int64_t deadline_ms, struct err *e)
{
	struct pollfd p[DIAL_ADDRESSES_MAX];
	int64_t until = deadline_ms;
	int error;
	socklen_t n;

	if (r->begun < r->l->n && r->next_ms < until)
		until = r->next_ms;
	for (size_t i = 0; i < r->begun; i++)
		p[i] = (struct pollfd){ .fd = r->fd[i], .events = POLLOUT };
	if (poll(p, r->begun, clock_left(until)) == -1)
		return errno == EINTR ? 0 : err_sys(e, errno, "poll");
	for (size_t i = 0; i < r->begun && r->winner == -1; i++) {
		if (r->fd[i] == -1 || p[i].revents == 0)
			continue;
		n = sizeof(error);
		if (getsockopt(r->fd[i], SOL_SOCKET, SO_ERROR, &error, &n) == -1)
			error = errno;
		if (error != 0)
			attempt_over(r, i, error);
		else
			r->winner = (ssize_t)i;
	}
	return 0;
}

/* "cannot connect: 192.0.2.1:8443: Connection refused; [2001:db8::1]:8443: no answer" */
static int
race_lost(const struct race *r, struct err *e)
{
	char text[sizeof(e->text)] = "", addr[ADDR_TEXT_SIZE], why[128];
	size_t o = 0;
	int n;

	for (size_t i = 0; i < r->l->n; i++) {
		n = snprintf(text + o, sizeof(text) - o, "%s%s: %s", i > 0 ? "; " : "",
		    addr_text_port(&r->l->addr[i], addr),
		    r->failed[i] == 0 ? i < r->begun ? "no answer" : "no time left to try"
				      : strerror_r(r->failed[i], why, sizeof(why)));
		if (n < 0 || (size_t)n >= sizeof(text) - o)
			break;
		o += (size_t)n;
	}
	return err_set(e, ERR_SYS, "cannot connect: %s", text);
}

int
dial_connect(
    const struct dial_list *l, int64_t deadline_ms, struct sockaddr_storage *winner, struct err *e)
{
	struct race r = { .l = l, .winner = -1 };
	int fd = -1, bad = 0;

	for (size_t i = 0; i < DIAL_ADDRESSES_MAX; i++)
		r.fd[i] = -1;
	r.next_ms = clock_ms();
	while (r.winner == -1 && bad == 0 && clock_ms() < deadline_ms) {
		if (r.begun < l->n && (r.open == 0 || clock_ms() >= r.next_ms))
			attempt_begin(&r);
		else if (r.open == 0)
			break;
		else
			bad = race_wait(&r, deadline_ms, e);
	}
	for (size_t i = 0; i < r.begun; i++) {
		if ((ssize_t)i == r.winner)
			fd = r.fd[i];
		else if (r.fd[i] != -1)
			(void)close(r.fd[i]);
	}
	if (fd == -1)
		return bad != 0 ? -1 : race_lost(&r, e);
	*winner = l->addr[r.winner];
	return fd;
}
