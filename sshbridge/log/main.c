/*
 * main.c - the log process: takes lines from the monitor, writes them to one destination
 *
 * It may hang in write() on a dead disk: then its channel fills, the monitor counts what it
 * could not send, and nobody else notices. A destination that refuses (a full disk) costs the
 * lines that it refuses; the next line that goes through says how many those were.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "msgio.h"

struct log_process {
	struct log_queue queue;
	int fd; /* the destination, -1 before the first PEER */
	enum log_dest dest;
	int pid;	  /* the monitor's, for the lines */
	bool torn;	  /* the file ends in the middle of a line: its disk was full */
	int64_t asked_ms; /* when we asked for another destination */
	struct msg_seen seen;
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
queue_line(struct log_process *p, unsigned level, const char *line)
{
	char buf[LOG_LINE_MAX + 512];

	log_queue_put(
	    &p->queue, buf, log_format(buf, sizeof(buf), p->dest, level, now_ms(), p->pid, line));
}

static int
on_log(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct log_process *p = ctx;
	char line[LOG_LINE_MAX + 1];
	uint32_t level;

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &level) == -1 || msg_get_str(m, line, sizeof(line)) == -1 ||
	    msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "LOG: malformed");
	queue_line(p, level, line);
	return 0;
}

/* Where to write from now on: a new one after every reload, so that files can be rotated. */
static int
on_peer(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct log_process *p = ctx;
	uint32_t kind, dest, pid;

	if (msg_get_u32(m, &kind) == -1 || msg_get_u32(m, &dest) == -1 ||
	    msg_get_u32(m, &pid) == -1 || msg_end(m, e) == -1 || kind != PEER_LOG_TO ||
	    dest > LOGTO_JOURNAL || nfds != 1)
		return err_set(e, ERR_PEER, "PEER: malformed");
	if (p->fd != -1)
		close(p->fd);
	p->fd = fds[0];
	fds[0] = -1;
	p->dest = (enum log_dest)dest;
	p->pid = (int)pid;
	return 0;
}

static const struct msg_rule from_monitor[] = {
	{ MSG_LOG, 1, 0, 0, on_log },
	{ MSG_PEER, 1, 0, 1, on_peer },
};

/*
 * Ask the monitor for a new destination: syslogd was restarted. Once in a second at most: if the
 * monitor finds none it says so in a line, and that one cannot be written either.
 */
static void
ask_again(struct log_process *p)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e;
	int64_t now = now_ms();

	if (now >= p->asked_ms && now - p->asked_ms < 1000)
		return;
	p->asked_ms = now;
	msg_start(&o, buf, sizeof(buf), MSG_RELOAD, 0);
	if (msgio_send(CHILD_CHANNEL, &o, NULL, 0, &e) == -1)
		return; /* the monitor is gone: the main loop sees it */
}

/* What a full disk left of a line must not become the beginning of the next. */
static bool
mend(struct log_process *p)
{
	if (p->torn && write(p->fd, "\n", 1) == 1)
		p->torn = false;
	return !p->torn;
}

static void
tell_lost(struct log_process *p)
{
	char line[100];

	(void)snprintf(line, sizeof(line), "log: %llu lines were lost before this one",
	    (unsigned long long)p->queue.lost);
	p->queue.lost = 0;
	queue_line(p, CHILD_WARNING, line);
}

/* Write the oldest line. What is refused for good is lost and counted. */
static void
write_one(struct log_process *p)
{
	char line[LOG_LINE_MAX + 512];
	size_t n = log_queue_peek(&p->queue, line, sizeof(line));
	ssize_t w = -1;

	errno = 0;
	if (p->dest == LOGTO_SYSLOG)
		w = sendto(p->fd, line, n, MSG_NOSIGNAL, NULL, 0);
	else if (mend(p))
		w = write(p->fd, line, n);
	if (w == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	log_queue_drop(&p->queue);
	if (w == (ssize_t)n) {
		if (p->queue.lost > 0)
			tell_lost(p);
		return;
	}
	p->torn = p->torn || w > 0;
	p->queue.lost++;
	if (w == -1 && p->dest == LOGTO_SYSLOG)
		ask_again(p);
}

/* 1: handled; 0: nothing there; -1: the monitor is gone or broke the protocol. */
static int
read_one(struct log_process *p)
{
	static uint8_t buf[MSG_MAX];
	int fds[MSG_FDS_MAX];
	size_t nfds;
	struct err e;
	ssize_t n = msgio_recv(CHILD_CHANNEL, buf, sizeof(buf), fds, &nfds, &e);

	if (n <= 0)
		return n == -1 && e.kind == ERR_SYS && e.detail == EAGAIN ? 0 : -1;
	if (msg_dispatch(from_monitor, sizeof(from_monitor) / sizeof(from_monitor[0]), &p->seen, 1,
		p, buf, (size_t)n, fds, nfds, &e) == -1)
		return -1;
	return 1;
}

static int
self_test(struct log_process *p, struct err *e)
{
	char line[LOG_LINE_MAX + 512];
	size_t n;

	queue_line(p, CHILD_NOTICE, "self-test");
	n = log_queue_peek(&p->queue, line, sizeof(line));
	log_queue_drop(&p->queue);
	if (n < 10 || memcmp(line + n - 10, "self-test\n", 10) != 0)
		return err_set(e, ERR_SYS, "log: self-test: no line came out");
	return 0;
}

/* After the monitor's end: what is queued still goes out, as far as the destination takes it. */
static void
flush(struct log_process *p)
{
	char line[LOG_LINE_MAX + 512];

	for (;;) {
		struct pollfd pf = { .fd = p->fd, .events = POLLOUT };

		if (p->fd == -1 || log_queue_peek(&p->queue, line, sizeof(line)) == 0 ||
		    poll(&pf, 1, 1000) != 1 || (pf.revents & POLLOUT) == 0)
			return;
		write_one(p);
	}
}

int
main(int argc, char **argv)
{
	struct child c;
	struct log_process p = { .fd = -1 };
	struct err e = { 0 };
	char line[LOG_LINE_MAX + 512];

	child_start(&c, argc, argv);
	if (log_queue_init(&p.queue, &e) == -1 || log_sandbox_enter(&c.ids, &e) == -1 ||
	    self_test(&p, &e) == -1)
		child_fail(&e);
	if (child_ready(0, NULL) == -1)
		_exit(1);
	for (;;) {
		struct pollfd pf[2] = { { .fd = CHILD_CHANNEL, .events = POLLIN },
			{ .fd = -1, .events = POLLOUT } };

		if (log_queue_peek(&p.queue, line, sizeof(line)) != 0)
			pf[1].fd = p.fd;
		if (poll(pf, 2, -1) == -1)
			continue;
		if (pf[0].revents != 0 && read_one(&p) == -1)
			break;
		if (pf[1].revents != 0)
			write_one(&p);
	}
	flush(&p);
	_exit(0);
}
