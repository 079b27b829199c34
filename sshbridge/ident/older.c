/* older.c - the ident of the instance before: questions to it, its answers back */
#include <fcntl.h>
#include <stdlib.h>

#include "ident.h"
#include "report.h"

static int
on_answer(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct ident *id = ctx;
	struct answer a;

	(void)fds;
	(void)nfds;
	if (answer_get(m, &a, e) == -1)
		return -1;
	if (m->conn == 0 || m->conn > id->older.last)
		return err_set(e, ERR_PEER, "%s: a number that was not asked", msg_name(m->type));
	ask_answered(id, m->conn, &a);
	keys_answered(id, m->conn, &a);
	return 0;
}

static int
on_control(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct ident *id = ctx;

	(void)fds;
	(void)nfds;
	if (m->conn == 0 || m->conn > id->older.last)
		return err_set(e, ERR_PEER, "%s: a number that was not asked", msg_name(m->type));
	return m->type == MSG_LOCKS ? locks_answered(id, m, e) : control_answered(id, m, e);
}

static int
on_chain(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct ident *id = ctx;
	uint32_t further;

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &further) == -1 || further > 1)
		return err_set(e, ERR_PEER, "CHAIN: malformed");
	id->older.further = further == 1;
	return msg_end(m, e);
}

static const struct msg_rule from_older[] = {
	{ MSG_CHAIN, 1, 0, 0, on_chain },
	{ MSG_IS, 1, 0, 0, on_answer },
	{ MSG_NO, 1, 0, 0, on_answer },
	{ MSG_LIST, 1, 0, 0, on_control },
	{ MSG_SHOW, 1, 0, 0, on_control },
	{ MSG_CUTS, 1, 0, 0, on_control },
	{ MSG_STATS, 1, 0, 0, on_control },
	{ MSG_LOCKS, 1, 0, 0, on_control },
};

static int
on_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct ident *id = arg;

	return msg_dispatch(from_older, sizeof(from_older) / sizeof(from_older[0]), &id->older.seen,
	    1, id, buf, n, fds, nfds, e);
}

/* Its connections are gone with it: who still waits for it has no entry anywhere. */
static void
drop(struct ident *id)
{
	struct answer a = { 0 };

	if (id->older.q == NULL)
		return;
	msgq_free(id->older.q);
	id->older.q = NULL;
	answer_no(&a, NO_EVIDENCE, "this connection did not come through the bridge");
	ask_answered(id, 0, &a);
	control_older_gone(id);
	locks_older_gone(id);
	keys_answered(id, 0, &a);
}

/* The monitor, when it drains, has waited for that one too: only through us is it reached. */
static void
tell_alone(struct ident *id)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e;

	msg_start(&o, buf, sizeof(buf), MSG_ALONE, 0);
	if (msgq_send(id->monitor, &o, NULL, 0, &e) == -1)
		report(id, CHILD_ERROR, "ALONE: %s", e.text);
}

static void
on_end(void *arg, const struct err *why)
{
	struct ident *id = arg;

	if (why->kind == ERR_NONE)
		report(id, CHILD_NOTICE, "the older ident has ended");
	else
		report(id, CHILD_ERROR, "older ident: %s", why->text);
	if (id->older.further) {
		id->older.lost = true;
		report(id, CHILD_ERROR,
		    "an instance before it is not reached any more, if it still drains: its "
		    "sessions are in no list, and no lock or cut comes to them");
	}
	drop(id);
	tell_alone(id);
	ask_chain(id);
}

int
older_peer(struct ident *id, int fd, struct err *e)
{
	struct msgq *q = msgq_new(id->base, fd, IDENT_QUEUE_MAX, on_msg, on_end, id, e);

	if (q == NULL) {
		/* the other end sees that, and nobody is there to be waited for */
		tell_alone(id);
		return -1;
	}
	drop(id);
	id->older.seen = (struct msg_seen){ 0 };
	id->older.further = false;
	id->older.q = q;
	locks_to_older(id);
	ask_chain(id);
	return 0;
}

void
older_done(struct ident *id)
{
	drop(id);
}

uint64_t
older_ask(struct ident *id, const struct question *q, int fd)
{
	uint8_t buf[QUESTION_INFO_MAX + 2 * QUESTION_NAME_MAX + 160];
	size_t nfds = question_nfds(q);
	struct msg_out o;
	struct err e;
	int dup = -1;

	if (id->older.q == NULL || (nfds == 1 && (dup = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1))
		return 0;
	question_put(q, ++id->older.last, &o, buf, sizeof(buf));
	if (msgq_send(id->older.q, &o, &dup, nfds, &e) == -1)
		return 0;
	return id->older.last;
}

bool
older_has(const struct ident *id)
{
	return id->older.q != NULL || id->older.lost;
}

uint64_t
older_number(struct ident *id)
{
	return id->older.q == NULL ? 0 : ++id->older.last;
}

int
older_send(struct ident *id, const struct msg_out *o, const int *fd)
{
	struct err e;

	if (msgq_send(id->older.q, o, fd, fd == NULL ? 0 : 1, &e) == 0)
		return 0;
	report(id, CHILD_ERROR, "older ident: %s", e.text);
	return -1;
}
