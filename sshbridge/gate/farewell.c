/* farewell.c - the ends of a connection: what is logged, what the client hears, what is closed */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>

#include "conn_local.h"
#include "notice.h"

/*
 * How long, in seconds, and how many bytes a connection that we have ended is still listened to.
 * One that was cut may have had all its buffers full of what it was sending.
 */
enum {
	FAREWELL_SECONDS = 5,
	LINGER_SECONDS = 2,
	LINGER_BYTES = 256 * 1024,
	LINGER_BYTES_CUT = 16 * 1024 * 1024
};

void
conn_report(struct conn *c, const char *why)
{
	char from[ADDR_TEXT_SIZE];
	struct logline l;

	logline_start(&l, "refused");
	logline_fmt(&l, "handshake", "g%u-%u", c->g->index, c->number);
	logline_str(&l, "from", conn_from(c, from));
	if (c->early != NULL && c->early->proxy != NULL && c->state == CONN_PROXY)
		logline_str(&l, "listener", c->early->proxy);
	logline_str(&l, "why", why);
	if (c->early != NULL && c->early->proof != NULL)
		verify_describe(c->early->proof, &l);
	report_refusal(c->g, &l);
}

void
conn_release(struct conn *c, const char *why)
{
	open_closed(c, why);
	renew_stop(c);
	if (c->pump == NULL)
		return;
	pump_stop(c->pump);
	close(c->pump->target);
	free(c->pump);
	c->pump = NULL;
}

void
conn_close(struct conn *c, const char *why)
{
	struct gate *g = c->g;

	conn_release(c, why);
	if (event_initialized(&c->io))
		(void)event_del(&c->io);
	if (event_initialized(&c->wr))
		(void)event_del(&c->wr);
	if (event_initialized(&c->timer))
		(void)event_del(&c->timer);
	SSL_free(c->ssl);
	wire_done(&c->wire);
	close(c->wire.fd);
	early_free(c);
	if (c->address_key != 0)
		counters_drop_address(&g->counters, c->address_key);
	if (!c->uncounted)
		counters_drop(&g->counters);
	LIST_REMOVE(c, bucket);
	g->conns.n--;
	free(c);
	if (g->conns.n == 0 && g->phase == PHASE_DRAINING)
		monitor_idle(g);
}

static void
on_linger_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	conn_close(arg, "closed");
}

static void
on_linger_bytes(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	ssize_t n = recv(fd, c->g->scratch.plain, sizeof(c->g->scratch.plain), MSG_DONTWAIT);

	(void)what;
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->discarded += (uint32_t)n;
	if (n <= 0 || c->discarded > (c->cut ? LINGER_BYTES_CUT : LINGER_BYTES))
		conn_close(c, "closed");
}

void
conn_linger(struct conn *c)
{
	c->state = CONN_LINGER;
	if (event_initialized(&c->wr))
		(void)event_del(&c->wr);
	if (c->wire.eof || c->wire.failed) {
		conn_close(c, "closed");
		return;
	}
	(void)shutdown(c->wire.fd, SHUT_WR);
	conn_watch(c, EV_READ | EV_PERSIST, on_linger_bytes);
	conn_timer(c, LINGER_SECONDS, on_linger_over);
}

static void
on_farewell_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (wire_flush(&c->wire) || c->wire.failed)
		conn_linger(c);
}

/* What was written last goes out, as far as the client takes it in time. */
static void
leave(struct conn *c)
{
	if (event_initialized(&c->io))
		(void)event_del(&c->io);
	if (wire_flush(&c->wire) || c->wire.failed) {
		conn_linger(c);
		return;
	}
	conn_watch(c, EV_WRITE | EV_PERSIST, on_farewell_writable);
	conn_timer(c, FAREWELL_SECONDS, on_linger_over);
}

/* `text` and the number by which the administrator finds the line in the log. */
static void
write_line(const struct conn *c, char *dst, size_t size, const char *before, const char *text)
{
	size_t most = size - 64; /* room for the rest in any case */
	int n = snprintf(dst, most, "%s%s", before, text);
	size_t len = n < 0 ? 0 : (size_t)n >= most ? most - 1 : (size_t)n;

	if (c->id != 0)
		(void)snprintf(
		    dst + len, size - len, " (connection %016llx)", (unsigned long long)c->id);
	else
		(void)snprintf(
		    dst + len, size - len, " (handshake g%u-%u)", c->g->index, c->number);
}

/*
 * RFC 4253 section 4.2 lets a server send lines before its version string: one that begins with
 * "refused:" reaches the user. No more in it than the client may know.
 */
void
conn_farewell(struct conn *c, const char *text)
{
	char line[400];

	c->state = CONN_FAREWELL;
	write_line(c, line, sizeof(line) - 2, "refused: ", text);
	memcpy(line + strlen(line), "\r\n", 3);
	conn_release(c, text);
	ERR_clear_error();
	if (SSL_write(c->ssl, line, (int)strlen(line)) > 0)
		(void)SSL_shutdown(c->ssl);
	ERR_clear_error();
	leave(c);
}

/*
 * The SSH inside is end to end: no line of ours can be put into it. What the client's TLS may be
 * told, see notice.h; then the end.
 */
void
conn_cut(struct conn *c, const char *text)
{
	char line[400];
	bool told;

	assert(c->state == CONN_OPEN);
	told = c->pump->client_told;
	c->state = CONN_FAREWELL;
	c->cut = true;
	conn_release(c, "cut");
	if (!told) {
		write_line(c, line, sizeof(line), "", text);
		notice_send(c->ssl, line);
		(void)SSL_shutdown(c->ssl);
		ERR_clear_error();
	}
	leave(c);
}
