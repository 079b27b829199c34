/*
 * auth.c - publickey (RFC 4252 section 7), by ident's word
 *
 * A key that is only shown (a probe) is never taken for one that has signed: libssh says VALID of
 * the latter alone, and ident is told which it is.
 */
#include <libssh/server.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "text.h"
#include "touch.h"

int
auth_init(struct jump *j, struct err *e)
{
	if ((j->auth = calloc(1, sizeof(*j->auth))) == NULL)
		return err_nomem(e, "authentication");
	return 0;
}

void
auth_done(struct jump *j)
{
	if (j->auth == NULL)
		return;
	kbdint_done(j);
	if (j->auth->held != NULL)
		ssh_message_free(j->auth->held);
	free(j->auth);
	j->auth = NULL;
}

bool
auth_waits(const struct jump *j)
{
	return j->auth != NULL && j->auth->held != NULL;
}

void
auth_describe(const struct jump *j, struct logline *l)
{
	const struct auth *a = j->auth;
	char fp[TEXT_SHA256_SIZE];

	if (a == NULL)
		return;
	if (a->user[0] != '\0')
		logline_str(l, "account", a->user);
	if (a->key.blob_len > 0) {
		logline_str(l, "key", text_sha256(fp, a->key.sha256));
		logline_str(l, "key-state", a->proven ? "proven" : "offered");
	}
	logline_u64(l, "tries", a->requests);
}

void
auth_banner(struct jump *j, const char *text)
{
	char line[SETTINGS_BANNER_MAX + 4];
	ssh_string s;

	if (text[0] == '\0')
		return;
	(void)snprintf(
	    line, sizeof(line), "%s%s", text, text[strlen(text) - 1] == '\n' ? "" : "\n");
	if ((s = ssh_string_from_char(line)) != NULL)
		(void)ssh_send_issue_banner(j->ssh, s);
	ssh_string_free(s);
}

static int
methods(const struct jump *j)
{
	return j->auth->kbdint != NULL ? (int)SSH_AUTH_METHOD_INTERACTIVE
				       : (int)SSH_AUTH_METHOD_PUBLICKEY;
}

static void
reply_failure(struct jump *j, ssh_message msg)
{
	(void)ssh_message_auth_set_methods(msg, methods(j));
	(void)ssh_message_reply_default(msg);
	ssh_message_free(msg);
}

void
auth_fail(struct jump *j, ssh_message msg, const char *why)
{
	struct logline l;

	report_start(j, &l, "ssh-refused");
	auth_describe(j, &l);
	logline_str(&l, "why", why);
	report_line(j, CHILD_NOTICE, &l);
	reply_failure(j, msg);
	if (++j->auth->failures >= AUTH_FAILURES_MAX)
		jump_end(j, "too many tries", "too many authentication failures");
}

void
auth_succeed(struct jump *j, ssh_message msg)
{
	(void)ssh_message_auth_reply_success(msg, 0);
	ssh_message_free(msg);
	jump_logged_in(j);
}

/*
 * The one service; what the target says to everybody comes right after it. Clients of paramiko ask
 * again before each request: it changes nothing, and no more often than that.
 */
void
auth_service(struct jump *j, ssh_message msg)
{
	const char *service = ssh_message_service_service(msg);
	bool good = service != NULL && strcmp(service, "ssh-userauth") == 0;

	if (!good || j->auth->services > j->auth->requests) {
		ssh_message_free(msg);
		jump_end(j, good ? "a service asked for twice" : "another service",
		    good ? "protocol error" : "service not available");
		return;
	}
	(void)ssh_message_service_reply_success(msg);
	ssh_message_free(msg);
	if (j->auth->services++ == 0)
		auth_banner(j, j->target.banner);
}

/* ---- publickey --------------------------------------------------------------------------------
 */

/* The key as ident knows keys; certificates and types unknown to us are refused by the parser. */
static int
read_key(ssh_message msg, struct sshkey *k, struct err *e)
{
	ssh_key key = session_key(msg);
	char text[SSHKEY_TEXT_MAX];
	const char *type = key == NULL ? NULL : ssh_key_type_to_char(ssh_key_type(key));
	char *b64 = NULL;
	int n;

	if (type == NULL || ssh_pki_export_pubkey_base64(key, &b64) != SSH_OK)
		return err_set(e, ERR_REFUSED, "a key that cannot be read");
	if (ssh_key_type(key) == SSH_KEYTYPE_ECDSA)
		type = ssh_pki_key_ecdsa_name(key);
	n = snprintf(text, sizeof(text), "%s %s", type, b64);
	ssh_string_free_char(b64);
	if (n < 0 || (size_t)n >= sizeof(text))
		return err_set(e, ERR_REFUSED, "a key that is too long");
	return sshkey_parse_text(text, (size_t)n, k, e);
}

