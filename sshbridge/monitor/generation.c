/* generation.c - all files as one set: opened here, verified by load, taken by ident and gates */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
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
#include "idmap.h"
#include "listeners.h"
#include "monitor.h"

/* as in docs/PROTOCOL.md, message FILES */
enum { F_SETTINGS = 1, F_ANCHORS, F_INTERMEDIATES, F_CRL, F_CHAIN, F_MAP };

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
	listeners_free(g->listeners);
	conf_free(g->conf);
	free(g);
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
	(void)madvise(g->key, KEY_MAX, MADV_WIPEONFORK);
	(void)mlock(g->key, KEY_MAX);
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

/* ---- handing files to load ---------------------------------------------------------------- */

struct file_list {
	struct kid *load;
	uint64_t number;
	uint8_t buf[8192];
	struct msg_out entries; /* fields of the entries collected so far */
	uint8_t entry_buf[8192];
	int fds[MSG_FDS_MAX];
	size_t n;
};

static void
list_flush(struct file_list *l)
{
	struct msg_out o;

	msg_start(&o, l->buf, sizeof(l->buf), MSG_FILES, 0);
	msg_put_u64(&o, l->number);
	msg_put_u32(&o, (uint32_t)l->n);
	memcpy(o.buf + o.len, l->entries.buf + MSG_HEADER, l->entries.len - MSG_HEADER);
	o.len += l->entries.len - MSG_HEADER;
	kid_send(l->load, &o, l->fds, l->n);
	msg_start(&l->entries, l->entry_buf, sizeof(l->entry_buf) - 64, MSG_FILES, 0);
	l->n = 0;
}

static void
list_add(struct file_list *l, uint32_t kind, uint32_t section, const char *name, int fd)
{
	char shown[512];

	(void)snprintf(shown, sizeof(shown), "%s", name);
	if (l->n == MSG_FDS_MAX)
		list_flush(l);
	msg_put_u32(&l->entries, kind);
	msg_put_u32(&l->entries, section);
	msg_put_str(&l->entries, shown);
	l->fds[l->n++] = fd;
}

static int
list_open(struct file_list *l, uint32_t kind, uint32_t section, const char *path, size_t max,
    struct err *e)
{
	struct file_rules rules = { .max = max };
	int fd = file_open(path, &rules, e);

	if (fd == -1)
		return -1;
	list_add(l, kind, section, path, fd);
	return 0;
}

static int
list_section(struct file_list *l, const struct conf *c, uint32_t i, struct err *e)
{
	const struct conf_trust *t = &c->trust[i];

	const struct {
		uint32_t kind;
		const struct conf_list *list;
		size_t max;
	} lists[] = {
		{ F_ANCHORS, &t->anchors, CERTPATH_PEM_MAX },
		{ F_INTERMEDIATES, &t->intermediates, CERTPATH_PEM_MAX },
		{ F_CRL, &t->crls, CERTPATH_CRL_MAX },
	};

	for (size_t j = 0; j < sizeof(lists) / sizeof(lists[0]); j++)
		for (size_t k = 0; k < lists[j].list->n; k++)
			if (list_open(l, lists[j].kind, i, lists[j].list->v[k], lists[j].max, e) ==
			    -1)
				return -1;
	return 0;
}

static int
list_settings(struct file_list *l, const struct settings *s, struct err *e)
{
	static uint8_t buf[SETTINGS_BYTES_MAX];
	size_t n;
	int fd;

	if (settings_encode(s, buf, sizeof(buf), &n, e) == -1)
		return -1;
	if ((fd = memfd_create("settings", MFD_CLOEXEC)) == -1 || write(fd, buf, n) != (ssize_t)n ||
	    lseek(fd, 0, SEEK_SET) == -1) {
		err_sys(e, errno, "settings");
		if (fd != -1)
			close(fd);
		return -1;
	}
	list_add(l, F_SETTINGS, 0, "settings", fd);
	return 0;
}

