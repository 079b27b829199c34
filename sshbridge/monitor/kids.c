/* kids.c - the children: their messages, their end, and that they are started again */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "locks.h"
#include "monitor.h"
#include "text.h"

/* Log lines of one child in one second; the rest is counted. */
#define LINES_PER_SECOND 2000
/* What may wait for one child: descriptors and keys of a generation, never a flood. */
#define QUEUE_BYTES   (4U << 20)
#define SHORT_LIFE_MS 10000
#define GIVE_UP_AFTER 5

static const char *const programs[] = { [KID_LOG] = "log",
	[KID_LOAD] = "load",
	[KID_IDENT] = "ident",
	[KID_RESOLVE] = "resolve",
	[KID_GATE] = "gate",
	[KID_EXPLAIN] = "load" };

void
kid_init(struct monitor *m, struct kid *k, enum kid_kind kind, unsigned index)
{
	memset(k, 0, sizeof(*k));
	k->m = m;
	k->kind = kind;
	k->index = index;
	if (kind == KID_GATE)
		(void)snprintf(k->tag, sizeof(k->tag), "gate-%u", index);
	else
		(void)snprintf(
		    k->tag, sizeof(k->tag), "%s", kind == KID_EXPLAIN ? "explain" : programs[kind]);
}

/* ---- messages ----------------------------------------------------------------------------- */

/* What ident or a gate says to the generation that it was given last. */
static int
on_answer(struct kid *k, uint64_t number, bool ok, const char *why, struct err *e)
{
	struct monitor *m = k->m;

	if (number != k->sent)
		return err_set(e, ERR_PEER, "READY for a generation it was not given");
	k->answered = number;
	(void)event_del(k->deadline);
	if (ok) {
		k->taken = number;
	} else if (k->kind == KID_IDENT && m->candidate != NULL && number == m->candidate->number) {
		generation_fail(m, why);
		return 0;
	} else if (k->kind != KID_IDENT || m->current == NULL || number == m->current->number) {
		return err_set(
		    e, ERR_PEER, "generation %llu is refused: %s", (unsigned long long)number, why);
	}
	/* else a candidate that was given up meanwhile: what is in force is sent again */
	monitor_advance(m);
	return 0;
}

static int
on_ready(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;
	uint64_t number;
	uint32_t ok;
	char why[512];

	(void)fds;
	(void)nfds;
	if (msg_get_u64(m, &number) == -1 || msg_get_u32(m, &ok) == -1 ||
	    msg_get_str(m, why, sizeof(why)) == -1 || msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "READY: malformed");
	text_clean(why);
	if (k->kind == KID_LOAD && number != 0) {
		if (k->m->mode == MODE_EXPLAIN && k->m->candidate != NULL &&
		    k->m->candidate->fds[GEN_CRLS] != -1) {
			if (!ok && why[0] != '\0')
				(void)fprintf(stderr, "sshbridge: %s\n", why);
			monitor_stop(k->m, ok ? 0 : 1);
			return 0;
		}
		generation_fail(k->m, why);
		return 0;
	}
	if (k->kind == KID_EXPLAIN && number != 0) {
		explain_done(k->m, ok != 0, why);
		return 0;
	}
	if (number != 0)
		return on_answer(k, number, ok != 0, why, e);
	if (!ok)
		return err_set(e, ERR_PEER, "it does not start: %s", why);
	k->state = KID_UP;
	if (k->kind == KID_LOG)
		logging_open(k->m);
	monitor_advance(k->m);
	return 0;
}

bool
kid_may_log(struct kid *k)
{
	int64_t second = monitor_now_ms() / 1000;

	if (second != k->lines_second) {
		if (k->lines_lost > 0)
			monitor_log(k->m, CHILD_WARNING,
			    "%s: %u more lines in one second were "
			    "left out",
			    k->tag, k->lines_lost);
		k->lines_second = second;
		k->lines = k->lines_lost = k->records = 0;
	}
	if (++k->lines <= LINES_PER_SECOND)
		return true;
	k->lines_lost++;
	return false;
}

