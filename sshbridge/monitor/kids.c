/* kids.c - the children: their start, their end, and that they are started again */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jumps.h"
#include "locks.h"

/* Log lines of one child in one second; the rest is counted. Of jump and pam there are many. */
#define LINES_PER_SECOND 2000
#define LINES_OF_ONE	 20
/* What may wait for one child: descriptors and keys of a generation, never a flood. */
#define QUEUE_BYTES   (4U << 20)
#define SHORT_LIFE_MS 10000
#define GIVE_UP_AFTER 5

static const char *const programs[] = { [KID_LOG] = "log",
	[KID_LOAD] = "load",
	[KID_IDENT] = "ident",
	[KID_RESOLVE] = "resolve",
	[KID_GATE] = "gate",
	[KID_EXPLAIN] = "load",
	[KID_JUMP] = "jump",
	[KID_PAM] = "pam" };

bool
kid_is_of_many(const struct kid *k)
{
	return k->kind == KID_JUMP || k->kind == KID_PAM;
}

void
kid_init(struct monitor *m, struct kid *k, enum kid_kind kind, unsigned index)
{
	memset(k, 0, sizeof(*k));
	k->m = m;
	k->kind = kind;
	k->index = index;
	if (kind == KID_GATE || kid_is_of_many(k))
		(void)snprintf(k->tag, sizeof(k->tag), "%s-%u", programs[kind], index);
	else
		(void)snprintf(
		    k->tag, sizeof(k->tag), "%s", kind == KID_EXPLAIN ? "explain" : programs[kind]);
}

static void
tell_lost_lines(struct kid *k)
{
	if (k->lines_lost > 0)
		monitor_log(k->m, CHILD_WARNING, "%s: %u more lines in one second were left out",
		    k->tag, k->lines_lost);
	k->lines_lost = 0;
}

bool
kid_may_log(struct kid *k)
{
	int64_t second = monitor_now_ms() / 1000;

	if (second != k->lines_second) {
		tell_lost_lines(k);
		k->lines_second = second;
		k->lines = k->records = 0;
	}
	if (++k->lines <= (kid_is_of_many(k) ? LINES_OF_ONE : LINES_PER_SECOND))
		return true;
	k->lines_lost++;
	return false;
}

/* ---- life --------------------------------------------------------------------------------- */

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct kid *k = arg;

	(void)fd;
	(void)what;
	if (k->kind ==
	    KID_LOAD) /* a dead file server, perhaps; that must not hold up the next one */
		generation_fail(k->m, "the files could not be read within 5 minutes");
	else if (k->kind == KID_JUMP)
		jumps_late(k);
	else
		kid_kill(k, "did not take its generation in 5 s");
}

static void
on_restart(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	monitor_advance(((struct kid *)arg)->m);
}

/* The channel's end: the process is gone, or broke the protocol and has to go. */
static void
on_end(void *arg, const struct err *why)
{
	struct kid *k = arg;
	struct monitor *m = k->m;

	/*
	 * A draining copy is not the parent of what it was forked with: a pid whose channel has
	 * ended may be anybody's by now, and nobody will tell us of its end.
	 */
	if (k->parent != getpid() && why->kind != ERR_PEER)
		k->pid = 0;
	kid_kill(k, why->kind == ERR_PEER ? why->text : "");
	if (k->parent != getpid())
		k->pid = 0;
	kids_reap(m);
	if (m->draining)
		drain_check(m);
}

