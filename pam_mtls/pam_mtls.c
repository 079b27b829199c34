/*
 * pam_mtls.c - the hooks. Each of them that decides does the same: read the options, ask the daemon
 * who is behind this login's TCP connection, and turn the outcome into a code in one place.
 */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_modules.h>
#include <security/pam_ext.h>
#include <security/pam_modutil.h>

#include "daemon.h"
#include "pamoptions.h"
#include "question.h"
#include "socket.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))
/* All else is compiled hidden; module.map lists the same five names. */
#define EXPORT __attribute__((visibility("default")))

/* What became of a question, as far as the application is concerned. */
enum outcome { OUTCOME_YES, OUTCOME_NO, OUTCOME_UNAVAILABLE, OUTCOME_OPTIONS };

/* The one place where PAM codes come from; PAM_IGNORE is not among them. */
static const int codes[][4] = {
	[HOOK_AUTH] = { PAM_SUCCESS, PAM_AUTH_ERR, PAM_AUTHINFO_UNAVAIL, PAM_SERVICE_ERR },
	[HOOK_ACCOUNT] = { PAM_SUCCESS, PAM_PERM_DENIED, PAM_AUTHINFO_UNAVAIL, PAM_SERVICE_ERR },
	[HOOK_OPEN_SESSION] = { PAM_SUCCESS, PAM_SESSION_ERR, PAM_SESSION_ERR, PAM_SERVICE_ERR },
};

/* PAM_USER or PAM_SERVICE; "" when it is not set, which question_put() refuses. */
static const char *
item_get(pam_handle_t *pamh, int item)
{
	const void *p = NULL;

	if (pam_get_item(pamh, item, &p) != PAM_SUCCESS || p == NULL)
		return "";
	return p;
}

/*
 * The account's uid, by which the daemon tells root under other names. "No such account" is an
 * answer, and the daemon's to judge; a look-up that failed for want of something is none.
 */
static int
uid_get(pam_handle_t *pamh, struct question *q, struct err *e)
{
	struct passwd *pw;

	errno = 0;
	pw = pam_modutil_getpwnam(pamh, q->account);
	if (pw != NULL) {
		q->has_uid = true;
		q->uid = pw->pw_uid;
	} else if (errno == ENOMEM || errno == EMFILE || errno == ENFILE || errno == EIO) {
		return err_sys(e, errno, "looking up the account");
	}
	return 0;
}

/* Ask about the connection `shown`; buf has MSG_MAX bytes for question and answer. */
static int
ask_about(const struct question *q, int shown, const struct pamoptions *o, struct deadline d,
    void *buf, struct answer *a, struct err *e)
{
	struct msg_out out;
	ssize_t n;
	int fd;

	if (question_put(q, &out, buf, MSG_MAX, e) == -1)
		return -1;
	if ((fd = daemon_connect(o->socket, d, e)) == -1)
		return -1;
	n = daemon_ask(fd, &out, shown, buf, MSG_MAX, d, e);
	close(fd);
	return n == -1 ? -1 : answer_get(buf, (size_t)n, a, e);
}

/* The question of one hook, from the handle to the answer. */
static int
ask(pam_handle_t *pamh, struct question *q, const struct pamoptions *o, struct answer *a,
    struct err *e)
{
	const char *hint = pam_getenv(pamh, "SSH_CONNECTION");
	const char *info = pam_getenv(pamh, "SSH_AUTH_INFO_0");
	struct socket_ends ends;
	struct deadline d;
	void *buf;
	int shown, r = -1;

	q->service = item_get(pamh, PAM_SERVICE);
	q->account = item_get(pamh, PAM_USER);
	q->auth_info = info == NULL ? "" : info;
	if (q->account[0] == '\0')
		return err_set(e, ERR_REFUSED, "PAM_USER is not set");
	if (uid_get(pamh, q, e) == -1)
		return -1;
	/* From here on: the look-up's length is not in our hands. */
	d = deadline_in(o->timeout_ms);
	if (hint == NULL)
		return err_set(e, ERR_PEER, "SSH_CONNECTION is not set");
	if (socket_hint(hint, &ends, e) == -1 || (shown = socket_find(&ends, d, e)) == -1)
		return -1;
	if ((buf = malloc(MSG_MAX)) == NULL)
		(void)err_nomem(e, "question");
	else
		r = ask_about(q, shown, o, d, buf, a, e);
	free(buf);
	close(shown);
	return r;
}

static int
env_put(pam_handle_t *pamh, const char *name, const char *value, struct err *e)
{
	char line[ANSWER_NAME_SIZE + 32];
	int n = snprintf(line, sizeof(line), "%s=%s", name, value);

	if (n < 0 || (size_t)n >= sizeof(line) || pam_putenv(pamh, line) != PAM_SUCCESS)
		return err_set(e, ERR_SYS, "%s cannot be set", name);
	return 0;
}

