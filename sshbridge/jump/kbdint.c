/*
 * kbdint.c - keyboard-interactive (RFC 4256), relayed to the pam process
 *
 * What PAM wants to know goes to the client untouched, and the answers back. The verdict comes from
 * ident, which has it from the pam process; nothing that the pam process says here lets anyone in.
 */
#include <libssh/server.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"

enum {
	PROMPTS_MAX = 8,
	PROMPT_SIZE = 1024,
	INFO_SIZE = 4096,
	ANSWER_MAX = 4096,
	PAM_QUEUE_MAX = 128 * 1024
};
enum { PAM_TALKS = 1 };

struct kbdint {
	struct msgq *pam;
	struct msg_seen seen;
	bool prompted; /* a question of PAM's is there */
	bool shown;    /* and the client has it */
	bool passed;   /* by ident's word */
	uint32_t n;
	char echo[PROMPTS_MAX];
	char text[PROMPTS_MAX][PROMPT_SIZE];
	char info[INFO_SIZE];
};

/* Takes the held request or answer: it is replied to. */
static ssh_message
take_held(struct jump *j)
{
	ssh_message msg = j->auth->held;

	j->auth->held = NULL;
	return msg;
}

static void
show(struct jump *j, ssh_message msg)
{
	struct kbdint *k = j->auth->kbdint;
	const char *prompts[PROMPTS_MAX];

	for (uint32_t i = 0; i < k->n; i++)
		prompts[i] = k->text[i];
	(void)ssh_message_auth_interactive_request(msg, "", k->info, k->n, prompts, k->echo);
	ssh_message_free(msg);
	k->shown = true;
}

/* ---- the pam process --------------------------------------------------------------------------
 */

static int
on_prompt(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = ctx;
	struct kbdint *k = j->auth->kbdint;
	uint32_t n, echo;

	(void)fds;
	(void)nfds;
	if (k->prompted)
		return err_set(e, ERR_PEER, "PROMPT: the last one is not answered");
	if (msg_get_u32(m, &n) == -1 || n > PROMPTS_MAX)
		return err_set(e, ERR_PEER, "PROMPT: malformed");
	for (uint32_t i = 0; i < n; i++) {
		if (msg_get_u32(m, &echo) == -1 ||
		    msg_get_str(m, k->text[i], sizeof(k->text[i])) == -1)
			return err_set(e, ERR_PEER, "PROMPT: malformed");
		k->echo[i] = echo != 0;
	}
	if (msg_get_str(m, k->info, sizeof(k->info)) == -1 || msg_end(m, e) == -1)
		return err_set(e, ERR_PEER, "PROMPT: malformed");
	k->n = n;
	k->prompted = true;
	k->shown = false;
	if (auth_waits(j))
		show(j, take_held(j));
	jump_turn_soon(j);
	return 0;
}

static const struct msg_rule from_pam[] = {
	{ MSG_PROMPT, PAM_TALKS, 64, 0, on_prompt },
};

static int
pam_on_message(void *jump, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
{
	struct jump *j = jump;

	/* what crosses the end, or the verdict */
	if (j->auth == NULL || j->phase != PHASE_LOGIN)
		return 0;
	return msg_dispatch(from_pam, sizeof(from_pam) / sizeof(from_pam[0]),
	    &j->auth->kbdint->seen, PAM_TALKS, j, buf, n, fds, nfds, e);
}

/* It has no more to ask: ident's word follows, or has come. */
static void
pam_on_end(void *jump, const struct err *why)
{
	struct jump *j = jump;

	if (why->kind != ERR_NONE)
		jump_end(j, why->text, "authentication failed");
}

int
kbdint_begin(struct jump *j, int fd, struct err *e)
{
	struct kbdint *k = calloc(1, sizeof(*k));

	if (k == NULL || (k->pam = msgq_new(j->base, fd, PAM_QUEUE_MAX, pam_on_message, pam_on_end,
			      j, e)) == NULL) {
		free(k);
		close(fd);
		return err_nomem(e, "keyboard-interactive");
	}
	j->auth->kbdint = k;
	return 0;
}

void
kbdint_done(struct jump *j)
{
	struct kbdint *k = j->auth->kbdint;

	if (k == NULL)
		return;
	msgq_free(k->pam);
	free(k);
	j->auth->kbdint = NULL;
}

/* ---- the client -------------------------------------------------------------------------------
 */

static bool
put_answers(struct jump *j, struct msg_out *o)
{
	uint32_t n = j->auth->kbdint->n;

	if (ssh_userauth_kbdint_getnanswers(j->ssh) != (int)n)
		return false;
	msg_start(o, j->out, sizeof(j->out), MSG_REPLY, 0);
	msg_put_u32(o, n);
	for (uint32_t i = 0; i < n; i++) {
		const char *answer = ssh_userauth_kbdint_getanswer(j->ssh, i);
		size_t len = answer == NULL ? ANSWER_MAX + 1 : strlen(answer);

		if (len > ANSWER_MAX)
			return false;
		msg_put_bytes(o, answer, len);
	}
	return true;
}

/* libssh would keep them as long as the connection lives; it clears what it replaces. */
static void
forget_answers(struct jump *j)
{
	for (uint32_t i = 0; i < j->auth->kbdint->n; i++)
		(void)ssh_userauth_kbdint_setanswer(j->ssh, i, "");
}

static void
on_answers(struct jump *j, ssh_message msg)
{
	struct kbdint *k = j->auth->kbdint;
	struct msg_out o;
	struct err e;
	bool sent;

	if (!k->shown || !put_answers(j, &o)) {
		explicit_bzero(j->out, sizeof(j->out));
		ssh_message_free(msg);
		jump_end(j, "answers to what was not asked", "protocol error");
		return;
	}
	forget_answers(j);
	k->prompted = k->shown = false;
	sent = msgq_send(k->pam, &o, NULL, 0, &e) == 0;
	explicit_bzero(j->out, o.len);
	j->auth->held = msg;
	if (!sent)
		jump_end(j, e.text, "authentication failed");
}

void
kbdint_request(struct jump *j, ssh_message msg)
{
	struct kbdint *k = j->auth->kbdint;

	if (ssh_message_auth_kbdint_is_response(msg) != 0)
		on_answers(j, msg);
	else if (k->passed)
		auth_succeed(j, msg); /* PAM had nothing to ask */
	else if (k->prompted)
		show(j, msg); /* begun anew: the question stands */
	else
		j->auth->held = msg;
}

void
kbdint_passed(struct jump *j, bool ok, const char *text)
{
	if (!ok) {
		jump_end(j, "PAM said no", text[0] == '\0' ? "authentication failed" : text);
		return;
	}
	j->auth->kbdint->passed = true;
	auth_banner(j, text);
	if (auth_waits(j))
		auth_succeed(j, take_held(j));
}