static int
send_files(struct monitor *m, struct generation *g, struct err *e)
{
	struct file_list l = { .load = &m->load, .number = g->number };
	const struct conf *c = g->conf;
	int r = -1;

	msg_start(&l.entries, l.entry_buf, sizeof(l.entry_buf) - 64, MSG_FILES, 0);
	if (list_settings(&l, &c->settings, e) == 0 &&
	    list_open(&l, F_CHAIN, 0, c->certificate, CERTPATH_PEM_MAX, e) == 0 &&
	    list_open(&l, F_MAP, 0, c->identity_map, IDMAP_TEXT_MAX, e) == 0)
		r = 0;
	for (uint32_t i = 0; r == 0 && i < c->settings.nsections; i++)
		r = list_section(&l, c, i, e);
	if (r == -1) {
		for (size_t i = 0; i < l.n; i++)
			close(l.fds[i]);
		return -1;
	}
	if (l.n > 0)
		list_flush(&l);
	list_flush(&l); /* the empty one: the end of the list */
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
build(struct monitor *m, struct generation *g, struct err *e)
{
	if ((g->conf = conf_load(m->conf_path, e)) == NULL)
		return -1;
	limits_apply(m, g->conf, m->ngates);
	if (read_key(g, e) == -1)
		return -1;
	/* who drains listens no more: a queue that nobody serves would take clients from others */
	if (m->mode == MODE_RUN && !m->draining &&
	    (g->listeners = listeners_new(g->conf->listen, g->conf->settings.nlisteners, m->ngates,
		 m->current == NULL ? NULL : m->current->listeners, e)) == NULL)
		return -1;
	if (m->load.pid != 0) {
		/* the last one has answered, or was killed: it has nothing left to do */
		(void)kill(m->load.pid, SIGKILL);
		(void)waitpid(m->load.pid, NULL, 0);
		m->load.pid = 0;
	}
	if (kid_start(&m->load, e) == -1)
		return -1;
	send_key(&m->load, g);
	if (send_files(m, g, e) == -1) {
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
	if (build(m, g, e) == -1) {
		generation_free(g);
		return -1;
	}
	m->candidate = g;
	m->force = force;
	m->offered = false;
	return 0;
}

void
generation_fail(struct monitor *m, const char *why)
{
	if (m->candidate == NULL)
		return;
	generation_free(m->candidate);
	m->candidate = NULL;
	m->offered = false;
	kid_kill(&m->load, "");
	(void)snprintf(m->failure, sizeof(m->failure), "%s", why);
	if (m->current == NULL) {
		monitor_fatal(m, "%s", why);
		return;
	}
	monitor_log(m, CHILD_ERROR, "reload refused, generation %llu stays in force: %s",
	    (unsigned long long)m->current->number, why);
	notify(m, "READY=1");
	control_reloaded(m, false, why);
	monitor_advance(m);
}

static int
send_explain(struct monitor *m, struct err *e)
{
	struct sockaddr_storage from;
	uint8_t buf[2048];
	struct msg_out o;
	struct passwd *pw = NULL;
	const char *account = m->explain.account == NULL ? "" : m->explain.account;
	int fd;

	if (addr_parse(m->explain.from, &from, e) == -1)
		return err_prefix(e, "--from");
	/* anybody's file: it is looked at, nothing is believed because of it */
	if ((fd = open(m->explain.file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) == -1)
		return err_sys(e, errno, "%s", m->explain.file);
	if (*account != '\0')
		pw = getpwnam(account);
	msg_start(&o, buf, sizeof(buf), MSG_EXPLAIN, 0);
	msg_put_str(&o, account);
	msg_put_u32(&o, pw != NULL);
	msg_put_u32(&o, pw == NULL ? 0 : pw->pw_uid);
	msg_put_str(&o, m->explain.service);
	addr_put(&from, &o);
	msg_put_str(&o, m->explain.file);
	kid_send(&m->load, &o, &fd, 1);
	return 0;
}

void
generation_loaded(struct monitor *m, uint32_t nrules, int *fds)
{
	struct generation *g = m->candidate;
	struct err e = { 0 };

	for (size_t i = 0; i < GEN_FDS; i++) {
		g->fds[i] = fds[i];
		fds[i] = -1;
	}
	g->nrules = nrules;
	if (m->mode == MODE_EXPLAIN) {
		if (send_explain(m, &e) == -1)
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
	generation_free(old);
	logging_open(m);
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
	static const int which[] = { GEN_SETTINGS, GEN_ANCHORS, GEN_MAP };

	send_generation(&m->ident, g, which, 3);
}

void
generation_to_gate(struct monitor *m, struct kid *gate, struct generation *g)
{
	static const int which[] = { GEN_SETTINGS, GEN_TRUST, GEN_CHAIN };

	(void)m;
	send_key(gate, g);
	send_generation(gate, g, which, 3);
}
