/* tunnel.c - a jump process with a client of our own logged in, and its channels */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/help/tunnel.h"

/* RFC 4254 section 9, RFC 4252 section 6 */
enum {
	DISCONNECT = 1,
	SERVICE_REQUEST = 5,
	SERVICE_ACCEPT = 6,
	USERAUTH_SUCCESS = 52,
	GLOBAL_REQUEST = 80,
	REQUEST_SUCCESS = 81,
	REQUEST_FAILURE = 82,
	OPEN = 90,
	OPEN_CONFIRMATION = 91,
	OPEN_FAILURE = 92,
	WINDOW_ADJUST = 93,
	DATA = 94,
	CHANNEL_EOF = 96,
	CHANNEL_CLOSE = 97,
	CHUNK = 32768
};

uint8_t
tunnel_byte(uint64_t place)
{
	return (uint8_t)(place * 7 + (place >> 8) * 13 + (place >> 16));
}

static void
fill(uint8_t *p, size_t n, uint64_t place)
{
	for (size_t i = 0; i < n; i++)
		p[i] = tunnel_byte(place + i);
}

static void
check(const uint8_t *p, size_t n, uint64_t place)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != tunnel_byte(place + i))
			fail_msg("wrong byte at %llu", (unsigned long long)(place + i));
}

/* ---- ident ------------------------------------------------------------------------------------
 */

static void
tell(struct tunnel *t, unsigned type, uint32_t number, int fd)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), type, JUMPPLAY_CONN);
	msg_put_u32(&o, number);
	if (type == MSG_REFUSED) {
		msg_put_u32(&o, 2);
		msg_put_str(&o, "not yours");
	}
	stage_send(t->play.ident, &o, &fd, fd == -1 ? 0 : 1);
}

