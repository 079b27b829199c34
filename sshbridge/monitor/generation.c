/* generation.c - all files as one set: opened here, verified by load, taken by ident and gates */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"
#include "certpath.h"
#include "file.h"
#include "hostkeys.h"
#include "listeners.h"
#include "monitor.h"

void
generation_free(struct generation *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < GEN_FDS; i++)
		if (g->fds[i] != -1)
			close(g->fds[i]);
	if (g->key != NULL) {
		explicit_bzero(g->key, KEY_MAX);
		(void)munmap(g->key, KEY_MAX);
	}
	hostkeys_free(g);
	crlfiles_done(&g->crls);
	listeners_free(g->listeners);
	free(g->ends);
	conf_free(g->conf);
	free(g);
}

/* No child that is started gets the key with its memory; a draining copy goes on with it. */
void
generation_keep_key(struct generation *g, bool over_fork)
{
	hostkeys_keep(g, over_fork);
	if (g->key == NULL)
		return;
	(void)madvise(g->key, KEY_MAX, over_fork ? MADV_KEEPONFORK : MADV_WIPEONFORK);
	if (!over_fork)
		(void)mlock(g->key, KEY_MAX);
}

static struct generation *
generation_new(uint64_t number, struct err *e)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (g == NULL) {
		err_nomem(e, "generation");
		return NULL;
	}
	g->number = number;
	for (size_t i = 0; i < GEN_FDS; i++)
		g->fds[i] = -1;
	return g;
}

/* The private key stays out of swap, core files and children that do not need it. */
static int
read_key(struct generation *g, struct err *e)
{
	static const struct file_rules rules = { .private = true, .max = KEY_MAX };
	const char *path = g->conf->key;
	uint8_t *p = NULL;
	size_t n = 0;
	int fd;

	g->key = mmap(NULL, KEY_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->key == MAP_FAILED) {
		g->key = NULL;
		return err_nomem(e, "tls: key");
	}
	(void)madvise(g->key, KEY_MAX, MADV_DONTDUMP);
	generation_keep_key(g, false);
	if ((fd = file_open(path, &rules, e)) == -1)
		return err_prefix(e, "tls: key");
	if (file_read(fd, path, KEY_MAX, &p, &n, e) == -1) {
		close(fd);
		return err_prefix(e, "tls: key");
	}
	close(fd);
	memcpy(g->key, p, n);
	g->key_len = n;
	explicit_bzero(p, n);
	free(p);
	return 0;
}

static void
send_key(struct kid *k, const struct generation *g)
{
	static uint8_t buf[KEY_MAX + 64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_KEY, 0);
	msg_put_u64(&o, g->number);
	msg_put_bytes(&o, g->key, g->key_len);
	kid_send(k, &o, NULL, 0);
	explicit_bzero(buf, sizeof(buf));
}

/* ---- the life of a candidate -------------------------------------------------------------- */

static int
start_load(struct monitor *m, struct err *e)
{
	static const struct timeval patience = { 300, 0 };

	if (m->load.pid != 0) {
		/* the last one has answered, or was killed: it has nothing left to do */
		(void)kill(m->load.pid, SIGKILL);
		(void)waitpid(m->load.pid, NULL, 0);
		m->load.pid = 0;
	}
	if (kid_start(&m->load, e) == -1)
		return -1;
	(void)evtimer_add(m->load.deadline, &patience);
	return 0;
}

static bool
differ(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a != b : strcmp(a, b) != 0;
}

/* A reload cannot take these: nobody shall believe that it did. */
static void
tell_what_waits_for_a_restart(struct monitor *m, const struct conf *was, const struct conf *c)
{
	const struct {
		const char *name;
		bool changed;
	} options[] = {
		{ "user", differ(was->user, c->user) },
		{ "ident-user", differ(was->ident_user, c->ident_user) },
		{ "workers", was->workers != c->workers },
		{ "ident-socket", differ(was->ident_socket, c->ident_socket) },
		{ "control-socket", differ(was->control_socket, c->control_socket) },
		{ "keys-socket", differ(was->keys_socket, c->keys_socket) },
		{ "locks", differ(was->locks, c->locks) },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].changed)
			monitor_log(m, CHILD_WARNING,
			    "%s: its new value counts from the next start on, not from a reload",
			    options[i].name);
}

static int
build(struct monitor *m, struct generation *g, bool force, struct err *e)
{
	if ((g->conf = conf_load(m->conf_path, e)) == NULL)
		return -1;
	if (m->current != NULL)
		tell_what_waits_for_a_restart(m, m->current->conf, g->conf);
	limits_apply(m, g->conf, m->ngates);
	if (read_key(g, e) == -1 || hostkeys_read(g, e) == -1 ||
	    (m->mode == MODE_RUN && audit_try(g->conf, e) == -1) ||
	    (m->mode == MODE_TEST && logging_look(g->conf, e) == -1))
		return -1;
	/* who drains listens no more: a queue that nobody serves would take clients from others */
	if (m->mode == MODE_RUN && !m->draining &&
	    (g->listeners = listeners_new(g->conf->listen, g->conf->settings.nlisteners, m->ngates,
		 m->current == NULL ? NULL : m->current->listeners, e)) == NULL)
		return -1;
	if (crlfiles_scan(g->conf, &g->crls, e) == -1 || start_load(m, e) == -1)
		return -1;
	send_key(&m->load, g);
	if (files_send(m, g, force, e) == -1) {
		kid_kill(&m->load, "");
		return -1;
	}
	return 0;
}

