/*
 * test_jumps.c - the pool of jump processes, the trial of a candidate, pam processes
 *
 * The test is the log process and ident; it is jump and pam as well, started by the monitor's own
 * code under those names.
 */
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

static void
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
static void
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
static int
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

static void
no_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static void
on_child(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	kids_reap(arg);
}

static void
no_end(void *arg, const struct err *why)
{
	(void)arg;
	fail_msg("ident's channel: %s", why->text);
}

static int
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

static struct generation *
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
	g->host_keys[0] = (struct host_key){ .target = 1, .data = data, .len = strlen(key) };
	g->nhost_keys = 1;
	return g;
}

static void
program(const char *name, const char *target)
{
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)unlink(path);
	if (target != NULL)
		assert_int_equal(0, symlink(target, path));
}

static int
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

static void
turn(void)
{
	assert_int_not_equal(-1, event_base_loop(m.base, EVLOOP_ONCE));
}

static int
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

static void
take(int fd, struct got *g)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct err e;
	ssize_t n;

	while (poll(&p, 1, 0) == 0)
		turn();
	n = msgio_recv(fd, g->buf, sizeof(g->buf), g->fds, &g->nfds, &e);
	assert_true(n > 0);
	assert_int_equal(0, msg_parse(&g->in, g->buf, (size_t)n, &e));
}

/* JUMP: returns the number, and the pair in *fd. */
static uint32_t
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

static void
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

static int
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

static int
say_taken(uint32_t number)
{
	return say(MSG_TAKEN, &number, 1);
}

/* Does the process behind this pair answer? */
static bool
answers(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint8_t buf[64];
	struct msg_out o;
	struct err e;

	msg_start(&o, buf, sizeof(buf), MSG_START, 0);
	return msgio_send(fd, &o, NULL, 0, &e) == 0 && poll(&p, 1, -1) == 1 &&
	       read(fd, buf, sizeof(buf)) > 0;
}

static void
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

static void
fill(struct pool *p)
{
	monitor_advance(&m);
	for (int i = 0; i < JUMPS_READY; i++)
		p->numbers[i] = take_jump(m.current->number, &p->fds[i]);
}

static void
empty(struct pool *p, int n)
{
	for (int i = 0; i < n; i++)
		close(p->fds[i]);
}

static unsigned
count(struct kid_list *list)
{
	struct kid *k;
	unsigned n = 0;

	LIST_FOREACH(k, list, entry)
	n++;
	return n;
}

/* ---- the pool -------------------------------------------------------------------------------- */

static void
as_many_as_the_pool_holds_are_ready_and_each_answers(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	for (int i = 0; i < JUMPS_READY; i++) {
		assert_true(answers(p.fds[i]));
		for (int k = 0; k < i; k++)
			assert_int_not_equal(p.numbers[i], p.numbers[k]);
	}
	assert_int_equal(JUMPS_READY, count(&m.jumps.pool));
	empty(&p, JUMPS_READY);
}

static void
without_a_jump_target_there_is_none(void **state)
{
	(void)state;
	m.current->conf->settings.targets[1].mode = TARGET_FORWARD;
	monitor_advance(&m);
	assert_int_equal(0, m.jumps.last);
}

static void
one_that_is_taken_is_made_up_for(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(0, say_taken(p.numbers[i]));
		p.numbers[JUMPS_READY + i] = take_jump(1, &p.fds[JUMPS_READY + i]);
	}
	assert_int_equal(20, count(&m.jumps.taken));
	assert_int_equal(JUMPS_READY, m.jumps.npool);
	assert_int_equal(JUMPS_READY, count(&m.jumps.pool));
	for (int i = 0; i < JUMPS_READY + 20; i++)
		assert_true(answers(p.fds[i]));
	empty(&p, JUMPS_READY + 20);
}

static void
a_crash_is_told_and_takes_nobody_along(void **state)
{
	struct pool p;
	char word[64];

	(void)state;
	fill(&p);
	assert_int_equal(0, say_taken(p.numbers[0]));
	p.numbers[JUMPS_READY] = take_jump(1, &p.fds[JUMPS_READY]);
	tell(p.fds[0], MSG_CUT);
	(void)snprintf(word, sizeof(word), "jump-%u (pid ", p.numbers[0]);
	wait_log(word);
	assert_non_null(strstr(line, ") ended by signal 6 (SIGABRT)"));
	assert_int_equal(0, count(&m.jumps.taken));
	for (int i = 1; i <= JUMPS_READY; i++)
		assert_true(answers(p.fds[i]));
	empty(&p, JUMPS_READY + 1);
}

static void
a_ready_one_that_dies_is_made_up_for(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	tell(p.fds[3], MSG_CUT);
	wait_log("SIGABRT");
	(void)take_jump(1, &p.fds[JUMPS_READY]);
	assert_true(answers(p.fds[JUMPS_READY]));
	assert_int_equal(JUMPS_READY, m.jumps.npool);
	empty(&p, JUMPS_READY + 1);
}

