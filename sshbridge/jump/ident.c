/* ident.c - messages from ident: the one connection, and answers about it */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "about.h"
#include "auth.h"
#include "jump.h"

#define TEXT_MAX 1024

static int
on_start(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = ctx;
	uint32_t target;
	int fd;

	if (msg_get_u32(m, &target) == -1 || msg_get_str(m, j->client, sizeof(j->client)) == -1 ||
	    msg_end(m, e) == -1 || nfds != 1 || m->conn == 0 || target >= j->set->ntargets ||
	    j->set->targets[target].mode != TARGET_JUMP)
		return err_set(e, ERR_PEER, "START: malformed");
	j->conn = m->conn;
	j->target = j->set->targets[target];
	j->target_index = target;
	j->login_timeout = j->set->login_timeout;
	j->channels_max = j->set->channels;
	free(j->set);
	j->set = NULL;
	hostkeys_keep(&j->keys, target);
	fd = fds[0];
	fds[0] = -1;
	return jump_begin(j, fd, e);
}

/* Everything after START is about that connection. */
static int
check_conn(const struct jump *j, const struct msg_in *m, struct err *e)
{
	if (m->conn != j->conn)
		return err_set(e, ERR_PEER, "%s: of another connection", msg_name(m->type));
	return 0;
}

static int
on_logged(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = ctx;
	uint32_t number, verdict;
	char text[TEXT_MAX];

	if (msg_get_u32(m, &number) == -1 || msg_get_u32(m, &verdict) == -1 ||
	    msg_get_str(m, text, sizeof(text)) == -1 || msg_end(m, e) == -1 ||
	    verdict > LOGGED_PAM || nfds != (verdict == LOGGED_PAM ? 1 : 0))
		return err_set(e, ERR_PEER, "LOGGED: malformed");
	if (check_conn(j, m, e) == -1)
		return -1;
	return auth_logged(j, number, verdict, text, nfds == 1 ? &fds[0] : NULL, e);
}

static int
on_passed(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = ctx;
	uint32_t ok;
	char text[TEXT_MAX];

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &ok) == -1 || msg_get_str(m, text, sizeof(text)) == -1 ||
	    msg_end(m, e) == -1 || ok > 1)
		return err_set(e, ERR_PEER, "PASSED: malformed");
	if (check_conn(j, m, e) == -1)
		return -1;
	return auth_passed(j, ok == 1, text, e);
}

static int
on_opened(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = ctx;
	uint32_t number;
	int fd;

	if (msg_get_u32(m, &number) == -1 || msg_end(m, e) == -1 || nfds != 1)
		return err_set(e, ERR_PEER, "OPENED: malformed");
	if (check_conn(j, m, e) == -1)
		return -1;
	fd = fds[0];
	fds[0] = -1;
	return channels_opened(j, number, fd, e);
}

static int
on_refused(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = ctx;
	uint32_t number, code;
	char text[TEXT_MAX];

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &number) == -1 || msg_get_u32(m, &code) == -1 ||
	    msg_get_str(m, text, sizeof(text)) == -1 || msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "REFUSED: malformed");
	if (check_conn(j, m, e) == -1)
		return -1;
	return channels_refused(j, number, code, text, e);
}

static int
on_about(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = ctx;

	(void)fds;
	(void)nfds;
	if (check_conn(j, m, e) == -1)
		return -1;
	return about_answer(j, m, e);
}

static int
on_cut(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = ctx;
	uint32_t code;
	char text[TEXT_MAX];

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &code) == -1 || msg_get_str(m, text, sizeof(text)) == -1 ||
	    msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "CUT: malformed");
	if (check_conn(j, m, e) == -1)
		return -1;
	jump_end(j, "cut", text);
	return 0;
}

static const struct msg_rule from_ident[] = {
	{ MSG_START, PHASE_READY, 1, 1, on_start },
	{ MSG_LOGGED, PHASE_LOGIN, AUTH_LOGINS_MAX, 1, on_logged },
	{ MSG_PASSED, PHASE_LOGIN, 1, 0, on_passed },
	{ MSG_OPENED, PHASE_OPEN, 0, 1, on_opened },
	{ MSG_REFUSED, PHASE_OPEN, 0, 0, on_refused },
	{ MSG_ABOUT, PHASE_OPEN, 0, 0, on_about },
	{ MSG_CUT, PHASE_LOGIN | PHASE_OPEN, 1, 0, on_cut },
};

int
ident_on_message(void *jump, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = jump;

	/* answers that cross the end */
	if (j->phase == PHASE_ENDING)
		return 0;
	return msg_dispatch(from_ident, sizeof(from_ident) / sizeof(from_ident[0]), &j->from_ident,
	    j->phase, j, buf, n, fds, nfds, e);
}

/* Nobody is there to ask, nor to answer for us. */
void
ident_on_end(void *jump, const struct err *why)
{
	struct jump *j = jump;

	if (why->kind != ERR_NONE && j->phase != PHASE_ENDING)
		jump_die(why->text);
	if (j->phase == PHASE_NEW || j->phase == PHASE_READY)
		_exit(0);
	jump_end(j, "ident ended it", "the bridge has ended this connection");
}
