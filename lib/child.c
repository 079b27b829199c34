/* child.c - what every child of the monitor does first */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "msgio.h"

#ifdef SANITIZED
/* The leak checker forks and traces, which no filter of ours allows. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static void
usage(const char *name)
{
	(void)fprintf(stderr, "%s is started by sshbridge, not by hand\n", name);
	exit(2);
}

static unsigned long
number(const char *name, const char *text)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || v > UINT32_MAX)
		usage(name);
	return v;
}

static int
compare_nothing(const void *a, const void *b)
{
	(void)a;
	(void)b;
	return 0;
}

/*
 * The C library's qsort() asks once how much memory the machine has, when it first sorts more
 * than a kilobyte. A confined process that did so (a long CRL, many anchors) would die of it.
 */
static void
sort_once(void)
{
	static char bytes[4096];

	qsort(bytes, sizeof(bytes), 1, compare_nothing);
}

void
child_start(struct child *c, int argc, char **argv)
{
	int type = 0;
	socklen_t len = sizeof(type);
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

	if (argc != 5 || getsockopt(CHILD_CHANNEL, SOL_SOCKET, SO_TYPE, &type, &len) == -1 ||
	    type != SOCK_SEQPACKET)
		usage(argc > 0 ? argv[0] : "this program");
	memset(c, 0, sizeof(*c));
	if (strcmp(argv[3], "-") != 0) {
		c->ids.uid = (uid_t)number(argv[0], argv[1]);
		c->ids.gid = (gid_t)number(argv[0], argv[2]);
		c->ids.root = argv[3];
	}
	c->index = (unsigned)number(argv[0], argv[4]);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)clearenv();
	tzset();
	sort_once();
}

void
child_log(enum child_level level, const char *fmt, ...)
{
	uint8_t buf[4096];
	char line[3000];
	struct msg_out o;
	struct err e;
	struct pollfd p = { .fd = CHILD_CHANNEL, .events = POLLOUT };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	msg_start(&o, buf, sizeof(buf), MSG_LOG, 0);
	msg_put_u32(&o, level);
	msg_put_str(&o, line);
	if (poll(&p, 1, 0) == 1 && msgio_send(CHILD_CHANNEL, &o, NULL, 0, &e) == -1)
		return;
}

void
child_put_ready(struct msg_out *o, uint8_t buf[CHILD_READY_SIZE], uint64_t generation,
    const struct err *why_not)
{
	msg_start(o, buf, CHILD_READY_SIZE, MSG_READY, 0);
	msg_put_u64(o, generation);
	msg_put_u32(o, why_not == NULL);
	msg_put_str(o, why_not == NULL ? "" : why_not->text);
}

int
child_ready(uint64_t generation, const struct err *why_not)
{
	uint8_t buf[CHILD_READY_SIZE];
	struct msg_out o;
	struct err e;

	child_put_ready(&o, buf, generation, why_not);
	return msgio_send(CHILD_CHANNEL, &o, NULL, 0, &e);
}

void
child_fail(const struct err *e)
{
	child_log(CHILD_ERROR, "%s", e->text);
	_exit(1);
}