/* Leave the facts on the handle. Who cannot be told who he is does not come in either. */
static int
facts_put(pam_handle_t *pamh, const struct answer *a, struct err *e)
{
	char conn[17];
	const struct {
		const char *name, *value;
	} facts[] = {
		{ "MTLS_IDENTITY", a->identity },
		{ "MTLS_SUBJECT", a->subject },
		{ "MTLS_ISSUER", a->issuer },
		{ "MTLS_SERIAL", a->serial },
		{ "MTLS_FINGERPRINT", a->fingerprint },
		{ "MTLS_NOT_AFTER", a->not_after },
		{ "MTLS_RULE", a->rule },
		{ "MTLS_CONNECTION", conn },
	};

	(void)snprintf(conn, sizeof(conn), "%016" PRIx64, a->conn);
	if (pam_set_item(pamh, PAM_RHOST, a->address) != PAM_SUCCESS)
		return err_set(e, ERR_SYS, "PAM_RHOST cannot be set");
	for (size_t i = 0; i < nitems(facts); i++)
		if (env_put(pamh, facts[i].name, facts[i].value, e) == -1)
			return -1;
	return 0;
}

static enum outcome
judge(pam_handle_t *pamh, struct question *q, int argc, const char **argv, struct pamoptions *o,
    struct answer *a, struct err *e)
{
	if (pamoptions_parse(argc, argv, q->hook == HOOK_ACCOUNT, o, e) == -1)
		return OUTCOME_OPTIONS;
	q->bind_session = o->bind_session;
	if (ask(pamh, q, o, a, e) == -1)
		return e->kind == ERR_REFUSED ? OUTCOME_NO : OUTCOME_UNAVAILABLE;
	if (!a->yes) {
		(void)err_set(e, ERR_REFUSED, "%s", a->sentence);
		return OUTCOME_NO;
	}
	return facts_put(pamh, a, e) == -1 ? OUTCOME_UNAVAILABLE : OUTCOME_YES;
}

/*
 * One line for the administrator, one sentence for the user, who learns the daemon's words only
 * where the daemon spoke. The connection's id joins both to the daemon's log.
 */
static void
tell(pam_handle_t *pamh, int flags, enum outcome outcome, const struct question *q,
    const struct answer *a, const struct err *e)
{
	char account[4 * QUESTION_NAME_MAX + 1], conn[40] = "";
	const char *user = "the certificate check is not available";

	(void)text_escape(account, sizeof(account), q->account, strlen(q->account));
	if (a->conn != 0)
		(void)snprintf(conn, sizeof(conn), " (connection %016" PRIx64 ")", a->conn);
	if (outcome == OUTCOME_YES) {
		pam_syslog(pamh, LOG_DEBUG, "account \"%s\": yes%s", account, conn);
		return;
	}
	if (outcome == OUTCOME_OPTIONS)
		pam_syslog(pamh, LOG_ERR, "refused, the line in pam.d is wrong: %s", e->text);
	else
		pam_syslog(pamh, outcome == OUTCOME_NO ? LOG_NOTICE : LOG_ERR,
		    "account \"%s\" refused: %s%s", account, e->text, conn);
	if (((unsigned)flags & PAM_SILENT) != 0)
		return;
	if (outcome == OUTCOME_NO && a->sentence[0] != '\0')
		user = a->sentence;
	(void)pam_error(pamh, "%s%s", user, conn);
}

/* Of auth, account and open_session: the whole hook. */
static int
decide(pam_handle_t *pamh, int flags, enum hook hook, int argc, const char **argv)
{
	struct question q = { .hook = hook, .service = "", .account = "", .auth_info = "" };
	struct pamoptions o = { .debug = false };
	struct answer a = { .yes = false };
	struct err e = { .kind = ERR_NONE };
	enum outcome outcome = judge(pamh, &q, argc, argv, &o, &a, &e);

	if (outcome != OUTCOME_YES || o.debug)
		tell(pamh, flags, outcome, &q, &a, &e);
	return codes[hook][outcome];
}

/* Of the hooks that decide nothing: they wait for nobody, but a wrong line is wrong here too. */
static int
agree(pam_handle_t *pamh, int argc, const char **argv)
{
	struct pamoptions o;
	struct err e;

	if (pamoptions_parse(argc, argv, false, &o, &e) == 0)
		return PAM_SUCCESS;
	pam_syslog(pamh, LOG_ERR, "the line in pam.d is wrong: %s", e.text);
	return PAM_SERVICE_ERR;
}

EXPORT int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return decide(pamh, flags, HOOK_AUTH, argc, argv);
}

EXPORT int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return decide(pamh, flags, HOOK_ACCOUNT, argc, argv);
}

EXPORT int
pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	return decide(pamh, flags, HOOK_OPEN_SESSION, argc, argv);
}

EXPORT int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	return agree(pamh, argc, argv);
}

EXPORT int
pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)flags;
	return agree(pamh, argc, argv);
}
