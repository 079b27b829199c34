/* jumps.c - the jump processes: those that are ready, and those that have a connection */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cut.h"
#include "ident.h"
#include "pamlogin.h"
#include "report.h"

struct want {
	TAILQ_ENTRY(want) all;
	struct conn *conn;
	struct event *timer;
};

static const char unreachable[] = "the server behind the bridge cannot be reached";

/* ---- a process ------------------------------------------------------------------------------ */

static int
on_login(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	(void)fds;
	(void)nfds;
	return login_handle(ctx, m, e);
}

static int
on_dial(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	(void)fds;
	(void)nfds;
	return channel_dial(ctx, m, e);
}

static int
on_closed(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	(void)fds;
	(void)nfds;
	return channel_closed(ctx, m, e);
}

static int
on_about(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	(void)fds;
	(void)nfds;
	return about_handle(ctx, m, e);
}

/* twenty keys, each offered and then proven; as many commands as nobody types */
enum { LOGINS_MAX = 40, ABOUTS_MAX = 1000 };
/* A browser behind `ssh -D` may ask for some; a scan shall not fill the log of all others. */
enum { REFUSED_PER_SECOND = 100 };
/* Longer than it is not read for that. */
enum { LAST_WORDS_SECONDS = 3 };

static const struct msg_rule from_jump[] = {
	{ MSG_LOGIN, JUMP_LOGIN | JUMP_ENDING, LOGINS_MAX, 0, on_login },
	{ MSG_DIAL, JUMP_IN | JUMP_ENDING, 0, 0, on_dial },
	{ MSG_CLOSED, JUMP_IN | JUMP_ENDING, 0, 0, on_closed },
	{ MSG_ABOUT, JUMP_IN | JUMP_ENDING, ABOUTS_MAX, 0, on_about },
};

static int
on_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = arg;
	struct msg_in m;

	/* it knows one connection, and speaks of no other */
	if (msg_parse(&m, buf, n, e) == -1)
		return -1;
	if (j->conn != NULL && m.conn != j->conn->id)
		return err_set(e, ERR_PEER, "%s: not its connection", msg_name(m.type));
	return msg_dispatch(from_jump, sizeof(from_jump) / sizeof(from_jump[0]), &j->seen, j->phase,
	    j, buf, n, fds, nfds, e);
}

static void
jump_free(struct jump *j)
{
	LIST_REMOVE(j, all);
	j->id->jumps.nready -= j->conn == NULL;
	msgq_free(j->q);
	if (j->broken != NULL)
		event_free(j->broken);
	if (j->again != NULL)
		event_free(j->again);
	if (j->start_fd != -1)
		close(j->start_fd);
	free(j);
}

/*
 * The process has ended, or is to: then it sees its channel end. What it has written until now
 * reaches the gate, which sees the end behind it.
 */
static void
gone(struct jump *j, const char *why)
{
	struct ident *id = j->id;
	struct conn *c = j->conn;

	if (c == NULL) {
		jump_free(j);
		return;
	}
	jump_forget(c, why);
	c->ended = true;
	(void)shutdown(c->leg.fd, SHUT_RDWR);
	cut_jump_gone(id, c);
}

static void
on_end(void *arg, const struct err *why)
{
	struct jump *j = arg;

	if (why->kind != ERR_NONE)
		report(j->id, CHILD_ERROR, "jump %u: %s", (unsigned)j->number, why->text);
	gone(j, why->kind == ERR_NONE ? "the jump process ended"
				      : "the jump process broke the protocol");
}

static void
on_broken(evutil_socket_t fd, short what, void *arg)
{
	struct jump *j = arg;

	(void)fd;
	(void)what;
	report(j->id, CHILD_ERROR, "jump %u does not take answers: its connection ends",
	    (unsigned)j->number);
	gone(j, "the jump process did not take its answers");
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct jump *j = arg;

	(void)fd;
	(void)what;
	msgq_pause(j->q, false);
}

void
jump_slow_down(struct jump *j)
{
	static const struct timeval second = { 1, 0 };
	int64_t now = ident_monotonic();

	if (now != j->refused_in) {
		j->refused_in = now;
		j->refused = 0;
	}
	if (++j->refused >= REFUSED_PER_SECOND && evtimer_add(j->again, &second) == 0)
		msgq_pause(j->q, true);
}

