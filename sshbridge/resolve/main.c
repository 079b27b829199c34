/*
 * main.c - the resolve process: one question at a time, from ident only
 *
 * It blocks in getaddrinfo(), and nobody waits for it: ident gives a dial up when its time is
 * over. When resolv.conf changes it ends, and the monitor starts it anew.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "child.h"
#include "msgio.h"
#include "resolve.h"

/*
 * One name after the other, and a jump's client may choose the name: a zone that keeps silent has
 * to be given up well before dial-timeout is over for who comes next. It stands over what
 * resolv.conf says of these two.
 */
#define RESOLVER_OPTIONS "timeout:1 attempts:2"

struct resolve {
	int ident; /* the pair, -1 while there is none */
	struct msg_seen from_monitor, from_ident;
};

static int
on_peer(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct resolve *r = ctx;
	uint32_t kind, index;

	if (msg_get_u32(m, &kind) == -1 || msg_get_u32(m, &index) == -1)
		return err_set(e, ERR_PEER, "PEER: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	if (kind != PEER_IDENT || nfds != 1)
		return err_set(e, ERR_PEER, "PEER: kind %u, %zu descriptors", (unsigned)kind, nfds);
	if (r->ident != -1)
		close(r->ident);
	r->ident = fds[0];
	r->from_ident = (struct msg_seen){ 0 };
	fds[0] = -1;
	return 0;
}

static int
on_reload(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	(void)ctx;
	(void)fds;
	(void)nfds;
	if (msg_end(m, e) == -1)
		return -1;
	_exit(0);
}

static int
on_resolve(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct resolve *r = ctx;

	(void)fds;
	(void)nfds;
	return resolve_answer(r->ident, m, e);
}

static const struct msg_rule from_monitor[] = {
	{ MSG_PEER, 1, 0, 1, on_peer },
	{ MSG_RELOAD, 1, 1, 0, on_reload },
};
static const struct msg_rule from_ident[] = {
	{ MSG_RESOLVE, 1, 0, 0, on_resolve },
};

/* One packet of `fd`. -1: that peer is gone or broke the protocol. */
static int
read_one(
    struct resolve *r, int fd, const struct msg_rule *rules, size_t nrules, struct msg_seen *seen)
{
	static uint8_t buf[MSG_MAX];
	int fds[MSG_FDS_MAX];
	size_t nfds;
	struct err e = { 0 };
	ssize_t n = msgio_recv(fd, buf, sizeof(buf), fds, &nfds, &e);

	if (n == -1 && e.kind == ERR_SYS && e.detail == EAGAIN)
		return 0;
	if (n == 0)
		return -1;
	if (n == -1 ||
	    msg_dispatch(rules, nrules, seen, 1, r, buf, (size_t)n, fds, nfds, &e) == -1) {
		child_log(CHILD_ERROR, "resolve: %s", e.text);
		return -1;
	}
	return 0;
}

/* The resolver's own code runs once inside the filter; what it finds does not matter. */
static int
self_test(struct err *e)
{
	struct sockaddr_storage found[RESOLVE_ADDRESSES_MAX];
	struct err ignored;

	if (resolve_lookup("127.0.0.1", 22, found, e) != 1)
		return err_set(e, ERR_SYS, "self-test: 127.0.0.1 is not found");
	(void)!resolve_lookup("localhost", 22, found, &ignored);
	return 0;
}

static void
serve(struct resolve *r)
{
	for (;;) {
		struct pollfd pf[2] = { { .fd = CHILD_CHANNEL, .events = POLLIN },
			{ .fd = r->ident, .events = POLLIN } };

		if (poll(pf, 2, -1) == -1)
			continue;
		if (pf[0].revents != 0 &&
		    read_one(r, CHILD_CHANNEL, from_monitor,
			sizeof(from_monitor) / sizeof(from_monitor[0]), &r->from_monitor) == -1)
			return;
		/* the monitor may just have replaced the pair */
		if (pf[1].revents != 0 && pf[1].fd == r->ident &&
		    read_one(r, r->ident, from_ident, 1, &r->from_ident) == -1) {
			close(r->ident);
			r->ident = -1;
		}
	}
}

int
main(int argc, char **argv)
{
	struct child c;
	struct resolve r = { .ident = -1 };
	struct err e = { 0 };

	child_start(&c, argc, argv);
	if (setenv("RES_OPTIONS", RESOLVER_OPTIONS, 1) == -1) {
		(void)err_nomem(&e, "resolver options");
		child_fail(&e);
	}
	resolve_preload();
	if (resolve_sandbox_enter(&c.ids, &e) == -1 || self_test(&e) == -1)
		child_fail(&e);
	if (child_ready(0, NULL) == -1)
		_exit(1);
	serve(&r);
	_exit(0);
}
