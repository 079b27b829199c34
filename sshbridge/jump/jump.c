/*
 * jump.c - the connection and its turns
 *
 * libssh is used in queue mode: it reads and decodes, and whatever the client asks waits in its
 * queue until ssh_message_get() takes it. Neither a message in that queue nor input that libssh
 * holds wakes the event loop, so a turn goes on until there is nothing left.
 */
#include <libssh/server.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "about.h"
#include "auth.h"
#include "jump.h"
#include "touch.h"
#include "watchdog.h"
#include "wire.h"

enum {
	TURN_BYTES = 256 * 1024, /* from the client; then the targets have their turn */
	ALIVE_SECONDS = 60,
	ALIVE_MAX = 5,
	LOGIN_PACKETS_MAX = 1000, /* 40 keys and many prompts are a tenth of it */
	QUIET_MAX = 65536,	  /* packets of the client's to which nothing is said */
	END_MS = 900		  /* within the second after which ident has the gate cut */
};

/* ---- what the client asks ---------------------------------------------------------------------
 */

static void
refuse(struct jump *j, ssh_message msg)
{
	static const struct {
		int type, subtype;
		const char *what;
	} names[] = {
		{ SSH_REQUEST_CHANNEL_OPEN, SSH_CHANNEL_FORWARDED_TCPIP, "forwarded-tcpip" },
		{ SSH_REQUEST_CHANNEL_OPEN, SSH_CHANNEL_X11, "X11 channel" },
		{ SSH_REQUEST_CHANNEL_OPEN, SSH_CHANNEL_AUTH_AGENT, "agent channel" },
		{ SSH_REQUEST_CHANNEL_OPEN, SSH_CHANNEL_UNKNOWN, "channel of another type" },
		{ SSH_REQUEST_GLOBAL, SSH_GLOBAL_REQUEST_TCPIP_FORWARD, "remote forwarding" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].type == ssh_message_type(msg) &&
		    names[i].subtype == ssh_message_subtype(msg))
			report_refused(j, names[i].what);
	(void)ssh_message_reply_default(msg);
	ssh_message_free(msg);
}

enum { ANY = -1 };
static const struct {
	int type, subtype;
	unsigned phases;
	void (*handle)(struct jump *, ssh_message); /* takes the message over */
} rules[] = {
	{ SSH_REQUEST_SERVICE, ANY, PHASE_LOGIN, auth_service },
	{ SSH_REQUEST_AUTH, ANY, PHASE_LOGIN, auth_request },
	{ SSH_REQUEST_CHANNEL_OPEN, SSH_CHANNEL_DIRECT_TCPIP, PHASE_OPEN, channels_open },
	{ SSH_REQUEST_CHANNEL_OPEN, SSH_CHANNEL_SESSION, PHASE_OPEN, about_open },
	{ SSH_REQUEST_CHANNEL_OPEN, ANY, PHASE_OPEN, refuse },
	{ SSH_REQUEST_CHANNEL, ANY, PHASE_OPEN, about_request },
	{ SSH_REQUEST_GLOBAL, ANY, PHASE_OPEN, refuse },
};

static void
dispatch(struct jump *j, ssh_message msg)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].type == ssh_message_type(msg) &&
		    (rules[i].subtype == ANY || rules[i].subtype == ssh_message_subtype(msg)) &&
		    (rules[i].phases & j->phase) != 0) {
			rules[i].handle(j, msg);
			return;
		}
	ssh_message_free(msg);
	jump_end(j, "a message out of its phase", "protocol error");
}

/* ---- a turn -----------------------------------------------------------------------------------
 */

static bool
serving(const struct jump *j)
{
	return (j->phase & (PHASE_LOGIN | PHASE_OPEN)) != 0;
}

/* What libssh has against the client, or that he has gone. */
static void
client_is_wrong(struct jump *j)
{
	/* a DISCONNECT "by application" is how clients say good-bye */
	static const char *const gone[] = { "Socket error: disconnected",
		"Socket error: Connection reset", "Socket error: Broken pipe",
		"Received SSH_MSG_DISCONNECT: 11:" };
	const char *why = ssh_get_error(j->ssh);

	if (*why == '\0')
		why = "an error that libssh does not name";
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		if (strncmp(why, gone[i], strlen(gone[i])) == 0)
			why = "the client left";
	jump_end(j, why, NULL);
}