static int
on_log(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;
	uint32_t level;
	char line[3200];

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &level) == -1 || msg_get_str(m, line, sizeof(line)) == -1 ||
	    msg_end(m, e) == -1 || level > CHILD_DEBUG)
		return err_set(e, ERR_PEER, "LOG: malformed");
	if (kid_may_log(k))
		monitor_log_line(k->m, (enum child_level)level, k->tag, line);
	return 0;
}

static int
on_trapped(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;
	uint32_t nr, arch;
	char *name;

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &nr) == -1 || msg_get_u32(m, &arch) == -1 || msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "TRAPPED: malformed");
	name = seccomp_syscall_resolve_num_arch(arch, (int)nr);
	monitor_log(k->m, CHILD_ERROR, "%s: its filter refused the system call %s (%u)", k->tag,
	    name == NULL ? "?" : name, nr);
	free(name);
	return 0;
}

static int
on_idle(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;

	(void)fds;
	(void)nfds;
	if (msg_end(m, e) == -1)
		return -1;
	k->idle = true;
	drain_check(k->m);
	return 0;
}

static int
on_text(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;
	uint32_t level;
	char line[3200];

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &level) == -1 || msg_get_str(m, line, sizeof(line)) == -1 ||
	    msg_end(m, e) == -1 || level > CHILD_DEBUG)
		return err_set(e, ERR_PEER, "TEXT: malformed");
	text_clean(line);
	if (k->kind == KID_EXPLAIN)
		explain_text(k->m, level, line);
	else if (k->m->mode == MODE_EXPLAIN && level >= CHILD_NOTICE)
		(void)printf("%s\n", line);
	else
		monitor_log_line(k->m, (enum child_level)level, "", line);
	return 0;
}

static int
on_loaded(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;
	uint64_t number;
	uint32_t nrules;

	if (msg_get_u64(m, &number) == -1 || msg_get_u32(m, &nrules) == -1 || msg_end(m, e) == -1 ||
	    k->m->candidate == NULL || number != k->m->candidate->number ||
	    nfds != (k->m->candidate->crls_only ? 1 : GEN_FDS))
		return err_set(e, ERR_PEER, "GENERATION: malformed");
	generation_loaded(k->m, nrules, fds);
	return 0;
}

static int
on_ends(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;

	(void)fds;
	(void)nfds;
	return status_ends(k->m, m, e);
}

static int
on_locks(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;

	(void)fds;
	(void)nfds;
	return locks_in_force(k->m, m, e);
}

static int
on_reload(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;

	(void)fds;
	(void)nfds;
	if (msg_end(m, e) == -1)
		return -1;
	logging_open(k->m);
	return 0;
}

