/*
 * pump.c - moving the bytes of a channel
 *
 * Traps of libssh that the code below goes around (0.10 and 0.11):
 * - ssh_channel_write() takes less than it is given in a key exchange: the rest is kept here and
 *   the channel's target is not read until it is gone. It never gets more than the window, since
 *   it would take the whole of it and count what is over as unwritten.
 * - ssh_channel_read() opens the window anew whatever else is still held (0.10), so all that is
 *   held is taken at once, and only when nothing of ours waits: at most two windows a channel.
 * - Data beyond the window are taken (0.10): CHANNEL_HELD_MAX ends the connection.
 * - Writing may read, and so call back for this channel too: look at its state again afterwards.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "pump.h"
#include "wire.h"

/* ---- what waits ------------------------------------------------------------------------------ */

static size_t
rest_len(const struct channel_rest *r)
{
	return r->len - r->pos;
}

static void
rest_free(struct channel_rest *r)
{
	free(r->data);
	*r = (struct channel_rest){ 0 };
}

static void
count_held(struct channel *c, size_t held)
{
	struct channels *s = c->set;

	s->bytes_held += held;
	s->bytes_held -= c->held;
	c->held = held;
	if (held > CHANNEL_HELD_MAX)
		s->broken = "data far beyond the window of a channel";
	else if (s->bytes_held > CHANNELS_WAITING_MAX)
		s->broken = "too much data for targets that do not read";
}

static void
up_done(struct channel *c)
{
	c->set->bytes_held -= rest_len(&c->up);
	rest_free(&c->up);
}

static void
down_done(struct channel *c)
{
	if (c->down.data != NULL)
		c->set->rests--;
	rest_free(&c->down);
}

/* ---- from the client to the target ----------------------------------------------------------- */

/* Its connection broke; what it said before is still passed on. */
static void
target_is_deaf(struct channel *c)
{
	c->target_deaf = true;
	up_done(c);
	c->why = "the target broke the connection";
}

static void
fail(struct channel *c, const char *why)
{
	if (!c->failed)
		c->why = why;
	c->failed = true;
}

