/*
 * channel.c - direct-tcpip channels: opened by the client, dialled by ident, closed by either
 *
 * A channel is freed only when both sides of SSH have closed it: libssh keeps its own part until
 * the client's CLOSE comes, and what a client sends until then would grow there without anybody
 * looking. So a client that closes nothing uses up its own channels.
 */
#include <libssh/server.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "pump.h"
#include "wire.h"

/* Of one turn; then the loop has a look at the others: ident, timers, the client. */
enum { ROUNDS = 64, BYTES_DOWN = 1024 * 1024 };

int
channels_init(struct jump *j, struct err *e)
{
	struct channels *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_nomem(e, "channels");
	s->j = j;
	TAILQ_INIT(&s->all);
	if (channel_idle_start(s, e) == -1) {
		free(s);
		return -1;
	}
	j->channels = s;
	return 0;
}

/* ---- the end of one -------------------------------------------------------------------------- */

static void
target_close(struct channel *c)
{
	if (c->ev != NULL)
		event_free(c->ev);
	c->ev = NULL;
	if (c->target != -1)
		(void)close(c->target);
	c->target = -1;
}

static void
message_refuse(struct channel *c)
{
	if (c->open == NULL)
		return;
	(void)ssh_message_reply_default(c->open);
	ssh_message_free(c->open);
	c->open = NULL;
}

/* All but its end of SSH. Not within a callback of libssh. */
static void
channel_drop(struct channel *c)
{
	struct channels *s = c->set;

	TAILQ_REMOVE(&s->all, c, all);
	s->count--;
	s->waiting -= c->state == CHANNEL_WAITING;
	s->dialling -= c->state == CHANNEL_DIALLING;
	target_close(c);
	pump_detach(c);
	ssh_message_free(c->open);
	free(c);
}

static void
channel_forget(struct channel *c)
{
	ssh_channel ssh = c->ssh;

	channel_drop(c);
	ssh_channel_free(ssh);
}

/* Our side of SSH. Called twice since the first call stops at an EOF that does not go out at once.
 */
static void
ssh_side_close(struct channel *c)
{
	if (ssh_channel_close(c->ssh) == SSH_AGAIN)
		(void)ssh_channel_close(c->ssh);
}

static void
channel_end(struct channel *c, const char *why)
{
	channel_tell_closed(c, why);
	target_close(c);
	ssh_side_close(c);
	c->state = CHANNEL_CLOSED;
}

/* Closes what is finished and frees what both sides have closed; *c may be gone. */
static void
channel_settle(struct channel *c)
{
	if (c->state == CHANNEL_OPEN && pump_finished(c))
		channel_end(c, c->why != NULL ? c->why : "closed");
	if (c->state == CHANNEL_CLOSED && c->client_closed)
		channel_forget(c);
}

/* ---- the beginning of one ---------------------------------------------------------------------
 */

/* Room for one more, if need be that of channels which the client has closed in this same turn. */
static bool
have_room(struct channels *s)
{
	struct channel *c, *next;

	for (c = TAILQ_FIRST(&s->all); c != NULL && s->count >= s->j->channels_max; c = next) {
		next = TAILQ_NEXT(c, all);
		channel_settle(c);
	}
	return s->count < s->j->channels_max;
}

