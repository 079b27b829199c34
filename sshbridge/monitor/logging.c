/* logging.c - lines to the log process, and where that one writes */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor.h"
#include "text.h"

/* as in docs/PROTOCOL.md, PEER kind 6 */
enum { TO_STREAM, TO_FILE, TO_SYSLOG, TO_JOURNAL };

/* Before the log process is there, and in -t and --explain. Never waits for a terminal. */
static void
to_stderr(const char *line)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&p, 1, 0) == 1)
		(void)fprintf(stderr, "sshbridge: %s\n", line);
}

void
monitor_log_line(struct monitor *m, enum child_level level, const char *tag, const char *line)
{
	char text[3400], clean[3300];
	uint8_t buf[4096];
	struct msg_out o;
	struct err e = { 0 };

	(void)snprintf(clean, sizeof(clean), "%s", line);
	text_clean(clean);
	(void)snprintf(text, sizeof(text), "%s%s%s", tag, tag[0] == '\0' ? "" : ": ", clean);
	if (m->mode != MODE_RUN || m->log.state != KID_UP || m->log.q == NULL) {
		to_stderr(text);
		return;
	}
	if (m->lines_lost > 0) {
		char lost[100];

		(void)snprintf(lost, sizeof(lost),
		    "%llu log lines were lost: the log process "
		    "did not take them",
		    (unsigned long long)m->lines_lost);
		msg_start(&o, buf, sizeof(buf), MSG_LOG, 0);
		msg_put_u32(&o, CHILD_WARNING);
		msg_put_str(&o, lost);
		if (msgq_send(m->log.q, &o, NULL, 0, &e) == -1) {
			m->lines_lost++;
			return;
		}
		m->lines_lost = 0;
	}
	msg_start(&o, buf, sizeof(buf), MSG_LOG, 0);
	msg_put_u32(&o, level);
	msg_put_str(&o, text);
	if (msgq_send(m->log.q, &o, NULL, 0, &e) == -1)
		m->lines_lost++;
}

void
monitor_log(struct monitor *m, enum child_level level, const char *fmt, ...)
{
	char line[3000];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	monitor_log_line(m, level, "", line);
}

static int
open_syslog(struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1 || connect(fd, (struct sockaddr *)&un, sizeof(un)) == -1) {
		err_sys(e, errno, "/dev/log");
		if (fd != -1)
			close(fd);
		return -1;
	}
	return fd;
}

/* A log file is created 0640 and only appended to; a link or a FIFO in its place is refused. */
static int
open_log_file(const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0640);

	if (fd == -1 || fstat(fd, &st) == -1) {
		err_sys(e, errno, "%s", path);
	} else if (!S_ISREG(st.st_mode)) {
		err_set(e, ERR_FORMAT, "%s: not a regular file", path);
	} else {
		return fd;
	}
	if (fd != -1)
		close(fd);
	return -1;
}

int
logging_destination(
    const char *to, int (*open_file)(const char *, struct err *), uint32_t *kind, struct err *e)
{
	const char *journal = getenv("JOURNAL_STREAM");
	int fd;

	if (strcmp(to, "syslog") == 0) {
		*kind = TO_SYSLOG;
		return open_syslog(e);
	}
	if (strcmp(to, "stderr") != 0) {
		*kind = TO_FILE;
		return open_file(to, e);
	}
	*kind = journal != NULL && *journal != '\0' ? TO_JOURNAL : TO_STREAM;
	if ((fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) == -1)
		return err_sys(e, errno, "stderr");
	return fd;
}

static void
log_open(struct monitor *m, const struct conf *c)
{
	struct err e = { 0 };
	uint8_t buf[128];
	struct msg_out o;
	uint32_t kind = TO_STREAM;
	int fd;

	if ((fd = logging_destination(c->log, open_log_file, &kind, &e)) == -1) {
		err_prefix(&e, "log");
		to_stderr(e.text);
		monitor_log(m, CHILD_ERROR, "%s", e.text);
		return;
	}
	m->log_is_stderr = kind == TO_STREAM || kind == TO_JOURNAL;
	msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
	msg_put_u32(&o, PEER_LOG_TO);
	msg_put_u32(&o, kind);
	msg_put_u32(&o, (uint32_t)getpid());
	kid_send(&m->log, &o, &fd, 1);
}

/* Whether it could be appended to, or made where it is not there; it is not made here. */
static int
look_at_file(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	struct stat st;

	if (lstat(path, &st) == 0) {
		if (!S_ISREG(st.st_mode))
			return err_set(e, ERR_FORMAT, "%s: not a regular file", path);
		if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == -1)
			return err_sys(e, errno, "%s", path);
		return 0;
	}
	if (errno != ENOENT || slash == NULL)
		return err_sys(e, errno, "%s", path);
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path);
	if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == -1)
		return err_sys(e, errno, "%s: its folder", path);
	return 0;
}

int
logging_look(const struct conf *c, struct err *e)
{
	if (strchr(c->log, '/') != NULL && look_at_file(c->log, e) == -1)
		return err_prefix(e, "log");
	if (strchr(c->audit_to, '/') != NULL && look_at_file(c->audit_to, e) == -1)
		return err_prefix(e, "audit");
	return 0;
}

void
logging_open(struct monitor *m)
{
	struct generation *g = m->current != NULL ? m->current : m->candidate;

	/* -t makes no file: logging_look() has been there */
	if (g == NULL || m->log.q == NULL || m->mode != MODE_RUN)
		return;
	log_open(m, g->conf);
	audit_open(m, g->conf);
}
