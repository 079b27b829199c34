/* agent.c - the user's ssh-agent, over its Unix socket */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent.h"
#include "agentanswer.h"
#include "clock.h"
#include "say.h"
#include "sshread.h"
#include "text.h"

#define ANSWER_MS   10000
#define SIGN_MS	    60000
#define PATIENCE_MS 1500

int
agent_init(struct agent *a, const char *path, struct err *e)
{
	size_t n = path == NULL ? 0 : strlen(path);

	if (n == 0)
		return err_set(e, ERR_FORMAT,
		    "no ssh-agent: SSH_AUTH_SOCK is not set; type: eval \"$(ssh-agent)\"; ssh-add");
	if (n >= sizeof(a->path))
		return err_set(e, ERR_FORMAT,
		    "no ssh-agent: SSH_AUTH_SOCK is longer than a socket's path can be");
	*a = (struct agent){
		.answer_ms = ANSWER_MS,
		.sign_ms = SIGN_MS,
		.patience_ms = PATIENCE_MS,
	};
	memcpy(a->path, path, n + 1);
	return 0;
}

/* One question: a connection of its own, so that nothing is left over from another. */
struct ask {
	int fd;
	int64_t begun_ms, deadline_ms, notice_ms; /* notice_ms 0: told, or never to be */
};

static int
ask_wait(struct ask *k, short events, struct err *e)
{
	struct pollfd p = { .fd = k->fd, .events = events };
	int64_t until;
	int r;

	for (;;) {
		until = k->notice_ms != 0 && k->notice_ms < k->deadline_ms ? k->notice_ms
									   : k->deadline_ms;
		if ((r = poll(&p, 1, clock_left(until))) > 0)
			return 0;
		if (r == -1 && errno != EINTR)
			return err_sys(e, errno, "ssh-agent: poll");
		if (clock_ms() >= k->deadline_ms)
			return err_set(e, ERR_PEER, "ssh-agent did not answer within %lld s",
			    (long long)((k->deadline_ms - k->begun_ms + 999) / 1000));
		if (k->notice_ms != 0 && clock_ms() >= k->notice_ms) {
			say("waiting for ssh-agent to sign; it may be asking you to confirm");
			k->notice_ms = 0;
		}
	}
}

