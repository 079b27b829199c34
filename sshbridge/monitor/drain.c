/* drain.c - restart does not cut: the listeners close, sessions go on until the last has ended */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "listeners.h"
#include "monitor.h"

static void
on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct monitor *m = arg;

	(void)fd;
	(void)what;
	audit_stop(m, CHILD_WARNING, "drain: the time is over, the sessions that are left are cut");
	monitor_stop(m, 0);
}

static void
close_listeners(struct monitor *m)
{
	uint8_t buf[64];
	struct msg_out o;

	for (unsigned i = 0; i < m->ngates; i++) {
		struct kid *k = &m->gates[i];

		k->idle = k->q == NULL;
		if (k->q == NULL)
			continue;
		msg_start(&o, buf, sizeof(buf), MSG_LISTEN, 0);
		msg_put_u64(&o, m->current->number);
		msg_put_u32(&o, 0);
		kid_send(k, &o, NULL, 0);
	}
	listeners_free(m->current->listeners);
	m->current->listeners = NULL;
}

/* CRLs that were on their way are read again by the copy, and by who comes next. */
static void
put_candidate_off(struct monitor *m)
{
	if (m->candidate == NULL || !m->candidate->crls_only) {
		generation_fail(m, "draining");
		return;
	}
	generation_drop(m);
}

/*
 * The process that the service manager knows ends at once, so that a new instance can start; a
 * copy of it goes on with the sessions. The children are not its own: they are known by their
 * channels, which both hold and only it keeps.
 */
void
drain_start(struct monitor *m)
{
	struct logline l;
	uint32_t seconds;
	pid_t pid;

	if (m->draining || m->stopping)
		return;
	if (m->current == NULL) {
		monitor_stop(m, 0); /* not in service yet: there is nothing to drain */
		return;
	}
	put_candidate_off(m);
	kid_kill(&m->explainer, "");
	explain_done(m, false, "draining");
	notify(m, "STOPPING=1");
	logline_start(&l, "drain");
	logline_say(&l, "draining: nobody new is accepted, sessions go on");
	audit_record(m, CHILD_NOTICE, &l);
	generation_keep_key(m->current, true);
	if ((pid = fork()) == -1)
		monitor_log(m, CHILD_ERROR,
		    "drain: fork: %s: this process itself goes on until "
		    "the last session has ended",
		    strerror(errno));
	if (pid > 0)
		_exit(0);
	generation_keep_key(m->current, false);
	m->draining = true;
	m->notify_socket = NULL;
	/* their end is the other's to see; their numbers may be anybody's soon */
	if (m->load.q == NULL)
		m->load.pid = 0;
	m->explainer.pid = 0;
	if (event_reinit(m->base) == -1) {
		monitor_fatal(m, "drain: the event loop cannot go on after fork");
		return;
	}
	seconds = m->current->conf->drain;
	if (seconds > 0) {
		struct timeval tv = { (time_t)seconds, 0 };

		(void)event_base_once(m->base, -1, EV_TIMEOUT, on_limit, m, &tv);
	}
	watch_start(m);	 /* CRLs go on to count, also those that were just on their way */
	logging_open(m); /* with the pid that writes from now on */
	close_listeners(m);
	drain_check(m);
}

void
drain_check(struct monitor *m)
{
	if (!m->draining || m->stopping)
		return;
	for (unsigned i = 0; i < m->ngates; i++)
		if (m->gates[i].q != NULL && !m->gates[i].idle)
			return;
	/* who comes after us reaches the sessions of the instance before through our ident alone */
	if (m->has_older && m->ident.q != NULL)
		return;
	audit_stop(m, CHILD_NOTICE, "drained: the last session has ended");
	monitor_stop(m, 0);
}