void
jump_send(struct jump *j, const struct msg_out *o, const int *fds, size_t nfds)
{
	static const struct timeval last_words = { .tv_sec = LAST_WORDS_SECONDS };
	struct err e;

	if (msgq_send(j->q, o, fds, nfds, &e) == 0)
		return;
	/* it has ended: what it said before is read first, and then its end, if there is one */
	if (e.kind != ERR_SYS || (e.detail != EPIPE && e.detail != ECONNRESET))
		event_active(j->broken, EV_TIMEOUT, 0);
	else if (!event_pending(j->broken, EV_TIMEOUT, NULL) &&
		 event_add(j->broken, &last_words) == -1)
		event_active(j->broken, EV_TIMEOUT, 0);
}

static void
want_free(struct conn *c)
{
	struct want *w = c->want;

	if (w == NULL)
		return;
	TAILQ_REMOVE(&c->gate->id->jumps.wants, w, all);
	event_free(w->timer);
	free(w);
	c->want = NULL;
}

void
jump_forget(struct conn *c, const char *why)
{
	struct jump *j = c->jump;

	want_free(c);
	if (j == NULL)
		return;
	channels_close(j, why);
	hold_forget(j->hold);
	pamlogin_free(j->pam);
	jump_free(j);
	c->jump = NULL;
}

void
jump_cut(struct jump *j, uint32_t code, const char *user)
{
	uint8_t buf[512];
	struct msg_out o;

	j->phase = JUMP_ENDING;
	/*
	 * Their sockets stay until the process has told the client why, or its time for that is
	 * over: an ssh whose only channel has ended leaves, and does not read the rest.
	 */
	channels_end(j);
	hold_forget(j->hold);
	j->hold = NULL;
	pamlogin_free(j->pam);
	j->pam = NULL;
	msg_start(&o, buf, sizeof(buf), MSG_CUT, j->conn->id);
	msg_put_u32(&o, code);
	msg_put_str(&o, user);
	jump_send(j, &o, NULL, 0);
}

uint32_t
jump_channels(const struct jump *j)
{
	return j->nchannels - j->ndialing;
}

void
jump_bytes(const struct jump *j, uint64_t *from_client, uint64_t *to_client)
{
	*from_client = j->from_client;
	*to_client = j->to_client;
	channels_bytes(j, from_client, to_client);
}

/* ---- for a connection ----------------------------------------------------------------------- */

/* One that has what is in force. */
static struct jump *
ready_one(const struct ident *id)
{
	struct jump *j;

	LIST_FOREACH(j, &id->jumps.ready, all)
	if (j->generation == id->gen->number)
		return j;
	return NULL;
}

/* The monitor makes another. */
static void
tell_taken(struct ident *id, const struct jump *j)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e;

	msg_start(&o, buf, sizeof(buf), MSG_TAKEN, 0);
	msg_put_u32(&o, j->number);
	if (msgq_send(id->monitor, &o, NULL, 0, &e) == -1)
		report(id, CHILD_ERROR, "TAKEN: %s", e.text);
}

/* The process has the connection from here on. -1: v, and nothing is done. */
static int
take(struct jump *j, struct conn *c, struct verdict *v)
{
	struct ident *id = j->id;
	const struct settings_target *target = generation_target(id->gen, c->target);
	int pair[2];

	if (target == NULL || target->mode != TARGET_JUMP) {
		err_set(&v->why, ERR_REFUSED, "the configuration has no such jump target any more");
		return verdict_refuse(v, REFUSED_TARGET, unreachable);
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == -1) {
		err_sys(&v->why, errno, "pair");
		return verdict_refuse(v, REFUSED_INTERNAL, "the bridge is full, try again later");
	}
	if (leg_hold_pair(id, &c->leg, pair[0], &v->why) == -1) {
		close(pair[0]);
		close(pair[1]);
		return verdict_refuse(v, REFUSED_INTERNAL, "the bridge is full, try again later");
	}
	LIST_REMOVE(j, all);
	id->jumps.nready--;
	LIST_INSERT_HEAD(&id->jumps.busy, j, all);
	tell_taken(id, j);
	j->conn = c;
	j->start_fd = pair[1];
	j->target = (uint32_t)(target - id->gen->settings.targets);
	j->channels_max = id->gen->settings.channels;
	c->jump = j;
	table_live(&id->table, c);
	open_report(id, c, pair[0]);
	return 0;
}

