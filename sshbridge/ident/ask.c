/* ask.c - those who ask WHO */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ident.h"
#include "report.h"
#include "who.h"

enum { ASK_SECONDS = 5, ACCEPT_BURST = 32, NEWERS_MAX = 8 };

/* The one that has been silent for longest; NULL: each has asked and waits for an answer. */
static struct asker *
oldest_silent(const struct ident *id)
{
	struct asker *a, *oldest = NULL;

	LIST_FOREACH(a, &id->ask.askers, all) /* the newest comes first */
	if (a->newer == NULL && a->number == 0 && a->hold == NULL)
		oldest = a;
	return oldest;
}

static bool
has_room(const struct ident *id)
{
	return id->ask.n < ASKERS_MAX || oldest_silent(id) != NULL;
}

/* Accept while there is room, a generation to judge by, and descriptors. */
static void
listen_update(struct ident *id)
{
	struct ask *k = &id->ask;

	if (k->readable == NULL)
		return;
	if (id->gen != NULL && has_room(id) && !evtimer_pending(k->again, NULL))
		(void)event_add(k->readable, NULL);
	else
		(void)event_del(k->readable);
}

static void
asker_free(struct asker *a)
{
	struct ident *id = a->id;

	LIST_REMOVE(a, all);
	id->ask.n--;
	hold_forget(a->hold);
	if (a->timer != NULL)
		event_free(a->timer);
	msgq_free(a->q);
	free(a);
	listen_update(id);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct asker *a = arg;

	(void)fd;
	(void)what;
	if (a->number != 0)
		report_denied(a->id, NULL, &a->names, "the older ident did not answer in time");
	else
		report(a->id, CHILD_WARNING, "denied why=\"asker sent no question in time\"");
	asker_free(a);
}

static struct asker *
asker_new(struct ident *id, struct err *e)
{
	static const struct timeval limit = { .tv_sec = ASK_SECONDS };
	struct asker *a = calloc(1, sizeof(*a));

	if (a == NULL) {
		err_nomem(e, "asker");
		return NULL;
	}
	a->id = id;
	LIST_INSERT_HEAD(&id->ask.askers, a, all);
	id->ask.n++;
	a->timer = evtimer_new(id->base, on_late, a);
	if (a->timer == NULL || event_add(a->timer, &limit) == -1) {
		asker_free(a);
		err_nomem(e, "asker");
		return NULL;
	}
	return a;
}

static void
newer_reply(struct newer *n, uint64_t number, const struct answer *answer)
{
	uint8_t buf[ANSWER_BYTES_MAX];
	struct msg_out o;
	struct err e;

	answer_put(answer, number, &o, buf, sizeof(buf));
	/* lost: the newer one's asker runs into its timer, and that is a no */
	if (msgq_send(n->q, &o, NULL, 0, &e) == -1)
		report(n->id, CHILD_ERROR, "answer to the newer ident: %s", e.text);
}

/* The one answer; then the asker is gone. */
static void
asker_reply(struct asker *a, const struct answer *answer)
{
	uint8_t buf[ANSWER_BYTES_MAX];
	struct msg_out o;
	struct err e;

	if (a->newer != NULL) {
		newer_reply(a->newer, a->newer_number, answer);
	} else {
		answer_put(answer, 0, &o, buf, sizeof(buf));
		if (msgq_send(a->q, &o, NULL, 0, &e) == -1)
			report(a->id, CHILD_NOTICE, "asker went away: %s", e.text);
	}
	asker_free(a);
}

void
ask_release(struct asker *a, const struct answer *answer)
{
	asker_reply(a, answer);
}

/* At once, or as soon as the record of it is written. */
static void
asker_answer(struct asker *a, struct answer *answer)
{
	if (answer->record != 0) {
		if (hold_answer(a->id, a, answer)) {
			(void)event_del(a->timer); /* it has asked; the hold has its own limit */
			return;
		}
		answer_no(answer, NO_CAUSE, HOLD_REFUSAL);
		report_denied(
		    a->id, table_by_id(&a->id->table, answer->conn), &a->names, HOLD_REFUSAL);
	}
	asker_reply(a, answer);
}

/* True: answered. False: passed on under *number. */
static bool
answer(struct ident *id, const struct question *q, int fd, struct answer *a, uint64_t *number)
{
	if (who_judge(id, q, fd, id->older.q != NULL, ident_now(), a))
		return true;
	if ((*number = older_ask(id, q, fd)) != 0)
		return false;
	/* it does not take questions: then what is known here is all that is known */
	return who_judge(id, q, fd, false, ident_now(), a);
}

