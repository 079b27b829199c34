/* relay.c - stdin to TLS, TLS to stdout */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>

#include "agentprov.h"
#include "banner.h"
#include "clock.h"
#include "explain.h"
#include "relay.h"
#include "say.h"
#include "stream.h"
#include "text.h"

#define CHUNK	  (128 * 1024)
#define JUNK_MAX  (64 * 1024)
#define LINGER_MS 5000 /* nobody reads stdout, stdin has ended: how long the server may take */
#define LINE_MS	  2000 /* how long a client may take for a line that it wants */

struct relay {
	struct tls *t;
	const char *server;
	struct relay_client *client;
	struct stream in, out;
	struct banner banner;
	uint8_t *up, *down;
	size_t up_off, up_len;	   /* up[up_off..up_len) waits for TLS */
	size_t down_off, down_len; /* down[down_off..down_len) waits for stdout */
	bool in_ended;		   /* stdin's EOF */
	bool notified;		   /* our close_notify is on its way */
	bool peer_ended;	   /* the server's close_notify came */
	bool peer_fin;		   /* after it, the end of TCP */
	size_t junk;		   /* bytes between the two */
	bool out_gone;		   /* nobody reads stdout */
	bool hup;		   /* SIGHUP: only what is in stdin now still counts */
	bool more;		   /* TLS holds data that did not fit into down */
	bool lost;		   /* it is over for a reason in `why` */
	int hup_fd;		   /* SIGHUP as a descriptor, or -1 */
	int64_t linger_ms;	   /* 0: not set */
	struct err why;
};

static void
line_show(void *arg, const uint8_t *line, size_t n)
{
	struct relay *r = arg;
	char shown[1600];
	size_t len;

	say("%s says: %s", r->server, text_escape(shown, sizeof(shown) - 2, line, n));
	if (!r->client->wants_lines || r->out_gone)
		return;
	len = strlen(shown);
	memcpy(shown + len, "\r\n", 3);
	r->out_gone = !stream_line(&r->out, shown, LINE_MS);
}

static size_t
down_pending(const struct relay *r)
{
	return r->down_len - r->down_off;
}

static void
tls_lost(struct relay *r, int ssl_error, int errnum)
{
	const struct cred *c = r->t->cred;
	struct explain_self s = { .now = time(NULL),
		.not_before = c->not_before,
		.not_after = c->not_after,
		.cert_path = c->cert_path,
		.leaf = c->leaf,
		.asked = r->t->asked };
	unsigned long code = ERR_peek_error();
	char text[sizeof(r->why.text)];

	if (!agentprov_said(text, sizeof(text)))
		(void)explain_tls(
		    code, ssl_error == SSL_ERROR_SYSCALL ? errnum : 0, &s, text, sizeof(text));
	ERR_clear_error();
	/* ERR_SYS: the transport broke, nobody said anything */
	(void)err_set(&r->why,
	    ssl_error == SSL_ERROR_SYSCALL ||
		    ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING
		? ERR_SYS
		: ERR_REFUSED,
	    "%s", text);
	r->lost = true;
	r->more = false;
}

/* ---- from stdin --------------------------------------------------------------------------- */

static bool
up_wanted(const struct relay *r)
{
	return !r->in_ended && r->up_off == r->up_len && !r->lost && !r->peer_fin &&
	       r->t->wire.error == 0;
}