static struct channel *
channel_add(struct channels *s, ssh_message msg)
{
	struct channel *c;

	if (!have_room(s) || (c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->set = s;
	c->state = CHANNEL_WAITING;
	c->number = ++s->last_number;
	c->open = msg;
	c->target = -1;
	TAILQ_INSERT_TAIL(&s->all, c, all);
	s->count++;
	s->waiting++;
	return c;
}

static void
dial(struct channel *c)
{
	c->state = CHANNEL_DIALLING;
	c->set->waiting--;
	c->set->dialling++;
	if (channel_dial(c) == 0)
		return;
	message_refuse(c);
	channel_forget(c);
}

/* Who came first is first in the list among those that wait: only open ones change places. */
static void
dial_more(struct channels *s)
{
	struct channel *c, *next;

	for (c = TAILQ_FIRST(&s->all); c != NULL; c = next) {
		next = TAILQ_NEXT(c, all);
		if (s->waiting == 0 || s->dialling >= CHANNELS_DIALLING_MAX)
			return;
		if (c->state == CHANNEL_WAITING)
			dial(c);
	}
}

void
channels_open(struct jump *j, ssh_message msg)
{
	if (channel_add(j->channels, msg) != NULL) {
		dial_more(j->channels);
		return;
	}
	report_refused(j, "channel beyond the limit");
	(void)ssh_message_reply_default(msg);
	ssh_message_free(msg);
}

/* NULL: ident answers what nobody asked. */
static struct channel *
find_dialling(struct channels *s, uint32_t number, struct err *e)
{
	struct channel *c;

	TAILQ_FOREACH(c, &s->all, all)
	if (c->state == CHANNEL_DIALLING && c->number == number)
		return c;
	err_set(e, ERR_PEER, "channel %u waits for no answer", (unsigned)number);
	return NULL;
}

static void
on_target(evutil_socket_t fd, short what, void *arg)
{
	struct channel *c = arg;

	(void)fd;
	if ((what & EV_READ) != 0)
		c->readable = c->peek = true;
	if ((what & EV_WRITE) != 0)
		c->writable = true;
	jump_turn_soon(c->set->j);
}

/* From an answered DIAL to a channel that moves bytes. -1: out of memory, or SSH is at its end. */
static int
channel_start(struct channel *c)
{
	struct jump *j = c->set->j;

	/* edges only: a target that is not read for a while costs no call to say so */
	c->ev =
	    event_new(j->base, c->target, EV_READ | EV_WRITE | EV_ET | EV_PERSIST, on_target, c);
	if (c->ev == NULL || (c->ssh = ssh_channel_new(j->ssh)) == NULL || pump_attach(c) == -1 ||
	    event_add(c->ev, NULL) == -1)
		return -1;
	if (ssh_message_channel_request_open_reply_accept_channel(c->open, c->ssh) != SSH_OK)
		return -1;
	c->readable = c->writable = c->peek = true;
	ssh_message_free(c->open);
	c->open = NULL;
	return 0;
}

int
channels_opened(struct jump *j, uint32_t number, int fd, struct err *e)
{
	struct channels *s = j->channels;
	struct channel *c = find_dialling(s, number, e);

	if (c == NULL) {
		(void)close(fd);
		return -1;
	}
	s->dialling--;
	c->state = CHANNEL_OPEN;
	c->target = fd;
	if (channel_start(c) == -1) {
		channel_tell_closed(c, "out of memory");
		message_refuse(c);
		channel_forget(c);
	}
	jump_turn_soon(j);
	return 0;
}

int
channels_refused(struct jump *j, uint32_t number, uint32_t code, const char *text, struct err *e)
{
	struct channel *c = find_dialling(j->channels, number, e);

	(void)code;
	(void)text;
	if (c == NULL)
		return -1;
	/* SSH can tell no reason through libssh; the record is ident's */
	message_refuse(c);
	channel_forget(c);
	jump_turn_soon(j);
	return 0;
}

bool
channels_has(const struct jump *j, ssh_channel ssh)
{
	const struct channel *c;

	TAILQ_FOREACH(c, &j->channels->all, all)
	if (c->state == CHANNEL_OPEN && c->ssh == ssh)
		return true;
	return false;
}

/* ---- turns ------------------------------------------------------------------------------------
 */

/* Channels that could not write all: they come before any target is read. */
static bool
rests_wait(struct channels *s)
{
	struct channel *c;

	if (s->rests > 0)
		TAILQ_FOREACH(c, &s->all, all)
	if (c->state == CHANNEL_OPEN && c->down.data != NULL)
		(void)pump_down(c);
	return s->rests > 0;
}

static bool
serve(struct channel *c, bool down)
{
	uint64_t before = c->to_client;
	bool moved = pump_up(c);

	/* while libssh holds what the client does not read, no target is read */
	if (down && c->set->budget > 0 && !wire_unsent())
		moved |= pump_down(c);
	c->set->budget -= (int64_t)(c->to_client - before);
	return moved;
}

/*
 * Each channel once, up to the one that is last now; who moved anything goes to the end, so that
 * next time the others are first.
 */
static bool
one_round(struct channels *s)
{
	struct channel *c, *next, *last = TAILQ_LAST(&s->all, channel_list);
	bool moved = false, down = !rests_wait(s);

	for (c = TAILQ_FIRST(&s->all); c != NULL; c = next) {
		next = c == last ? NULL : TAILQ_NEXT(c, all);
		if (c->state == CHANNEL_OPEN && serve(c, down)) {
			moved = true;
			TAILQ_REMOVE(&s->all, c, all);
			TAILQ_INSERT_TAIL(&s->all, c, all);
		}
		channel_settle(c);
	}
	return moved;
}

void
channels_turn(struct jump *j)
{
	struct channels *s = j->channels;
	int rounds = 0;

	if (s == NULL)
		return;
	s->budget = BYTES_DOWN;
	while (s->broken == NULL && one_round(s) && ++rounds < ROUNDS && s->budget > 0)
		;
	if (s->broken != NULL) {
		jump_end(j, s->broken, s->broken);
		return;
	}
	dial_more(s);
	if (rounds == ROUNDS || s->budget <= 0)
		jump_turn_soon(j);
}

void
channels_done(struct jump *j, const char *why)
{
	struct channels *s = j->channels;
	struct channel *c;

	if (s == NULL)
		return;
	while ((c = TAILQ_FIRST(&s->all)) != NULL) {
		if (c->state == CHANNEL_DIALLING || c->state == CHANNEL_OPEN)
			channel_tell_closed(c, why);
		/* no CLOSE: an ssh whose only channel has ended does not read the DISCONNECT behind
		 */
		channel_drop(c);
	}
	channel_idle_stop(s);
	j->channels = NULL;
	free(s);
}