/* How much the target took; 0 too when it is deaf. */
static size_t
to_target(struct channel *c, const uint8_t *p, size_t n)
{
	ssize_t r;

	do
		r = send(c->target, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (r == -1 && errno == EINTR);
	if (r == -1 && errno != EAGAIN && errno != EWOULDBLOCK) {
		target_is_deaf(c);
		return 0;
	}
	if (r == -1)
		r = 0;
	if ((size_t)r < n)
		c->writable = false;
	c->from_client += (uint64_t)r;
	if (r > 0)
		channel_idle_moved(c->set);
	return (size_t)r;
}

/* libssh: data came. What is not taken stays there, and this is called with it again. */
static int
on_data(ssh_session session, ssh_channel ssh, void *data, uint32_t len, int is_stderr, void *arg)
{
	struct channel *c = arg;
	size_t took = 0;

	(void)session;
	(void)ssh;
	/* a client has no error stream; nor anything to say after its end */
	if (is_stderr)
		return (int)len;
	if (c->client_eof) {
		c->set->broken = "data after the end of a channel";
		return (int)len;
	}
	/* after our CLOSE nothing is read, so that no window is opened either */
	if (c->state == CHANNEL_OPEN) {
		if (!c->target_deaf && c->writable && c->up.data == NULL)
			took = to_target(c, data, len);
		if (c->target_deaf)
			took = len;
	}
	count_held(c, len - took);
	return (int)took;
}

static void
on_eof(ssh_session session, ssh_channel ssh, void *arg)
{
	struct channel *c = arg;

	(void)session;
	(void)ssh;
	c->client_eof = true;
}

static void
on_close(ssh_session session, ssh_channel ssh, void *arg)
{
	struct channel *c = arg;

	(void)session;
	(void)ssh;
	c->client_eof = c->client_closed = true;
}

/* Out of libssh, all of it: see above. False when there is nothing, or no memory for it. */
static bool
take_held(struct channel *c)
{
	size_t n = c->held;
	int r;

	if (n == 0 || c->up.data != NULL || c->failed)
		return false;
	if ((c->up.data = malloc(n)) == NULL) {
		fail(c, "out of memory");
		return false;
	}
	r = ssh_channel_read(c->ssh, c->up.data, (uint32_t)n, 0);
	if (r <= 0) {
		rest_free(&c->up);
		fail(c, "SSH error");
		return false;
	}
	c->up.len = (size_t)r;
	c->set->bytes_held += (size_t)r;
	count_held(c, n - (size_t)r);
	return true;
}

static void
send_up(struct channel *c)
{
	size_t n = to_target(c, c->up.data + c->up.pos, rest_len(&c->up));

	if (c->up.data == NULL) /* deaf */
		return;
	c->up.pos += n;
	c->set->bytes_held -= n;
	if (rest_len(&c->up) == 0)
		rest_free(&c->up);
}

/* Nobody is there to take them. */
static void
drop_held(struct channel *c)
{
	if (take_held(c))
		up_done(c);
}

bool
pump_up(struct channel *c)
{
	uint64_t before = c->from_client;

	if (c->target_deaf)
		drop_held(c);
	while (!c->target_deaf && c->writable && (c->up.data != NULL || take_held(c)))
		send_up(c);
	if (c->client_eof && !c->target_deaf && c->up.data == NULL && c->held == 0) {
		(void)shutdown(c->target, SHUT_WR);
		c->target_deaf = true;
	}
	return c->from_client != before;
}

/* ---- from the target to the client ----------------------------------------------------------- */

/* What libssh does not take is kept. */
static void
to_client(struct channel *c, const uint8_t *p, size_t n)
{
	int r = ssh_channel_write(c->ssh, p, (uint32_t)n);

	if (r < 0) {
		/* closed by the client while this was written, or the connection is at its end */
		if (!c->client_closed)
			fail(c, "SSH error");
		return;
	}
	c->to_client += (uint64_t)r;
	if ((size_t)r == n)
		return;
	n -= (size_t)r;
	if ((c->down.data = malloc(n)) == NULL) {
		fail(c, "out of memory");
		return;
	}
	memcpy(c->down.data, p + r, n);
	c->down.pos = 0;
	c->down.len = n;
	c->set->rests++;
}

/* What was left in a key exchange. True when it is gone. */
static bool
flush_down(struct channel *c)
{
	struct channel_rest *d = &c->down;
	size_t n = rest_len(d), window;
	int r;

	if (d->data == NULL)
		return true;
	window = ssh_channel_window_size(c->ssh);
	r = window == 0
		? 0
		: ssh_channel_write(c->ssh, d->data + d->pos, (uint32_t)(n < window ? n : window));
	if (r < 0) {
		if (!c->client_closed)
			fail(c, "SSH error");
		down_done(c);
		return true;
	}
	c->to_client += (uint64_t)r;
	d->pos += (size_t)r;
	if (rest_len(d) > 0)
		return false;
	down_done(c);
	return true;
}

/* What the target says, when there is room for `room` of it. 0: nothing now, or never again. */
static size_t
from_target(struct channel *c, uint8_t *buf, size_t room)
{
	ssize_t n;

	do
		n = recv(c->target, buf, room, MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n > 0) {
		c->peek = true;
		channel_idle_moved(c->set);
		return (size_t)n;
	}
	/* an edge is told once: only this ends what it stands for, never a short read */
	c->readable = false;
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	c->target_eof = true;
	if (n == -1)
		target_is_deaf(c);
	return 0;
}

/*
 * The client has closed and its last bytes are still on their way: a target that does not read
 * before somebody reads it gets that, for a while.
 */
static bool
listen_and_drop(struct channel *c, uint8_t *buf)
{
	size_t n;

	if (!c->readable || c->target_eof || c->dropped > CHANNEL_DROP_MAX)
		return false;
	n = from_target(c, buf, PUMP_CHUNK);
	c->dropped += n;
	return n > 0;
}

static void
tell_eof(struct channel *c)
{
	if (c->told_eof)
		return;
	if (ssh_channel_send_eof(c->ssh) == SSH_ERROR)
		fail(c, "SSH error");
	c->told_eof = true;
}

/* The window is closed: has the target ended? Asked once for what is new, not in every turn. */
static bool
peek_at_end(struct channel *c)
{
	uint8_t byte;

	if (!c->peek)
		return false;
	c->peek = false;
	if (recv(c->target, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		c->target_eof = true;
	return c->target_eof;
}

bool
pump_down(struct channel *c)
{
	static uint8_t chunk[PUMP_CHUNK];
	size_t room, n;

	if (c->client_closed)
		return listen_and_drop(c, chunk);
	if (!flush_down(c) || c->failed)
		return false;
	if (c->target_eof) {
		tell_eof(c);
		return false;
	}
	room = ssh_channel_window_size(c->ssh);
	if (!c->readable)
		return false;
	if (room == 0)
		return peek_at_end(c);
	n = from_target(c, chunk, room < PUMP_CHUNK ? room : PUMP_CHUNK);
	if (n == 0)
		return c->target_eof;
	to_client(c, chunk, n);
	return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

bool
pump_finished(const struct channel *c)
{
	bool up = c->target_deaf && c->up.data == NULL && c->held == 0;
	bool down = c->target_eof && c->down.data == NULL;

	if (c->failed)
		return true;
	return up && (down || c->client_closed);
}

int
pump_attach(struct channel *c)
{
	c->callbacks = (struct ssh_channel_callbacks_struct){
		.userdata = c,
		.channel_data_function = on_data,
		.channel_eof_function = on_eof,
		.channel_close_function = on_close,
	};
	ssh_callbacks_init(&c->callbacks);
	return ssh_set_channel_callbacks(c->ssh, &c->callbacks) == SSH_OK ? 0 : -1;
}

void
pump_detach(struct channel *c)
{
	up_done(c);
	down_done(c);
	count_held(c, 0);
	if (c->ssh != NULL)
		(void)ssh_remove_channel_callbacks(c->ssh, &c->callbacks);
}