static void
up_read(struct relay *r)
{
	ssize_t n = stream_read(&r->in, r->up, CHUNK);

	if (n > 0) {
		r->up_off = 0;
		r->up_len = (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
		/* A terminal that hung up says EIO, a socket ECONNRESET: no more will come. */
		r->in_ended = true;
	}
}

/* Encrypt what there is as far as the wire has room; then, at the end of stdin, say so. */
static void
up_encrypt(struct relay *r)
{
	SSL *ssl = r->t->ssl;
	size_t n;
	int w, error;

	while (r->up_off < r->up_len && wire_has_room(&r->t->wire)) {
		ERR_clear_error();
		errno = 0;
		if ((w = SSL_write_ex(ssl, r->up + r->up_off, r->up_len - r->up_off, &n)) == 1) {
			r->up_off += n;
			continue;
		}
		error = SSL_get_error(ssl, w);
		if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
			tls_lost(r, error, errno);
		return;
	}
	/* Within a message after the handshake libssl refuses SSL_shutdown(): the next round. */
	if (r->in_ended && r->up_off == r->up_len && !r->notified && SSL_in_init(ssl) == 0) {
		ERR_clear_error();
		(void)SSL_shutdown(ssl);
		r->notified = true;
	}
}

static void
up_step(struct relay *r, bool readable)
{
	if (readable && up_wanted(r))
		up_read(r);
	/* Each round of the loop may find room again that the flush before has made. */
	do {
		if (!r->lost)
			up_encrypt(r);
		wire_flush(&r->t->wire);
	} while (!r->lost && r->up_off < r->up_len && wire_pending(&r->t->wire) == 0 &&
		 r->t->wire.error == 0 && SSL_in_init(r->t->ssl) == 0);
	if (r->t->wire.error != 0)
		r->up_off = r->up_len; /* the server takes no more; reading tells why */
}

/* ---- to stdout ---------------------------------------------------------------------------- */

/* What stands before "SSH-" is taken out of down; -1: it is no SSH server. */
static int
down_scan(struct relay *r)
{
	size_t used, rest;

	if (banner_feed(&r->banner, r->down, r->down_len, &used, &r->why) == -1) {
		r->lost = true;
		r->more = false;
		r->down_len = r->banner.len = 0;
		return -1;
	}
	rest = r->down_len - used;
	if (r->banner.ssh) {
		/* "SSH-" itself may have come in pieces; down has four bytes more than CHUNK. */
		memmove(r->down + r->banner.len, r->down + used, rest);
		memcpy(r->down, r->banner.line, r->banner.len);
		rest += r->banner.len;
	}
	r->down_len = rest;
	return 0;
}

/* Decrypt until the socket has no more or down is full. */
static void
down_read(struct relay *r)
{
	SSL *ssl = r->t->ssl;
	size_t n;
	int s, error;

	r->more = false;
	while (r->down_len < CHUNK) {
		ERR_clear_error();
		errno = 0;
		if ((s = SSL_read_ex(ssl, r->down + r->down_len, CHUNK - r->down_len, &n)) == 1) {
			r->down_len += n;
			if (r->out_gone)
				r->down_len = r->down_off;
			if (!r->banner.ssh && down_scan(r) == -1)
				return;
			/* poll() knows the socket only, not what libssl has read ahead. */
			if (SSL_has_pending(ssl) == 0)
				return;
			continue;
		}
		error = SSL_get_error(ssl, s);
		if (error == SSL_ERROR_ZERO_RETURN)
			r->peer_ended = true;
		else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
			tls_lost(r, error, errno);
		return;
	}
	r->more = SSL_has_pending(ssl) != 0;
}

/* Our answer to a message of TLS itself, which did not fit into the wire the last time. */
static bool
answer_waits(const struct relay *r)
{
	return SSL_in_init(r->t->ssl) != 0 && wire_has_room(&r->t->wire);
}

/*
 * After close_notify nothing of the server's counts; only the end of TCP is waited for. A little
 * at a time: who sends on and on must not keep us from stdin and signals, and has ended by that.
 */
static void
fin_read(struct relay *r)
{
	uint8_t junk[4096];
	ssize_t n = recv(r->t->fd, junk, sizeof(junk), MSG_DONTWAIT);

	if (n > 0) {
		r->junk += (size_t)n;
		r->peer_fin = r->junk > JUNK_MAX;
	} else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
		r->peer_fin = true;
	}
}

static void
out_lost(struct relay *r)
{
	r->out_gone = true;
	r->down_off = r->down_len = 0;
}

