/*
 * test_targets.c - a target may be a TCP socket or one end of a Unix pair: the gate program does
 * the same with both
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>

#include "tests/unit/help/gateplay.h"

enum { ID = 0x77, MIB = 1 << 20 };

/* The two kinds: a makes the gate's end (kept: ident's duplicate of it) and the far one. */
static void
pair_tcp(int *kept, int *far)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*kept = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(0, bind(listener, (struct sockaddr *)&in, sizeof(in)));
	assert_int_equal(0, listen(listener, 1));
	assert_int_equal(0, getsockname(listener, (struct sockaddr *)&in, &len));
	assert_int_equal(0, connect(*kept, (struct sockaddr *)&in, len));
	assert_int_not_equal(-1, *far = accept(listener, NULL, NULL));
	close(listener);
}

static void
pair_unix(int *kept, int *far)
{
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	*kept = pair[0];
	*far = pair[1];
}

static struct kind {
	const char *name;
	void (*make)(int *, int *);
} tcp = { "TCP", pair_tcp }, unix_ = { "Unix", pair_unix };

struct scene {
	struct gateplay play;
	const struct kind *kind;
	SSL *ssl;
	int kept, target;
	uint32_t number;
};
static struct scene scene;

static int
serving(void **state)
{
	struct scene *s = &scene;

	*s = (struct scene){ .kind = *state, .kept = -1, .target = -1 };
	gateplay_start(&s->play, 0);
	gateplay_serve(&s->play);
	*state = s;
	return 0;
}

static void
scene_begin(struct scene *s, uint32_t idle)
{
	struct timeval patience = { .tv_sec = 60 };

	s->ssl = gateplay_client(&s->play, s->play.pki.alice, NULL);
	SSL_set_mode(s->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	assert_int_equal(1, SSL_connect(s->ssl));
	s->number = gateplay_open(&s->play, NULL, 0, NULL, 0);
	s->kind->make(&s->kept, &s->target);
	assert_int_equal(0, fcntl(s->kept, F_SETFL, O_NONBLOCK)); /* as ident has them */
	assert_int_equal(
	    0, setsockopt(s->target, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)));
	gateplay_opened_with(&s->play, s->number, ID, idle, 0, s->kept);
}

static void
far_close(struct scene *s)
{
	close(s->target);
	s->target = -1;
}

static void
scene_end(struct scene *s)
{
	if (s->ssl != NULL)
		gateplay_client_free(s->ssl);
	if (s->target != -1)
		far_close(s);
	if (s->kept != -1)
		close(s->kept);
	s->ssl = NULL;
	s->kept = -1;
}

