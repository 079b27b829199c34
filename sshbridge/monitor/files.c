/* files.c - handing the opened files of a generation to the load process */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "certpath.h"
#include "file.h"
#include "idmap.h"
#include "keyfiles.h"
#include "monitor.h"

/* as in docs/PROTOCOL.md, messages FILES and TERMS */
enum {
	F_SETTINGS = 1,
	F_ANCHORS,
	F_INTERMEDIATES,
	F_CRL,
	F_CHAIN,
	F_MAP,
	F_TRUST,
	F_OLD_CRLS,
	F_CRL_FOUND,
	F_LOCKS, /* explain.c */
	F_AUTHKEYS
};
enum { TERMS_FORCE = 1, TERMS_QUIET = 2 };

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

	(void)snprintf(shown, sizeof(shown), "%.*s", (int)sizeof(shown) - 1, name);
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

/* A CRL file that is not read: `why`, or "" when it is as it was. */
static void
send_keep(struct kid *load, const struct crlfile *f, const char *why)
{
	uint8_t buf[2048];
	char shown[512], text[240];
	struct msg_out o;

	(void)snprintf(shown, sizeof(shown), "%.*s", (int)sizeof(shown) - 1, f->path);
	(void)snprintf(text, sizeof(text), "%s", why);
	msg_start(&o, buf, sizeof(buf), MSG_KEEP, 0);
	msg_put_u32(&o, f->section);
	msg_put_u32(&o, f->named);
	msg_put_str(&o, shown);
	msg_put_str(&o, text);
	kid_send(load, &o, NULL, 0);
}

/* Errors that go by themselves, while the file stays as it is. */
static bool
may_pass(const struct err *e)
{
	return e->kind == ERR_SYS && (e->detail == EMFILE || e->detail == ENFILE ||
					 e->detail == ENOMEM || e->detail == EIO);
}

/*
 * One CRL file. Once something is in force a file that cannot be opened is no error: load keeps
 * what it held. `f` learns what was opened, so that the next look sees whether it has changed.
 */
static int
list_crl(struct file_list *l, struct crlfile *f, bool at_start, struct err *e)
{
	const struct file_rules rules = { .max = CERTPATH_CRL_MAX };
	struct err why = { 0 };
	int fd = file_open(f->path, &rules, &why);

	if (fd != -1) {
		f->there = fstat(fd, &f->st) == 0;
		list_add(l, f->named ? F_CRL : F_CRL_FOUND, f->section, f->path, fd);
		return 0;
	}
	/* removed since the folder was read */
	if (!f->named && why.kind == ERR_SYS && why.detail == ENOENT) {
		f->there = false;
		return 0;
	}
	if (at_start) {
		*e = why;
		return -1;
	}
	/* else the next look would take it for read */
	if (may_pass(&why))
		f->there = false;
	send_keep(l->load, f, why.text);
	return 0;
}

static void
send_terms(struct monitor *m, bool force)
{
	uint8_t buf[64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_TERMS, 0);
	msg_put_u32(&o, (force ? TERMS_FORCE : 0U) | (m->mode != MODE_RUN ? TERMS_QUIET : 0U));
	kid_send(&m->load, &o, NULL, 0);
}

static void
skip_key_file(void *arg, const char *why)
{
	monitor_log(arg, CHILD_WARNING, "authorized-keys: %s", why);
}

static int
list_authkeys(struct monitor *m, struct file_list *l, const struct conf *c, struct err *e)
{
	int fd = keyfiles_seal(c, skip_key_file, m, e);

	if (fd == -1)
		return -1;
	list_add(l, F_AUTHKEYS, 0, "authorized keys", fd);
	return 0;
}

/* A part of the generation in force, as a file of the new one. */
static int
list_part(struct file_list *l, uint32_t kind, const char *name, int part, struct err *e)
{
	int fd = fcntl(part, F_DUPFD_CLOEXEC, 10);

	if (fd == -1)
		return err_sys(e, errno, "%s", name);
	list_add(l, kind, 0, name, fd);
	return 0;
}

static int
finish(struct file_list *l, int r)
{
	if (r == -1) {
		for (size_t i = 0; i < l->n; i++)
			close(l->fds[i]);
		return -1;
	}
	if (l->n > 0)
		list_flush(l);
	list_flush(l); /* the empty one: the end of the list */
	return 0;
}

int
files_send(struct monitor *m, struct generation *g, bool force, struct err *e)
{
	struct file_list l = { .load = &m->load, .number = g->number };
	const struct conf *c = g->conf;
	int r = -1;

	send_terms(m, force);
	msg_start(&l.entries, l.entry_buf, sizeof(l.entry_buf) - 64, MSG_FILES, 0);
	if (list_settings(&l, &c->settings, e) == 0 &&
	    list_open(&l, F_CHAIN, 0, c->certificate, CERTPATH_PEM_MAX, e) == 0 &&
	    list_open(&l, F_MAP, 0, c->identity_map, IDMAP_TEXT_MAX, e) == 0 &&
	    list_authkeys(m, &l, c, e) == 0)
		r = 0;
	for (uint32_t i = 0; r == 0 && i < c->settings.nsections; i++)
		r = list_section(&l, c, i, e);
	if (r == 0 && m->current != NULL)
		r = list_part(&l, F_OLD_CRLS, "CRLs in force", m->current->fds[GEN_CRLS], e);
	for (size_t i = 0; r == 0 && i < g->crls.n; i++)
		r = list_crl(&l, &g->crls.v[i], m->current == NULL, e);
	return finish(&l, r);
}

int
files_send_crls(struct monitor *m, struct generation *g, struct err *e)
{
	struct file_list l = { .load = &m->load, .number = g->number };
	const struct generation *now = m->current;
	int r = 0;

	send_terms(m, false);
	msg_start(&l.entries, l.entry_buf, sizeof(l.entry_buf) - 64, MSG_FILES, 0);
	if (list_part(&l, F_SETTINGS, "settings", now->fds[GEN_SETTINGS], e) == -1 ||
	    list_part(&l, F_TRUST, "trust", now->fds[GEN_TRUST], e) == -1 ||
	    list_part(&l, F_OLD_CRLS, "CRLs in force", now->fds[GEN_CRLS], e) == -1)
		r = -1;
	for (size_t i = 0; r == 0 && i < g->crls.n; i++) {
		struct crlfile *f = &g->crls.v[i];

		if (crlfile_same(f, crlfiles_find(&now->crls, f)))
			send_keep(&m->load, f, "");
		else
			r = list_crl(&l, f, false, e);
	}
	return finish(&l, r);
}
