/*
 * audit.c - the audit trail: records to the log process, and what became of them
 *
 * Every record gets a number here, so that what is missing shows; the log process answers each
 * with AUDITED. What could not be handed over, what it could not write and what was with it when
 * it ended is counted here, until a record `lost` that tells the count is written.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include "file.h"
#include "monitor.h"
#include "text.h"

/* Of one child in one second. More is no busy bridge but a broken process. */
#define RECORDS_PER_SECOND 20000

enum { TRAIL_FILE = 1, TRAIL_OFF = 4 }; /* as in docs/PROTOCOL.md, TRAIL */

int
audit_init(struct monitor *m, struct err *e)
{
	uint8_t random[8];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_sys(e, errno, "random number");
	(void)text_hex(m->trail.instance, sizeof(m->trail.instance), random, sizeof(random));
	return 0;
}

/* ---- where it is written --------------------------------------------------------------------- */

static bool
is_file(const char *to)
{
	return to[0] != '\0' && strcmp(to, "syslog") != 0 && strcmp(to, "stderr") != 0;
}

static int
open_trail(const char *to, uint32_t *kind, struct err *e)
{
	int fd = logging_destination(to, file_open_append, kind, e);

	return fd == -1 ? err_prefix(e, "audit") : fd;
}

int
audit_try(const struct conf *c, struct err *e)
{
	uint32_t kind;
	int fd;

	if (!is_file(c->audit_to))
		return 0;
	if ((fd = open_trail(c->audit_to, &kind, e)) == -1)
		return -1;
	close(fd);
	return 0;
}

/* Whether the file ends within a line: a full disk or the machine's end cut it. */
static bool
is_torn(const char *path, const struct stat *st)
{
	char last = '\n';
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd == -1)
		return false;
	if (st->st_size > 0 && pread(fd, &last, 1, st->st_size - 1) != 1)
		last = '\n';
	close(fd);
	return last != '\n';
}

static void
send_trail(struct monitor *m, uint32_t kind, bool torn, const int *fd)
{
	uint8_t buf[128];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_TRAIL, 0);
	msg_put_u32(&o, kind);
	msg_put_u32(&o, (uint32_t)getpid());
	msg_put_u32(&o, torn);
	msg_put_str(&o, m->trail.instance);
	kid_send(&m->log, &o, fd, fd == NULL ? 0 : 1);
}

static void
say_failing(struct monitor *m, const char *why)
{
	if (!m->trail.failing)
		monitor_log(m, CHILD_ERROR, "%s%s", why,
		    m->current != NULL && m->current->conf->settings.audit_require
			? ": nobody is let in until it can be written"
			: "");
	m->trail.failing = true;
}

void
audit_open(struct monitor *m, const struct conf *c)
{
	struct trail *t = &m->trail;
	struct stat st = { 0 };
	struct err e = { 0 };
	uint32_t kind;
	int fd;

	t->wanted = c->audit_to[0] != '\0';
	if (!t->wanted) {
		if (t->on)
			send_trail(m, TRAIL_OFF, false, NULL);
		t->on = false;
		t->dev = 0;
		t->ino = 0;
		return;
	}
	/* what cannot be opened leaves the one before in use */
	if ((fd = open_trail(c->audit_to, &kind, &e)) == -1) {
		say_failing(m, e.text);
		return;
	}
	(void)fstat(fd, &st);
	t->dev = kind == TRAIL_FILE ? st.st_dev : 0;
	t->ino = kind == TRAIL_FILE ? st.st_ino : 0;
	t->on = true;
	send_trail(m, kind, kind == TRAIL_FILE && is_torn(c->audit_to, &st), &fd);
}

void
audit_check(struct monitor *m)
{
	struct trail *t = &m->trail;
	const struct conf *c = m->current == NULL ? NULL : m->current->conf;
	struct stat st;

	if (c == NULL || !t->wanted || m->log.state != KID_UP)
		return;
	if (!t->on || (t->ino != 0 && (lstat(c->audit_to, &st) == -1 || st.st_dev != t->dev ||
					  st.st_ino != t->ino)))
		audit_open(m, c);
}

/* ---- records --------------------------------------------------------------------------------- */