void
tunnel_answer(struct tunnel *t, unsigned i, bool yes)
{
	struct tunchan *c = &t->ch[i];
	int pair[2];

	t->dialling_now--;
	if (!yes) {
		tell(t, MSG_REFUSED, c->number, -1);
		return;
	}
	assert_int_equal(
	    0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
	tell(t, MSG_OPENED, c->number, pair[1]);
	close(pair[1]);
	c->target = pair[0];
}

/* Which channel of ours is meant: the host's name says it. */
static void
on_dial(struct tunnel *t, struct msg_in *m)
{
	char host[256], originator[256];
	uint32_t number, port, originator_port;
	struct err e;
	unsigned i;

	assert_int_equal(0, msg_get_u32(m, &number));
	assert_int_equal(0, msg_get_str(m, host, sizeof(host)));
	assert_int_equal(0, msg_get_u32(m, &port));
	assert_int_equal(0, msg_get_str(m, originator, sizeof(originator)));
	assert_int_equal(0, msg_get_u32(m, &originator_port));
	assert_int_equal(0, msg_end(m, &e));
	assert_int_equal(1, sscanf(host, "target%u", &i));
	assert_in_range(i, 0, TUNNEL_CHANNELS - 1);
	assert_int_equal(22, port);
	assert_string_equal("192.0.2.9", originator);
	t->ch[i].number = number;
	t->dialled++;
	if (++t->dialling_now > t->dialling_most)
		t->dialling_most = t->dialling_now;
	if (t->dial != DIAL_HANGS)
		tunnel_answer(t, i, t->dial == DIAL_OPENS);
}

static void
on_closed(struct tunnel *t, struct msg_in *m)
{
	struct tunchan *c = NULL;
	uint32_t number;
	struct err e;

	assert_int_equal(0, msg_get_u32(m, &number));
	for (unsigned i = 0; i < TUNNEL_CHANNELS; i++)
		if (t->ch[i].number == number)
			c = &t->ch[i];
	assert_non_null(c);
	assert_false(c->told);
	assert_int_equal(0, msg_get_u64(m, &c->told_up));
	assert_int_equal(0, msg_get_u64(m, &c->told_down));
	assert_int_equal(0, msg_get_str(m, c->why, sizeof(c->why)));
	assert_int_equal(0, msg_end(m, &e));
	c->told = true;
}

static void
on_login(struct tunnel *t, struct msg_in *m)
{
	uint8_t buf[256];
	struct msg_out o;
	uint32_t number;

	assert_int_equal(0, msg_get_u32(m, &number));
	msg_start(&o, buf, sizeof(buf), MSG_LOGGED, JUMPPLAY_CONN);
	msg_put_u32(&o, number);
	msg_put_u32(&o, JUMPPLAY_YES);
	msg_put_str(&o, "");
	stage_send(t->play.ident, &o, NULL, 0);
}

static void
play_ident(struct tunnel *t)
{
	static struct got g;
	struct pollfd p = { .fd = t->play.ident, .events = POLLIN };

	while (t->play.ident != -1 && poll(&p, 1, 0) == 1) {
		stage_recv(t->play.ident, &g);
		t->moved++;
		if (g.end) {
			close(t->play.ident);
			t->play.ident = -1;
		} else if (g.m.type == MSG_DIAL) {
			on_dial(t, &g.m);
		} else if (g.m.type == MSG_CLOSED) {
			on_closed(t, &g.m);
		} else {
			assert_int_equal(MSG_LOGIN, g.m.type);
			on_login(t, &g.m);
		}
	}
}

/* ---- the client -------------------------------------------------------------------------------
 */

static struct tunchan *
channel_of(struct tunnel *t, const uint8_t *p, size_t n)
{
	assert_true(n >= 5);
	assert_in_range(sshraw_u32(p + 1), 0, TUNNEL_CHANNELS - 1);
	return &t->ch[sshraw_u32(p + 1)];
}

static void
on_channel(struct tunnel *t, const uint8_t *p, size_t n)
{
	struct tunchan *c = channel_of(t, p, n);
	size_t len;

	switch (p[0]) {
	case OPEN_CONFIRMATION:
		c->state = TUN_OPEN;
		c->remote = sshraw_u32(p + 5);
		c->window = sshraw_u32(p + 9);
		c->max = sshraw_u32(p + 13);
		break;
	case OPEN_FAILURE:
		c->state = TUN_REFUSED;
		break;
	case WINDOW_ADJUST:
		c->window += sshraw_u32(p + 5);
		break;
	case DATA:
		len = sshraw_u32(p + 5);
		assert_false(c->eof);
		assert_int_equal(n, 9 + len);
		check(p + 9, len, c->got);
		c->got += len;
		assert_true(c->got <= c->first + c->given);
		t->moved += len;
		break;
	case CHANNEL_EOF:
		assert_false(c->eof);
		c->eof = true;
		break;
	case CHANNEL_CLOSE:
		assert_false(c->closed);
		c->closed = true;
		break;
	default:
		fail_msg("message %u", p[0]);
	}
}

static void
on_packet(struct tunnel *t, const uint8_t *p, size_t n)
{
	size_t len;

	t->moved++;
	switch (p[0]) {
	case DISCONNECT:
		len = sshraw_u32(p + 5);
		assert_true(n >= 9 + len && len < sizeof(t->farewell));
		memcpy(t->farewell, p + 9, len);
		t->farewell[len] = '\0';
		break;
	case SERVICE_ACCEPT:
		sshraw_userauth(t->ssh, "alice");
		break;
	case USERAUTH_SUCCESS:
		t->logged_in = true;
		break;
	case REQUEST_SUCCESS:
	case REQUEST_FAILURE:
		t->replies++;
		break;
	case GLOBAL_REQUEST: /* a keepalive */
		t->keepalives++;
		sshraw_sendf(t->ssh, "b", REQUEST_FAILURE);
		break;
	default:
		on_channel(t, p, n);
	}
}

static void
client_reads(struct tunnel *t)
{
	const uint8_t *p;
	size_t n;
	bool end = false;

	if (t->ended || t->deaf)
		return;
	if (sshraw_flush(t->ssh) == -1)
		t->moved++;
	while ((p = sshraw_next(t->ssh, &n, &end)) != NULL)
		on_packet(t, p, n);
	t->ended = end;
	if (!t->ready && sshraw_ready(t->ssh)) {
		t->ready = true;
		sshraw_sendf(t->ssh, "bs", SERVICE_REQUEST, "ssh-userauth");
	}
}

static void
client_writes(struct tunnel *t, struct tunchan *c)
{
	static uint8_t buf[CHUNK];
	size_t n = CHUNK;

	if (sshraw_unsent(t->ssh) || !sshraw_ready(t->ssh) || c->sent_eof)
		return;
	n = n > c->max ? c->max : n;
	n = n > c->window ? c->window : n;
	n = n > c->up_left ? (size_t)c->up_left : n;
	if (n > 0) {
		fill(buf, n, c->sent);
		sshraw_sendf(t->ssh, "bun", DATA, c->remote, buf, n);
		c->sent += n;
		c->window -= (uint32_t)n;
		c->up_left -= n;
		t->moved += n;
	}
	if (c->up_left == 0 && c->up_eof) {
		sshraw_sendf(t->ssh, "bu", CHANNEL_EOF, c->remote);
		c->sent_eof = true;
		t->moved++;
	}
}

/* Window for what was read: at once when it reads all, else by its pace. */
static void
client_gives(struct tunnel *t, struct tunchan *c)
{
	uint64_t open = c->first + c->given - c->got, want;

	if (c->client_reads == 0 || c->closed || !sshraw_ready(t->ssh) || open > c->first / 2)
		return;
	want = c->first - open;
	want = want > c->client_reads ? c->client_reads : want;
	sshraw_sendf(t->ssh, "buu", WINDOW_ADJUST, c->remote, (uint32_t)want);
	c->given += want;
	t->moved++;
}

/* ---- targets ----------------------------------------------------------------------------------
 */

static void
target_reads(struct tunnel *t, struct tunchan *c)
{
	static uint8_t buf[65536];
	size_t most = c->target_reads > sizeof(buf) ? sizeof(buf) : c->target_reads;
	ssize_t n;

	if (most == 0 || c->target_ended)
		return;
	n = recv(c->target, buf, most, MSG_DONTWAIT);
	if (n > 0) {
		check(buf, (size_t)n, c->target_got);
		c->target_got += (uint64_t)n;
		t->moved += (uint64_t)n;
	} else if (n == 0 || errno != EAGAIN) {
		c->target_ended = true;
		t->moved++;
	}
}

static void
target_writes(struct tunnel *t, struct tunchan *c)
{
	static uint8_t buf[65536];
	size_t n = c->down_left > sizeof(buf) ? sizeof(buf) : (size_t)c->down_left;
	ssize_t r;

	if (n > 0) {
		fill(buf, n, c->target_sent);
		r = send(c->target, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r > 0) {
			c->target_sent += (uint64_t)r;
			c->down_left -= (uint64_t)r;
			t->moved += (uint64_t)r;
		} else if (errno != EAGAIN) {
			c->down_left = 0;
		}
	}
	if (c->down_left == 0 && c->down_eof) {
		(void)shutdown(c->target, SHUT_WR);
		c->down_eof = false;
		t->moved++;
	}
}

/* ---- steps ------------------------------------------------------------------------------------
 */

static void
wait_for_any(struct tunnel *t, int ms)
{
	struct pollfd p[2] = {
		{ .fd = t->ended ? -1 : sshraw_fd(t->ssh),
		    .events = (short)(POLLIN | (sshraw_unsent(t->ssh) ? POLLOUT : 0)) },
		{ .fd = t->play.ident, .events = POLLIN },
	};

	(void)poll(p, 2, ms);
}

void
tunnel_step(struct tunnel *t, int ms)
{
	t->moved = 0;
	play_ident(t);
	client_reads(t);
	for (unsigned i = 0; i < TUNNEL_CHANNELS && !t->ended; i++) {
		struct tunchan *c = &t->ch[i];

		if (c->state == TUN_OPEN && !c->sent_close) {
			client_writes(t, c);
			client_gives(t, c);
		}
		if (c->target != -1) {
			target_reads(t, c);
			target_writes(t, c);
		}
	}
	if (t->moved == 0)
		wait_for_any(t, ms);
}

void
tunnel_quiet(struct tunnel *t, unsigned steps)
{
	for (unsigned quiet = 0; quiet < steps; quiet = t->moved == 0 ? quiet + 1 : 0)
		tunnel_step(t, 10);
}

/* ---- channels ---------------------------------------------------------------------------------
 */

void
tunnel_open(struct tunnel *t, unsigned i, uint32_t window, uint32_t max)
{
	struct tunchan *c = &t->ch[i];
	char host[32];

	if (c->target != -1)
		close(c->target);
	*c = (struct tunchan){ .state = TUN_ASKED, .target = -1, .first = window };
	c->target_reads = c->client_reads = SIZE_MAX;
	(void)snprintf(host, sizeof(host), "target%u", i);
	sshraw_sendf(t->ssh, "bsuuususu", OPEN, "direct-tcpip", (uint32_t)i, window, max, host,
	    (uint32_t)22, "192.0.2.9", (uint32_t)40000);
}

struct tunchan *
tunnel_channel(struct tunnel *t, unsigned i)
{
	struct tunchan *c = &t->ch[i];

	tunnel_open(t, i, 2 * 1024 * 1024, CHUNK);
	TUNNEL_UNTIL(t, c->state != TUN_ASKED || t->ended);
	assert_int_equal(TUN_OPEN, c->state);
	return c;
}

void
tunnel_close(struct tunnel *t, unsigned i)
{
	sshraw_sendf(t->ssh, "bu", CHANNEL_CLOSE, t->ch[i].remote);
	t->ch[i].sent_close = true;
}

/* ---- life -------------------------------------------------------------------------------------
 */

static void
start(struct tunnel *t, uint32_t channels, uint32_t idle_timeout, void (*run)(void))
{
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < TUNNEL_CHANNELS; i++)
		t->ch[i].target = -1;
	if (run == NULL)
		jumpplay_start(&t->play);
	else
		jumpplay_start_here(&t->play, run);
	t->play.set.channels = channels;
	t->play.set.targets[0].idle_timeout = idle_timeout;
	jumpplay_ready(&t->play);
	t->ssh = sshraw_new(jumpplay_connect(&t->play));
	assert_non_null(t->ssh);
	TUNNEL_UNTIL(t, t->logged_in);
}