static int
ask_open(struct ask *k, const struct agent *a, int limit_ms, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char shown[4 * AGENT_PATH_MAX];

	(void)text_escape(shown, sizeof(shown), a->path, strlen(a->path));
	memcpy(sa.sun_path, a->path, sizeof(sa.sun_path));
	*k = (struct ask){ .begun_ms = clock_ms() };
	k->deadline_ms = k->begun_ms + limit_ms;
	k->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (k->fd == -1)
		return err_sys(e, errno, "ssh-agent: socket");
	/* A Unix socket connects at once or not at all: EAGAIN is a queue that nobody empties. */
	if (connect(k->fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0)
		return 0;
	(void)err_sys(e, errno, "no ssh-agent at SSH_AUTH_SOCK=%s", shown);
	(void)close(k->fd);
	return -1;
}

static int
ask_send(struct ask *k, const uint8_t *p, size_t n, struct err *e)
{
	ssize_t w;

	while (n > 0) {
		w = send(k->fd, p, n, MSG_NOSIGNAL);
		if (w == -1 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, errno, "ssh-agent broke off");
		if (w == -1) {
			if (ask_wait(k, POLLOUT, e) == -1)
				return -1;
			continue;
		}
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int
ask_receive(struct ask *k, uint8_t *p, size_t n, struct err *e)
{
	ssize_t r;

	while (n > 0) {
		r = recv(k->fd, p, n, 0);
		if (r == 0)
			return err_set(e, ERR_PEER, "ssh-agent broke off in place of an answer");
		if (r == -1 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, errno, "ssh-agent broke off");
		if (r == -1) {
			if (ask_wait(k, POLLIN, e) == -1)
				return -1;
			continue;
		}
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

/*
 * The answer behind its length: *p, which the caller frees, and *n, at least 1. Memory is asked for
 * only within AGENT_MESSAGE.
 */
static int
ask_answer(struct ask *k, uint8_t **p, size_t *n, struct err *e)
{
	uint8_t head[4], *body;
	struct sshread h = { head, sizeof(head) };
	uint32_t len;

	if (ask_receive(k, head, sizeof(head), e) == -1)
		return -1;
	if (!sshread_u32(&h, &len) || len == 0 || len > AGENT_MESSAGE)
		return agentanswer_bad(e);
	if ((body = malloc(len)) == NULL)
		return err_nomem(e, "ssh-agent");
	if (ask_receive(k, body, len, e) == -1) {
		free(body);
		return -1;
	}
	*p = body;
	*n = len;
	return 0;
}

int
agent_holds(const struct agent *a, const uint8_t *blob, size_t n, size_t *keys, struct err *e)
{
	static const uint8_t request[] = { 0, 0, 0, 1, AGENT_REQUEST_IDENTITIES };
	struct ask k;
	uint8_t *answer = NULL;
	size_t answer_n = 0;
	int ret = -1;

	if (ask_open(&k, a, a->answer_ms, e) == -1)
		return -1;
	if (ask_send(&k, request, sizeof(request), e) == 0 &&
	    ask_answer(&k, &answer, &answer_n, e) == 0)
		ret = agentanswer_keys(answer, answer_n, blob, n, keys, e);
	free(answer);
	(void)close(k.fd);
	return ret;
}

static uint8_t *
put_u32(uint8_t *p, size_t v)
{
	*p++ = (uint8_t)(v >> 24);
	*p++ = (uint8_t)(v >> 16);
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *
put_string(uint8_t *p, const uint8_t *s, size_t n)
{
	p = put_u32(p, n);
	memcpy(p, s, n);
	return p + n;
}

/* SIGN_REQUEST with its length; NULL and *e. The caller frees it. */
static uint8_t *
sign_request(
    const uint8_t *blob, size_t n, const uint8_t *data, size_t data_n, size_t *len, struct err *e)
{
	const size_t fixed = 1 + 4 + 4 + 4; /* type, two lengths, flags */
	uint8_t *msg, *p;

	if (n > AGENT_MESSAGE || data_n > AGENT_MESSAGE || fixed + n + data_n > AGENT_MESSAGE) {
		(void)err_set(e, ERR_REFUSED, "more is to be signed than ssh-agent takes");
		return NULL;
	}
	*len = 4 + fixed + n + data_n;
	if ((msg = malloc(*len)) == NULL) {
		(void)err_nomem(e, "ssh-agent");
		return NULL;
	}
	p = put_u32(msg, *len - 4);
	*p++ = AGENT_SIGN_REQUEST;
	p = put_string(p, blob, n);
	p = put_string(p, data, data_n);
	p = put_u32(p, 0);
	assert(p == msg + *len);
	return msg;
}

int
agent_sign(const struct agent *a, const uint8_t *blob, size_t n, const uint8_t *data, size_t data_n,
    uint8_t sig[AGENT_SIG_MAX], size_t *sig_n, struct err *e)
{
	struct ask k;
	uint8_t *request, *answer = NULL;
	size_t len, answer_n = 0;
	int ret = -1;

	if ((request = sign_request(blob, n, data, data_n, &len, e)) == NULL)
		return -1;
	if (ask_open(&k, a, a->sign_ms, e) == -1) {
		free(request);
		return -1;
	}
	k.notice_ms = k.begun_ms + a->patience_ms;
	if (ask_send(&k, request, len, e) == 0 && ask_answer(&k, &answer, &answer_n, e) == 0)
		ret = agentanswer_signature(answer, answer_n, sig, sig_n, e);
	/* A bridge waits ten seconds for a handshake: who was slow to confirm may read of that. */
	if (ret == 0 && k.notice_ms == 0)
		say("ssh-agent has signed after %lld s",
		    (long long)((clock_ms() - k.begun_ms) / 1000));
	free(answer);
	free(request);
	(void)close(k.fd);
	return ret;
}