int
jump_start(struct conn *c)
{
	uint8_t buf[256];
	char from[ADDR_TEXT_SIZE];
	struct msg_out o;
	struct jump *j = c->jump;

	if (j == NULL)
		return -1;
	msg_start(&o, buf, sizeof(buf), MSG_START, c->id);
	msg_put_u32(&o, j->target);
	msg_put_str(&o, endpoint_text_port(&c->client, from));
	j->phase = JUMP_LOGIN;
	jump_send(j, &o, &j->start_fd, 1);
	j->start_fd = -1;
	return 0;
}

static void
refuse(struct conn *c, const struct verdict *v)
{
	open_failed(c->gate->id, c, v);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct want *w = arg;
	struct verdict v = { 0 };

	(void)fd;
	(void)what;
	err_set(&v.why, ERR_SYS, "no jump process was ready in time");
	(void)verdict_refuse(&v, REFUSED_TARGET, unreachable);
	refuse(w->conn, &v); /* which forgets w */
}

/* Who waits, as far as there are processes. */
static void
serve(struct ident *id)
{
	struct want *w;
	struct jump *j;

	while (id->gen != NULL && (w = TAILQ_FIRST(&id->jumps.wants)) != NULL &&
	       (j = ready_one(id)) != NULL) {
		struct conn *c = w->conn;
		struct verdict v = { 0 };

		want_free(c);
		if (take(j, c, &v) == -1)
			refuse(c, &v);
	}
}

int
jumps_want(struct ident *id, struct conn *c, struct verdict *v)
{
	const struct timeval limit = { .tv_sec = id->gen->settings.dial_timeout };
	struct jump *j = TAILQ_EMPTY(&id->jumps.wants) ? ready_one(id) : NULL;
	struct want *w;

	if (j != NULL)
		return take(j, c, v);
	w = calloc(1, sizeof(*w));
	if (w == NULL || (w->timer = evtimer_new(id->base, on_late, w)) == NULL ||
	    evtimer_add(w->timer, &limit) == -1) {
		if (w != NULL && w->timer != NULL)
			event_free(w->timer);
		free(w);
		err_nomem(&v->why, "connection");
		return verdict_refuse(v, REFUSED_INTERNAL, "the bridge is full, try again later");
	}
	w->conn = c;
	c->want = w;
	TAILQ_INSERT_TAIL(&id->jumps.wants, w, all);
	return 0;
}

/* ---- all of them ---------------------------------------------------------------------------- */

int
jumps_add(struct ident *id, uint64_t generation, uint32_t number, int fd, struct err *e)
{
	struct jump *j;

	if (id->jumps.nready >= JUMPS_READY_MAX)
		return err_set(e, ERR_PEER, "more than %d jump processes wait", JUMPS_READY_MAX);
	if (id->gen != NULL && generation < id->gen->number)
		return err_set(
		    e, ERR_PEER, "jump %u: it has an older generation", (unsigned)number);
	if ((j = calloc(1, sizeof(*j))) == NULL)
		return err_nomem(e, "jump process");
	*j = (struct jump){ .id = id,
		.number = number,
		.generation = generation,
		.phase = JUMP_READY,
		.start_fd = -1 };
	LIST_INIT(&j->channels);
	LIST_INSERT_HEAD(&id->jumps.ready, j, all);
	id->jumps.nready++;
	if ((j->broken = event_new(id->base, -1, 0, on_broken, j)) == NULL ||
	    (j->again = evtimer_new(id->base, on_again, j)) == NULL) {
		jump_free(j);
		return err_nomem(e, "jump process");
	}
	if ((j->q = msgq_new(id->base, fd, IDENT_QUEUE_MAX, on_msg, on_end, j, e)) == NULL) {
		jump_free(j);
		return -1;
	}
	serve(id);
	return 0;
}

void
jumps_renew(struct ident *id)
{
	struct jump *j, *next;

	for (j = LIST_FIRST(&id->jumps.ready); j != NULL; j = next) {
		next = LIST_NEXT(j, all);
		if (j->generation < id->gen->number)
			jump_free(j);
	}
	serve(id);
}

void
jumps_init(struct ident *id)
{
	LIST_INIT(&id->jumps.ready);
	LIST_INIT(&id->jumps.busy);
	TAILQ_INIT(&id->jumps.wants);
}

void
jumps_done(struct ident *id)
{
	/* those that have a connection went with it */
	while (!LIST_EMPTY(&id->jumps.ready))
		jump_free(LIST_FIRST(&id->jumps.ready));
}
