/*
 * jumps.c - jump processes: a pool of ready ones, and those that have their connection
 *
 * One takes one generation in its life, and serves one connection. What is ready for a generation
 * that is not in force any more ends, and others come; a connection keeps the process it has.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jumps.h"

/* Rounds that came to nothing: a candidate that waits for a trial is given up then. */
#define GIVE_UP_AFTER 5
#define LONG_LIFE_MS  10000

/* ---- what a generation wants ----------------------------------------------------------------- */

static bool
has_targets(const struct conf *c)
{
	for (uint32_t i = 0; i < c->settings.ntargets; i++)
		if (c->settings.targets[i].mode == TARGET_JUMP)
			return true;
	return false;
}

/* Where only CRLs are new, what jump processes have of it is what they have already. */
static bool
wants_trial(const struct monitor *m)
{
	const struct generation *g = m->candidate;

	return g != NULL && !g->crls_only && !m->draining && has_targets(g->conf) &&
	       m->jumps.tried != g->number;
}

static void
send_host_keys(struct kid *k, const struct generation *g)
{
	static uint8_t buf[KEY_MAX + SETTINGS_KEY_NAME_MAX + 64];
	char name[SETTINGS_KEY_NAME_MAX];
	struct msg_out o;

	for (size_t i = 0; i < g->nhost_keys; i++) {
		(void)snprintf(name, sizeof(name), "%s", g->host_keys[i].path);
		msg_start(&o, buf, sizeof(buf), MSG_HOSTKEY, 0);
		msg_put_u64(&o, g->number);
		msg_put_u32(&o, g->host_keys[i].target);
		msg_put_str(&o, name);
		msg_put_bytes(&o, g->host_keys[i].data, g->host_keys[i].len);
		kid_send(k, &o, NULL, 0);
	}
	explicit_bzero(buf, sizeof(buf));
}

static void
give(struct kid *k, struct generation *g)
{
	send_host_keys(k, g);
	generation_to_jump(k, g);
}

/* ---- start and end --------------------------------------------------------------------------- */

static void
on_restart(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	monitor_advance(arg);
}

static bool
waits(const struct jumps *j)
{
	return j->restart != NULL && evtimer_pending(j->restart, NULL);
}

/* Several that end together are one round. */
static void
failed(struct monitor *m)
{
	struct jumps *j = &m->jumps;
	struct timeval delay;

	if (waits(j))
		return;
	delay = kid_delay(++j->failures);
	(void)evtimer_add(j->restart, &delay);
}

static void
give_up(struct monitor *m)
{
	if (m->jumps.failures < GIVE_UP_AFTER)
		return;
	if (!m->ready)
		monitor_fatal(m, "jump does not start");
	else if (wants_trial(m))
		generation_fail(m, "the jump process does not start");
}

static void
start_failed(struct monitor *m, const struct err *e)
{
	if (!m->ready || m->jumps.restart == NULL) {
		monitor_fatal(m, "jump: %s", e->text);
		return;
	}
	monitor_log(m, CHILD_ERROR, "jump: cannot be started now: %s%s", e->text,
	    e->detail == EAGAIN ? " (a limit on processes: RLIMIT_NPROC, TasksMax, pids.max)" : "");
	failed(m);
	give_up(m);
}

struct kid *
jumps_new(struct monitor *m, enum kid_kind kind, struct err *e)
{
	struct kid *k = calloc(1, sizeof(*k));

	if (k == NULL) {
		err_nomem(e, "process");
		return NULL;
	}
	kid_init(m, k, kind, ++m->jumps.last);
	if (kid_start(k, e) == 0)
		return k;
	if (k->pid > 0) { /* it was started, and killed */
		k->dropped = true;
		LIST_INSERT_HEAD(&m->jumps.ended, k, entry);
	} else {
		kid_free(k);
	}
	return NULL;
}