int
kid_start(struct kid *k, struct err *e)
{
	static const struct timeval patience = { 30, 0 };
	struct monitor *m = k->m;
	uid_t uid = k->kind == KID_IDENT ? m->ident_uid : m->uid;
	gid_t gid = k->kind == KID_IDENT ? m->ident_gid : m->gid;
	/* pam stays what the monitor is: it checks passwords and opens sessions */
	const char *root = !m->root || k->kind == KID_PAM ? NULL
			   : k->kind == KID_RESOLVE	  ? "/"
							  : m->empty;
	int channel;

	if (!kid_is_of_many(k) && k->restart == NULL &&
	    (k->restart = evtimer_new(m->base, on_restart, k)) == NULL)
		return err_nomem(e, k->tag);
	if (k->deadline == NULL && (k->deadline = evtimer_new(m->base, on_deadline, k)) == NULL)
		return err_nomem(e, k->tag);
	if (spawn(m, programs[k->kind], k->index, uid, gid, root, &k->pid, &channel, e) == -1)
		return -1;
	memset(&k->seen, 0, sizeof(k->seen));
	k->sent = k->taken = k->answered = k->listening = 0;
	k->wired = k->idle = false;
	k->first_record = m->trail.number + 1;
	k->started_ms = monitor_now_ms();
	k->parent = getpid();
	if ((k->q = msgq_new(m->base, channel, QUEUE_BYTES, kid_on_msg, on_end, k, e)) == NULL) {
		close(channel);
		(void)kill(k->pid, SIGKILL);
		return -1;
	}
	k->state = KID_STARTING;
	if (k->kind == KID_JUMP)
		(void)evtimer_add(k->deadline, &patience);
	return 0;
}

void
kid_free(struct kid *k)
{
	if (k->deadline != NULL)
		event_free(k->deadline);
	free(k);
}

void
kid_end(struct kid *k)
{
	bool had = k->q != NULL; /* else it was never started */

	msgq_free(k->q);
	k->q = NULL;
	k->state = KID_DOWN;
	if (had && k->kind == KID_LOG)
		audit_log_ended(k->m);
	if (had && kid_is_of_many(k))
		jumps_left(k);
}

void
kid_kill(struct kid *k, const char *why)
{
	if (*why != '\0')
		monitor_log(k->m, CHILD_ERROR, "%s: ended by sshbridge: %s", k->tag, why);
	if (k->q != NULL && k->pid > 0)
		(void)kill(k->pid, SIGKILL);
	kid_end(k);
}

void
kid_send(struct kid *k, const struct msg_out *o, const int *fds, size_t nfds)
{
	struct err e = { 0 };

	if (k->q == NULL) {
		for (size_t i = 0; i < nfds; i++)
			close(fds[i]);
		return;
	}
	/* EPIPE: its end comes as an event too */
	if (msgq_send(k->q, o, fds, nfds, &e) == -1 && e.kind != ERR_SYS)
		kid_kill(k, e.text);
}

/* Its work can be done, while others go on with theirs. */
static bool
may_leave(const struct kid *k)
{
	return k->kind == KID_RESOLVE || kid_is_of_many(k);
}