static void
look_at_session(struct jump *j)
{
	if ((ssh_get_status(j->ssh) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0)
		client_is_wrong(j);
}

/*
 * libssh answers nothing to a signature that is wrong, to a key that it cannot read or to a packet
 * that it does not know, and nothing of that comes into its queue. Of a signature of a kind that is
 * not accepted (RSA with SHA-1, by clients from before RFC 8332) its error tells; by the text, for
 * a request that was answered may leave one too (GSSAPI).
 */
static bool
login_goes_wrong(struct jump *j)
{
	static const char kind[] = "Public key from client (";
	const char *error;

	if (j->phase != PHASE_LOGIN)
		return false;
	error = ssh_get_error(j->ssh);
	if (touch_wrong())
		jump_end(j, "a signature that is wrong", "the signature of the SSH key is wrong");
	else if (strncmp(error, kind, strlen(kind)) == 0)
		jump_end(j, error, "an RSA key must sign with SHA-2 here, not SHA-1");
	else if (j->packets.in_packets > LOGIN_PACKETS_MAX)
		jump_end(j, "too many packets without a login", "too many tries");
	return j->phase != PHASE_LOGIN;
}

/* True: there may be more. */
static bool
take_messages(struct jump *j)
{
	uint64_t begin = j->bytes.in_bytes;

	while (serving(j) && !auth_waits(j)) {
		uint64_t before = j->bytes.in_bytes;
		ssh_message msg = ssh_message_get(j->ssh);

		if (login_goes_wrong(j))
			ssh_message_free(msg);
		else if (msg != NULL)
			dispatch(j, msg);
		else if (!wire_pending() || j->bytes.in_bytes == before)
			break;
		if (j->bytes.in_bytes - begin >= TURN_BYTES)
			return true;
	}
	return false;
}

/* An event that is wanted, or not. */
static void
want(struct event *ev, bool wanted)
{
	if (wanted && event_pending(ev, EV_READ | EV_WRITE | EV_CLOSED, NULL) == 0) {
		if (event_add(ev, NULL) == -1)
			jump_die("an event could not be added");
	} else if (!wanted) {
		(void)event_del(ev);
	}
}

/* While an answer is waited for, nothing more is read: the client's hang-up is all that counts. */
static void
wait_for_client(struct jump *j)
{
	bool held = auth_waits(j);

	want(j->gone, held);
	if (wire_settle(held) == -1)
		jump_die("an event could not be added");
}

/* Writing reads too, and what libssh read then wakes nobody. True: there may be more. */
static bool
serve_channels(struct jump *j)
{
	uint64_t in = wire_in();

	about_turn(j);
	channels_turn(j);
	return wire_in() != in;
}

/*
 * In a key exchange libssh keeps what it has to say, its own answers too, for the time after. A
 * client that does not go on with one would have it keep them all. Whether there is one it does not
 * tell, but what has to wait is not counted as sent.
 */
static bool
exchange_stands_still(struct jump *j)
{
	uint64_t out = j->packets.out_packets;

	if (out != j->quiet.out) {
		j->quiet.out = out;
		j->quiet.in = j->packets.in_packets;
	}
	if (j->packets.in_packets - j->quiet.in < QUIET_MAX)
		return false;
	(void)ssh_send_ignore(j->ssh, "");
	return j->packets.out_packets == out;
}

static void
turn(struct jump *j)
{
	bool more, full;

	/* first: it may read, and what libssh has read wakes nobody */
	if (j->phase == PHASE_OPEN && exchange_stands_still(j))
		jump_end(j, "a key exchange that is not gone on with", "no key exchange");
	more = take_messages(j);
	if (serving(j))
		look_at_session(j);
	if (j->phase == PHASE_OPEN)
		more |= serve_channels(j);
	if (!serving(j))
		return;
	full = wire_unsent();
	wait_for_client(j);
	/* no target was read while libssh held something, and nothing tells that it has gone */
	more |= full && !wire_unsent();
	/* writing may meet the client's end, and reads too; no event will tell of it again */
	look_at_session(j);
	if (more || (!auth_waits(j) && wire_pending()))
		jump_turn_soon(j);
}

/* ---- the end ----------------------------------------------------------------------------------
 */

/*
 * After each write libssh takes the socket for full until a poll has told otherwise, and what it
 * then has for it is lost when it disconnects. Nothing is read (wire_settle()).
 */
static void
look_whether_writable(struct jump *j)
{
	ssh_message msg;

	while ((msg = ssh_message_get(j->ssh)) != NULL)
		ssh_message_free(msg);
}

static void
leave(struct jump *j)
{
	char line[SETTINGS_BANNER_MAX];

	if (j->farewell != NULL) {
		/* a copy that is sure to be one line */
		(void)snprintf(line, sizeof(line), "%s", j->farewell);
		for (char *p = line; *p != '\0'; p++)
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				*p = ' ';
		look_whether_writable(j);
		(void)ssh_session_set_disconnect_message(j->ssh, line);
		ssh_disconnect(j->ssh);
	}
	ssh_free(j->ssh);
	_exit(0);
}

/* What was sent before has to go out first: libssh drops what waits when it disconnects. */
static void
end_turn(struct jump *j)
{
	if (!j->done) {
		j->done = true;
		auth_done(j);
		about_done(j);
		channels_done(j, "the connection ended");
		want(j->gone, false);
	}
	if (wire_settle(true) == -1)
		leave(j);
	look_whether_writable(j);
	if ((ssh_get_status(j->ssh) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0 ||
	    (ssh_get_poll_flags(j->ssh) & SSH_WRITE_PENDING) == 0)
		leave(j);
}

void
jump_end(struct jump *j, const char *why, const char *text)
{
	struct timeval most = { .tv_usec = END_MS * 1000 };
	struct logline l;

	if (j->phase == PHASE_ENDING)
		return;
	report_start(j, &l, "ssh-ended");
	auth_describe(j, &l);
	logline_str(&l, "why", why);
	if (text != NULL)
		logline_str(&l, "told", text);
	report_line(j, CHILD_NOTICE, &l);
	j->phase = PHASE_ENDING;
	j->farewell = text == NULL ? NULL : strdup(text);
	(void)event_del(j->login_timer);
	(void)event_del(j->alive_timer);
	if (event_add(j->end_timer, &most) == -1)
		jump_die("an event could not be added");
	jump_turn_soon(j);
}

/* ---- events -----------------------------------------------------------------------------------
 */

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct jump *j = arg;

	(void)fd;
	(void)what;
	watchdog_turn();
	j->turning = true;
	if (j->phase == PHASE_ENDING)
		end_turn(j);
	else
		turn(j);
	j->turning = false;
}

/* Something can be read or written: one turn for all that this round of the loop brought. */
static void
on_wire(void *arg)
{
	jump_turn_soon(arg);
}

static void
on_gone(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	jump_end(arg, "the client left", NULL);
}

/*
 * libssh gives no answer at all to a key of a type that it does not know: this ends such a login
 * too.
 */
static void
on_login_timer(evutil_socket_t fd, short what, void *arg)
{
	struct jump *j = arg;
	char why[64];

	(void)fd;
	(void)what;
	(void)snprintf(why, sizeof(why), "no login within %u s", j->login_timeout);
	jump_end(j, why, why);
}

static void
on_alive_timer(evutil_socket_t fd, short what, void *arg)
{
	struct jump *j = arg;

	(void)fd;
	(void)what;
	if (j->bytes.in_bytes != j->heard)
		j->unanswered = 0;
	j->heard = j->bytes.in_bytes;
	if (j->unanswered++ == j->alive_max) {
		jump_end(j, "the client does not answer", "no answer from the client");
		return;
	}
	/* the first call collects the answer to the last one, or sends; the second sends */
	(void)ssh_send_keepalive(j->ssh);
	(void)ssh_send_keepalive(j->ssh);
	jump_turn_soon(j);
}

static void
on_end_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	leave(arg);
}