static void
those_that_die_at_start_are_started_ever_more_slowly(void **state)
{
	(void)state;
	program("jump", "/bin/false");
	monitor_advance(&m);
	while (m.jumps.failures < 4)
		turn();
	/* a full round, then one at a time */
	assert_int_equal(JUMPS_READY + 3, m.jumps.last);
	assert_true(kid_delay(4).tv_usec > kid_delay(1).tv_usec);
	wait_log("ended with status 1");
	program("jump", self);
	for (int i = 0; i < JUMPS_READY; i++) {
		int fd;

		(void)take_jump(1, &fd);
		close(fd);
	}
}

static void
one_that_cannot_be_started_is_told_and_tried_again(void **state)
{
	struct pool p;

	(void)state;
	program("jump", NULL);
	monitor_advance(&m);
	wait_log("jump: cannot be started now: ");
	program("jump", self);
	for (int i = 0; i < JUMPS_READY; i++)
		p.numbers[i] = take_jump(1, &p.fds[i]);
	empty(&p, JUMPS_READY);
}

static void
lines_beyond_a_rate_are_counted_and_left_out(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	assert_int_equal(0, say_taken(p.numbers[0]));
	tell(p.fds[0], MSG_LIST);
	assert_true(answers(p.fds[0]));
	tell(p.fds[0], MSG_CUT);
	wait_log("line 0");
	wait_log("more lines in one second were left out");
	wait_log("SIGABRT");
	empty(&p, JUMPS_READY);
}

static void
when_ident_ends_all_end(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	assert_int_equal(0, say_taken(p.numbers[0]));
	m.stopping = true; /* nothing is started in their place */
	jumps_kill(&m);
	assert_null(LIST_FIRST(&m.jumps.pool));
	assert_null(LIST_FIRST(&m.jumps.taken));
	for (int i = 0; i < JUMPS_READY; i++)
		assert_false(answers(p.fds[i]));
	empty(&p, JUMPS_READY);
}

/* ---- generations ----------------------------------------------------------------------------- */

static void
answer_ready(uint64_t number)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e = { 0 };

	msg_start(&o, buf, sizeof(buf), MSG_READY, 0);
	msg_put_u64(&o, number);
	msg_put_u32(&o, 1);
	msg_put_str(&o, "");
	assert_int_equal(0, kid_on_msg(&m.ident, buf, o.len, NULL, 0, &e));
}

static void
take_offer(uint64_t number)
{
	struct got g;
	uint64_t v;

	take(ident_end, &g);
	assert_int_equal(MSG_GENERATION, g.in.type);
	assert_int_equal(0, msg_get_u64(&g.in, &v));
	assert_int_equal(number, v);
	for (size_t i = 0; i < g.nfds; i++)
		close(g.fds[i]);
}

static void
a_new_generation_replaces_the_ready_and_leaves_the_taken(void **state)
{
	struct pool p, q;

	(void)state;
	fill(&p);
	assert_int_equal(0, say_taken(p.numbers[0]));
	p.numbers[JUMPS_READY] = take_jump(1, &p.fds[JUMPS_READY]);
	m.candidate = generation(2, "good");
	monitor_advance(&m);
	take_offer(2);
	assert_int_equal(2, m.jumps.tried);
	answer_ready(2);
	for (int i = 0; i < JUMPS_READY; i++)
		(void)take_jump(2, &q.fds[i]);
	assert_true(answers(p.fds[0]));
	for (int i = 1; i <= JUMPS_READY; i++)
		assert_false(answers(p.fds[i]));
	for (int i = 0; i < JUMPS_READY; i++)
		assert_true(answers(q.fds[i]));
	empty(&p, JUMPS_READY + 1);
	empty(&q, JUMPS_READY);
}

static void
a_bad_host_key_is_never_offered_to_ident(void **state)
{
	struct pool p;
	struct got g;

	(void)state;
	fill(&p);
	m.candidate = generation(2, "bad");
	monitor_advance(&m);
	while (m.candidate != NULL)
		turn();
	assert_non_null(strstr(m.failure, "host key 1 of target 1: not a key"));
	assert_int_equal(1, m.current->number);
	/* what ident hears next is the next ready process, of the generation in force */
	assert_int_equal(0, say_taken(p.numbers[0]));
	take(ident_end, &g);
	assert_int_equal(MSG_JUMP, g.in.type);
	close(g.fds[0]);
	empty(&p, JUMPS_READY);
}

static void
new_crls_alone_are_not_tried(void **state)
{
	struct pool p;

	(void)state;
	fill(&p);
	m.candidate = generation(2, "bad");
	m.candidate->crls_only = true;
	conf_free(m.candidate->conf); /* it has none before it is committed */
	m.candidate->conf = NULL;
	monitor_advance(&m);
	take_offer(2);
	empty(&p, JUMPS_READY);
}

/* ---- ident's words --------------------------------------------------------------------------- */

