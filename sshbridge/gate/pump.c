/*
 * pump.c - moving bytes
 *
 * A handshake message that has come by half (a key update, the answer to a request for a
 * certificate) is a trap on both sides: until it is whole OpenSSL writes nothing, so the target is
 * not read (`held`); and its rest must be read though the target takes nothing, or the two would
 * wait for each other for ever. The rest is then read alone, without the data behind it.
 *
 * A key update is 27 bytes on the wire and costs as much as opening 16 kB: what four turns can
 * bring of them would hold up everybody else for 150 ms. No client has use for more than a few.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <openssl/err.h>

#include "pump.h"
#include "tls.h"

/* Turns of one direction in a row; then the other connections have theirs. */
enum { TURNS = 4 };
/* Key updates in one turn. */
enum { UPDATES_MAX = 32 };

static int64_t
now_seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec;
}

void
pump_stop(struct pump *p)
{
	if (!p->running)
		return;
	p->running = false;
	SSL_set_msg_callback(p->ssl, NULL);
	(void)event_del(&p->client_rd);
	(void)event_del(&p->client_wr);
	(void)event_del(&p->target_rd);
	(void)event_del(&p->target_wr);
	(void)event_del(&p->idle);
	rest_done(&p->to_target);
}

/* Stop, and tell why when the handler that runs is done with *p: see settle(). */
static void
pump_end(struct pump *p, const char *why)
{
	if (!p->running)
		return;
	pump_stop(p);
	p->why = why;
}

/* The last word of each handler: the callee may free *p. */
static void
settle(struct pump *p)
{
	if (!p->running)
		p->on_end(p->arg, p->why);
}

/* An event that cannot be added would leave a connection hanging for good. */
static void
watch(struct pump *p, struct event *ev)
{
	if (event_add(ev, NULL) == -1)
		pump_end(p, "out of memory");
}

/* Both directions have ended and nothing waits. */
static void
end_if_done(struct pump *p)
{
	if (p->running && (p->client_eof || p->target_deaf) && p->to_target.len == 0 &&
	    p->target_eof && p->client_told && p->wire->rest.len == 0)
		pump_end(p, "closed");
}

/* OpenSSL is amid a handshake message of the client's. */
static bool
in_message(const struct pump *p)
{
	return SSL_in_init(p->ssl) != 0;
}

static void
tls_failed(struct pump *p)
{
	const char *reason = tls_reason(); /* static text */

	if (*reason == '\0')
		reason = p->wire->eof ? "the client left in the middle of a message" : "TLS error";
	pump_end(p, reason);
}

static void
client_failed(struct pump *p)
{
	pump_end(p, p->wire->errnum == ENOBUFS ? "the client does not read"
					       : "the client's connection broke");
}

static void
message_done(struct pump *p)
{
	if (!p->held || in_message(p))
		return;
	p->held = false;
	if (!p->target_eof && p->wire->rest.len == 0)
		watch(p, &p->target_rd);
}

/* ---- from the client to the target ----------------------------------------------------------- */

/* The target's socket took no more, ever: what it still has to say is passed on first. */
static void
target_is_deaf(struct pump *p)
{
	p->target_deaf = true;
	rest_done(&p->to_target);
	if (!in_message(p))
		(void)event_del(&p->client_rd);
	(void)event_del(&p->target_wr);
}

/* Send what is there; afterwards, if the client has ended, tell the target so. */
static void
to_target(struct pump *p, size_t n)
{
	int r;

	if (p->target_deaf)
		return;
	r = rest_send(&p->to_target, p->target, p->wire->s->plain, n, sizeof(p->wire->s->plain));
	if (r == EAGAIN) {
		if (!in_message(p))
			(void)event_del(&p->client_rd);
		watch(p, &p->target_wr);
		return;
	}
	if (r == ENOMEM) {
		pump_end(p, "out of memory");
		return;
	}
	if (r != 0) {
		target_is_deaf(p);
		return;
	}
	if (p->client_eof) {
		p->target_deaf = true;
		(void)shutdown(p->target, SHUT_WR);
		(void)event_del(&p->client_rd);
	}
}

/*
 * Decrypt all that wire_fill() brought. How many bytes; -1 when the connection is at its end in a
 * way that lets nothing more through.
 */
