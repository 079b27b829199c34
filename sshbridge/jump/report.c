/* report.c - log lines to the monitor */
#include <unistd.h>

#include "audit.h"
#include "jump.h"

void
report_start(struct jump *j, struct logline *l, const char *event)
{
	logline_start(l, event);
	logline_fmt(l, "connection", "%016llx", (unsigned long long)j->conn);
	logline_str(l, "client", j->client);
}

void
report_line(struct jump *j, enum child_level level, const struct logline *l)
{
	uint8_t buf[AUDIT_MESSAGE_MAX];
	struct msg_out o;
	struct err e;

	/* the trail is ident's: none of our words is in its table */
	(void)audit_write(&o, buf, level, l, 0, 0);
	if (j->monitor != NULL && msgq_send(j->monitor, &o, NULL, 0, &e) == -1)
		return; /* a monitor that takes no lines: nobody may stall a child */
}

enum { REFUSED_LINES = 20 };

void
report_refused(struct jump *j, const char *what)
{
	struct logline l;

	if (j->refused == REFUSED_LINES)
		return;
	report_start(j, &l, "ssh-refused");
	logline_str(&l, "what", what);
	if (++j->refused == REFUSED_LINES)
		logline_str(&l, "note", "no more of these lines for this connection");
	report_line(j, CHILD_NOTICE, &l);
}

void
jump_die(const char *why)
{
	char text[LOGLINE_TEXT_MAX];
	struct logline l;

	logline_start(&l, "jump-ends");
	logline_str(&l, "why", why);
	/* past the queue: it may be what broke */
	child_log(CHILD_ERROR, "%s", logline_text(&l, text));
	_exit(1);
}
