/* msgq.c - queued messages in a libevent loop */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "msgio.h"
#include "msgq.h"

/* Packets taken in one turn of the loop, so that one peer cannot starve the others. */
enum { BURST = 64 };

struct packet {
	STAILQ_ENTRY(packet) next;
	int fds[MSG_FDS_MAX];
	size_t nfds, n;
	uint8_t data[];
};

struct msgq {
	int fd;
	struct event *rd, *wr;
	STAILQ_HEAD(, packet) out;
	size_t waiting, max_bytes;
	msgq_on_msg on_msg;
	msgq_on_end on_end;
	void *arg;
	bool ended;
	bool busy, dead; /* freed while a callback runs: the memory goes after it */
};

static void
close_all(const int *fds, size_t nfds)
{
	for (size_t i = 0; i < nfds; i++)
		if (fds[i] != -1)
			close(fds[i]);
}

static void
packet_free(struct packet *p)
{
	/* a KEY may have waited here */
	explicit_bzero(p->data, p->n);
	close_all(p->fds, p->nfds);
	free(p);
}

static void
end(struct msgq *q, const struct err *why)
{
	if (q->ended)
		return;
	q->ended = true;
	(void)event_del(q->rd);
	(void)event_del(q->wr);
	q->on_end(q->arg, why);
}

/* Take one packet. False: nothing more to do now. */
static bool
take_packet(struct msgq *q, int fd)
{
	/* One buffer serves all queues: a handler that needs bytes for longer copies them. */
	static uint8_t buf[MSG_MAX];
	struct err e = { 0 };
	int fds[MSG_FDS_MAX], r;
	size_t nfds;
	ssize_t n = msgio_recv(fd, buf, sizeof(buf), fds, &nfds, &e);

	/* it ended and left something unread: told once, before its last words and its end */
	if (n == -1 && e.kind == ERR_SYS && e.detail == ECONNRESET)
		n = msgio_recv(fd, buf, sizeof(buf), fds, &nfds, &e);
	if (n == -1 && e.kind == ERR_SYS && (e.detail == EAGAIN || e.detail == ENOBUFS))
		return false;
	if (n <= 0) {
		if (n == 0)
			e = (struct err){ 0 };
		end(q, &e);
		return false;
	}
	r = q->on_msg(q->arg, buf, (size_t)n, fds, nfds, &e);
	close_all(fds, nfds);
	explicit_bzero(buf, (size_t)n); /* a KEY may have been in it */
	if (q->dead)
		return false;
	if (r == -1) {
		end(q, &e);
		return false;
	}
	return event_pending(q->rd, EV_READ, NULL) != 0; /* else paused by the handler */
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct msgq *q = arg;

	(void)what;
	q->busy = true;
	for (int i = 0; i < BURST && take_packet(q, fd); i++)
		;
	q->busy = false;
	if (q->dead)
		free(q);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct msgq *q = arg;
	struct packet *p;
	struct err e = { 0 };

	(void)what;
	while ((p = STAILQ_FIRST(&q->out)) != NULL) {
		struct msg_out o = { .buf = p->data, .size = p->n, .len = p->n };

		if (msgio_send(fd, &o, p->fds, p->nfds, &e) == -1) {
			if (e.kind == ERR_SYS && (e.detail == EAGAIN || e.detail == ENOBUFS))
				return;
			end(q, &e);
			return;
		}
		STAILQ_REMOVE_HEAD(&q->out, next);
		q->waiting -= p->n;
		packet_free(p);
	}
	(void)event_del(q->wr);
}

struct msgq *
msgq_new(struct event_base *base, int fd, size_t max_bytes, msgq_on_msg on_msg, msgq_on_end on_end,
    void *arg, struct err *e)
{
	struct msgq *q;

	if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == -1) {
		err_sys(e, errno, "channel");
		return NULL;
	}
	if ((q = calloc(1, sizeof(*q))) == NULL) {
		err_nomem(e, "channel");
		return NULL;
	}
	STAILQ_INIT(&q->out);
	q->max_bytes = max_bytes;
	q->on_msg = on_msg;
	q->on_end = on_end;
	q->arg = arg;
	q->fd = -1;
	q->rd = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, q);
	q->wr = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, q);
	if (q->rd == NULL || q->wr == NULL || event_add(q->rd, NULL) == -1) {
		err_nomem(e, "channel");
		msgq_free(q);
		return NULL;
	}
	q->fd = fd;
	return q;
}

void
msgq_free(struct msgq *q)
{
	struct packet *p;

	if (q == NULL)
		return;
	if (q->rd != NULL)
		event_free(q->rd);
	if (q->wr != NULL)
		event_free(q->wr);
	while ((p = STAILQ_FIRST(&q->out)) != NULL) {
		STAILQ_REMOVE_HEAD(&q->out, next);
		packet_free(p);
	}
	if (q->fd != -1)
		close(q->fd);
	q->dead = true;
	if (!q->busy)
		free(q);
}

static int
enqueue(struct msgq *q, const struct msg_out *o, const int *fds, size_t nfds, struct err *e)
{
	struct packet *p;

	if (o->len > q->max_bytes - q->waiting)
		return err_set(
		    e, ERR_NOMEM, "%zu bytes wait for a peer that does not read", q->waiting);
	if ((p = malloc(sizeof(*p) + o->len)) == NULL)
		return err_nomem(e, "message queue");
	memcpy(p->data, o->buf, o->len);
	p->n = o->len;
	if (nfds > 0)
		memcpy(p->fds, fds, nfds * sizeof(int));
	p->nfds = nfds;
	if (STAILQ_EMPTY(&q->out) && event_add(q->wr, NULL) == -1) {
		free(p);
		return err_nomem(e, "message queue");
	}
	STAILQ_INSERT_TAIL(&q->out, p, next);
	q->waiting += p->n;
	return 0;
}

int
msgq_send(struct msgq *q, const struct msg_out *o, const int *fds, size_t nfds, struct err *e)
{
	if (nfds > MSG_FDS_MAX) {
		close_all(fds, nfds);
		return err_set(e, ERR_FORMAT, "%zu descriptors in one message", nfds);
	}
	if (msg_finish(o, e) == -1 || q->ended) {
		close_all(fds, nfds);
		if (q->ended)
			err_set(e, ERR_PEER, "the peer is gone");
		return -1;
	}
	if (STAILQ_EMPTY(&q->out)) {
		if (msgio_send(q->fd, o, fds, nfds, e) == 0) {
			close_all(fds, nfds);
			return 0;
		}
		/*
		 * EPIPE and the like: the reading side tells, after what the peer had already
		 * sent has been read.
		 */
		if (e->kind != ERR_SYS || (e->detail != EAGAIN && e->detail != ENOBUFS)) {
			close_all(fds, nfds);
			return -1;
		}
	}
	if (enqueue(q, o, fds, nfds, e) == -1) {
		close_all(fds, nfds);
		return -1;
	}
	return 0;
}

size_t
msgq_waiting(const struct msgq *q)
{
	return q->waiting;
}

void
msgq_pause(struct msgq *q, bool pause)
{
	if (q->ended)
		return;
	if (pause)
		(void)event_del(q->rd);
	else
		(void)event_add(q->rd, NULL);
}
