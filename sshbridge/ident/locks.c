/* locks.c - identities that an operator has locked: enforced here, and in an older ident */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ident.h"
#include "report.h"
#include "sealed.h"

/* How long the older ident may take to enforce them. */
enum { LATE_SECONDS = 10 };

bool
lock_holds(const struct ident *id, const char *identity_name)
{
	return lockset_find(&id->locks.set, identity_name) != NULL;
}

int
locks_refuse(const struct ident *id, const char *identity_name, struct verdict *v)
{
	if (!lock_holds(id, identity_name))
		return 0;
	err_set(&v->why, ERR_REFUSED, "the identity is locked");
	return verdict_refuse(v, REFUSED_MAP, "this identity is locked");
}

/* ---- the answer: in force, and what it locks is cut ------------------------------------------ */

static void
answer(struct ident *id)
{
	struct locks *l = &id->locks;
	uint8_t buf[64];
	struct msg_out o;
	struct err e;

	l->waiting = false;
	(void)event_del(l->late);
	msg_start(&o, buf, sizeof(buf), MSG_LOCKS, l->newer == NULL ? 0 : l->newer_number);
	msg_put_u64(&o, l->number);
	msg_put_u32(&o, l->complete && !id->older.lost);
	msg_put_u32(&o, l->ncut);
	if (msgq_send(l->newer == NULL ? id->monitor : l->newer->q, &o, NULL, 0, &e) == -1)
		report(id, CHILD_ERROR, "locks: %s", e.text);
	l->ncut = 0;
}

static void
answer_if_done(struct ident *id)
{
	if (id->locks.waiting && id->locks.own_done && id->locks.older_done)
		answer(id);
}

static void
on_step(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval now = { 0, 0 };
	struct ident *id = arg;
	struct locks *l = &id->locks;

	(void)fd;
	(void)what;
	if (!sweep_step(id, &l->sweep)) {
		(void)evtimer_add(l->step, &now);
		return;
	}
	l->ncut += l->sweep.n;
	l->own_done = true;
	answer_if_done(id);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct ident *id = arg;

	(void)fd;
	(void)what;
	report(id, CHILD_ERROR, "locks: the older ident did not answer in time");
	id->locks.complete = false;
	id->locks.older_done = true;
	answer_if_done(id);
}

int
locks_init(struct ident *id, struct err *e)
{
	struct locks *l = &id->locks;

	if ((l->step = evtimer_new(id->base, on_step, id)) == NULL ||
	    (l->late = evtimer_new(id->base, on_late, id)) == NULL)
		return err_nomem(e, "locks");
	return 0;
}

void
locks_end(struct ident *id)
{
	struct locks *l = &id->locks;

	if (!l->waiting)
		return;
	l->ncut += l->own_done ? 0 : l->sweep.n;
	l->complete = l->complete && l->older_done;
	answer(id);
}

void
locks_done(struct ident *id)
{
	struct locks *l = &id->locks;

	if (l->step != NULL)
		event_free(l->step);
	if (l->late != NULL)
		event_free(l->late);
	if (l->fd != -1)
		close(l->fd);
	lockset_done(&l->set);
	*l = (struct locks){ .fd = -1 };
}

/* ---- taking a set --------------------------------------------------------------------------- */

static int
read_set(int fd, struct lockset *set, struct err *e)
{
	struct sealed s;
	int r;

	if (sealed_map(fd, LOCKSET_TEXT_MAX, &s, e) == -1)
		return -1;
	r = lockset_parse(s.p, s.n, set, e);
	sealed_unmap(&s);
	return r;
}

/* In force from here on; the cutting goes on in slices. Takes fd over. */
static void
put_in_force(struct ident *id, uint64_t number, const struct lockset *set, int fd)
{
	static const struct timeval now = { 0, 0 };
	struct locks *l = &id->locks;

	lockset_done(&l->set);
	if (l->fd != -1)
		close(l->fd);
	l->set = *set;
	l->fd = fd;
	l->number = number;
	/* a walk that was under way begins anew, and what it has cut counts on */
	l->ncut += l->own_done ? 0 : l->sweep.n;
	l->sweep = (struct sweep){ .by = SWEEP_LOCKED };
	l->own_done = false;
	if (evtimer_add(l->step, &now) == -1)
		l->complete = false;
}

int
locks_take(
    struct ident *id, struct newer *newer, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct locks *l = &id->locks;
	struct lockset set;
	uint64_t number;

	if (msg_get_u64(m, &number) == -1)
		return err_set(e, ERR_PEER, "LOCKS: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	if (nfds != 1 || (newer != NULL && m->conn == 0))
		return err_set(e, ERR_PEER, "LOCKS: without a set or a number");
	if (read_set(fds[0], &set, e) == -1) {
		e->kind = ERR_PEER;
		return err_prefix(e, "LOCKS");
	}
	/* another waits for the set before this one: it has the word of who knows better now */
	if (l->waiting && l->newer != newer) {
		l->complete = false;
		answer(id);
	}
	l->newer = newer;
	l->newer_number = m->conn;
	l->waiting = l->complete = true;
	put_in_force(id, number, &set, fds[0]);
	fds[0] = -1;
	locks_to_older(id);
	return 0;
}

void
locks_newer_gone(struct ident *id, const struct newer *newer)
{
	if (id->locks.newer != newer)
		return;
	id->locks.newer = NULL;
	id->locks.waiting = false;
}

/* ---- an older ident ------------------------------------------------------------------------- */

void
locks_to_older(struct ident *id)
{
	static const struct timeval limit = { .tv_sec = LATE_SECONDS };
	struct locks *l = &id->locks;
	uint8_t buf[64];
	struct msg_out o;
	int fd;

	l->older_done = true;
	l->older_number = 0;
	if (l->fd == -1 || id->older.q == NULL)
		return;
	l->older_done = false;
	l->older_number = older_number(id);
	msg_start(&o, buf, sizeof(buf), MSG_LOCKS, l->older_number);
	msg_put_u64(&o, l->number);
	/* not sent: its end is on its way, or the limit says that it does not have them */
	if ((fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0)) == -1 || older_send(id, &o, &fd) == -1)
		report(id, CHILD_WARNING, "locks: the older ident did not take them");
	if (evtimer_add(l->late, &limit) == -1)
		l->complete = false;
}

int
locks_answered(struct ident *id, struct msg_in *m, struct err *e)
{
	struct locks *l = &id->locks;
	uint64_t number;
	uint32_t complete, n;

	if (msg_get_u64(m, &number) == -1 || msg_get_u32(m, &complete) == -1 ||
	    msg_get_u32(m, &n) == -1 || complete > 1)
		return err_set(e, ERR_PEER, "LOCKS: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	/* to an earlier set: the answer to the last one counts */
	if (m->conn != l->older_number || l->older_done)
		return 0;
	(void)event_del(l->late);
	l->older_done = true;
	l->complete = l->complete && complete == 1;
	l->ncut += n;
	answer_if_done(id);
	return 0;
}

void
locks_older_gone(struct ident *id)
{
	id->locks.older_done = true;
	if (id->locks.late != NULL)
		(void)event_del(id->locks.late);
	answer_if_done(id);
}