static void
ask_ident(struct jump *j, ssh_message msg)
{
	struct auth *a = j->auth;
	struct msg_out o;

	a->held = msg;
	a->asked = true;
	msg_start(&o, j->out, sizeof(j->out), MSG_LOGIN, j->conn);
	msg_put_u32(&o, ++a->number);
	msg_put_str(&o, a->user);
	msg_put_bytes(&o, a->key.blob, a->key.blob_len);
	msg_put_u32(&o, a->proven);
	msg_put_u32(&o, a->proven ? touch_of(&a->key) : 0);
	jump_tell(j, &o);
}

static void
on_publickey(struct jump *j, ssh_message msg)
{
	struct auth *a = j->auth;
	struct err e = { 0 };

	a->key.blob_len = 0;
	a->proven = session_proven(msg);
	if (read_key(msg, &a->key, &e) == -1) {
		a->key.blob_len = 0;
		auth_fail(j, msg, e.text);
	} else if (a->number == AUTH_LOGINS_MAX)
		auth_fail(j, msg, "too many keys");
	else
		ask_ident(j, msg);
}

/* Once: of an agent's keys each may be refused for the same reason, and then one lets in. */
static void
tell_verdict(struct jump *j, const char *text)
{
	struct auth *a = j->auth;

	if (text[0] == '\0' || strncmp(a->told, text, sizeof(a->told) - 1) == 0)
		return;
	(void)snprintf(a->told, sizeof(a->told), "%s", text);
	auth_banner(j, text);
}

int
auth_logged(
    struct jump *j, uint32_t number, uint32_t verdict, const char *text, int *pam, struct err *e)
{
	struct auth *a = j->auth;
	ssh_message msg = a->held;

	if (msg == NULL || !a->asked || number != a->number ||
	    (verdict == LOGGED_PAM && !a->proven))
		return err_set(e, ERR_PEER, "LOGGED: to no such question");
	a->held = NULL;
	a->asked = false;
	jump_turn_soon(j);
	tell_verdict(j, text);
	if (verdict == LOGGED_NO) {
		auth_fail(j, msg, "ident");
	} else if (!a->proven) {
		(void)ssh_message_auth_reply_pk_ok_simple(msg);
		ssh_message_free(msg);
	} else if (verdict == LOGGED_YES) {
		auth_succeed(j, msg);
	} else {
		int fd = *pam;

		*pam = -1;
		if (kbdint_begin(j, fd, e) == -1) {
			ssh_message_free(msg);
			return -1;
		}
		(void)ssh_message_auth_set_methods(msg, methods(j));
		(void)ssh_message_auth_reply_success(msg, 1);
		ssh_message_free(msg);
	}
	return 0;
}

int
auth_passed(struct jump *j, bool ok, const char *text, struct err *e)
{
	if (j->auth->kbdint == NULL)
		return err_set(e, ERR_PEER, "PASSED: PAM was not asked");
	jump_turn_soon(j);
	kbdint_passed(j, ok, text);
	return 0;
}

/* ---- all methods ------------------------------------------------------------------------------
 */

/*
 * The name that the first request has counts for all of them: what was reached for one name is
 * never counted for another. -1: the message is gone.
 */
static int
pin_user(struct jump *j, ssh_message msg)
{
	struct auth *a = j->auth;
	const char *user = ssh_message_auth_user(msg);

	/* the answers of keyboard-interactive come without one */
	if (user == NULL && ssh_message_auth_kbdint_is_response(msg) != 0)
		return 0;
	if (user == NULL || user[0] == '\0' || strlen(user) >= sizeof(a->user)) {
		ssh_message_free(msg);
		jump_end(j, "a user name that is empty or too long", "this user name is not valid");
		return -1;
	}
	if (a->requests == 1)
		memcpy(a->user, user, strlen(user) + 1);
	if (strcmp(a->user, user) != 0) {
		ssh_message_free(msg);
		jump_end(j, "another user name half-way", "the user name must not change");
		return -1;
	}
	return 0;
}

void
auth_request(struct jump *j, ssh_message msg)
{
	struct auth *a = j->auth;
	int method = ssh_message_subtype(msg);

	if (a->services == 0) {
		ssh_message_free(msg);
		jump_end(j, "authentication without its service", "protocol error");
		return;
	}
	a->requests++;
	if (pin_user(j, msg) == -1)
		return;
	if (method == (int)SSH_AUTH_METHOD_NONE && !a->none && a->kbdint == NULL) {
		/* how clients ask what there is (RFC 4252 section 5.2) */
		a->none = true;
		reply_failure(j, msg);
	} else if (a->kbdint != NULL && method == (int)SSH_AUTH_METHOD_INTERACTIVE)
		kbdint_request(j, msg);
	else if (a->kbdint == NULL && method == (int)SSH_AUTH_METHOD_PUBLICKEY)
		on_publickey(j, msg);
	else
		/* also what libssh makes of a service other than ssh-connection */
		auth_fail(j, msg, "a method that is not offered");
}