void
jump_turn_soon(struct jump *j)
{
	static const struct timeval now;

	/* a turn that asks for another must not keep the loop from looking at anything else */
	if (!j->turning)
		event_active(j->again, EV_TIMEOUT, 0);
	else if (evtimer_add(j->again, &now) == -1)
		jump_die("an event could not be added");
}

void
jump_tell(struct jump *j, const struct msg_out *o)
{
	struct err e;

	if (msgq_send(j->ident, o, NULL, 0, &e) == -1)
		jump_end(j, e.text, "the bridge has ended this connection");
}

/* ---- begin ------------------------------------------------------------------------------------
 */

int
jump_init(struct jump *j, struct err *e)
{
	struct event_config *cfg;

	j->phase = PHASE_NEW;
	j->alive_every.tv_sec = ALIVE_SECONDS;
	j->alive_max = ALIVE_MAX;
	if (touch_init(e) == -1)
		return -1;
	if (ssh_init() != SSH_OK)
		return err_set(e, ERR_SYS, "libssh");
	about_seed();
	cfg = event_config_new();
	if (cfg != NULL && event_config_require_features(cfg, EV_FEATURE_EARLY_CLOSE) == 0)
		j->base = event_base_new_with_config(cfg);
	if (cfg != NULL)
		event_config_free(cfg);
	if (j->base == NULL)
		return err_set(e, ERR_SYS, "no event loop with epoll");
	return 0;
}