/* The reader has gone, which is his right; or it is a full disk, say, which he must hear of. */
static void
out_failed(struct relay *r, int errnum)
{
	bool gone = errnum == EPIPE || errnum == ECONNRESET || errnum == EIO;

	out_lost(r);
	if (gone || r->lost)
		return;
	(void)err_sys(&r->why, errnum, "stdout");
	r->lost = true;
	r->more = r->out_gone = false;
}

static void
down_write(struct relay *r)
{
	ssize_t n;

	while (down_pending(r) > 0 && !r->out_gone) {
		n = stream_write(&r->out, r->down + r->down_off, down_pending(r));
		if (n > 0) {
			r->down_off += (size_t)n;
			if (r->out.waits)
				break; /* another poll() before more */
		} else if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			break;
		} else {
			out_failed(r, errno);
		}
	}
	if (r->down_off == r->down_len) {
		r->down_off = r->down_len = 0;
	} else if (r->down_len == CHUNK && r->down_off > CHUNK / 2) {
		memmove(r->down, r->down + r->down_off, down_pending(r));
		r->down_len -= r->down_off;
		r->down_off = 0;
	}
}

static void
down_step(struct relay *r, bool readable, bool writable)
{
	if (r->peer_ended && readable)
		fin_read(r);
	else if ((readable || r->more || answer_waits(r)) && !r->lost && !r->peer_ended)
		down_read(r);
	(void)renew_tell(r->t, r->server);
	if (r->banner.ssh && (writable || !r->out.waits))
		down_write(r);
	if (r->peer_ended && down_pending(r) == 0 && !r->out_gone && r->banner.ssh)
		stream_end(&r->out);
}

/* ---- both --------------------------------------------------------------------------------- */

/*
 * ssh sends its ProxyCommand a SIGHUP when it exits. What it wrote before, its SSH_MSG_DISCONNECT
 * above all, is still in the pipe then and must reach the server.
 */
