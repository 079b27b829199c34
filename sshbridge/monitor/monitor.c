/* monitor.c - what to do next: one function that brings everybody where they should be */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include "jumps.h"
#include "listeners.h"
#include "locks.h"
#include "monitor.h"
#include "pamcheck.h"

int64_t
monitor_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
monitor_stop(struct monitor *m, int status)
{
	m->stopping = true;
	m->status = status;
	(void)event_base_loopbreak(m->base);
}

void
monitor_fatal(struct monitor *m, const char *fmt, ...)
{
	char line[2000];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* who starts it by hand looks at the terminal, whatever `log` says */
	if (m->mode != MODE_RUN || m->log.state != KID_UP || !m->log_is_stderr)
		(void)fprintf(stderr, "sshbridge: %s\n", line);
	if (m->mode == MODE_RUN && m->log.state == KID_UP)
		monitor_log(m, CHILD_ERROR, "%s", line);
	monitor_stop(m, 1);
}

/*
 * In service, what cannot be started now (no process to be had, its program just being replaced)
 * is tried again later: others have sessions.
 */
static void
start_failed(struct kid *k, const struct err *e)
{
	static const struct timeval second = { 1, 0 };

	if (!k->m->ready || k->restart == NULL || evtimer_add(k->restart, &second) == -1)
		monitor_fatal(k->m, "%s: %s", k->tag, e->text);
	else
		monitor_log(k->m, CHILD_ERROR, "%s: cannot be started now: %s", k->tag, e->text);
}

/* Start a child that is down and does not wait for its delay. */
static bool
ensure(struct kid *k)
{
	struct err e = { 0 };

	if (k->state != KID_DOWN)
		return k->state == KID_UP;
	if (k->m->draining || k->m->stopping || k->pid != 0 ||
	    (k->restart != NULL && evtimer_pending(k->restart, NULL)))
		return false;
	if (kid_start(k, &e) == -1)
		start_failed(k, &e);
	return false;
}

/* One at a time: while a child works on one it is not given the next, nor its READY misread. */
static bool
may_send(const struct kid *k)
{
	return k->answered == k->sent;
}

/* The generation that everybody should have: the candidate as soon as ident has taken it. */
static void
advance_ident(struct monitor *m)
{
	struct generation *g = m->candidate;

	/* load still has it, or a jump process tries it; if that fails there is none any more */
	if (g != NULL && (g->fds[GEN_CRLS] == -1 || !jumps_tried(m)))
		g = NULL;
	if (g == NULL)
		g = m->current;
	if (g == NULL)
		return;
	if (m->ident.sent != g->number) {
		if (!may_send(&m->ident))
			return;
		/* before anything by which it could let somebody in */
		if (m->ident.sent == 0 && m->locks != NULL)
			locks_to_ident(m);
		m->offered = g == m->candidate;
		generation_to_ident(m, g);
	} else if (m->ident.taken == g->number && g == m->candidate) {
		generation_commit(m);
	}
}

/* A listener for ident: 0 is ident-socket's, 1 keys-socket's. */
static void
send_unixsock(struct monitor *m, const struct unixsock *u, uint32_t index)
{
	uint8_t buf[64];
	struct msg_out o;
	int fd = fcntl(u->fd, F_DUPFD_CLOEXEC, 10);

	if (fd == -1) {
		monitor_fatal(m, "%s: %s", u->path, strerror(errno));
		return;
	}
	msg_start(&o, buf, sizeof(buf), MSG_LISTEN, 0);
	msg_put_u64(&o, 0);
	msg_put_u32(&o, 1);
	msg_put_u32(&o, index);
	kid_send(&m->ident, &o, &fd, 1);
}

static void
publish(struct monitor *m)
{
	uint8_t buf[64];
	struct msg_out o;
	struct err e = { 0 };

	if (m->older != -1) {
		msg_start(&o, buf, sizeof(buf), MSG_PEER, 0);
		msg_put_u32(&o, PEER_OLDER);
		msg_put_u32(&o, 0);
		kid_send(&m->ident, &o, &m->older, 1);
		m->older = -1;
		m->has_older = true;
	}
	send_unixsock(m, m->ident_sock, 0);
	if (m->keys_sock != NULL)
		send_unixsock(m, m->keys_sock, 1);
	if (m->stopping)
		return;
	/* who has control-socket is the one in service: of two that start at once the other ends */
	if (unixsock_publish(m->control_sock, &e) == -1 ||
	    unixsock_publish(m->ident_sock, &e) == -1 ||
	    (m->keys_sock != NULL && unixsock_publish(m->keys_sock, &e) == -1))
		monitor_fatal(m, "%s", e.text);
}

static void
send_counters(struct monitor *m, struct kid *gate)
{
	uint8_t buf[64];
	struct msg_out o;
	int fd = fcntl(m->counters_fd, F_DUPFD_CLOEXEC, 10);

	msg_start(&o, buf, sizeof(buf), MSG_COUNTERS, 0);
	msg_put_u32(&o, gate->index);
	msg_put_u32(&o, m->ngates);
	kid_send(gate, &o, &fd, fd == -1 ? 0 : 1);
}

_Static_assert(SETTINGS_LISTENERS_MAX <= MSG_FDS_MAX, "one LISTEN carries all listeners");

