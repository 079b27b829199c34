/*
 * jumps_help.h - a monitor with jump and pam processes of the test's own
 *
 * The test is the log process and ident; it is jump and pam as well, started by the monitor's own
 * code under those names.
 */
#ifndef JUMPS_HELP_H
#define JUMPS_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "msgio.h"
#include "sshbridge/monitor/jumps.h"

/* ---- the stand-in ---------------------------------------------------------------------------- */

static inline void
recv_or_end(int fd, uint8_t *buf, struct msg_in *in, int *fds, size_t *nfds)
{
	struct err e;
	ssize_t n = msgio_recv(fd, buf, MSG_MAX, fds, nfds, &e);

	if (n <= 0)
		_exit(0);
	if (msg_parse(in, buf, (size_t)n, &e) == -1)
		_exit(3);
}

/* By ident's word; the channels' ends are the end. */
static inline void
serve(int ident)
{
	static uint8_t buf[MSG_MAX];
	struct pollfd p[2] = { { .fd = CHILD_CHANNEL, .events = POLLIN },
		{ .fd = ident, .events = POLLIN } };
	int fds[MSG_FDS_MAX];
	size_t nfds;
	struct msg_in in;

	while (poll(p, 2, -1) > 0) {
		if (p[0].revents != 0)
			_exit(0);
		recv_or_end(ident, buf, &in, fds, &nfds);
		if (in.type == MSG_CUT)
			abort();
		for (int i = 0; in.type == MSG_LIST && i < 200; i++)
			child_log(CHILD_NOTICE, "line %d", i);
		(void)!write(ident, buf, 12);
	}
}

/* A host key "good" is good, "bad" is not, another is the end. */
static inline int
stand_in(bool pam)
{
	static uint8_t buf[MSG_MAX];
	const uint8_t *key = (const uint8_t *)"";
	struct err bad = { .kind = ERR_FORMAT, .text = "host key 1 of target 1: not a key" };
	char word[16] = "good";
	int fds[MSG_FDS_MAX];
	size_t nfds, n;
	struct msg_in in;
	uint64_t number;
	uint32_t v;

	if (!pam && child_ready(0, NULL) == -1)
		return 1;
	for (;;) {
		recv_or_end(CHILD_CHANNEL, buf, &in, fds, &nfds);
		if (in.type == MSG_PEER)
			serve(fds[0]);
		if (msg_get_u64(&in, &number) == -1)
			return 4;
		if (in.type == MSG_HOSTKEY) {
			if (msg_get_u32(&in, &v) == -1 || v != 1 ||
			    msg_get_bytes(&in, &key, &n, 15) == -1 || n != 9 ||
			    msg_get_bytes(&in, &key, &n, 15) == -1)
				return 4;
			memcpy(word, key, n);
			word[n] = '\0';
			continue;
		}
		if (in.type != MSG_GENERATION || nfds != 1 ||
		    (strcmp(word, "good") != 0 && strcmp(word, "bad") != 0))
			return 5;
		if (child_ready(number, strcmp(word, "bad") == 0 ? &bad : NULL) == -1)
			return 1;
	}
}

/* ---- the stage ------------------------------------------------------------------------------- */

static struct monitor m;
static char dir[64], self[4096];
static int log_end, ident_end;
static struct event *child_signal;
static char line[4096];

static inline void
no_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static inline void
on_child(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	kids_reap(arg);
}

static inline void
no_end(void *arg, const struct err *why)
{
	(void)arg;
	fail_msg("ident's channel: %s", why->text);
}

static inline int
up(struct kid *k, enum kid_kind kind)
{
	int pair[2];
	struct err e;

	kid_init(&m, k, kind, 0);
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	assert_non_null(k->q = msgq_new(m.base, pair[0], 1 << 20, kid_on_msg, no_end, k, &e));
	assert_non_null(k->deadline = evtimer_new(m.base, no_timer, NULL));
	k->state = KID_UP;
	return pair[1];
}

static inline struct generation *
generation(uint64_t number, const char *key)
{
	struct generation *g = calloc(1, sizeof(*g));
	struct conf *c;
	uint8_t *data;

	assert_non_null(g);
	g->number = number;
	for (size_t i = 0; i < GEN_FDS; i++)
		assert_int_not_equal(-1, g->fds[i] = memfd_create("test", MFD_CLOEXEC));
	assert_non_null(c = g->conf = calloc(1, sizeof(*c)));
	assert_non_null(c->log = strdup("stderr"));
	assert_non_null(c->audit_to = strdup(""));
	c->settings.ntargets = 2;
	c->settings.targets[1].mode = TARGET_JUMP;
	c->settings.connections = 2;
	assert_non_null(g->host_keys = calloc(1, sizeof(*g->host_keys)));
	data = mmap(NULL, KEY_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(data != MAP_FAILED);
	memcpy(data, key, strlen(key));
	g->host_keys[0] =
	    (struct host_key){ .target = 1, .path = "/test/key", .data = data, .len = strlen(key) };
	g->nhost_keys = 1;
	return g;
}

static inline void
program(const char *name, const char *target)
{
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)unlink(path);
	if (target != NULL)
		assert_int_equal(0, symlink(target, path));
}