static int
done(void **state)
{
	struct scene *s = *state;

	scene_end(s);
	gateplay_end(&s->play);
	return 0;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void
client_says(struct scene *s, const char *text)
{
	assert_int_equal(strlen(text), SSL_write(s->ssl, text, (int)strlen(text)));
}

static void
client_hears(struct scene *s, const char *text)
{
	char b[64] = "";
	int n = 0, k;

	while (n < (int)strlen(text)) {
		if ((k = SSL_read(s->ssl, b + n, (int)strlen(text) - n)) <= 0)
			fail_msg("%s: \"%s\" in place of \"%s\"", s->kind->name, b, text);
		n += k;
	}
	assert_string_equal(text, b);
}

/* close_notify, and not a bare FIN or a reset */
static void
client_hears_the_end(struct scene *s)
{
	char b;
	int k = SSL_read(s->ssl, &b, 1);

	assert_int_equal(SSL_ERROR_ZERO_RETURN, SSL_get_error(s->ssl, k));
}

static void
target_hears(struct scene *s, const char *text)
{
	char b[64] = "";

	assert_int_equal(
	    strlen(text), recv(s->target, b, strlen(text), strlen(text) > 0 ? MSG_WAITALL : 0));
	assert_string_equal(text, b);
}

static void
target_hears_the_end(struct scene *s)
{
	char b;

	assert_int_equal(0, recv(s->target, &b, 1, 0));
}

static void
target_says(struct scene *s, const char *text)
{
	assert_int_equal(strlen(text), send(s->target, text, strlen(text), MSG_NOSIGNAL));
}

static void
expect_closed(struct scene *s, const char *why, struct gateplay_closed *c)
{
	gateplay_closed(&s->play, c);
	assert_int_equal(ID, c->id);
	assert_int_equal(s->number, c->number);
	assert_string_equal(why, c->why);
}

/* The gate goes on, with another target of the same kind. */
static void
others_go_on(struct scene *s)
{
	scene_end(s);
	scene_begin(s, 0);
	client_says(s, "ping");
	target_hears(s, "ping");
	target_says(s, "pong");
	client_hears(s, "pong");
}

/* What the gate's process works while everybody stands still: a descriptor in a state that nobody
 * waits for would have it run for ever. */
static void
expect_rest(struct scene *s)
{
	struct timespec before, after;
	clockid_t clock;

	assert_int_equal(0, clock_getcpuclockid(s->play.pid, &clock));
	(void)usleep(50 * 1000);
	assert_int_equal(0, clock_gettime(clock, &before));
	(void)usleep(300 * 1000);
	assert_int_equal(0, clock_gettime(clock, &after));
	assert_true((after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec <
		    100 * 1000000L);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void
either_side_may_end_first_and_hears_the_other_out(void **state)
{
	struct scene *s = *state;
	struct gateplay_closed c;

	scene_begin(s, 0);
	client_says(s, "abc");
	assert_int_equal(0, SSL_shutdown(s->ssl));
	target_hears(s, "abc");
	target_hears_the_end(s);
	target_says(s, "last");
	client_hears(s, "last");
	expect_rest(s);
	far_close(s);
	client_hears_the_end(s);
	expect_closed(s, "closed", &c);
	assert_int_equal(3, c.up);
	assert_int_equal(4, c.down);

	scene_end(s);
	scene_begin(s, 0);
	target_says(s, "first");
	assert_int_equal(0, shutdown(s->target, SHUT_WR));
	client_hears(s, "first");
	client_hears_the_end(s);
	client_says(s, "more");
	target_hears(s, "more");
	expect_rest(s);
	(void)SSL_shutdown(s->ssl);
	target_hears_the_end(s);
	expect_closed(s, "closed", &c);
	assert_int_equal(4, c.up);
	assert_int_equal(5, c.down);
}

/* ECONNRESET: the far process died, or closed, and had not read all. */
static void
a_target_that_dies_with_bytes_unread_has_its_last_words_passed_on(void **state)
{
	struct scene *s = *state;
	struct gateplay_closed c;
	struct pollfd p;

	scene_begin(s, 0);
	client_says(s, "never read");
	p = (struct pollfd){ .fd = s->target, .events = POLLIN };
	assert_int_equal(1, poll(&p, 1, -1));
	target_says(s, "bye");
	far_close(s);
	client_hears(s, "bye");
	client_hears_the_end(s);
	expect_closed(s, "closed", &c);
	assert_int_equal(3, c.down);
	others_go_on(s);
}

/* EPIPE: the far end is closed, and the client writes on. */
static void
a_client_that_writes_to_a_target_that_is_gone_hears_its_last_words(void **state)
{
	static const uint8_t zeros[65536];
	struct scene *s = *state;
	struct gateplay_closed c;

	scene_begin(s, 0);
	target_says(s, "bye");
	far_close(s);
	for (int i = 0; i < 16; i++)
		(void)SSL_write(s->ssl, zeros, sizeof(zeros));
	ERR_clear_error();
	client_hears(s, "bye");
	client_hears_the_end(s);
	(void)SSL_shutdown(s->ssl);
	expect_closed(s, "closed", &c);
	others_go_on(s);
}

static void
a_target_that_is_gone_while_the_client_does_not_read_costs_nothing(void **state)
{
	static uint8_t bytes[65536];
	struct scene *s = *state;
	struct gateplay_closed c;
	size_t sent = 0, got = 0, quiet = 0;
	ssize_t n;
	int k;

	scene_begin(s, 0);
	while (quiet < 100) {
		if ((n = send(s->target, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
			sent += (size_t)n;
		quiet = n > 0 ? 0 : quiet + 1;
		(void)usleep(1000);
	}
	far_close(s);
	expect_rest(s);
	while ((k = SSL_read(s->ssl, bytes, sizeof(bytes))) > 0)
		got += (size_t)k;
	assert_int_equal(SSL_ERROR_ZERO_RETURN, SSL_get_error(s->ssl, k));
	assert_int_equal(sent, got);
	expect_rest(s);
	(void)SSL_shutdown(s->ssl);
	expect_closed(s, "closed", &c);
	assert_int_equal(sent, c.down);
}

static void
an_idle_connection_ends_in_time(void **state)
{
	struct scene *s = *state;
	struct gateplay_closed c;

	scene_begin(s, 1);
	client_says(s, "x");
	target_hears(s, "x");
	expect_closed(s, "idle timeout", &c);
	shutdown(s->kept, SHUT_RDWR); /* ident's part of CLOSED */
	target_hears_the_end(s);
}

/* ---- cuts ------------------------------------------------------------------------------------ */

/* As ident cuts: the message, then shutdown() of its duplicate. */
static void
a_cut_reaches_both_sides(void **state)
{
	struct scene *s = *state;
	struct gateplay_closed c;

	scene_begin(s, 0);
	client_says(s, "abc");
	target_hears(s, "abc");
	gateplay_cut(&s->play, s->number, ID, "revoked");
	assert_int_equal(0, shutdown(s->kept, SHUT_RDWR));
	target_hears_the_end(s);
	client_hears_the_end(s);
	expect_closed(s, "cut", &c);
	others_go_on(s);
}

/* As behind a jump: the far end says its last words in SSH, goes, and the cut comes after. */
static void
a_cut_after_the_targets_own_end_is_an_orderly_one(void **state)
{
	struct scene *s = *state;
	struct gateplay_closed c;

	scene_begin(s, 0);
	target_says(s, "disconnected: revoked");
	far_close(s);
	client_hears(s, "disconnected: revoked");
	client_hears_the_end(s);
	gateplay_cut(&s->play, s->number, ID, "revoked");
	expect_closed(s, "cut", &c);
	others_go_on(s);
}

static void
a_shutdown_of_idents_duplicate_alone_is_the_targets_end(void **state)
{
	struct scene *s = *state;
	struct gateplay_closed c;

	scene_begin(s, 0);
	client_says(s, "abc");
	target_hears(s, "abc");
	assert_int_equal(0, shutdown(s->kept, SHUT_RDWR));
	client_hears_the_end(s);
	expect_rest(s);
	(void)SSL_write(s->ssl, "late", 4);
	(void)SSL_shutdown(s->ssl);
	expect_closed(s, "closed", &c);
	others_go_on(s);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static uint8_t
byte_at(size_t i, int way)
{
	return (uint8_t)(i * 31 ^ i >> 8 ^ i >> 16 ^ (size_t)way);
}

/* One direction of a transfer: how far the writer and the reader are. */
struct way {
	size_t sent, got;
	int seed;
};

static size_t
fill(const struct way *w, uint8_t *b, size_t size, size_t total)
{
	size_t n = total - w->sent < size ? total - w->sent : size;

	for (size_t i = 0; i < n; i++)
		b[i] = byte_at(w->sent + i, w->seed);
	return n;
}

static void
check_bytes(struct way *w, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b[i] != byte_at(w->got + i, w->seed))
			fail_msg("byte %zu is wrong", w->got + i);
	w->got += n;
}

/* What moves without waiting; false: nothing. */
static bool
client_step(struct scene *s, struct way *up, struct way *down, size_t total)
{
	static uint8_t b[50000];
	size_t n = fill(up, b, sizeof(b), total);
	bool moved = false;
	int k;

	ERR_clear_error();
	if (n > 0 && (k = SSL_write(s->ssl, b, (int)n)) > 0) {
		up->sent += (size_t)k;
		moved = true;
	}
	ERR_clear_error();
	if (down->got < total && (k = SSL_read(s->ssl, b, 20000)) > 0) {
		check_bytes(down, b, (size_t)k);
		moved = true;
	}
	return moved;
}

static bool
target_step(struct scene *s, struct way *up, struct way *down, size_t total)
{
	static uint8_t b[70000];
	size_t n = fill(down, b, sizeof(b), total);
	bool moved = false;
	ssize_t k;

	if (n > 0 && (k = send(s->target, b, n, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0) {
		down->sent += (size_t)k;
		moved = true;
	}
	if (up->got < total && (k = recv(s->target, b, 30000, MSG_DONTWAIT)) > 0) {
		check_bytes(up, b, (size_t)k);
		moved = true;
	}
	return moved;
}

static void
every_byte_arrives_both_ways_at_once(void **state)
{
	const size_t total = 32 * MIB + 12345;
	struct scene *s = *state;
	struct way up = { .seed = 1 }, down = { .seed = 2 };
	struct gateplay_closed c;
	struct pollfd p[2];
	int fd;

	scene_begin(s, 0);
	fd = SSL_get_rfd(s->ssl);
	assert_int_equal(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	p[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = s->target, .events = POLLIN };
	while (up.got < total || down.got < total) {
		bool a = client_step(s, &up, &down, total), b = target_step(s, &up, &down, total);

		p[0].events = (short)(POLLIN | (up.sent < total ? POLLOUT : 0));
		p[1].events = (short)(POLLIN | (down.sent < total ? POLLOUT : 0));
		if (!a && !b && poll(p, 2, 60000) == 0)
			fail_msg("it stands still: up %zu, down %zu", up.got, down.got);
	}
	assert_int_equal(0, fcntl(fd, F_SETFL, 0));
	far_close(s);
	client_hears_the_end(s);
	(void)SSL_shutdown(s->ssl);
	expect_closed(s, "closed", &c);
	assert_int_equal(total, c.up);
	assert_int_equal(total, c.down);
}

/* AddressSanitizer keeps what was freed. */
#ifndef SANITIZED
static size_t
gate_pages(struct scene *s)
{
	char path[64], line[128] = "";
	unsigned long size = 0, resident = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/statm", s->play.pid);
	assert_non_null(f = fopen(path, "re"));
	assert_non_null(fgets(line, sizeof(line), f));
	(void)fclose(f);
	assert_int_equal(2, sscanf(line, "%lu %lu", &size, &resident));
	return resident;
}
#else
static size_t
gate_pages(struct scene *s)
{
	(void)s;
	return 0;
}
#endif

/* The writer of one side goes on until nothing has moved for a while, the reader stands still. */
static void
a_side_that_does_not_read_stops_the_other_and_loses_nothing(void **state)
{
	struct scene *s = *state;

	for (int upward = 0; upward < 2; upward++) {
		struct way up = { .seed = 1 }, down = { .seed = 2 }, none = { .got = 256 * MIB };
		struct way *w = upward ? &up : &down;
		size_t before, quiet = 0, total = 256 * MIB;
		int fd;

		scene_begin(s, 0);
		fd = SSL_get_rfd(s->ssl);
		assert_int_equal(0, fcntl(fd, F_SETFL, O_NONBLOCK));
		before = gate_pages(s);
		while (quiet < 100) {
			bool moved = upward ? client_step(s, &up, &none, total)
					    : target_step(s, &none, &down, total);

			quiet = moved ? 0 : quiet + 1;
			if (!moved)
				(void)usleep(1000);
		}
		assert_true(w->sent < 64 * MIB); /* what the sockets hold */
		assert_true(gate_pages(s) < before + 512);
		expect_rest(s);
		total = w->sent;
		none = (struct way){ .sent = total, .got = total };
		for (quiet = 0; w->got < w->sent && quiet < 60000; quiet++) {
			bool moved = upward ? target_step(s, &up, &none, total)
					    : client_step(s, &none, &down, total);

			if (moved)
				quiet = 0;
			else
				(void)usleep(1000);
		}
		assert_int_equal(w->sent, w->got);
		scene_end(s);
	}
}

#define BOTH(f)                                        \
	{ #f " (TCP)", f, serving, done, &tcp },       \
	{                                              \
#f " (Unix)", f, serving, done, &unix_ \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(either_side_may_end_first_and_hears_the_other_out),
		BOTH(a_target_that_dies_with_bytes_unread_has_its_last_words_passed_on),
		BOTH(a_client_that_writes_to_a_target_that_is_gone_hears_its_last_words),
		BOTH(a_target_that_is_gone_while_the_client_does_not_read_costs_nothing),
		BOTH(an_idle_connection_ends_in_time),
		BOTH(a_cut_reaches_both_sides),
		BOTH(a_cut_after_the_targets_own_end_is_an_orderly_one),
		BOTH(a_shutdown_of_idents_duplicate_alone_is_the_targets_end),
		BOTH(every_byte_arrives_both_ways_at_once),
		BOTH(a_side_that_does_not_read_stops_the_other_and_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
