/* locks.c - locked identities: kept in a file, told to ident, changed by LOCK and UNLOCK */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "locks.h"
#include "sealed.h"
#include "text.h"

int
locks_open(struct monitor *m, const char *path, struct err *e)
{
	struct locks *l = calloc(1, sizeof(*l));

	if (l == NULL || (l->path = strdup(path)) == NULL) {
		free(l);
		return err_nomem(e, "locks");
	}
	m->locks = l;
	return lockfile_read(path, &l->set, e);
}

void
locks_close(struct monitor *m)
{
	if (m->locks == NULL)
		return;
	lockset_done(&m->locks->set);
	free(m->locks->path);
	free(m->locks);
	m->locks = NULL;
}

int
locks_seal(const struct monitor *m, struct err *e)
{
	size_t n = 0;
	char *text = lockset_text(&m->locks->set, &n, e);
	int fd;

	if (text == NULL)
		return -1;
	fd = sealed_new("locks", text, n, e);
	free(text);
	return fd;
}

void
locks_to_ident(struct monitor *m)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e = { 0 };
	int fd = locks_seal(m, &e);

	if (fd == -1) {
		/* an ident that may not know a lock must not serve */
		kid_kill(&m->ident, e.text);
		return;
	}
	msg_start(&o, buf, sizeof(buf), MSG_LOCKS, 0);
	msg_put_u64(&o, ++m->locks->number);
	kid_send(&m->ident, &o, &fd, 1);
}

int
locks_in_force(struct monitor *m, struct msg_in *in, struct err *e)
{
	uint64_t number;
	uint32_t complete, ncut;
	struct control *next;
	char text[600];

	if (msg_get_u64(in, &number) == -1 || msg_get_u32(in, &complete) == -1 ||
	    msg_get_u32(in, &ncut) == -1 || msg_end(in, e) == -1 || complete > 1 ||
	    m->locks == NULL || number > m->locks->number)
		return err_set(e, ERR_PEER, "LOCKS: malformed");
	for (struct control *c = m->controls; c != NULL; c = next) {
		next = c->next;
		if (c->lock_number == 0 || c->lock_number > number)
			continue;
		c->lock_number = 0;
		(void)snprintf(text, sizeof(text), "%s; %u connections were cut%s", c->lock_text,
		    ncut,
		    complete ? "" : "; but not in an instance that drains: it did not answer");
		control_answer(c, complete == 1 && c->lock_kept, text, NULL);
	}
	return 0;
}

/* ---- what the operator says ----------------------------------------------------------------- */

/* Who drains must not write the file any more once a newer instance has read it. */
static bool
is_mine(struct control *c)
{
	char text[160];

	if (c->m->successor == 0 || (kill(c->m->successor, 0) == -1 && errno == ESRCH))
		return true;
	(void)snprintf(text, sizeof(text), "instance %d has taken over: ask it, on its socket",
	    (int)c->m->successor);
	control_answer(c, false, text, NULL);
	return false;
}

static void
log_change(struct control *c, const char *event, const char *identity, const char *reason)
{
	struct logline l;

	logline_start(&l, event);
	logline_str(&l, "identity", identity);
	if (reason[0] != '\0')
		logline_str(&l, "reason", reason);
	logline_u64(&l, "uid", c->uid);
	logline_u64(&l, "pid", (uint64_t)c->pid);
	audit_record(c->m, CHILD_NOTICE, &l);
}

/* The set has changed, or might have: in force first, whatever the disk says. */
static void
put_in_force(struct control *c, const char *said, const struct err *why_not_kept)
{
	locks_to_ident(c->m);
	c->lock_number = c->m->locks->number;
	c->lock_kept = why_not_kept == NULL;
	(void)snprintf(c->lock_text, sizeof(c->lock_text), "%s%s%s", said,
	    why_not_kept == NULL ? "" : ", but not over a restart: ",
	    why_not_kept == NULL ? "" : why_not_kept->text);
}

int
locks_on_lock(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
{
	struct control *c = ctx;
	struct locks *l = c->m->locks;
	char identity[IDENTITY_NAME_MAX], reason[LOCKSET_REASON_MAX];
	struct err why = { 0 };
	int added;

	(void)fds;
	(void)nfds;
	if (msg_get_str(in, identity, sizeof(identity)) == -1 ||
	    msg_get_str(in, reason, sizeof(reason)) == -1 || msg_end(in, e) == -1)
		return err_set(e, ERR_PEER, "LOCK: malformed");
	if (!is_mine(c))
		return 0;
	if ((added = lockset_add(&l->set, identity, reason, (int64_t)time(NULL), &why)) == -1) {
		control_answer(c, false, why.text, NULL);
		return 0;
	}
	log_change(c, "lock", identity, reason);
	if (lockfile_write(l->path, &l->set, &why) == -1) {
		monitor_log(c->m, CHILD_ERROR, "a lock does not outlive a restart: %s", why.text);
		put_in_force(c, "locked", &why);
	} else {
		put_in_force(c, added ? "locked" : "it was locked already", NULL);
	}
	return 0;
}

int
locks_on_unlock(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
{
	struct control *c = ctx;
	struct locks *l = c->m->locks;
	char identity[IDENTITY_NAME_MAX];
	struct lockset rest;
	struct err why = { 0 };
	size_t n = 0;
	char *text;

	(void)fds;
	(void)nfds;
	if (msg_get_str(in, identity, sizeof(identity)) == -1 || msg_end(in, e) == -1)
		return err_set(e, ERR_PEER, "UNLOCK: malformed");
	if (!is_mine(c))
		return 0;
	if (lockset_find(&l->set, identity) == NULL) {
		control_answer(c, true, "it was not locked", NULL);
		return 0;
	}
	/* a copy: what cannot be written stays locked */
	if ((text = lockset_text(&l->set, &n, &why)) == NULL ||
	    lockset_parse((const uint8_t *)text, n, &rest, &why) == -1) {
		free(text);
		control_answer(c, false, why.text, NULL);
		return 0;
	}
	free(text);
	(void)lockset_remove(&rest, identity);
	if (lockfile_write(l->path, &rest, &why) == -1) {
		lockset_done(&rest);
		control_answer(c, false, why.text, NULL);
		return 0;
	}
	lockset_done(&l->set);
	l->set = rest;
	log_change(c, "unlock", identity, "");
	put_in_force(c, "unlocked", NULL);
	return 0;
}

int
locks_on_list(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
{
	struct control *c = ctx;
	struct err why = { 0 };
	uint8_t buf[64];
	struct msg_out o;
	int fd;

	(void)fds;
	(void)nfds;
	if (msg_end(in, e) == -1)
		return -1;
	if ((fd = locks_seal(c->m, &why)) == -1) {
		control_answer(c, false, why.text, NULL);
		return 0;
	}
	msg_start(&o, buf, sizeof(buf), MSG_LOCKS, 0);
	control_send(c, &o, &fd, 1);
	return 0;
}
