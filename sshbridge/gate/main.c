/*
 * main.c of the gate - takes TLS clients, proves who they are, and moves their bytes
 *
 * Started by the monitor. Makes ready all that would later open a file, confines itself, does its
 * whole work once in memory, says READY, and only then reads its first message. It holds the TLS
 * key and the trust, and can neither dial nor read a file: ident gives it the target's socket.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "confine.h"
#include "gate.h"
#include "selftest.h"
#include "tls.h"

/* Log lines that may wait for the monitor. */
#define MONITOR_QUEUE_MAX (512UL * 1024)
/* Descriptors besides two for each connection. */
enum { OWN_FDS = 64 };

/* How many connections the descriptors allow; asked before the sandbox, which forbids to. */
static uint32_t
connections_max(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 || rl.rlim_cur <= OWN_FDS + 2)
		return 1;
	if (rl.rlim_cur == RLIM_INFINITY || rl.rlim_cur > 2UL * INT32_MAX)
		return INT32_MAX;
	return (uint32_t)((rl.rlim_cur - OWN_FDS) / 2);
}

static struct event_base *
base_new(struct err *e)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;

	/* epoll: a pump and EV_CLOSED are made for it */
	if (cfg != NULL && event_config_require_features(cfg, EV_FEATURE_EARLY_CLOSE) == 0)
		base = event_base_new_with_config(cfg);
	if (cfg != NULL)
		event_config_free(cfg);
	if (base == NULL)
		err_set(e, ERR_SYS, "no event loop with epoll");
	return base;
}

static int
prepare(struct gate *g, int pair[2], struct err *e)
{
	/* buffers of a turn come and go: keep the top of the heap, but not a megabyte of it */
	(void)mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
	(void)mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
	if (tls_setup(e) == -1 || (g->base = base_new(e)) == NULL)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		return err_sys(e, errno, "socket pair");
	if ((g->nobody = tls_nobodys_key(e)) == NULL)
		return -1;
	g->conns.max = connections_max();
	g->phase = PHASE_NEW;
	report_init(g);
	listen_init(g);
	return 0;
}

int
main(int argc, char **argv)
{
	static struct gate gate;
	struct gate *g = &gate;
	struct child c;
	struct err e;
	int pair[2];

	child_start(&c, argc, argv);
	g->index = c.index;
	if (prepare(g, pair, &e) == -1 || gate_sandbox_enter(&c.ids, CHILD_CHANNEL, &e) == -1)
		child_fail(&e);
	if (selftest_run(g->base, pair, &e) == -1) {
		if (child_ready(0, &e) == 0)
			_exit(1);
		child_fail(&e);
	}
	if (child_ready(0, NULL) == -1)
		_exit(1);
	g->monitor = msgq_new(
	    g->base, CHILD_CHANNEL, MONITOR_QUEUE_MAX, monitor_on_message, monitor_on_end, g, &e);
	if (g->monitor == NULL)
		child_fail(&e);
	(void)event_base_dispatch(g->base);
	gate_end(g, "the event loop ended");
}