static void
send_listeners(struct monitor *m, struct kid *gate)
{
	struct listeners *l = m->current->listeners;
	uint8_t buf[256];
	struct msg_out o;
	int fds[MSG_FDS_MAX];

	gate->listening = l->number;
	msg_start(&o, buf, sizeof(buf), MSG_LISTEN, 0);
	msg_put_u64(&o, l->number);
	msg_put_u32(&o, (uint32_t)l->naddrs);
	for (size_t i = 0; i < l->naddrs; i++) {
		msg_put_u32(&o, (uint32_t)i);
		fds[i] = fcntl(listeners_fd(l, i, gate->index), F_DUPFD_CLOEXEC, 10);
	}
	kid_send(gate, &o, fds, l->naddrs);
}

/* Returns whether this gate serves the current generation. */
static bool
advance_gate(struct monitor *m, struct kid *gate)
{
	if (gate->state != KID_UP)
		return false;
	if (!gate->wired) {
		send_counters(m, gate);
		if (kids_wire(&m->ident, PEER_GATE, gate->index, gate, PEER_IDENT) == -1)
			return false;
		gate->wired = true;
	}
	if (gate->sent != m->current->number) {
		if (may_send(gate))
			generation_to_gate(m, gate, m->current);
		return false;
	}
	if (gate->taken != m->current->number)
		return false;
	if (m->mode == MODE_RUN && !m->draining && gate->listening != m->current->listeners->number)
		send_listeners(m, gate);
	return true;
}

static void
report_reload(struct monitor *m, const char *text)
{
	struct logline l;

	logline_start(&l, "reload");
	logline_say(&l, "%s", text);
	logline_u64(&l, "generation", m->current->number);
	logline_u64(&l, "rules", m->current->nrules);
	audit_record(m, CHILD_NOTICE, &l);
}

static void
report_start(struct monitor *m)
{
	struct logline l;

	logline_start(&l, "start");
	logline_say(&l, "sshbridge %s is in service with %u gates", VERSION, m->ngates);
	logline_str(&l, "version", VERSION);
	logline_u64(&l, "gates", m->ngates);
	logline_u64(&l, "pid", (uint64_t)getpid());
	audit_record(m, CHILD_NOTICE, &l);
}

static void
warn_pam(void *arg, const char *text)
{
	monitor_log(arg, CHILD_WARNING, "%s", text);
}

static void
print_pam(void *arg, const char *text)
{
	(void)arg;
	(void)fprintf(stderr, "sshbridge: %s\n", text);
}

/* The service files are sshd's and not the daemon's: they are judged, but stop nobody's session. */
static void
settled_test(struct monitor *m)
{
	const struct conf *c = m->current->conf;

	if (pamcheck(&c->pam_services, print_pam, NULL) > 0) {
		monitor_stop(m, 1);
		return;
	}
	(void)printf("sshbridge: the configuration is good: %u listeners, %u trust "
		     "sections, %u targets, %u rules\n",
	    c->settings.nlisteners, c->settings.nsections, c->settings.ntargets,
	    m->current->nrules);
	monitor_stop(m, 0);
}

/* Everybody serves the same generation: tell those who wait for it. */
static void
settled(struct monitor *m)
{
	static uint64_t told;
	char text[160];

	if (m->mode == MODE_TEST) {
		settled_test(m);
		return;
	}
	if (told != m->current->number) {
		told = m->current->number;
		(void)snprintf(text, sizeof(text), "generation %llu is in force: %u rules%s",
		    (unsigned long long)told, m->current->nrules,
		    m->current->crls_only ? ", with new CRLs" : "");
		report_reload(m, text);
		/* new CRLs may have followed it before it was everywhere: they have all of it */
		if (m->awaited) {
			m->awaited = false;
			notify(m, "READY=1");
			control_reloaded(m, true, text);
			(void)pamcheck(&m->current->conf->pam_services, warn_pam, m);
		}
	}
	if (!m->ready) {
		m->ready = true;
		report_start(m);
	}
}

void
monitor_advance(struct monitor *m)
{
	bool all = true;

	if (m->stopping || m->mode == MODE_EXPLAIN)
		return;
	/* the log process first: what the others say then has somewhere to go */
	if (!ensure(&m->log) && !m->draining)
		return;
	(void)ensure(&m->resolve);
	if (!ensure(&m->ident))
		return;
	if (!m->ident.wired && m->resolve.state == KID_UP &&
	    kids_wire(&m->ident, PEER_RESOLVE, 0, &m->resolve, PEER_IDENT) == 0)
		m->ident.wired = true;
	advance_ident(m);
	if (m->current == NULL || m->ident.taken != m->current->number)
		return;
	if (m->mode == MODE_RUN && m->ident.listening == 0) {
		m->ident.listening = 1;
		publish(m);
	}
	jumps_fill(m);
	for (unsigned i = 0; i < m->ngates && !m->stopping; i++) {
		(void)ensure(&m->gates[i]);
		all = advance_gate(m, &m->gates[i]) && all;
	}
	if (all && m->ident.wired && m->candidate == NULL && !m->stopping)
		settled(m);
	if (m->again && m->candidate == NULL && m->current != NULL && !m->stopping) {
		struct err e = { 0 };

		bool force = m->again_force;

		m->again = m->again_force = false;
		if (generation_start(m, force, &e) == -1)
			audit_reload_refused(m, e.text);
	}
	if (m->candidate == NULL && m->current != NULL && !m->stopping)
		watch_idle(m);
}