static ssize_t
read_records(struct pump *p)
{
	uint8_t *plain = p->wire->s->plain;
	size_t n = 0, k, size = sizeof(p->wire->s->plain);
	int ssl_error;

	ERR_clear_error();
	for (;;) {
		assert(n < size);
		if (SSL_read_ex(p->ssl, plain + n, size - n, &k) == 1) {
			n += k;
			continue;
		}
		ssl_error = SSL_get_error(p->ssl, 0);
		if (ssl_error == SSL_ERROR_WANT_READ)
			return (ssize_t)n;
		if (ssl_error == SSL_ERROR_ZERO_RETURN && !in_message(p)) {
			p->client_eof = true;
			return (ssize_t)n;
		}
		return -1;
	}
}

/* OpenSSL has a whole message of either side's. */
static void
on_message(int ours, int version, int type, const void *message, size_t n, SSL *ssl, void *arg)
{
	struct pump *p = arg;

	(void)version;
	(void)ssl;
	if (!ours && type == SSL3_RT_HANDSHAKE && n > 0 &&
	    *(const uint8_t *)message == SSL3_MT_KEY_UPDATE && ++p->updates > UPDATES_MAX)
		wire_stop(p->wire);
}

/* The rest of a message by half, record by record from the socket. As read_records(): 0 or -1. */
static ssize_t
read_message(struct pump *p)
{
	ssize_t ret = 0;
	int r;

	ERR_clear_error();
	p->wire->direct = true;
	wire_turn(p->wire);
	r = SSL_do_handshake(p->ssl);
	if (r != 1 && SSL_get_error(p->ssl, r) != SSL_ERROR_WANT_READ)
		ret = -1;
	p->wire->direct = false;
	if (ret == 0 && !in_message(p))
		(void)event_del(&p->client_rd);
	return ret;
}

/* What was read, passed on. False: the end. */
static bool
took(struct pump *p, ssize_t n)
{
	/* an answer to a key update, or an alert */
	bool flushed = wire_flush(p->wire);

	if (p->wire->failed)
		client_failed(p);
	else if (p->updates > UPDATES_MAX)
		pump_end(p, "too many key updates");
	else if (n == -1)
		tls_failed(p);
	if (!p->running)
		return false;
	if (!flushed)
		watch(p, &p->client_wr);
	message_done(p);
	/* what is TLS's own keeps no idle connection alive */
	if (n > 0 || p->client_eof)
		p->moved = now_seconds();
	p->from_client += (uint64_t)n;
	to_target(p, (size_t)n);
	if (p->running && p->asked)
		p->on_answer(p->arg);
	return p->running;
}

/* One turn up. True when there may be more. */
static bool
turn_up(struct pump *p)
{
	size_t got;

	p->updates = 0;
	if (p->to_target.len > 0 || p->target_deaf) {
		(void)took(p, read_message(p));
		return false;
	}
	got = wire_fill(p->wire);
	if (p->wire->failed) {
		client_failed(p);
		return false;
	}
	if (got == 0 && !p->wire->eof)
		return false;
	return took(p, read_records(p)) && got == WIRE_IN_SIZE && p->wire->reads > 0 &&
	       !p->client_eof && !p->target_deaf && p->to_target.len == 0;
}

static void
on_client_readable(evutil_socket_t fd, short what, void *arg)
{
	struct pump *p = arg;

	(void)fd;
	(void)what;
	for (int i = 0; i < TURNS && turn_up(p); i++)
		;
	end_if_done(p);
	settle(p);
}

static void
on_target_writable(evutil_socket_t fd, short what, void *arg)
{
	struct pump *p = arg;

	(void)fd;
	(void)what;
	p->moved = now_seconds();
	to_target(p, 0);
	if (p->running && p->to_target.len == 0) {
		(void)event_del(&p->target_wr);
		if (!p->client_eof && !p->target_deaf)
			watch(p, &p->client_rd);
		end_if_done(p);
	}
	settle(p);
}

/* ---- from the target to the client ----------------------------------------------------------- */

