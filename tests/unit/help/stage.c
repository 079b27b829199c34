/* stage.c - a test plays the monitor of one child process */
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "msgio.h"
#include "tests/unit/help/stage.h"

/* A test that waits so long hangs; it is no measure of speed. */
enum { HANG_MS = 60000 };

static void
exec_child(const char *program, int channel, const char *root)
{
	char path[4096];
	const char *build = getenv("BUILD");
	int null = open("/dev/null", O_RDWR);

	(void)snprintf(path, sizeof(path), "%s/libexec/sshbridge/%s",
	    build == NULL ? "build" : build, program);
	if (dup2(null, 0) == -1 || dup2(null, 1) == -1 || dup2(channel, CHILD_CHANNEL) == -1)
		_exit(126);
	/* 2 stays: a sanitizer's report is to be seen */
	for (int fd = CHILD_CHANNEL + 1; fd < 256; fd++)
		close(fd);
	if (geteuid() == 0)
		(void)execl(path, program, "65533", "65533", root, "0", (char *)NULL);
	else
		(void)execl(path, program, "-", "-", "-", "0", (char *)NULL);
	_exit(127);
}

static void
run_child(void (*run)(void), int channel)
{
	if (dup2(channel, CHILD_CHANNEL) == -1)
		_exit(126);
	for (int fd = CHILD_CHANNEL + 1; fd < 256; fd++)
		close(fd);
	run();
	_exit(127);
}

static void
start(struct stage *p, const char *program, void (*run)(void))
{
	int pair[2];
	char why[256];

	memset(p, 0, sizeof(*p));
	(void)snprintf(p->root, sizeof(p->root), "/tmp/stage.XXXXXX");
	assert_non_null(mkdtemp(p->root));
	assert_int_equal(0, chmod(p->root, 0755));
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	p->pid = fork();
	assert_int_not_equal(-1, p->pid);
	if (p->pid == 0 && run != NULL)
		run_child(run, pair[1]);
	if (p->pid == 0)
		exec_child(program, pair[1], strcmp(program, "resolve") == 0 ? "/" : p->root);
	close(pair[1]);
	p->monitor = pair[0];
	if (!stage_ready(p, 0, why, sizeof(why)))
		fail_msg("%s did not start: %s", program, why);
}

void
stage_start(struct stage *p, const char *program)
{
	start(p, program, NULL);
}

void
stage_start_here(struct stage *p, void (*run)(void))
{
	start(p, "a child of the test's own", run);
}

time_t
stage_clock(void)
{
	struct timespec ts;

	assert_int_equal(0, clock_gettime(CLOCK_REALTIME, &ts));
	return ts.tv_sec;
}

int
stage_wait(struct stage *p)
{
	int status;

	assert_int_equal(p->pid, waitpid(p->pid, &status, 0));
	if (p->monitor != -1)
		close(p->monitor);
	p->monitor = -1;
	(void)rmdir(p->root);
	return status;
}

void
stage_end(struct stage *p)
{
	static uint8_t buf[MSG_MAX];
	int status;

	(void)shutdown(p->monitor, SHUT_WR);
	/* what it still has to say, so that it never waits for us */
	while (recv(p->monitor, buf, sizeof(buf), 0) > 0)
		;
	status = stage_wait(p);
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

void
stage_recv(int fd, struct got *g)
{
	struct pollfd pf = { .fd = fd, .events = POLLIN };
	struct err e = { 0 };
	ssize_t n;

	memset(g, 0, offsetof(struct got, m));
	g->end = false;
	if (poll(&pf, 1, HANG_MS) != 1)
		fail_msg("no message came");
	n = msgio_recv(fd, g->buf, sizeof(g->buf), g->fds, &g->nfds, &e);
	if (n == 0 || (n == -1 && e.detail == ECONNRESET)) {
		g->end = true;
		return;
	}
	if (n == -1)
		fail_msg("receive: %s", e.text);
	assert_int_equal(0, msg_parse(&g->m, g->buf, (size_t)n, &e));
}

void
stage_expect(int fd, struct got *g, unsigned type)
{
	stage_recv(fd, g);
	if (g->end)
		fail_msg("the channel ended, %s was expected", msg_name(type));
	if (g->m.type != type)
		fail_msg("%s came, %s was expected", msg_name(g->m.type), msg_name(type));
}

void
stage_expect_end(int fd)
{
	struct got *g = malloc(sizeof(*g));

	assert_non_null(g);
	stage_recv(fd, g);
	if (!g->end)
		fail_msg("%s came, the end was expected", msg_name(g->m.type));
	free(g);
}

void
stage_send(int fd, const struct msg_out *o, const int *fds, size_t nfds)
{
	struct err e = { 0 };

	if (msgio_send(fd, o, fds, nfds, &e) == -1)
		fail_msg("send: %s", e.text);
}

/* The next message of the child; a LOG's line goes to p->last. False: the channel ended. */
static bool
next(struct stage *p, struct got *g)
{
	uint32_t level;
	struct err e;

	stage_recv(p->monitor, g);
	if (g->end)
		return false;
	if (g->m.type == MSG_AUDIT) {
		assert_int_equal(0, audit_get(&g->m, AUDIT_IDENT, &p->audit, &e));
		(void)logrecord_text(&p->audit.record, p->last);
		if (getenv("STAGE_LOG") != NULL)
			(void)fprintf(stderr, "# %s\n", p->last);
	}
	if (g->m.type == MSG_LOG) {
		assert_int_equal(0, msg_get_u32(&g->m, &level));
		assert_int_equal(0, msg_get_str(&g->m, p->last, sizeof(p->last)));
		if (getenv("STAGE_LOG") != NULL)
			(void)fprintf(stderr, "# %s\n", p->last);
	}
	return true;
}

bool
stage_ready(struct stage *p, uint64_t number, char *why, size_t size)
{
	struct got *g = malloc(sizeof(*g));
	uint64_t n;
	uint32_t ok;

	assert_non_null(g);
	for (;;) {
		if (!next(p, g))
			fail_msg("it ended before READY; it said: %s", p->last);
		if (g->m.type == MSG_READY)
			break;
	}
	assert_int_equal(0, msg_get_u64(&g->m, &n));
	assert_int_equal(0, msg_get_u32(&g->m, &ok));
	assert_int_equal(0, msg_get_str(&g->m, why, size));
	assert_int_equal(number, n);
	free(g);
	return ok == 1;
}

const char *
stage_log(struct stage *p, const char *word)
{
	struct got *g = malloc(sizeof(*g));

	assert_non_null(g);
	for (;;) {
		if (!next(p, g))
			fail_msg("it ended before a line \"%s\"", word);
		if ((g->m.type == MSG_LOG || g->m.type == MSG_AUDIT) &&
		    strncmp(p->last, word, strlen(word)) == 0)
			break;
	}
	free(g);
	return p->last;
}

int
stage_peer(struct stage *p, unsigned kind, unsigned index)
{
	uint8_t buf[64];
	struct msg_out o;
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
	msg_put_u32(&o, kind);
	msg_put_u32(&o, index);
	stage_send(p->monitor, &o, &pair[1], 1);
	close(pair[1]);
	return pair[0];
}