static bool
start_one(struct monitor *m)
{
	struct jumps *j = &m->jumps;
	struct err e = { 0 };
	struct kid *k = NULL;

	if (j->restart == NULL && (j->restart = evtimer_new(m->base, on_restart, m)) == NULL)
		err_nomem(&e, "jump");
	else
		k = jumps_new(m, KID_JUMP, &e);
	if (k == NULL) {
		start_failed(m, &e);
		return false;
	}
	LIST_INSERT_HEAD(&j->pool, k, entry);
	j->npool++;
	return true;
}

static void
drop(struct kid *k)
{
	k->dropped = true;
	kid_kill(k, "");
}

void
jumps_left(struct kid *k)
{
	struct jumps *j = &k->m->jumps;

	LIST_REMOVE(k, entry);
	if (k->kind == KID_PAM)
		j->npams--;
	else if (!k->taken_by_ident)
		j->npool--;
	LIST_INSERT_HEAD(&j->ended, k, entry);
}

/* Before it had a connection. */
static void
pool_lost_one(struct monitor *m, int64_t lived_ms)
{
	if (lived_ms >= LONG_LIFE_MS)
		m->jumps.failures = 0;
	failed(m);
	give_up(m);
}

void
jumps_died(struct kid *k)
{
	struct monitor *m = k->m;
	bool trial =
	    k->kind == KID_JUMP && !k->dropped && wants_trial(m) && k->sent == m->candidate->number;
	bool lost = k->kind == KID_JUMP && !k->dropped && !k->taken_by_ident;
	int64_t lived_ms = monitor_now_ms() - k->started_ms;

	LIST_REMOVE(k, entry);
	kid_free(k);
	if (m->stopping || m->draining)
		return;
	if (trial)
		generation_fail(m, "the jump process ended while it tried the new host keys");
	else if (lost)
		pool_lost_one(m, lived_ms);
}

static void
each(struct kid_list *list, void (*act)(struct kid *))
{
	struct kid *k, *next;

	for (k = LIST_FIRST(list); k != NULL; k = next) {
		next = LIST_NEXT(k, entry);
		act(k);
	}
}

void
jumps_kill(struct monitor *m)
{
	each(&m->jumps.pool, drop);
	each(&m->jumps.taken, drop);
}

void
jumps_end(struct monitor *m)
{
	each(&m->jumps.pool, kid_end);
	each(&m->jumps.taken, kid_end);
	each(&m->jumps.pams, kid_end);
}

/* ---- the trial of a candidate ---------------------------------------------------------------- */

/* Up, and without a generation. */
static struct kid *
find_blank(struct monitor *m)
{
	struct kid *k;

	LIST_FOREACH(k, &m->jumps.pool, entry)
	if (k->state == KID_UP && k->sent == 0)
		return k;
	return NULL;
}

static bool
is_under_way(const struct monitor *m)
{
	struct kid *k;

	LIST_FOREACH(k, &m->jumps.pool, entry)
	if (k->state == KID_STARTING || k->sent == m->candidate->number)
		return true;
	return false;
}

bool
jumps_tried(struct monitor *m)
{
	struct kid *k;

	if (!wants_trial(m))
		return true;
	if (is_under_way(m) || waits(&m->jumps))
		return false;
	if ((k = find_blank(m)) != NULL)
		give(k, m->candidate);
	else
		(void)start_one(m);
	return false;
}

int
jumps_answered(struct kid *k, uint64_t number, bool ok, const char *why, struct err *e)
{
	struct monitor *m = k->m;
	bool trial = m->candidate != NULL && number == m->candidate->number;

	if (ok) {
		k->taken = number;
		if (trial)
			m->jumps.tried = number;
	} else if (trial) {
		drop(k);
		generation_fail(m, why);
		return 0;
	} else {
		return err_set(
		    e, ERR_PEER, "generation %llu is refused: %s", (unsigned long long)number, why);
	}
	monitor_advance(m);
	return 0;
}

