/* serve.c - the messages of the pam process, in their order: PEER, START, PASSED, the end */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "msgio.h"
#include "pam.h"
#include "text.h"

/* Bits of the rules. */
enum { PH_NEW = 1, PH_WIRED = 2, PH_LOGIN = 4, PH_SESSION = 8 };

/*
 * A module that hangs: jump and ident have long given the login up (login-timeout is at most 600
 * seconds), but for a module that asks nobody only the time ends it. And a session must end.
 */
#define LOGIN_SECONDS 660
#define CLOSE_SECONDS 60

void
serve_log(const struct login *l, enum child_level level, const char *fmt, ...)
{
	char line[1024], account[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	child_log(level, "connection %016llx: account \"%s\": %s", (unsigned long long)l->conn,
	    text_escape(account, sizeof(account), l->account, strlen(l->account)), line);
}

/* ---- the time -------------------------------------------------------------------------------- */

/* Written beforehand: in a signal handler little else is allowed than to send it. */
static struct {
	int fd;
	uint8_t buf[256];
	size_t n;
} too_late;

static void
on_alarm(int sig)
{
	(void)sig;
	(void)!write(too_late.fd, too_late.buf, too_late.n);
	_exit(0);
}

static void
limit_time(const struct login *l, unsigned seconds, const char *what)
{
	struct msg_out o;
	char line[160];

	(void)signal(SIGALRM, on_alarm);
	(void)alarm(0);
	(void)snprintf(line, sizeof(line), "connection %016llx: PAM has not %s within %u s",
	    (unsigned long long)l->conn, what, seconds);
	msg_start(&o, too_late.buf, sizeof(too_late.buf), MSG_LOG, 0);
	msg_put_u32(&o, CHILD_ERROR);
	msg_put_str(&o, line);
	too_late.fd = l->monitor;
	too_late.n = o.len;
	(void)alarm(seconds);
}

/* ---- messages -------------------------------------------------------------------------------- */

static int
on_peer(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct login *l = ctx;
	uint32_t kind, index;

	if (msg_get_u32(m, &kind) == -1 || msg_get_u32(m, &index) == -1 || msg_end(m, e) == -1 ||
	    kind != PEER_IDENT || index != 0 || nfds != 1)
		return err_set(e, ERR_PEER, "PEER: malformed");
	l->ident = fds[0];
	fds[0] = -1;
	l->phase = PH_WIRED;
	return 0;
}

/* NAME=VALUE; no other name is anybody's to set. */
static int
get_fact(struct msg_in *m, char **fact, struct err *e)
{
	char buf[PAM_FACT_SIZE];

	if (msg_get_str(m, buf, sizeof(buf)) == -1 || strncmp(buf, "MTLS_", 5) != 0 ||
	    strchr(buf, '=') == NULL)
		return err_set(e, ERR_PEER, "START: malformed");
	if ((*fact = strdup(buf)) == NULL)
		return err_nomem(e, "START");
	return 0;
}

static int
on_start(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct login *l = ctx;
	uint32_t n;

	if (msg_get_str(m, l->service, sizeof(l->service)) == -1 ||
	    msg_get_str(m, l->account, sizeof(l->account)) == -1 ||
	    msg_get_str(m, l->rhost, sizeof(l->rhost)) == -1 || msg_get_u32(m, &n) == -1 ||
	    l->service[0] == '\0' || l->account[0] == '\0' || n > PAM_FACTS_MAX)
		return err_set(e, ERR_PEER, "START: malformed");
	for (; l->nfacts < n; l->nfacts++)
		if (get_fact(m, &l->facts[l->nfacts], e) == -1)
			return -1;
	if (msg_end(m, e) == -1)
		return -1;
	l->conn = m->conn;
	/* none: it has gone already; what asks nothing can still be decided */
	if (nfds == 1) {
		l->jump = fds[0];
		fds[0] = -1;
	}
	l->phase = PH_LOGIN;
	return 0;
}

static const struct msg_rule from_monitor[] = {
	{ MSG_PEER, PH_NEW, 1, 1, on_peer },
};
static const struct msg_rule from_ident[] = {
	{ MSG_START, PH_WIRED, 1, 1, on_start },
};
static const struct msg_rule from_jump[] = {
	{ MSG_REPLY, PH_LOGIN, PAM_ROUNDS_MAX, 0, conv_on_reply },
};

/* One message. -1: its end, or what must not come; logged. */
static int
read_one(
    struct login *l, int fd, const char *who, const struct msg_rule *rules, struct msg_seen *seen)
{
	static uint8_t buf[MSG_MAX];
	int fds[MSG_FDS_MAX], r;
	size_t nfds;
	struct err e = { 0 };
	ssize_t n = msgio_recv(fd, buf, sizeof(buf), fds, &nfds, &e);

	if (n == 0 || (n == -1 && e.detail == ECONNRESET))
		return -1;
	r = n == -1 ? -1 : msg_dispatch(rules, 1, seen, l->phase, l, buf, (size_t)n, fds, nfds, &e);
	explicit_bzero(buf, sizeof(buf)); /* answers are in it */
	if (r == -1)
		serve_log(l, CHILD_ERROR, "%s: %s", who, e.text);
	return r;
}

/* Wait until `fd` has something. -1: ident or the monitor has gone, or says what it must not. */
static int
wait_for(struct login *l, int fd)
{
	struct pollfd p[3] = { { .fd = l->monitor, .events = POLLIN },
		{ .fd = l->ident, .events = POLLIN }, { .fd = fd, .events = POLLIN } };

	for (;;) {
		if (poll(p, 3, -1) == -1)
			continue;
		for (int i = 0; i < 2; i++)
			if (p[i].revents != 0 && p[i].fd != fd) {
				l->over = true;
				return -1;
			}
		if (p[2].revents != 0)
			return 0;
	}
}

int
serve_wait_reply(struct login *l)
{
	if (wait_for(l, l->jump) == -1)
		return -1;
	if (read_one(l, l->jump, "jump process", from_jump, &l->from_jump) == 0)
		return 0;
	close(l->jump);
	l->jump = -1;
	return -1;
}

static int
say_passed(struct login *l, bool ok, const char *text)
{
	uint8_t buf[PAM_TEXT_SIZE + 64];
	struct msg_out o;
	struct err e;

	msg_start(&o, buf, sizeof(buf), MSG_PASSED, l->conn);
	msg_put_u32(&o, ok);
	msg_put_str(&o, text);
	return msgio_send(l->ident, &o, NULL, 0, &e);
}

static void
done(struct login *l)
{
	for (uint32_t i = 0; i < l->nfacts; i++)
		free(l->facts[i]);
	if (l->ident != -1)
		close(l->ident);
	if (l->jump != -1)
		close(l->jump);
}

void
pam_serve(struct login *l)
{
	char text[PAM_TEXT_SIZE];
	bool ok;

	l->ident = l->jump = -1;
	l->phase = PH_NEW;
	limit_time(l, LOGIN_SECONDS, "been asked");
	if (read_one(l, l->monitor, "monitor", from_monitor, &l->from_monitor) == -1 ||
	    wait_for(l, l->ident) == -1 ||
	    read_one(l, l->ident, "ident", from_ident, &l->from_ident) == -1) {
		done(l);
		return;
	}
	limit_time(l, LOGIN_SECONDS, "decided");
	ok = stack_open(l, text);
	(void)alarm(0);
	l->phase = PH_SESSION;
	if (!l->over && say_passed(l, ok, text) == 0 && ok)
		(void)wait_for(l, -1);
	limit_time(l, CLOSE_SECONDS, "closed its session");
	stack_close(l);
	(void)alarm(0);
	done(l);
}
