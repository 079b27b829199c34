/*
 * explain.c - EXPLAIN: what a certificate may do
 *
 * A load process judges it: at the command line by the files, on control-socket by the generation
 * in force, whose sealed memory it is given anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "addr.h"
#include "control.h"
#include "locks.h"

/* as in docs/PROTOCOL.md, message FILES */
enum { F_SETTINGS = 1, F_MAP = 6, F_TRUST = 7, F_OLD_CRLS = 8, F_LOCKS = 10 };

struct explain_question {
	char account[64], service[64], name[512];
	uint32_t has_uid, uid;
	struct sockaddr_storage from;
};

static void
send_question(struct kid *load, const struct explain_question *q, const int *fd)
{
	uint8_t buf[2048];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_EXPLAIN, 0);
	msg_put_str(&o, q->account);
	msg_put_u32(&o, q->has_uid);
	msg_put_u32(&o, q->uid);
	msg_put_str(&o, q->service);
	addr_put(&q->from, &o);
	msg_put_str(&o, q->name);
	kid_send(load, &o, fd, 1);
}

static int
copy_word(char *dst, size_t size, const char *word, const char *option, struct err *e)
{
	if ((size_t)snprintf(dst, size, "%s", word) >= size)
		return err_set(e, ERR_FORMAT, "%s: longer than %zu bytes", option, size - 1);
	return 0;
}

int
explain_file(struct monitor *m, struct err *e)
{
	struct explain_question q = { .has_uid = 0 };
	const struct explain *x = &m->explain;
	struct passwd *pw;
	int fd;

	if (addr_parse(x->from, &q.from, e) == -1)
		return err_prefix(e, "--from");
	if (copy_word(q.account, sizeof(q.account), x->account == NULL ? "" : x->account,
		"--account", e) == -1 ||
	    copy_word(q.service, sizeof(q.service), x->service, "--service", e) == -1)
		return -1;
	(void)snprintf(q.name, sizeof(q.name), "%s", x->file);
	/* anybody's file: it is looked at, nothing is believed because of it */
	if ((fd = open(x->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) == -1)
		return err_sys(e, errno, "%s", x->file);
	if (q.account[0] != '\0' && (pw = getpwnam(q.account)) != NULL) {
		q.has_uid = 1;
		q.uid = pw->pw_uid;
	}
	send_question(&m->load, &q, &fd);
	return 0;
}

/* ---- by what is in force -------------------------------------------------------------------- */

static int
read_question(struct msg_in *in, struct explain_question *q, struct err *e)
{
	if (msg_get_str(in, q->account, sizeof(q->account)) == -1 ||
	    msg_get_u32(in, &q->has_uid) == -1 || msg_get_u32(in, &q->uid) == -1 ||
	    msg_get_str(in, q->service, sizeof(q->service)) == -1 || addr_get(in, &q->from) == -1 ||
	    msg_get_str(in, q->name, sizeof(q->name)) == -1 || q->has_uid > 1)
		return err_set(e, ERR_PEER, "EXPLAIN: malformed");
	return msg_end(in, e);
}

/* What is in force, as files that load reads. -1: no descriptors. */
static int
send_in_force(struct monitor *m, struct err *e)
{
	static const struct {
		uint32_t kind;
		int which;
		const char *name;
	} files[] = {
		{ F_SETTINGS, GEN_SETTINGS, "settings" },
		{ F_TRUST, GEN_TRUST, "trust in force" },
		{ F_OLD_CRLS, GEN_CRLS, "CRLs in force" },
		{ F_MAP, GEN_MAP, "map in force" },
	};
	enum { N = sizeof(files) / sizeof(files[0]) };
	uint8_t buf[256];
	struct msg_out o;
	int fds[N + 1], n = 0;

	msg_start(&o, buf, sizeof(buf), MSG_FILES, 0);
	msg_put_u64(&o, m->current->number);
	msg_put_u32(&o, N + 1);
	for (; n < N; n++) {
		fds[n] = fcntl(m->current->fds[files[n].which], F_DUPFD_CLOEXEC, 10);
		if (fds[n] == -1) {
			err_sys(e, errno, "explain");
			break;
		}
		msg_put_u32(&o, files[n].kind);
		msg_put_u32(&o, 0);
		msg_put_str(&o, files[n].name);
	}
	if (n < N || (fds[n] = locks_seal(m, e)) == -1) {
		while (n > 0)
			close(fds[--n]);
		return -1;
	}
	msg_put_u32(&o, F_LOCKS);
	msg_put_u32(&o, 0);
	msg_put_str(&o, "locks in force");
	kid_send(&m->explainer, &o, fds, N + 1);
	msg_start(&o, buf, sizeof(buf), MSG_FILES, 0); /* the end of the list */
	msg_put_u64(&o, m->current->number);
	msg_put_u32(&o, 0);
	kid_send(&m->explainer, &o, NULL, 0);
	return 0;
}

int
explain_on_control(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
{
	struct control *c = ctx;
	struct monitor *m = c->m;
	struct explain_question q;
	struct err why = { 0 };

	if (read_question(in, &q, e) == -1)
		return -1;
	if (nfds != 1)
		return err_set(e, ERR_PEER, "EXPLAIN: without a certificate");
	if (m->explainer.q == NULL && m->explainer.pid != 0) {
		/* the last one has answered: it has nothing left to do */
		(void)kill(m->explainer.pid, SIGKILL);
		(void)waitpid(m->explainer.pid, NULL, 0);
		m->explainer.pid = 0;
	}
	if (m->current == NULL || m->explainer.q != NULL) {
		control_answer(c, false,
		    m->current == NULL ? "it is still starting: nothing is in force yet"
				       : "another explain is under way: try again",
		    NULL);
		return 0;
	}
	if (kid_start(&m->explainer, &why) == -1 || send_in_force(m, &why) == -1) {
		kid_kill(&m->explainer, "");
		control_answer(c, false, why.text, NULL);
		return 0;
	}
	c->explain = true;
	send_question(&m->explainer, &q, &fds[0]);
	fds[0] = -1;
	return 0;
}

static struct control *
who_waits(struct monitor *m)
{
	struct control *c = m->controls;

	while (c != NULL && !c->explain)
		c = c->next;
	return c;
}

void
explain_text(struct monitor *m, uint32_t level, const char *line)
{
	struct control *c = who_waits(m);
	uint8_t buf[4096];
	struct msg_out o;

	if (c == NULL)
		return;
	msg_start(&o, buf, sizeof(buf), MSG_TEXT, 0);
	msg_put_u32(&o, level);
	msg_put_str(&o, line);
	control_send(c, &o, NULL, 0);
}

void
explain_done(struct monitor *m, bool yes, const char *why)
{
	struct control *c = who_waits(m);

	kid_end(&m->explainer); /* it ends by itself */
	if (c == NULL)
		return;
	c->explain = false;
	control_answer(c, yes, why, NULL);
}