/* All but the CRLs is what is in force: not read again, and moved over when it is committed. */
static int
build_crls(struct monitor *m, struct generation *g, struct err *e)
{
	g->crls_only = true;
	if (crlfiles_scan(m->current->conf, &g->crls, e) == -1)
		return -1;
	for (size_t i = 0; i < GEN_FDS; i++)
		if (i != GEN_CRLS &&
		    (g->fds[i] = fcntl(m->current->fds[i], F_DUPFD_CLOEXEC, 10)) == -1)
			return err_sys(e, errno, "CRL files");
	if (start_load(m, e) == -1)
		return -1;
	if (files_send_crls(m, g, e) == -1) {
		kid_kill(&m->load, "");
		return -1;
	}
	return 0;
}

int
generation_start(struct monitor *m, bool force, struct err *e)
{
	struct generation *g = generation_new(++m->last_number, e);

	if (g == NULL)
		return -1;
	if (build(m, g, force, e) == -1) {
		generation_free(g);
		return -1;
	}
	m->candidate = g;
	m->force = force;
	m->offered = false;
	return 0;
}

int
generation_start_crls(struct monitor *m, struct err *e)
{
	struct generation *g = generation_new(++m->last_number, e);

	if (g == NULL)
		return -1;
	if (build_crls(m, g, e) == -1) {
		generation_free(g);
		return -1;
	}
	m->candidate = g;
	m->force = false;
	m->offered = false;
	return 0;
}

void
generation_drop(struct monitor *m)
{
	generation_free(m->candidate);
	m->candidate = NULL;
	m->offered = false;
	kid_kill(&m->load, "");
}

void
generation_fail(struct monitor *m, const char *why)
{
	bool crls_only;

	if (m->candidate == NULL)
		return;
	if ((crls_only = m->candidate->crls_only))
		watch_failed(m, &m->candidate->crls);
	generation_drop(m);
	(void)snprintf(m->failure, sizeof(m->failure), "%s", why);
	if (m->current == NULL) {
		monitor_fatal(m, "%s", why);
		return;
	}
	if (crls_only) {
		monitor_log(m, CHILD_ERROR,
		    "new CRLs are refused, generation %llu stays in force: %s",
		    (unsigned long long)m->current->number, why);
		monitor_advance(m);
		return;
	}
	audit_reload_refused(m, why);
	monitor_advance(m);
}

void
generation_loaded(struct monitor *m, uint32_t nrules, int *fds)
{
	struct generation *g = m->candidate;
	struct err e = { 0 };

	(void)event_del(m->load.deadline);
	if (g->crls_only) {
		g->fds[GEN_CRLS] = fds[0];
		fds[0] = -1;
		kid_end(&m->load);
		monitor_advance(m);
		return;
	}
	for (size_t i = 0; i < GEN_FDS; i++) {
		g->fds[i] = fds[i];
		fds[i] = -1;
	}
	g->nrules = nrules;
	if (m->mode == MODE_EXPLAIN) {
		if (explain_file(m, &e) == -1)
			monitor_fatal(m, "%s", e.text);
		return;
	}
	kid_end(&m->load); /* it ends by itself; kids_reap() takes it */
	if (nrules == 0 && m->current != NULL && !m->force) {
		generation_fail(m, "the identity map has no rule, which would lock everybody "
				   "out: reload --force takes it all the same");
		return;
	}
	monitor_advance(m);
}

void
generation_commit(struct monitor *m)
{
	struct generation *old = m->current;

	m->current = m->candidate;
	m->candidate = NULL;
	m->offered = false;
	if (m->current->crls_only) {
		struct generation *g = m->current;

		g->conf = old->conf;
		g->key = old->key;
		g->key_len = old->key_len;
		g->host_keys = old->host_keys;
		g->nhost_keys = old->nhost_keys;
		g->listeners = old->listeners;
		g->nrules = old->nrules;
		old->conf = NULL;
		old->key = NULL;
		old->host_keys = NULL;
		old->nhost_keys = 0;
		old->listeners = NULL;
		generation_free(old);
		return;
	}
	generation_free(old);
	m->awaited = true;
	logging_open(m);
	watch_start(m);
}

/* ---- handing it out ----------------------------------------------------------------------- */

/* Duplicates: what is queued closes its own. Fewer than wanted are noticed by the receiver. */
static size_t
dup_fds(const struct generation *g, const int *which, size_t n, int *fds)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((fds[i] = fcntl(g->fds[which[i]], F_DUPFD_CLOEXEC, 10)) == -1)
			break;
	return i;
}

static void
send_generation(struct kid *k, struct generation *g, const int *which, size_t n)
{
	static const struct timeval five = { 5, 0 };
	uint8_t buf[64];
	struct msg_out o;
	int fds[GEN_FDS];
	size_t have = dup_fds(g, which, n, fds);

	msg_start(&o, buf, sizeof(buf), MSG_GENERATION, 0);
	msg_put_u64(&o, g->number);
	if (k->kind == KID_IDENT)
		msg_put_u32(&o, k->m->force && g == k->m->candidate);
	k->sent = g->number;
	(void)evtimer_add(k->deadline, &five);
	kid_send(k, &o, fds, have);
}

void
generation_to_ident(struct monitor *m, struct generation *g)
{
	static const int which[] = { GEN_SETTINGS, GEN_ANCHORS, GEN_MAP, GEN_CRLS, GEN_AUTHKEYS };

	send_generation(&m->ident, g, which, 5);
}

void
generation_to_gate(struct monitor *m, struct kid *gate, struct generation *g)
{
	static const int which[] = { GEN_SETTINGS, GEN_TRUST, GEN_CHAIN, GEN_CRLS };

	(void)m;
	send_key(gate, g);
	send_generation(gate, g, which, 4);
}

void
generation_to_jump(struct kid *jump, struct generation *g)
{
	static const int which[] = { GEN_SETTINGS };

	send_generation(jump, g, which, 1);
}