void
tunnel_start(struct tunnel *t, uint32_t channels)
{
	start(t, channels, 0, NULL);
}

void
tunnel_start_idle(struct tunnel *t, uint32_t idle_timeout)
{
	start(t, 256, idle_timeout, NULL);
}

void
tunnel_start_here(struct tunnel *t, void (*run)(void))
{
	start(t, 256, 0, run);
}

static void
drop(struct tunnel *t)
{
	sshraw_free(t->ssh);
	for (unsigned i = 0; i < TUNNEL_CHANNELS; i++)
		if (t->ch[i].target != -1)
			close(t->ch[i].target);
}

int
tunnel_status(struct tunnel *t)
{
	int status;

	while (t->play.ident != -1)
		tunnel_step(t, 10);
	status = jumpplay_status(&t->play);
	drop(t);
	jumpplay_end(&t->play);
	return status;
}

void
tunnel_end(struct tunnel *t)
{
	(void)shutdown(sshraw_fd(t->ssh), SHUT_RDWR);
	assert_int_equal(0, tunnel_status(t));
}

size_t
tunnel_memory(const struct tunnel *t, const char *what)
{
	char path[64], line[256];
	size_t kb = 0, len = strlen(what);
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)t->play.stage.pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, what, len) == 0 && line[len] == ':')
			kb = strtoul(line + len + 1, NULL, 10);
	(void)fclose(f);
	assert_true(kb > 0);
	return kb;
}