/* Nothing waits for the client: go on with the target, or pass its end on. */
static void
client_took_all(struct pump *p)
{
	(void)event_del(&p->client_wr);
	if (!p->target_eof) {
		watch(p, &p->target_rd);
		return;
	}
	if (!p->wire->mute) {
		p->wire->mute = true;
		(void)shutdown(p->wire->fd, SHUT_WR);
	}
	end_if_done(p);
}

/* Let go what OpenSSL wrote. False when the client has to read first, or is gone. */
static bool
to_client(struct pump *p)
{
	if (wire_flush(p->wire))
		return true;
	if (p->wire->failed) {
		client_failed(p);
	} else {
		(void)event_del(&p->target_rd);
		watch(p, &p->client_wr);
	}
	return false;
}

static void
target_ended(struct pump *p)
{
	p->target_eof = p->client_told = true;
	(void)event_del(&p->target_rd);
	ERR_clear_error();
	(void)SSL_shutdown(p->ssl);
	if (to_client(p))
		client_took_all(p);
}

/* One turn down. True when there may be more. */
static bool
turn_down(struct pump *p)
{
	ssize_t n;
	size_t written;

	if (in_message(p)) {
		p->held = true;
		(void)event_del(&p->target_rd);
		return false;
	}
	do
		n = recv(p->target, p->wire->s->plain, WIRE_CHUNK, MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (n <= 0) {
		if (n == -1) /* reset: it hears nothing either */
			target_is_deaf(p);
		target_ended(p);
		return false;
	}
	ERR_clear_error();
	/* the wire takes all that OpenSSL writes, so there is no half a write */
	if (SSL_write_ex(p->ssl, p->wire->s->plain, (size_t)n, &written) != 1) {
		wire_drop(p->wire);
		tls_failed(p);
		return false;
	}
	p->to_client += (uint64_t)n;
	return to_client(p) && n == WIRE_CHUNK;
}

static void
on_target_readable(evutil_socket_t fd, short what, void *arg)
{
	struct pump *p = arg;

	(void)fd;
	(void)what;
	p->moved = now_seconds();
	for (int i = 0; i < TURNS && turn_down(p); i++)
		;
	settle(p);
}

static void
on_client_writable(evutil_socket_t fd, short what, void *arg)
{
	struct pump *p = arg;

	(void)fd;
	(void)what;
	p->moved = now_seconds();
	if (to_client(p))
		client_took_all(p);
	settle(p);
}

bool
pump_is_whole(const struct pump *p)
{
	return p->running && !p->client_eof && !p->client_told && !p->target_deaf;
}

void
pump_push(struct pump *p)
{
	(void)to_client(p);
	settle(p);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* The timer is set anew when it fires, not for every byte. */
static void
on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct pump *p = arg;
	int64_t left = p->moved + p->idle_seconds - now_seconds();
	struct timeval tv = { .tv_sec = left };

	(void)fd;
	(void)what;
	if (left <= 0)
		pump_end(p, "idle timeout");
	else if (evtimer_add(&p->idle, &tv) == -1)
		pump_end(p, "out of memory");
	settle(p);
}

int
pump_start(struct pump *p, struct event_base *base)
{
	struct timeval tv = { .tv_sec = p->idle_seconds };
	const short rd = EV_READ | EV_PERSIST, wr = EV_WRITE | EV_PERSIST;

	p->wire->direct = false;
	p->moved = now_seconds();
	p->running = true;
	SSL_set_msg_callback(p->ssl, on_message);
	SSL_set_msg_callback_arg(p->ssl, p);
	(void)event_assign(&p->client_rd, base, p->wire->fd, rd, on_client_readable, p);
	(void)event_assign(&p->client_wr, base, p->wire->fd, wr, on_client_writable, p);
	(void)event_assign(&p->target_rd, base, p->target, rd, on_target_readable, p);
	(void)event_assign(&p->target_wr, base, p->target, wr, on_target_writable, p);
	(void)evtimer_assign(&p->idle, base, on_idle, p);
	if (event_add(&p->client_rd, NULL) == -1 ||
	    event_add(p->wire->rest.len > 0 ? &p->client_wr : &p->target_rd, NULL) == -1 ||
	    (p->idle_seconds > 0 && evtimer_add(&p->idle, &tv) == -1)) {
		pump_stop(p);
		return -1;
	}
	return 0;
}
