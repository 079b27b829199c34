/*
 * conv.c - what modules ask goes to the jump process untouched, and the answers back
 *
 * What they say without asking goes along with the next question, as sshd does it, or with the
 * verdict: a client need not show a request in which nothing is asked.
 */
#include <stdlib.h>
#include <string.h>

#include "msgio.h"
#include "pam.h"

static void
answer_wipe(struct pam_response *r)
{
	if (r->resp == NULL)
		return;
	explicit_bzero(r->resp, strlen(r->resp));
	free(r->resp);
	r->resp = NULL;
}

/* One more line; what does not fit any more is left out. */
static void
said_add(struct login *l, const char *text)
{
	size_t have = strlen(l->said), n = strlen(text);
	bool newline = have > 0 && l->said[have - 1] != '\n';

	if (have + newline + n >= sizeof(l->said))
		return;
	if (newline)
		l->said[have++] = '\n';
	memcpy(l->said + have, text, n + 1);
}

/* ---- one PROMPT and its REPLY ---------------------------------------------------------------- */

int
conv_on_reply(void *login, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct login *l = login;
	const uint8_t *p;
	uint32_t n;
	size_t len;

	(void)fds;
	(void)nfds;
	if (msg_get_u32(m, &n) == -1 || n != l->nasked)
		return err_set(e, ERR_PEER, "REPLY: malformed");
	for (uint32_t i = 0; i < n; i++) {
		if (msg_get_bytes(m, &p, &len, PAM_ANSWER_MAX) == -1 ||
		    memchr(p, '\0', len) != NULL)
			return err_set(e, ERR_PEER, "REPLY: malformed");
		if (len >= PAM_MAX_RESP_SIZE) { /* modules are promised less */
			l->unusable = true;
			continue;
		}
		if ((l->answers[i]->resp = strndup((const char *)p, len)) == NULL)
			return err_nomem(e, "REPLY");
	}
	if (msg_end(m, e) == -1)
		return -1;
	l->nasked = 0;
	return 0;
}

static int
send_prompt(struct login *l, struct err *e)
{
	uint8_t buf[PAM_PROMPTS_MAX * (PAM_PROMPT_SIZE + 16) + PAM_INFO_SIZE + 64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_PROMPT, 0);
	msg_put_u32(&o, l->nasked);
	for (uint32_t i = 0; i < l->nasked; i++) {
		msg_put_u32(&o, l->asked[i]->msg_style == PAM_PROMPT_ECHO_ON);
		msg_put_str(&o, l->asked[i]->msg);
	}
	msg_put_str(&o, l->said);
	l->said[0] = '\0';
	return msgio_send(l->jump, &o, NULL, 0, e);
}

/* Those that have gathered. -1: no answer, or none that can be used. */
static int
ask(struct login *l)
{
	struct err e = { 0 };

	if (l->nasked == 0)
		return 0;
	if (l->jump == -1 || l->over)
		return -1;
	if (++l->rounds > PAM_ROUNDS_MAX) {
		serve_log(l, CHILD_ERROR, "PAM asks more than %d times", PAM_ROUNDS_MAX);
		return -1;
	}
	if (send_prompt(l, &e) == -1) {
		serve_log(l, CHILD_NOTICE, "jump process: %s", e.text);
		return -1;
	}
	if (serve_wait_reply(l) == -1)
		return -1;
	if (l->unusable)
		serve_log(
		    l, CHILD_NOTICE, "an answer has more than %d bytes", PAM_MAX_RESP_SIZE - 1);
	return l->unusable ? -1 : 0;
}

/* ---- for libpam ------------------------------------------------------------------------------ */

static int
gather(struct login *l, const struct pam_message *msg, struct pam_response *resp)
{
	switch (msg->msg_style) {
	case PAM_TEXT_INFO:
	case PAM_ERROR_MSG:
		said_add(l, msg->msg);
		return 0;
	case PAM_PROMPT_ECHO_ON:
	case PAM_PROMPT_ECHO_OFF:
		if (strlen(msg->msg) >= PAM_PROMPT_SIZE) {
			serve_log(l, CHILD_ERROR, "PAM asks with more than %d bytes",
			    PAM_PROMPT_SIZE - 1);
			return -1;
		}
		l->asked[l->nasked] = msg;
		l->answers[l->nasked++] = resp;
		return l->nasked == PAM_PROMPTS_MAX ? ask(l) : 0;
	default:
		serve_log(l, CHILD_ERROR, "PAM asks in a way (%d) that SSH has no words for",
		    msg->msg_style);
		return -1;
	}
}

int
conv(int n, const struct pam_message **msg, struct pam_response **resp, void *appdata)
{
	struct login *l = appdata;
	struct pam_response *r;
	int i;

	*resp = NULL;
	if (n <= 0 || n > PAM_MAX_NUM_MSG)
		return PAM_CONV_ERR;
	if ((r = calloc((size_t)n, sizeof(*r))) == NULL)
		return PAM_BUF_ERR;
	l->nasked = 0;
	l->unusable = false;
	for (i = 0; i < n; i++)
		if (gather(l, msg[i], &r[i]) == -1)
			break;
	if (i < n || ask(l) == -1) {
		for (i = 0; i < n; i++)
			answer_wipe(&r[i]);
		free(r);
		l->nasked = 0;
		return PAM_CONV_ERR;
	}
	*resp = r;
	return PAM_SUCCESS;
}