static inline int
setup(void **state)
{
	struct err e;

	(void)state;
	memset(&m, 0, sizeof(m));
	m.mode = MODE_RUN;
	m.ready = true;
	assert_non_null(m.base = event_base_new());
	assert_int_equal(0, audit_init(&m, &e));
	(void)snprintf(dir, sizeof(dir), "/tmp/test_jumps.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)snprintf(m.libexec, sizeof(m.libexec), "%s", dir);
	program("jump", self);
	program("pam", self);
	log_end = up(&m.log, KID_LOG);
	ident_end = up(&m.ident, KID_IDENT);
	kid_init(&m, &m.resolve, KID_RESOLVE, 0);
	m.resolve.state = KID_UP;
	m.ident.wired = true;
	m.ident.listening = 1;
	m.ident.sent = m.ident.taken = m.ident.answered = 1;
	m.current = generation(1, "good");
	assert_non_null(child_signal = evsignal_new(m.base, SIGCHLD, on_child, &m));
	assert_int_equal(0, evsignal_add(child_signal, NULL));
	return 0;
}

static inline void
turn(void)
{
	assert_int_not_equal(-1, event_base_loop(m.base, EVLOOP_ONCE));
}

static inline int
teardown(void **state)
{
	(void)state;
	m.stopping = true;
	jumps_end(&m);
	kids_reap(&m);
	while (LIST_FIRST(&m.jumps.ended) != NULL)
		turn();
	if (m.jumps.restart != NULL)
		event_free(m.jumps.restart);
	kid_end(&m.log);
	kid_end(&m.ident);
	event_free(m.log.deadline);
	event_free(m.ident.deadline);
	event_free(child_signal);
	watch_stop(&m);
	generation_free(m.current);
	generation_free(m.candidate);
	event_base_free(m.base);
	close(log_end);
	close(ident_end);
	program("jump", NULL);
	program("pam", NULL);
	assert_int_equal(0, rmdir(dir));
	return 0;
}

/* The next message to one of the test's own; turns the loop until it is there. */
struct got {
	uint8_t buf[MSG_MAX];
	struct msg_in in;
	int fds[MSG_FDS_MAX];
	size_t nfds;
};

static inline void
take(int fd, struct got *g)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct err e;
	ssize_t n;

	while (poll(&p, 1, 0) != 1) /* SIGCHLD may interrupt it */
		turn();
	n = msgio_recv(fd, g->buf, sizeof(g->buf), g->fds, &g->nfds, &e);
	assert_true(n > 0);
	assert_int_equal(0, msg_parse(&g->in, g->buf, (size_t)n, &e));
}

/* JUMP: returns the number, and the pair in *fd. */
static inline uint32_t
take_jump(uint64_t generation_number, int *fd)
{
	struct got g;
	struct err e;
	uint64_t v;
	uint32_t number;

	take(ident_end, &g);
	assert_int_equal(MSG_JUMP, g.in.type);
	assert_int_equal(0, msg_get_u64(&g.in, &v));
	assert_int_equal(generation_number, v);
	assert_int_equal(0, msg_get_u32(&g.in, &number));
	assert_int_equal(0, msg_end(&g.in, &e));
	assert_int_equal(1, g.nfds);
	*fd = g.fds[0];
	return number;
}

static inline void
wait_log(const char *word)
{
	struct got g;
	uint32_t level;

	do {
		take(log_end, &g);
		if (g.nfds > 0)
			close(g.fds[0]);
		line[0] = '\0';
		if (g.in.type == MSG_LOG)
			assert_int_equal(
			    0, msg_get_u32(&g.in, &level) | msg_get_str(&g.in, line, sizeof(line)));
	} while (strstr(line, word) == NULL);
}

static inline int
say(unsigned type, const uint32_t *fields, size_t n)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e = { 0 };

	msg_start(&o, buf, sizeof(buf), type, 7);
	for (size_t i = 0; i < n; i++)
		msg_put_u32(&o, fields[i]);
	return kid_on_msg(&m.ident, buf, o.len, NULL, 0, &e);
}

static inline int
say_taken(uint32_t number)
{
	return say(MSG_TAKEN, &number, 1);
}

/* Does the process behind this pair answer? */
static inline bool
answers(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t buf[64];
	struct msg_out o;
	struct err e;

	msg_start(&o, buf, sizeof(buf), MSG_START, 0);
	if (msgio_send(fd, &o, NULL, 0, &e) == -1)
		return false;
	while (poll(&p, 1, -1) != 1)
		; /* SIGCHLD of another */
	return read(fd, buf, sizeof(buf)) > 0;
}

static inline void
tell(int fd, unsigned type)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e;

	msg_start(&o, buf, sizeof(buf), type, 0);
	assert_int_equal(0, msgio_send(fd, &o, NULL, 0, &e));
}

struct pool {
	int fds[64];
	uint32_t numbers[64];
};

static inline void
fill(struct pool *p)
{
	monitor_advance(&m);
	for (int i = 0; i < JUMPS_READY; i++)
		p->numbers[i] = take_jump(m.current->number, &p->fds[i]);
}

static inline void
empty(struct pool *p, int n)
{
	for (int i = 0; i < n; i++)
		close(p->fds[i]);
}

static inline unsigned
count(struct kid_list *list)
{
	struct kid *k;
	unsigned n = 0;

	LIST_FOREACH(k, list, entry)
	n++;
	return n;
}

/* A test's main(): under the names of the programs it is the program. */
static inline void
stand_in_or(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[0], "jump") == 0)
		exit(stand_in(false));
	if (argc == 5 && strcmp(argv[0], "pam") == 0)
		exit(stand_in(true));
	assert(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
}

#endif