static void
hup_open(struct relay *r)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	if ((r->hup_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) != -1)
		(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static void
hup_take(struct relay *r)
{
	struct signalfd_siginfo si;

	if (read(r->hup_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		r->hup = true;
		out_lost(r);
	}
}

static bool
is_over(const struct relay *r)
{
	if (down_pending(r) > 0)
		return false;
	if (r->lost || (r->linger_ms != 0 && clock_ms() >= r->linger_ms))
		return true;
	if (!r->peer_ended)
		return false;
	/* Half of it has ended well; the other half ends with stdin, or when nobody takes it. */
	return !r->banner.ssh || r->out_gone || r->t->wire.error != 0 ||
	       ((r->notified || (r->peer_fin && r->up_off == r->up_len)) &&
		   wire_pending(&r->t->wire) == 0);
}

static int
wait_ms(struct relay *r)
{
	if ((r->more && r->down_len < CHUNK) || (r->hup && up_wanted(r)))
		return 0;
	if (r->out_gone && r->in_ended && r->linger_ms == 0)
		r->linger_ms = clock_ms() + LINGER_MS;
	return r->linger_ms == 0 ? -1 : clock_left(r->linger_ms);
}

/* A descriptor that is asked for nothing is left out: its hang-up would wake us for ever. */
static void
poll_fill(const struct relay *r, struct pollfd p[4])
{
	bool in = up_wanted(r);
	bool read = !r->lost && !r->peer_fin && (r->peer_ended || r->down_len < CHUNK);
	/*
	 * The flush at the end of a round may have emptied the wire while plaintext still waits for
	 * its room: stdin is not asked then, so the socket's being writable must wake us.
	 */
	bool write = wire_pending(&r->t->wire) > 0 ||
		     (r->up_off < r->up_len && !r->lost && r->t->wire.error == 0 &&
			 SSL_in_init(r->t->ssl) == 0);

	p[0] = (struct pollfd){ .fd = in ? r->in.fd : -1, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = read || write ? r->t->fd : -1 };
	p[1].events = (short)((read ? POLLIN : 0) | (write ? POLLOUT : 0));
	/* stdout is watched for its reader's end also while there is nothing to write */
	p[2] = (struct pollfd){ .fd = r->out_gone ? -1 : r->out.fd };
	p[2].events = down_pending(r) > 0 ? POLLOUT : 0;
	p[3] = (struct pollfd){ .fd = r->hup ? -1 : r->hup_fd, .events = POLLIN };
}

static int
relay_loop(struct relay *r, struct err *e)
{
	struct pollfd p[4];
	bool hup;

	/* The handshake may have read ahead. */
	down_step(r, true, false);
	while (!is_over(r)) {
		poll_fill(r, p);
		hup = r->hup;
		if (poll(p, 4, wait_ms(r)) == -1) {
			if (errno == EINTR)
				continue;
			return err_sys(e, errno, "poll");
		}
		if ((p[2].revents & (POLLERR | POLLNVAL)) != 0 ||
		    (p[2].revents & (POLLHUP | POLLOUT)) == POLLHUP)
			out_lost(r);
		if (p[3].revents != 0)
			hup_take(r);
		/* ssh wrote before the signal: what this poll() did not see was never written. */
		if (hup && p[0].fd != -1 && p[0].revents == 0)
			r->in_ended = true;
		up_step(r, p[0].revents != 0);
		down_step(r, (p[1].revents & ~POLLOUT) != 0 && (p[1].events & POLLIN) != 0,
		    (p[2].revents & POLLOUT) != 0);
		/* An answer of TLS itself, to a KeyUpdate say, goes out at once. */
		wire_flush(&r->t->wire);
	}
	return 0;
}

/* The server ended it and did not say why: that our certificate has expired may be the reason. */
static void
expiry_tell(struct relay *r)
{
	const struct cred *c = r->t->cred;
	struct explain_self s = { .now = time(NULL),
		.not_before = c->not_before,
		.not_after = c->not_after,
		.cert_path = c->cert_path,
		.leaf = c->leaf };
	char text[500];

	if (renew_tell(r->t, r->server) || !r->peer_ended || r->notified || s.now <= s.not_after)
		return;
	say("%s ended the connection; %s", r->server, explain_validity(&s, text, sizeof(text)));
}

/* The end as the user is to read it. */
static int
verdict(struct relay *r, struct err *e)
{
	banner_end(&r->banner);
	expiry_tell(r);
	*e = (struct err){ .kind = ERR_NONE };
	if (r->banner.ssh && (!r->lost || r->out_gone))
		return 0;
	if (r->banner.refused || r->out_gone)
		return -1;
	if (r->banner.http)
		return err_set(e, ERR_PEER,
		    "the server speaks HTTP inside TLS: it is a web server, "
		    "not the bridge");
	if (r->lost) {
		*e = r->why;
		return !r->banner.ssh && e->kind == ERR_SYS
			   ? err_prefix(e, "before the SSH server spoke")
			   : -1;
	}
	return err_set(e, ERR_PEER,
	    r->t->asked
		? "the bridge closed the connection before the SSH server spoke"
		: "the server closed the connection and never asked for a certificate: is it the "
		  "bridge?");
}

int
relay_run(struct tls *t, const char *server, struct relay_client *c, struct err *e)
{
	struct relay r = { .t = t, .server = server, .client = c };
	int ret = -1;

	banner_init(&r.banner, line_show, &r);
	hup_open(&r);
	stream_init(&r.in, STDIN_FILENO, false);
	stream_init(&r.out, STDOUT_FILENO, true);
	if ((r.up = malloc(CHUNK)) == NULL || (r.down = malloc(CHUNK + 4)) == NULL)
		(void)err_nomem(e, "relay");
	else if (relay_loop(&r, e) == 0)
		ret = verdict(&r, e);
	/* Whatever the reason, the server hears of the end while it can. */
	if (!r.notified && !r.lost && SSL_in_init(t->ssl) == 0) {
		(void)SSL_shutdown(t->ssl);
		wire_flush(&t->wire);
	}
	ERR_clear_error();
	c->begun = r.banner.ssh;
	if (r.hup_fd != -1)
		(void)close(r.hup_fd);
	free(r.up);
	free(r.down);
	return ret;
}