static int
make_events(struct jump *j, int fd, struct err *e)
{
	struct timeval login = { .tv_sec = j->login_timeout };

	j->gone = event_new(j->base, fd, EV_CLOSED, on_gone, j);
	j->again = evtimer_new(j->base, on_event, j);
	j->login_timer = evtimer_new(j->base, on_login_timer, j);
	j->alive_timer = event_new(j->base, -1, EV_PERSIST, on_alive_timer, j);
	j->end_timer = evtimer_new(j->base, on_end_timer, j);
	if (j->gone == NULL || j->again == NULL || j->login_timer == NULL ||
	    j->alive_timer == NULL || j->end_timer == NULL ||
	    event_add(j->login_timer, &login) == -1)
		return err_nomem(e, "connection");
	return 0;
}

int
jump_begin(struct jump *j, int fd, struct err *e)
{
	if ((j->ssh = session_new(&j->keys, j->target_index, &j->target, fd, e)) == NULL) {
		close(fd);
		return -1;
	}
	watchdog_name(j->conn, j->client);
	touch_begin();
	/* the session has its own copies */
	hostkeys_done(&j->keys);
	ssh_set_counters(j->ssh, &j->bytes, &j->packets);
	if (make_events(j, fd, e) == -1 || auth_init(j, e) == -1 || about_init(j, e) == -1 ||
	    channels_init(j, e) == -1)
		return -1;
	wire_start(j->base, j->ssh, fd, &j->packets, on_wire, j);
	j->phase = PHASE_LOGIN;
	/*
	 * Sends the version, and reads nothing yet: with something to send, libssh takes the socket
	 * that it closed itself for broken, and forgets what it had against the client. From then
	 * on every turn carries the key exchange on.
	 */
	if (ssh_handle_key_exchange(j->ssh) == SSH_ERROR)
		client_is_wrong(j); /* he has gone */
	jump_turn_soon(j);
	return 0;
}

void
jump_logged_in(struct jump *j)
{
	struct logline l;

	report_start(j, &l, "ssh-login");
	auth_describe(j, &l);
	logline_str(&l, "kex", ssh_get_kex_algo(j->ssh));
	logline_str(&l, "cipher", ssh_get_cipher_in(j->ssh));
	logline_str(&l, "version", ssh_get_clientbanner(j->ssh));
	report_line(j, CHILD_NOTICE, &l);
	j->phase = PHASE_OPEN;
	(void)event_del(j->login_timer);
	if (event_add(j->alive_timer, &j->alive_every) == -1)
		jump_die("an event could not be added");
}