static int
on_who(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct asker *a = ctx;
	struct question q;
	struct answer reply;

	if (question_get(m, &q, e) == -1)
		return -1;
	if (q.hook == HOOK_KEYS)
		return err_set(e, ERR_PEER, "WHO: hook keys on ident-socket");
	if (nfds != 1)
		return err_set(e, ERR_PEER, "WHO: without a socket");
	question_remember(&q, &a->names);
	if (answer(a->id, &q, fds[0], &reply, &a->number))
		asker_answer(a, &reply);
	return 0;
}

static const struct msg_rule from_asker[] = {
	{ MSG_WHO, 1, 1, 1, on_who },
};

static int
on_asker_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct asker *a = arg;

	return msg_dispatch(from_asker, 1, &a->seen, 1, a, buf, n, fds, nfds, e);
}

static void
on_asker_end(void *arg, const struct err *why)
{
	struct asker *a = arg;

	if (why->kind != ERR_NONE)
		report(a->id, CHILD_WARNING, "asker dropped: %s", why->text);
	asker_free(a);
}

/* Who says nothing must not keep those out who ask at once, as a login does. */
static void
make_room(struct ident *id)
{
	struct asker *silent;

	if (id->ask.n < ASKERS_MAX || (silent = oldest_silent(id)) == NULL)
		return;
	report(id, CHILD_WARNING, "asker dropped: it sent no question, and others wait");
	asker_free(silent);
}

/* One connection on ident.sock. Only the configured uid may ask, whoever opened the path. */
static void
take_asker(struct ident *id, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t n = sizeof(peer);
	struct asker *a;
	struct err e;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == -1 ||
	    peer.uid != id->gen->settings.ask_uid) {
		report(id, CHILD_WARNING, "asker dropped: uid %u may not ask", (unsigned)peer.uid);
		close(fd);
		return;
	}
	make_room(id);
	if ((a = asker_new(id, &e)) == NULL) {
		report(id, CHILD_ERROR, "asker dropped: %s", e.text);
		close(fd);
		return;
	}
	a->q = msgq_new(id->base, fd, MSG_MAX, on_asker_msg, on_asker_end, a, &e);
	if (a->q == NULL) {
		report(id, CHILD_ERROR, "asker dropped: %s", e.text);
		close(fd);
		asker_free(a);
	}
}

static void
on_listener(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval pause = { .tv_usec = 100000 };
	struct ident *id = arg;

	(void)what;
	for (int i = 0; i < ACCEPT_BURST && has_room(id); i++) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (c == -1 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
			return;
		if (c == -1) {
			/* out of descriptors: it would stay readable, and the loop spin */
			report(id, CHILD_ERROR, "ident-socket: %s", strerror(errno));
			(void)evtimer_add(id->ask.again, &pause);
			break;
		}
		take_asker(id, c);
	}
	listen_update(id);
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	listen_update(arg);
}

int
ask_init(struct ident *id, struct err *e)
{
	struct ask *k = &id->ask;

	LIST_INIT(&k->askers);
	LIST_INIT(&k->newers);
	k->listener = -1;
	if ((k->again = evtimer_new(id->base, on_again, id)) == NULL)
		return err_nomem(e, "ident-socket");
	return 0;
}

static void
close_listener(struct ask *k)
{
	if (k->readable != NULL)
		event_free(k->readable);
	k->readable = NULL;
	if (k->listener != -1)
		close(k->listener);
	k->listener = -1;
}

int
ask_listen(struct ident *id, int fd, struct err *e)
{
	struct event *ev = NULL;

	if (fd != -1) {
		if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == -1)
			return err_sys(e, errno, "ident-socket");
		ev = event_new(id->base, fd, EV_READ | EV_PERSIST, on_listener, id);
		if (ev == NULL)
			return err_nomem(e, "ident-socket");
	}
	close_listener(&id->ask);
	id->ask.listener = fd;
	id->ask.readable = ev;
	listen_update(id);
	return 0;
}

void
ask_enable(struct ident *id)
{
	listen_update(id);
}

void
ask_answered(struct ident *id, uint64_t number, const struct answer *a)
{
	struct asker *k, *next;

	for (k = LIST_FIRST(&id->ask.askers); k != NULL; k = next) {
		next = LIST_NEXT(k, all);
		if (k->number != 0 && (number == 0 || k->number == number))
			asker_reply(k, a);
	}
}