/* What a record is handed over with. */
struct record {
	const char *process; /* "" for the monitor's own */
	uint32_t level;
	uint64_t answer; /* the child's number for it, 0: it does not ask */
	struct msg_in raw;
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
answer(struct monitor *m, uint64_t number, bool ok)
{
	uint8_t buf[64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_AUDITED, 0);
	msg_put_u64(&o, number);
	msg_put_u32(&o, ok);
	kid_send(&m->ident, &o, NULL, 0);
}

/* Before the log process is there. */
static void
say(struct monitor *m, const struct record *r)
{
	struct msg_in in = r->raw;
	struct logrecord record;
	char text[LOGLINE_TEXT_MAX];
	struct err e;

	if (r->level <= CHILD_DEBUG && logrecord_get(&in, &record, &e) == 0)
		monitor_log_line(
		    m, (enum child_level)r->level, r->process, logrecord_text(&record, text));
}

/* False: not handed over. *number is its number, 0 when it goes to the log alone. */
static bool
hand_over(struct monitor *m, const struct record *r, uint64_t *number)
{
	uint8_t buf[AUDIT_MESSAGE_MAX];
	struct trail *t = &m->trail;
	struct msg_in raw = r->raw;
	struct msg_out o;
	struct err e;

	*number = t->wanted ? ++t->number : 0;
	if (!t->on && r->level == AUDIT_NO_LINE)
		return false;
	if (m->mode != MODE_RUN || m->log.state != KID_UP || m->log.q == NULL) {
		say(m, r);
		return false;
	}
	msg_start(&o, buf, sizeof(buf), MSG_AUDIT, 0);
	msg_put_u32(&o, r->level);
	msg_put_u64(&o, t->on ? *number : 0);
	msg_put_u64(&o, (uint64_t)now_ms());
	msg_put_u64(&o, r->answer);
	msg_put_str(&o, r->process);
	msg_put_rest(&o, &raw);
	if (msgq_send(m->log.q, &o, NULL, 0, &e) == 0)
		return t->on;
	m->lines_lost += r->level <= CHILD_DEBUG;
	return false;
}

static void
pass_on(struct monitor *m, const struct record *r)
{
	struct trail *t = &m->trail;
	uint64_t number;

	if (hand_over(m, r, &number)) {
		t->waiting++;
		return;
	}
	t->lost += t->wanted;
	if (r->answer != 0)
		answer(m, r->answer, false);
}

static struct record
own_record(const struct logline *l, uint32_t level)
{
	return (struct record){ .process = "",
		.level = level,
		.raw = { .p = l->buf + MSG_HEADER, .left = l->len - MSG_HEADER } };
}

/* Behind the first one that goes through; its line in the log comes when it is written. */
static void
tell_lost(struct monitor *m)
{
	struct trail *t = &m->trail;
	struct logline l;
	struct record r;

	if (t->lost == 0 || t->telling != 0)
		return;
	logline_start(&l, "lost");
	logline_u64(&l, "count", t->lost);
	r = own_record(&l, AUDIT_NO_LINE);
	if (hand_over(m, &r, &t->telling)) {
		t->waiting++;
		t->told = t->lost;
	} else {
		t->telling = 0;
		t->lost += t->wanted;
	}
}

void
audit_record(struct monitor *m, enum child_level level, const struct logline *l)
{
	struct record r = own_record(l, level);

	pass_on(m, &r);
}

int
audit_on_audit(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;
	struct monitor *m = k->m;
	struct audit a;
	bool line;

	(void)fds;
	(void)nfds;
	if (audit_get(in, k->kind == KID_GATE ? AUDIT_GATE : AUDIT_IDENT, &a, e) == -1)
		return -1;
	if (a.number != 0 && k->kind != KID_IDENT)
		return err_set(e, ERR_PEER, "AUDIT: it may not ask for an answer");
	if (a.lost > 0 && m->trail.wanted) {
		m->trail.number += a.lost;
		m->trail.lost += a.lost;
	}
	line = kid_may_log(k);
	if (++k->records > RECORDS_PER_SECOND) {
		m->trail.number += m->trail.wanted;
		m->trail.lost += m->trail.wanted;
		if (a.number != 0)
			answer(m, a.number, false);
		return 0;
	}
	pass_on(m, &(struct record){ .process = k->tag,
		       .level = line ? a.level : AUDIT_NO_LINE,
		       .answer = a.number,
		       .raw = a.raw });
	return 0;
}

/* ---- what became of them --------------------------------------------------------------------- */

static void
settle_lost(struct monitor *m, bool ok)
{
	struct trail *t = &m->trail;

	t->telling = 0;
	if (!ok) {
		t->lost++; /* its own number is missing too */
		return;
	}
	monitor_log(m, CHILD_WARNING, "audit: %llu records were lost", (unsigned long long)t->told);
	t->lost -= t->told;
}

static void
settle(struct monitor *m, uint64_t number, bool ok, const char *why)
{
	struct trail *t = &m->trail;
	char text[600];

	t->waiting--;
	if (number == t->telling) {
		settle_lost(m, ok);
		return;
	}
	if (!ok) {
		t->lost++;
		(void)snprintf(text, sizeof(text), "audit: %s", why);
		say_failing(m, text);
		return;
	}
	t->failing = false;
	tell_lost(m);
}

int
audit_on_audited(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
{
	struct kid *k = ctx;
	struct monitor *m = k->m;
	uint64_t number, child;
	uint32_t ok;
	char why[256];

	(void)fds;
	(void)nfds;
	if (msg_get_u64(in, &number) == -1 || msg_get_u64(in, &child) == -1 ||
	    msg_get_u32(in, &ok) == -1 || msg_get_str(in, why, sizeof(why)) == -1 ||
	    msg_end(in, e) == -1 || m->trail.waiting == 0)
		return err_set(e, ERR_PEER, "AUDITED: malformed, or nothing was asked");
	text_clean(why);
	settle(m, number, ok == 1, why);
	/* what an ident before this one asked is none of its business */
	if (child != 0 && number >= m->ident.first_record)
		answer(m, child, ok == 1);
	return 0;
}

void
audit_log_ended(struct monitor *m)
{
	struct trail *t = &m->trail;

	t->lost += t->waiting;
	t->waiting = t->telling = 0;
	t->on = false;
}

/* ---- the monitor's own ----------------------------------------------------------------------- */

void
audit_reload_refused(struct monitor *m, const char *why)
{
	unsigned long long number = m->current == NULL ? 0 : m->current->number;
	struct logline l;

	logline_start(&l, "reload-refused");
	logline_say(&l, "reload refused, generation %llu stays in force: %s", number, why);
	logline_u64(&l, "generation", number);
	logline_str(&l, "why", why);
	audit_record(m, CHILD_ERROR, &l);
	notify(m, "READY=1");
	control_reloaded(m, false, why);
}

void
audit_stop(struct monitor *m, enum child_level level, const char *why)
{
	struct logline l;

	tell_lost(m);
	logline_start(&l, "stop");
	logline_say(&l, "%s", why);
	logline_str(&l, "why", why);
	audit_record(m, level, &l);
}
