/* report.c - log lines to the monitor */
#include <unistd.h>

#include "gate.h"

bool
report_line(struct gate *g, enum child_level level, const struct logline *l)
{
	uint8_t buf[AUDIT_MESSAGE_MAX];
	struct report *r = &g->report;
	struct msg_out o;
	struct err e;
	bool audit;

	if (g->monitor == NULL)
		return true;
	audit = audit_write(&o, buf, level, l, 0, r->lost);
	if (msgq_send(g->monitor, &o, NULL, 0, &e) == -1) {
		r->lost += audit;
		return false;
	}
	if (audit)
		r->lost = 0;
	return true;
}

static void
on_second(evutil_socket_t fd, short what, void *arg)
{
	struct gate *g = arg;
	struct logline l;

	(void)fd;
	(void)what;
	g->report.lines = 0;
	g->report.running = false;
	if (g->report.left_out == 0)
		return;
	logline_start(&l, "refused");
	logline_u64(&l, "more", g->report.left_out);
	logline_str(&l, "why", "too many refusals in one second to log each");
	if (report_line(g, CHILD_WARNING, &l))
		g->report.left_out = 0;
}

void
report_init(struct gate *g)
{
	(void)evtimer_assign(&g->report.timer, g->base, on_second, g);
}

void
report_refusal(struct gate *g, const struct logline *l)
{
	struct timeval second = { .tv_sec = 1 };
	struct report *r = &g->report;

	if (!r->running) {
		r->running = evtimer_add(&r->timer, &second) == 0;
		r->lines = 0;
	}
	if (r->lines >= REPORT_PER_SECOND) {
		r->left_out++;
		return;
	}
	r->lines++;
	(void)report_line(g, CHILD_NOTICE, l);
}

void
gate_end(struct gate *g, const char *why)
{
	char text[LOGLINE_TEXT_MAX];
	struct logline l;

	logline_start(&l, "gate-ends");
	logline_str(&l, "why", why);
	/* past the queue: it may be what broke */
	(void)g;
	child_log(CHILD_ERROR, "%s", logline_text(&l, text));
	_exit(1);
}
