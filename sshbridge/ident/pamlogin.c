/* pamlogin.c - the PAM process of a jump login */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cut.h"
#include "ident.h"
#include "login.h"
#include "pamlogin.h"
#include "report.h"

enum { FACTS_MAX = 16, WORDS_MAX = 512 };

struct pamlogin {
	struct jump *jump;
	struct msgq *q; /* NULL until the process is there */
	struct msg_seen seen;
	bool passed;
};

static const char unavailable[] = "the login could not be completed, try again later";

int
pamlogin_ask(struct jump *j, struct err *e)
{
	uint8_t buf[64];
	struct msg_out o;
	struct pamlogin *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return err_nomem(e, "PAM login");
	p->jump = j;
	msg_start(&o, buf, sizeof(buf), MSG_PAM, j->conn->id);
	if (msgq_send(j->id->monitor, &o, NULL, 0, e) == -1) {
		free(p);
		return -1;
	}
	j->pam = p;
	return 0;
}

void
pamlogin_free(struct pamlogin *p)
{
	if (p == NULL)
		return;
	msgq_free(p->q);
	free(p);
}

static int
on_passed(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct pamlogin *p = ctx;
	char text[WORDS_MAX];
	uint32_t ok;

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &ok) == -1 || msg_get_str(m, text, sizeof(text)) == -1 || ok > 1)
		return err_set(e, ERR_PEER, "PASSED: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	p->passed = ok == 1;
	login_passed(p->jump, ok == 1, text, ok == 1 ? "" : "PAM says no");
	return 0;
}

static const struct msg_rule from_pam[] = {
	{ MSG_PASSED, 1, 1, 0, on_passed },
};

static int
on_msg(void *arg, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct pamlogin *p = arg;
	struct msg_in m;

	if (msg_parse(&m, buf, n, e) == -1)
		return -1;
	if (m.conn != p->jump->conn->id)
		return err_set(e, ERR_PEER, "%s: not its connection", msg_name(m.type));
	return msg_dispatch(from_pam, 1, &p->seen, 1, p, buf, n, fds, nfds, e);
}

/* Before its word that is a no; after a yes its session is over, and the connection with it. */
static void
on_end(void *arg, const struct err *why)
{
	struct pamlogin *p = arg;
	struct jump *j = p->jump;

	if (why->kind != ERR_NONE)
		report(j->id, CHILD_ERROR, "PAM process: %s", why->text);
	if (p->passed)
		conn_cut(j->id, j->conn, CUT_PAM, NULL, "the PAM process ended");
	else
		login_passed(j, false, unavailable, "the PAM process ended");
}

static void
put_value(struct msg_out *o, const char *name, const char *value)
{
	char line[FACTS_MAX * 256];

	(void)snprintf(line, sizeof(line), "%s=%s", name, value);
	msg_put_str(o, line);
}

/* What pam_mtls leaves in the environment of a login through sshd, by the same names. */
static void
put_facts(struct msg_out *o, const struct jump *j)
{
	const struct conn *c = j->conn;
	struct err e;
	struct identity *id = evidence_identity(c->evidence, &e);
	char subject[1024], issuer[1024], serial[160], fingerprint[TEXT_SHA256_SIZE];
	char not_after[TEXT_TIME_SIZE], rule[32], conn[17];
	const struct {
		const char *name, *value;
	} facts[] = {
		{ "MTLS_IDENTITY", c->person->name },
		{ "MTLS_SUBJECT", subject },
		{ "MTLS_ISSUER", issuer },
		{ "MTLS_SERIAL", serial },
		{ "MTLS_FINGERPRINT", fingerprint },
		{ "MTLS_NOT_AFTER", not_after },
		{ "MTLS_RULE", rule },
		{ "MTLS_CONNECTION", conn },
	};
	uint32_t n = sizeof(facts) / sizeof(facts[0]);

	_Static_assert(sizeof(facts) / sizeof(facts[0]) <= FACTS_MAX, "a receiver takes so many");
	evidence_value(id, ID_SUBJECT, subject, sizeof(subject));
	evidence_value(id, ID_ISSUER, issuer, sizeof(issuer));
	evidence_value(id, ID_SERIAL, serial, sizeof(serial));
	identity_free(id);
	(void)text_sha256(fingerprint, c->evidence->leaf);
	(void)text_time(not_after, c->evidence->leaf_not_after);
	(void)snprintf(rule, sizeof(rule), "map:%u", j->rule);
	(void)snprintf(conn, sizeof(conn), "%016" PRIx64, c->id);
	msg_put_u32(o, n);
	for (uint32_t i = 0; i < n; i++)
		put_value(o, facts[i].name, facts[i].value);
}

/* START with its end of the pair to the jump process. -1: it does not take it. */
static int
start(struct pamlogin *p, int fd, struct err *e)
{
	static uint8_t buf[16384];
	const struct jump *j = p->jump;
	const struct settings_target *target = generation_target(j->id->gen, j->conn->target);
	char from[ADDR_TEXT_SIZE];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_START, j->conn->id);
	msg_put_str(&o, target == NULL ? "" : target->pam);
	msg_put_str(&o, j->key.account);
	msg_put_str(&o, endpoint_text(&j->conn->client, from));
	put_facts(&o, j);
	return msgq_send(p->q, &o, &fd, 1, e);
}

/* The process is there: the pair between it and the jump process, and both are told. */
static int
introduce(struct pamlogin *p, int *fd, struct err *e)
{
	struct jump *j = p->jump;
	int pair[2];

	p->q = msgq_new(j->id->base, *fd, IDENT_QUEUE_MAX, on_msg, on_end, p, e);
	if (p->q == NULL)
		return -1;
	*fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return err_sys(e, errno, "pair");
	if (start(p, pair[0], e) == -1) {
		close(pair[1]);
		return -1;
	}
	login_pam(j, pair[1]);
	return 0;
}

void
pamlogin_given(struct ident *id, uint64_t conn, int *fd)
{
	struct conn *c = table_by_id(&id->table, conn);
	struct err e;

	/* its connection may have ended meanwhile: then the process sees its end at once */
	if (c == NULL || c->jump == NULL || c->jump->pam == NULL || c->jump->pam->q != NULL)
		return;
	if (fd == NULL)
		err_set(&e, ERR_SYS, "no PAM process could be started");
	else if (introduce(c->jump->pam, fd, &e) == 0)
		return;
	login_passed(c->jump, false, unavailable, e.text);
}