void
jumps_late(struct kid *k)
{
	struct monitor *m = k->m;

	if (wants_trial(m) && k->sent == m->candidate->number) {
		drop(k);
		generation_fail(m, "the jump process did not take the new host keys in time");
	} else {
		kid_kill(k, k->state == KID_UP ? "did not take its generation in time"
					       : "did not start in time");
	}
}

/* ---- the pool -------------------------------------------------------------------------------- */

static void
wire(struct kid *k)
{
	struct monitor *m = k->m;
	uint8_t buf[64];
	struct msg_out o;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == -1) {
		monitor_log(m, CHILD_ERROR, "pair for %s: %s", k->tag, strerror(errno));
		failed(m);
		return;
	}
	k->wired = true;
	msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
	msg_put_u32(&o, PEER_IDENT);
	msg_put_u32(&o, 0);
	kid_send(k, &o, &pair[0], 1);
	msg_start(&o, buf, sizeof(buf), MSG_JUMP, 0);
	msg_put_u64(&o, k->taken);
	msg_put_u32(&o, k->index);
	kid_send(&m->ident, &o, &pair[1], 1);
}

static bool
is_for_another(const struct kid *k)
{
	const struct monitor *m = k->m;

	return k->sent != 0 && k->sent != m->current->number &&
	       (m->candidate == NULL || k->sent != m->candidate->number);
}

static void
fill_one(struct kid *k)
{
	struct monitor *m = k->m;

	if (is_for_another(k))
		drop(k);
	else if (k->state == KID_UP && k->sent == 0)
		give(k, m->current);
	else if (k->taken == m->current->number && !k->wired)
		wire(k);
}

/* Where nothing in force wants one: who tries the candidate stays, and who is still to be given it.
 */
static void
drop_unless_tried(struct kid *k)
{
	const struct generation *g = k->m->candidate;

	if (g != NULL && k->sent == g->number)
		return;
	if (k->sent == 0 && wants_trial(k->m))
		return;
	drop(k);
}

static unsigned
count_starting(const struct jumps *j)
{
	const struct kid *k;
	unsigned n = 0;

	LIST_FOREACH(k, &j->pool, entry)
	n += k->taken == 0;
	return n;
}

void
jumps_fill(struct monitor *m)
{
	struct jumps *j = &m->jumps;
	unsigned most = JUMPS_READY + wants_trial(m);

	if (m->mode != MODE_RUN)
		return;
	if (!has_targets(m->current->conf)) {
		each(&j->pool, drop_unless_tried);
		return;
	}
	each(&j->pool, fill_one);
	if (m->draining || m->stopping)
		return;
	/* after a failure one is tried before the others follow */
	while (j->npool < most && !waits(j) && (j->failures == 0 || count_starting(j) == 0))
		if (!start_one(m))
			break;
}

static struct kid *
find_number(struct kid_list *list, uint32_t number)
{
	struct kid *k;

	LIST_FOREACH(k, list, entry)
	if (k->index == number)
		return k;
	return NULL;
}

int
jumps_on_taken(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
{
	struct monitor *m = ((struct kid *)ctx)->m;
	uint32_t number;
	struct kid *k;

	(void)fds;
	(void)nfds;
	if (msg_get_u32(in, &number) == -1 || msg_end(in, e) == -1)
		return err_set(e, ERR_PEER, "TAKEN: malformed");
	if ((k = find_number(&m->jumps.pool, number)) != NULL) {
		if (!k->wired)
			return err_set(e, ERR_PEER, "TAKEN: a process that it was not given");
		LIST_REMOVE(k, entry);
		LIST_INSERT_HEAD(&m->jumps.taken, k, entry);
		m->jumps.npool--;
	} else {
		/* it had its connection, a short one: its end slows no start down */
		k = find_number(&m->jumps.ended, number);
		if (waits(&m->jumps))
			(void)evtimer_del(m->jumps.restart);
	}
	if (k != NULL)
		k->taken_by_ident = true;
	m->jumps.failures = 0;
	monitor_advance(m);
	return 0;
}
