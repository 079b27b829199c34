/* keys.c - questions about the SSH key that a client offers, from mtls-keys */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ident.h"
#include "report.h"
#include "who.h"

enum { SECONDS = 5, SLICES = 10 }; /* for one question; slices of a second */

struct keys_asker {
	LIST_ENTRY(keys_asker) all;
	struct ident *id;
	struct msgq *q;
	struct msg_seen seen;
	uint64_t number; /* under which it was passed on to the older ident; 0: it was not */
	struct event *timer;
};

/* The one that has been silent for longest; NULL: each has asked. */
static struct keys_asker *
oldest_silent(const struct keys *k)
{
	struct keys_asker *a, *oldest = NULL;

	LIST_FOREACH(a, &k->askers, all) /* the newest comes first */
	if (a->number == 0)
		oldest = a;
	return oldest;
}

static void
listen_update(struct ident *id)
{
	struct keys *k = &id->keys;

	if (k->readable == NULL)
		return;
	if (id->gen != NULL && k->left > 0 && (k->n < KEYS_ASKERS_MAX || oldest_silent(k) != NULL))
		(void)event_add(k->readable, NULL);
	else
		(void)event_del(k->readable);
}

static void
asker_free(struct keys_asker *a)
{
	struct ident *id = a->id;

	LIST_REMOVE(a, all);
	id->keys.n--;
	if (a->timer != NULL)
		event_free(a->timer);
	msgq_free(a->q);
	free(a);
	listen_update(id);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	asker_free(arg);
}

static void
reply(struct keys_asker *a, const struct answer *answer)
{
	uint8_t buf[ANSWER_BYTES_MAX];
	struct answer told = { .yes = answer->yes, .kind = NO_CAUSE };
	struct msg_out o;
	struct err e;

	/* an older ident's words too: yes or no, and nothing else */
	answer_put(&told, 0, &o, buf, sizeof(buf));
	if (msgq_send(a->q, &o, NULL, 0, &e) == -1)
		report(a->id, CHILD_DEBUG, "mtls-keys went away: %s", e.text);
	asker_free(a);
}

static int
on_who(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct keys_asker *a = ctx;
	struct ident *id = a->id;
	struct question q;
	struct answer answer;

	(void)fds;
	(void)nfds;
	if (question_get(m, &q, e) == -1)
		return -1;
	if (q.hook != HOOK_KEYS)
		return err_set(e, ERR_PEER, "WHO: hook %s on keys-socket", hook_name(q.hook));
	if (who_judge(id, &q, -1, id->older.q != NULL, ident_now(), &answer) ||
	    ((a->number = older_ask(id, &q, -1)) == 0 &&
		who_judge(id, &q, -1, false, ident_now(), &answer)))
		reply(a, &answer);
	else
		listen_update(id); /* one less that is silent */
	return 0;
}

static const struct msg_rule from_keys[] = {
	{ MSG_WHO, 1, 1, 0, on_who },
};

static int
on_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct keys_asker *a = arg;

	return msg_dispatch(from_keys, 1, &a->seen, 1, a, buf, n, fds, nfds, e);
}

static void
on_end(void *arg, const struct err *why)
{
	struct keys_asker *a = arg;

	if (why->kind != ERR_NONE)
		report(a->id, CHILD_WARNING, "mtls-keys dropped: %s", why->text);
	asker_free(a);
}

/* Who may connect is the matter of the socket's mode; that he is who it is meant for is looked at.
 */
static bool
may_ask(const struct ident *id, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
	socklen_t n = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
	       (peer.uid == id->gen->settings.ask_uid || peer.gid == id->gen->settings.keys_gid);
}

static void
take_asker(struct ident *id, int fd)
{
	static const struct timeval limit = { .tv_sec = SECONDS };
	struct keys *k = &id->keys;
	struct keys_asker *a, *silent = NULL;
	struct err e = { .text = "out of memory" };

	if (!may_ask(id, fd) || (k->n >= KEYS_ASKERS_MAX && (silent = oldest_silent(k)) == NULL) ||
	    (a = calloc(1, sizeof(*a))) == NULL) {
		close(fd);
		return;
	}
	if (silent != NULL)
		asker_free(silent);
	a->id = id;
	LIST_INSERT_HEAD(&k->askers, a, all);
	k->n++;
	a->timer = evtimer_new(id->base, on_late, a);
	if (a->timer == NULL || event_add(a->timer, &limit) == -1 ||
	    (a->q = msgq_new(id->base, fd, MSG_MAX, on_msg, on_end, a, &e)) == NULL) {
		report(id, CHILD_ERROR, "mtls-keys dropped: %s", e.text);
		close(fd);
		asker_free(a);
	}
}

static void
on_listener(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval slice = { .tv_usec = 1000000 / SLICES };
	struct ident *id = arg;
	struct keys *k = &id->keys;
	int c;

	(void)what;
	/* one at a time: who asks on ident-socket comes in between */
	if (!evtimer_pending(k->slice, NULL))
		(void)evtimer_add(k->slice, &slice);
	if ((c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) != -1) {
		k->left--;
		take_asker(id, c);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		report(id, CHILD_ERROR, "keys-socket: %s", strerror(errno));
		k->left = 0; /* out of descriptors: not again before the next slice */
	}
	listen_update(id);
}

static void
on_slice(evutil_socket_t fd, short what, void *arg)
{
	struct ident *id = arg;

	(void)fd;
	(void)what;
	id->keys.left = KEYS_PER_SECOND / SLICES;
	listen_update(id);
}

int
keys_init(struct ident *id, struct err *e)
{
	struct keys *k = &id->keys;

	LIST_INIT(&k->askers);
	k->listener = -1;
	k->left = KEYS_PER_SECOND / SLICES;
	if ((k->slice = evtimer_new(id->base, on_slice, id)) == NULL)
		return err_nomem(e, "keys-socket");
	return 0;
}

static void
close_listener(struct keys *k)
{
	if (k->readable != NULL)
		event_free(k->readable);
	k->readable = NULL;
	if (k->listener != -1)
		close(k->listener);
	k->listener = -1;
}

int
keys_listen(struct ident *id, int fd, struct err *e)
{
	struct event *ev;

	if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == -1)
		return err_sys(e, errno, "keys-socket");
	if ((ev = event_new(id->base, fd, EV_READ | EV_PERSIST, on_listener, id)) == NULL)
		return err_nomem(e, "keys-socket");
	close_listener(&id->keys);
	id->keys.listener = fd;
	id->keys.readable = ev;
	listen_update(id);
	return 0;
}

void
keys_enable(struct ident *id)
{
	listen_update(id);
}

void
keys_answered(struct ident *id, uint64_t number, const struct answer *a)
{
	struct keys_asker *k, *next;

	for (k = LIST_FIRST(&id->keys.askers); k != NULL; k = next) {
		next = LIST_NEXT(k, all);
		if (k->number != 0 && (number == 0 || k->number == number))
			reply(k, a);
	}
}

void
keys_done(struct ident *id)
{
	struct keys *k = &id->keys;

	close_listener(k);
	while (!LIST_EMPTY(&k->askers))
		asker_free(LIST_FIRST(&k->askers));
	if (k->slice != NULL)
		event_free(k->slice);
	k->slice = NULL;
}
