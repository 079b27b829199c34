/* limits.c - descriptors and processes, and what they leave of `connections` */
#include <sys/resource.h>

#include "monitor.h"

/* Listeners, channels, pairs, memfds, epoll: what a process needs besides connections. */
#define RESERVE 256

/* The soft limit, raised to the hard one. */
static uint32_t
raised(__rlimit_resource_t which, uint32_t unknown)
{
	static const uint32_t most = 4000000;
	struct rlimit rl;

	if (getrlimit(which, &rl) == -1)
		return unknown;
	if (rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		if (setrlimit(which, &rl) == -1 && getrlimit(which, &rl) == -1)
			return unknown;
	}
	return rl.rlim_cur > most ? most : (uint32_t)rl.rlim_cur;
}

static bool
has_jump(const struct conf *c)
{
	for (uint32_t i = 0; i < c->settings.ntargets; i++)
		if (c->settings.targets[i].mode == TARGET_JUMP)
			return true;
	return false;
}

/* Without root the kernel counts every process of the user, whoever started it. */
static void
look_at_processes(struct monitor *m, const struct conf *c)
{
	uint32_t n = raised(RLIMIT_NPROC, 0);

	if (m->root || n == 0 || n >= c->settings.connections)
		return;
	monitor_log(m, CHILD_WARNING,
	    "limits: this user may have %u processes (RLIMIT_NPROC): connections to jump targets, "
	    "of which each is one, can be no more, whatever connections says (%u)",
	    n, c->settings.connections);
}

/*
 * A gate holds two descriptors for a connection, ident one and one more while it dials or a
 * login asks. With jump targets ident has up to three, for the process, the gate's end and PAM,
 * besides one for each channel (what is dialled when there are none is refused), and the monitor
 * two.
 */
void
limits_apply(struct monitor *m, struct conf *c, unsigned workers)
{
	uint32_t n = raised(RLIMIT_NOFILE, 1024), room = n > 2 * RESERVE ? n - RESERVE : n / 2;
	uint32_t one_gate = room / 2, in_ident = room - room / 8, all = one_gate * workers, most;
	bool jump = has_jump(c), first = m->mode == MODE_RUN && m->current == NULL;

	if (jump)
		in_ident /= 3;
	most = all < in_ident ? all : in_ident;
	c->settings.gate_connections = one_gate;
	c->settings.ask_uid = m->root ? 0 : m->uid;
	c->settings.keys_gid = m->keys_gid;
	/* said once, not at every reload; what -t has is the shell's, and one gate */
	if (first && c->settings.connections > most)
		monitor_log(m, CHILD_WARNING,
		    "limits: connections is cut from %u to %u, for want "
		    "of descriptors (RLIMIT_NOFILE %u, workers %u%s)",
		    c->settings.connections, most, n, workers,
		    jump ? ", three of ident's for a connection to a jump target" : "");
	if (c->settings.connections > most)
		c->settings.connections = most;
	if (first && jump)
		look_at_processes(m, c);
}