static void
taken_is_refused_short_long_and_of_a_process_that_ident_does_not_have(void **state)
{
	static const uint32_t two[] = { 1, 2 };
	struct pool p;

	(void)state;
	assert_int_equal(0, say_taken(99)); /* it ended just now */
	assert_int_equal(-1, say(MSG_TAKEN, NULL, 0));
	assert_int_equal(-1, say(MSG_TAKEN, two, 2));
	monitor_advance(&m); /* started, and not ready yet */
	assert_int_equal(-1, say_taken(1));
	for (int i = 0; i < JUMPS_READY; i++)
		p.numbers[i] = take_jump(1, &p.fds[i]);
	assert_int_equal(0, say_taken(1));
	assert_int_equal(0, say_taken(1)); /* twice: it is not in the pool any more */
	assert_int_equal(1, count(&m.jumps.taken));
	empty(&p, JUMPS_READY);
}

static void
a_jump_process_that_says_too_much_is_ended(void **state)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e = { 0 };
	struct pool p;
	struct kid *k;

	(void)state;
	fill(&p);
	k = LIST_FIRST(&m.jumps.pool);
	msg_start(&o, buf, sizeof(buf), MSG_READY, 0); /* the third */
	msg_put_u64(&o, 1);
	msg_put_u32(&o, 1);
	msg_put_str(&o, "");
	assert_int_equal(-1, kid_on_msg(k, buf, o.len, NULL, 0, &e));
	msg_start(&o, buf, sizeof(buf), MSG_AUDIT, 0);
	assert_int_equal(-1, kid_on_msg(k, buf, o.len, NULL, 0, &e));
	assert_int_equal(ERR_PEER, e.kind);
	empty(&p, JUMPS_READY);
}

/* PAM for connection 7: returns the pair, or -1 when there is none. */
static int
ask_pam(void)
{
	struct got g;
	struct err e;
	uint32_t ok;

	assert_int_equal(0, say(MSG_PAM, NULL, 0));
	take(ident_end, &g);
	assert_int_equal(MSG_PAM, g.in.type);
	assert_int_equal(7, g.in.conn);
	assert_int_equal(0, msg_get_u32(&g.in, &ok));
	assert_int_equal(0, msg_end(&g.in, &e));
	assert_int_equal(ok, g.nfds);
	return ok ? g.fds[0] : -1;
}

static void
ident_gets_a_pam_process_for_a_login(void **state)
{
	int one, two;

	(void)state;
	m.current->conf->settings.targets[1].mode = TARGET_FORWARD; /* no jump process in between */
	assert_int_not_equal(-1, one = ask_pam());
	assert_int_not_equal(-1, two = ask_pam());
	assert_true(answers(one) && answers(two));
	close(one);
	while (m.jumps.npams > 1)
		turn();
	assert_true(answers(two));
	close(two);
}

static void
more_pam_processes_than_connections_are_refused(void **state)
{
	int one, two;

	(void)state;
	m.current->conf->settings.targets[1].mode = TARGET_FORWARD;
	assert_int_not_equal(-1, one = ask_pam());
	assert_int_not_equal(-1, two = ask_pam());
	assert_int_equal(-1, ask_pam());
	wait_log("no pam process: 2 of them live");
	close(one);
	while (m.jumps.npams > 1)
		turn();
	assert_int_not_equal(-1, one = ask_pam());
	close(one);
	close(two);
}

static void
a_pam_process_that_cannot_be_started_is_told(void **state)
{
	static const uint32_t more[] = { 1 };

	(void)state;
	program("pam", NULL);
	assert_int_equal(-1, ask_pam());
	wait_log("connection 0000000000000007: no pam process: ");
	assert_int_equal(-1, say(MSG_PAM, more, 1));
}

int
main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(as_many_as_the_pool_holds_are_ready_and_each_answers),
		TEST(without_a_jump_target_there_is_none),
		TEST(one_that_is_taken_is_made_up_for),
		TEST(a_crash_is_told_and_takes_nobody_along),
		TEST(a_ready_one_that_dies_is_made_up_for),
		TEST(those_that_die_at_start_are_started_ever_more_slowly),
		TEST(one_that_cannot_be_started_is_told_and_tried_again),
		TEST(lines_beyond_a_rate_are_counted_and_left_out),
		TEST(when_ident_ends_all_end),
		TEST(a_new_generation_replaces_the_ready_and_leaves_the_taken),
		TEST(a_bad_host_key_is_never_offered_to_ident),
		TEST(new_crls_alone_are_not_tried),
		TEST(taken_is_refused_short_long_and_of_a_process_that_ident_does_not_have),
		TEST(a_jump_process_that_says_too_much_is_ended),
		TEST(ident_gets_a_pam_process_for_a_login),
		TEST(more_pam_processes_than_connections_are_refused),
		TEST(a_pam_process_that_cannot_be_started_is_told),
	};

	if (argc == 5 && strcmp(argv[0], "jump") == 0)
		return stand_in(false);
	if (argc == 5 && strcmp(argv[0], "pam") == 0)
		return stand_in(true);
	assert(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