static void
log_death(struct kid *k, int status)
{
	/* generation_fail() made sure of its end: what was wrong has been said */
	bool done_with =
	    (k->kind == KID_EXPLAIN || (k->kind == KID_LOAD && k->m->candidate == NULL)) &&
	    WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

	if (done_with || k->dropped)
		return;
	if (WIFSIGNALED(status))
		monitor_log(k->m, CHILD_ERROR, "%s (pid %d) ended by signal %d (SIG%s)", k->tag,
		    (int)k->pid, WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	else if (k->kind != KID_LOAD && k->kind != KID_EXPLAIN && !k->m->stopping &&
		 k->m->mode == MODE_RUN && !(may_leave(k) && WEXITSTATUS(status) == 0))
		monitor_log(k->m, CHILD_ERROR, "%s (pid %d) ended with status %d%s", k->tag,
		    (int)k->pid, WEXITSTATUS(status),
		    WEXITSTATUS(status) == 127 ? " (it could not be started)" : "");
}

/* What the death of one means for the others. */
static void
on_death(struct kid *k, int status)
{
	struct monitor *m = k->m;
	bool short_life = monitor_now_ms() - k->started_ms < SHORT_LIFE_MS;
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	struct timeval delay;

	if (kid_is_of_many(k)) /* else it is told with the next line */
		tell_lost_lines(k);
	log_death(k, status);
	k->pid = 0;
	kid_end(k);
	if (kid_is_of_many(k)) {
		jumps_died(k);
		return;
	}
	if (m->stopping)
		return;
	k->failures = short_life && !clean ? k->failures + 1 : 0;
	if (k->kind == KID_LOAD) {
		if (m->candidate != NULL && m->candidate->fds[GEN_CRLS] == -1)
			generation_fail(m, "the load process ended without an answer");
		return;
	}
	if (k->kind == KID_EXPLAIN) {
		explain_done(m, false, "the load process ended without an answer");
		return;
	}
	if (k->kind == KID_GATE && m->counters.mem != NULL)
		counters_wipe(m->counters.mem, k->index);
	if (k->kind == KID_IDENT && m->has_older) {
		m->has_older = false;
		monitor_log(m, CHILD_ERROR,
		    "an older instance that drains cannot be asked any more: its sessions are not "
		    "listed, and no lock or cut from here reaches them");
	}
	if (k->kind == KID_IDENT) { /* no proof, no session */
		for (unsigned i = 0; i < m->ngates; i++)
			kid_kill(&m->gates[i], "");
		jumps_kill(m);
	}
	if (k->kind == KID_RESOLVE)
		m->ident.wired = false;
	if (!m->ready && k->failures >= GIVE_UP_AFTER) {
		monitor_fatal(m, "%s does not start", k->tag);
		return;
	}
	if (m->draining) {
		drain_check(m);
		return;
	}
	delay = kid_delay(k->failures);
	(void)evtimer_add(k->restart, &delay);
}

struct timeval
kid_delay(unsigned failures)
{
	long ms = failures == 0 ? 0 : 100L << (failures < 6 ? failures - 1 : 5);

	return (struct timeval){ ms / 1000, ms % 1000 * 1000 };
}

/*
 * Those alone whose channel has ended are waited for: thousands live. One that a draining copy was
 * forked with is not its child, and nobody tells it more than that.
 */
static void
reap_many(struct monitor *m)
{
	struct kid *k, *next;
	int status;

	for (k = LIST_FIRST(&m->jumps.ended); k != NULL; k = next) {
		next = LIST_NEXT(k, entry);
		if (k->parent != getpid())
			jumps_died(k);
		else if (waitpid(k->pid, &status, WNOHANG) == k->pid)
			on_death(k, status);
	}
}

void
kids_reap(struct monitor *m)
{
	struct kid *all[GATES_MAX + 5];
	size_t n = 0;
	int status;

	all[n++] = &m->log;
	all[n++] = &m->load;
	all[n++] = &m->explainer;
	all[n++] = &m->ident;
	all[n++] = &m->resolve;
	for (unsigned i = 0; i < m->ngates; i++)
		all[n++] = &m->gates[i];
	for (size_t i = 0; i < n; i++)
		/* what it said before its end is read first: the channel's end comes as an event */
		if (all[i]->pid > 0 && all[i]->q == NULL &&
		    waitpid(all[i]->pid, &status, WNOHANG) == all[i]->pid)
			on_death(all[i], status);
	reap_many(m);
}

int
kids_wire(
    struct kid *ident, uint32_t ident_kind, uint32_t index, struct kid *other, uint32_t other_kind)
{
	uint8_t buf[64];
	struct msg_out o;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == -1) {
		monitor_log(ident->m, CHILD_ERROR, "pair for %s: %s", other->tag, strerror(errno));
		return -1;
	}
	msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
	msg_put_u32(&o, ident_kind);
	msg_put_u32(&o, index);
	kid_send(ident, &o, &pair[0], 1);
	msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
	msg_put_u32(&o, other_kind);
	msg_put_u32(&o, 0);
	kid_send(other, &o, &pair[1], 1);
	return 0;
}