enum { P_ANY = 1 };
static const struct msg_rule from_ident[] = {
	{ MSG_READY, P_ANY, 0, 0, on_ready },
	{ MSG_LOG, P_ANY, 0, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
	{ MSG_AUDIT, P_ANY, 0, 0, audit_on_audit },
	{ MSG_LOCKS, P_ANY, 0, 0, on_locks },
};
static const struct msg_rule from_resolve[] = {
	{ MSG_READY, P_ANY, 0, 0, on_ready },
	{ MSG_LOG, P_ANY, 0, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
};
static const struct msg_rule from_gate[] = {
	{ MSG_READY, P_ANY, 0, 0, on_ready },
	{ MSG_LOG, P_ANY, 0, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
	{ MSG_IDLE, P_ANY, 0, 0, on_idle },
	{ MSG_AUDIT, P_ANY, 0, 0, audit_on_audit },
};
static const struct msg_rule from_load[] = {
	{ MSG_READY, P_ANY, 8, 0, on_ready },
	{ MSG_LOG, P_ANY, 0, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
	{ MSG_TEXT, P_ANY, 0, 0, on_text },
	{ MSG_ENDS, P_ANY, 1, 0, on_ends },
	{ MSG_GENERATION, P_ANY, 1, GEN_FDS, on_loaded },
};
static const struct msg_rule from_explainer[] = {
	{ MSG_READY, P_ANY, 2, 0, on_ready },
	{ MSG_LOG, P_ANY, 0, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
	{ MSG_TEXT, P_ANY, 0, 0, on_text },
};
static const struct msg_rule from_log[] = {
	{ MSG_READY, P_ANY, 1, 0, on_ready },
	/* why it does not start; never a line about lines, which would come back to it */
	{ MSG_LOG, P_ANY, 1, 0, on_log },
	{ MSG_TRAPPED, P_ANY, 1, 0, on_trapped },
	{ MSG_RELOAD, P_ANY, 0, 0, on_reload },
	{ MSG_AUDITED, P_ANY, 0, 0, audit_on_audited },
};
static const struct {
	const struct msg_rule *rules;
	size_t n;
} tables[] = {
#define TABLE(t)                              \
	{                                     \
		t, sizeof(t) / sizeof((t)[0]) \
	}
	[KID_LOG] = TABLE(from_log),
	[KID_LOAD] = TABLE(from_load),
	[KID_IDENT] = TABLE(from_ident),
	[KID_RESOLVE] = TABLE(from_resolve),
	[KID_GATE] = TABLE(from_gate),
	[KID_EXPLAIN] = TABLE(from_explainer),
#undef TABLE
};

static int
on_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = arg;

	return msg_dispatch(
	    tables[k->kind].rules, tables[k->kind].n, &k->seen, P_ANY, k, buf, n, fds, nfds, e);
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

	/*
	 * A draining copy is not the parent of what it was forked with: a pid whose channel has
	 * ended may be anybody's by now, and nobody will tell us of its end.
	 */
	if (k->parent != getpid() && why->kind != ERR_PEER)
		k->pid = 0;
	kid_kill(k, why->kind == ERR_PEER ? why->text : "");
	if (k->parent != getpid())
		k->pid = 0;
	kids_reap(k->m);
	if (k->m->draining)
		drain_check(k->m);
}

int
kid_start(struct kid *k, struct err *e)
{
	struct monitor *m = k->m;
	uid_t uid = k->kind == KID_IDENT ? m->ident_uid : m->uid;
	gid_t gid = k->kind == KID_IDENT ? m->ident_gid : m->gid;
	const char *root = !m->root ? NULL : k->kind == KID_RESOLVE ? "/" : m->empty;
	int channel;

	if (k->restart == NULL && (k->restart = evtimer_new(m->base, on_restart, k)) == NULL)
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
	if ((k->q = msgq_new(m->base, channel, QUEUE_BYTES, on_msg, on_end, k, e)) == NULL) {
		close(channel);
		(void)kill(k->pid, SIGKILL);
		return -1;
	}
	k->state = KID_STARTING;
	return 0;
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

static void
log_death(struct kid *k, int status)
{
	/* generation_fail() made sure of its end: what was wrong has been said */
	bool done_with =
	    (k->kind == KID_EXPLAIN || (k->kind == KID_LOAD && k->m->candidate == NULL)) &&
	    WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

	if (done_with)
		return;
	if (WIFSIGNALED(status))
		monitor_log(k->m, CHILD_ERROR, "%s (pid %d) ended by signal %d (SIG%s)", k->tag,
		    (int)k->pid, WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	else if (k->kind != KID_LOAD && k->kind != KID_EXPLAIN && !k->m->stopping &&
		 k->m->mode == MODE_RUN && !(k->kind == KID_RESOLVE && WEXITSTATUS(status) == 0))
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
	struct timeval delay = { 0, 0 };

	log_death(k, status);
	k->pid = 0;
	kid_end(k);
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
	if (k->kind == KID_IDENT) /* no proof, no session */
		for (unsigned i = 0; i < m->ngates; i++)
			kid_kill(&m->gates[i], "");
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
	if (k->failures > 0) {
		long ms = 100L << (k->failures < 6 ? k->failures - 1 : 5);

		delay = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
	}
	(void)evtimer_add(k->restart, &delay);
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
