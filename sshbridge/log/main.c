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
	struct log_to to; /* none before the first PEER */
	struct trail trail;
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
queue_line(struct log_process *p, unsigned level, int64_t ms, const char *line)
{
	char buf[LOG_LINE_MAX + 512];

	(void)log_queue_put(
	    &p->queue, buf, log_format(buf, sizeof(buf), p->to.dest, level, ms, p->to.pid, line));
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
	queue_line(p, level, now_ms(), line);
	return 0;
}

/* A record: a line for the log, an object for the audit trail, or both. */
static int
on_audit(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct log_process *p = ctx;
	struct trail_line line;

	(void)fds;
	(void)nfds;
	if (trail_on_audit(&p->trail, m, &line, e) == -1)
		return -1;
	if (line.text[0] != '\0')
		queue_line(p, line.level, line.ms, line.text);
	return 0;
}

static int
on_trail(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct log_process *p = ctx;

	return trail_on_trail(&p->trail, m, fds, nfds, e);
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
	log_to_set(&p->to, fds[0], (enum log_dest)dest, (int)pid);
	fds[0] = -1;
	return 0;
}

static const struct msg_rule from_monitor[] = {
	{ MSG_LOG, 1, 0, 0, on_log },
	{ MSG_PEER, 1, 0, 1, on_peer },
	{ MSG_AUDIT, 1, 0, 0, on_audit },
	{ MSG_TRAIL, 1, 0, 1, on_trail },
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

static void
tell_lost(struct log_process *p)
{
	char line[100];

	(void)snprintf(line, sizeof(line), "log: %llu lines were lost before this one",
	    (unsigned long long)p->queue.lost);
	p->queue.lost = 0;
	queue_line(p, CHILD_WARNING, now_ms(), line);
}

/* Write the oldest line. What is refused for good is lost and counted. */
static void
write_one(struct log_process *p)
{
	char line[LOG_LINE_MAX + 512];
	size_t n = log_queue_peek(&p->queue, line, sizeof(line));

	switch (log_write(&p->to, line, n)) {
	case LOG_LATER:
		return;
	case LOG_WRITTEN:
		log_queue_drop(&p->queue);
		if (p->queue.lost > 0)
			tell_lost(p);
		return;
	default:
		log_queue_drop(&p->queue);
		p->queue.lost++;
		if (p->to.dest == LOGTO_SYSLOG)
			ask_again(p);
	}
}

static void
write_record(struct log_process *p)
{
	uint64_t refused = p->trail.refused;

	trail_write(&p->trail);
	if (p->trail.refused != refused && p->trail.to.dest == LOGTO_SYSLOG)
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

/* One line and one record, from their messages to what would be written. */
static int
self_test(struct log_process *p, struct err *e)
{
	const struct json_head h = { .number = 1, .host = "", .instance = "", .process = "" };
	char line[LOG_LINE_MAX + 512], json[JSON_MAX];
	struct logline l;
	struct logrecord r;
	struct msg_in m;
	size_t n;

	queue_line(p, CHILD_NOTICE, now_ms(), "self-test");
	n = log_queue_peek(&p->queue, line, sizeof(line));
	log_queue_drop(&p->queue);
	if (n < 10 || memcmp(line + n - 10, "self-test\n", 10) != 0)
		return err_set(e, ERR_SYS, "log: self-test: no line came out");
	logline_start(&l, "stop");
	logline_str(&l, "why", "self-\033test");
	if (msg_parse(&m, l.buf, l.len, e) == -1 || logrecord_get(&m, &r, e) == -1)
		return err_prefix(e, "log: self-test");
	n = json_record(&h, audit_event("stop"), &r, JSON_MAX, json);
	if (n == 0 || strstr(json, "\"why\":\"self-\\\\x1btest\"") == NULL)
		return err_set(e, ERR_SYS, "log: self-test: no record came out");
	return 0;
}

/* Writing what waits, as far as the destinations take it. False: nothing waits any more. */
static bool
wait_and_write(struct log_process *p, int timeout_ms)
{
	struct pollfd pf[2] = { { .fd = -1, .events = POLLOUT }, { .fd = -1, .events = POLLOUT } };

	if (p->queue.used > 0)
		pf[0].fd = p->to.fd;
	if (trail_waiting(&p->trail))
		pf[1].fd = p->trail.to.fd;
	if ((pf[0].fd == -1 && pf[1].fd == -1) || poll(pf, 2, timeout_ms) < 1)
		return false;
	if ((pf[0].revents & POLLOUT) != 0)
		write_one(p);
	if ((pf[1].revents & POLLOUT) != 0)
		write_record(p);
	return ((pf[0].revents | pf[1].revents) & POLLOUT) != 0;
}

int
main(int argc, char **argv)
{
	struct child c;
	static struct log_process p = { .to = { .fd = -1 } };
	struct err e = { 0 };

	child_start(&c, argc, argv);
	json_init();
	if (log_queue_init(&p.queue, &e) == -1 || trail_init(&p.trail, &e) == -1 ||
	    log_sandbox_enter(&c.ids, &e) == -1 || self_test(&p, &e) == -1)
		child_fail(&e);
	if (child_ready(0, NULL) == -1)
		_exit(1);
	for (;;) {
		struct pollfd pf[3] = { { .fd = CHILD_CHANNEL, .events = POLLIN },
			{ .fd = -1, .events = POLLOUT }, { .fd = -1, .events = POLLOUT } };

		if (p.queue.used > 0)
			pf[1].fd = p.to.fd;
		if (trail_waiting(&p.trail))
			pf[2].fd = p.trail.to.fd;
		if (poll(pf, 3, -1) == -1)
			continue;
		if (pf[0].revents != 0 && read_one(&p) == -1)
			break;
		if (pf[1].revents != 0)
			write_one(&p);
		if (pf[2].revents != 0)
			write_record(&p);
	}
	/* after the monitor's end what is queued still goes out, as far as it is taken */
	while (wait_and_write(&p, 1000))
		;
	_exit(0);
}
