/* limits.c - descriptors, and what they leave of `connections` */
#include <sys/resource.h>

#include "monitor.h"

/* Listeners, channels, pairs, memfds, epoll: what a process needs besides connections. */
#define RESERVE 256

static uint32_t
descriptors(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return 1024;
	if (rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &rl) == -1 && getrlimit(RLIMIT_NOFILE, &rl) == -1)
			return 1024;
	}
	return rl.rlim_cur > 4000000 ? 4000000 : (uint32_t)rl.rlim_cur;
}

/*
 * A gate holds two descriptors for a connection, ident one and one more while it dials or a
 * login asks.
 */
void
limits_apply(struct monitor *m, struct conf *c, unsigned workers)
{
	uint32_t n = descriptors(), room = n > 2 * RESERVE ? n - RESERVE : n / 2;
	uint32_t one_gate = room / 2, in_ident = room - room / 8, all = one_gate * workers;
	uint32_t most = all < in_ident ? all : in_ident;

	c->settings.gate_connections = one_gate;
	c->settings.ask_uid = m->root ? 0 : m->uid;
	c->settings.keys_gid = m->keys_gid;
	if (c->settings.connections <= most)
		return;
	if (m->mode != MODE_EXPLAIN && m->current == NULL) /* said once, not at every reload */
		monitor_log(m, CHILD_WARNING,
		    "limits: connections is cut from %u to %u, for want "
		    "of descriptors (RLIMIT_NOFILE %u, workers %u)",
		    c->settings.connections, most, n, workers);
	c->settings.connections = most;
}