/* ---- questions that a newer ident passes on ------------------------------------------------- */
static int
on_newer_who(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct newer *n = ctx;
	struct question q;
	struct answer reply = { 0 };
	struct asker *a;

	if (question_get(m, &q, e) == -1)
		return -1;
	if (nfds != question_nfds(&q) || m->conn == 0)
		return err_set(e, ERR_PEER, "WHO: without a socket or a number");
	if (n->id->ask.n >= ASKERS_MAX) {
		answer_no(&reply, NO_CAUSE, "the bridge is busy, try again later");
		newer_reply(n, m->conn, &reply);
		return 0;
	}
	if ((a = asker_new(n->id, e)) == NULL) {
		report(n->id, CHILD_ERROR, "newer ident: %s", e->text);
		return 0;
	}
	a->newer = n;
	a->newer_number = m->conn;
	question_remember(&q, &a->names);
	if (answer(n->id, &q, nfds == 0 ? -1 : fds[0], &reply, &a->number))
		asker_answer(a, &reply);
	return 0;
}

static int
on_newer_control(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct newer *n = ctx;

	(void)fds;
	(void)nfds;
	return control_newer(n->id, n, m, e);
}

static int
on_newer_locks(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct newer *n = ctx;

	return locks_take(n->id, n, m, fds, nfds, e);
}

static const struct msg_rule from_newer[] = {
	{ MSG_WHO, 1, 0, 1, on_newer_who },
	{ MSG_LIST, 1, 0, 0, on_newer_control },
	{ MSG_SHOW, 1, 0, 0, on_newer_control },
	{ MSG_CUTS, 1, 0, 0, on_newer_control },
	{ MSG_STATS, 1, 0, 0, on_newer_control },
	{ MSG_LOCKS, 1, 0, 1, on_newer_locks },
};

static int
on_newer_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct newer *w = arg;

	return msg_dispatch(from_newer, sizeof(from_newer) / sizeof(from_newer[0]), &w->seen, 1, w,
	    buf, n, fds, nfds, e);
}

static void
newer_free(struct newer *n)
{
	struct asker *a, *next;

	for (a = LIST_FIRST(&n->id->ask.askers); a != NULL; a = next) {
		next = LIST_NEXT(a, all);
		if (a->newer == n)
			asker_free(a);
	}
	control_newer_gone(n->id, n);
	locks_newer_gone(n->id, n);
	LIST_REMOVE(n, all);
	n->id->ask.nnewers--;
	msgq_free(n->q);
	free(n);
}

static void
on_newer_end(void *arg, const struct err *why)
{
	struct newer *n = arg;

	if (why->kind != ERR_NONE)
		report(n->id, CHILD_ERROR, "newer ident: %s", why->text);
	newer_free(n);
}

static void
tell_chain(struct newer *n)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e;

	msg_start(&o, buf, sizeof(buf), MSG_CHAIN, 0);
	msg_put_u32(&o, older_has(n->id));
	if (msgq_send(n->q, &o, NULL, 0, &e) == -1)
		report(n->id, CHILD_ERROR, "newer ident: %s", e.text);
}

void
ask_chain(struct ident *id)
{
	struct newer *n;

	LIST_FOREACH(n, &id->ask.newers, all)
	tell_chain(n);
}

int
ask_newer(struct ident *id, int fd, struct err *e)
{
	struct newer *n;

	if (id->ask.nnewers >= NEWERS_MAX)
		return err_set(e, ERR_PEER, "more than %d newer idents", NEWERS_MAX);
	if ((n = calloc(1, sizeof(*n))) == NULL)
		return err_nomem(e, "newer ident");
	n->id = id;
	n->q = msgq_new(id->base, fd, IDENT_QUEUE_MAX, on_newer_msg, on_newer_end, n, e);
	if (n->q == NULL) {
		free(n);
		return -1;
	}
	LIST_INSERT_HEAD(&id->ask.newers, n, all);
	id->ask.nnewers++;
	if (older_has(id))
		tell_chain(n);
	return 0;
}

void
ask_done(struct ident *id)
{
	close_listener(&id->ask);
	while (!LIST_EMPTY(&id->ask.askers))
		asker_free(LIST_FIRST(&id->ask.askers));
	while (!LIST_EMPTY(&id->ask.newers))
		newer_free(LIST_FIRST(&id->ask.newers));
	if (id->ask.again != NULL)
		event_free(id->ask.again);
	id->ask.again = NULL;
}
