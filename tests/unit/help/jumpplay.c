/* jumpplay.c - runs the real jump program; the test plays monitor, ident, pam and clients */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <libssh/callbacks.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "sealed.h"
#include "tests/unit/help/jumpplay.h"

/* A wait of this length is a hang. */
enum { HANG_STEPS = 6000, STEP_MS = 10 };

ssh_key
jumpplay_key(enum ssh_keytypes_e type, int parameter)
{
	ssh_key key = NULL;

	assert_int_equal(SSH_OK, ssh_pki_generate(type, parameter, &key));
	return key;
}

static void
start(struct jumpplay *p, void (*run)(void))
{
	struct settings_target *t = &p->set.targets[0];

	memset(p, 0, sizeof(*p));
	p->ident = p->pam = p->target = p->listener = -1;
	p->text = p->want = "";
	p->probe = p->proven = JUMPPLAY_YES;
	stage_settings(&p->set, 22);
	t->mode = TARGET_JUMP;
	t->host[0] = '\0';
	t->port = 0;
	t->nhost_keys = 1;
	t->ssh_keys = SSH_KEYS_EITHER;
	t->aes_gcm = 1;
	p->set.login_timeout = 60;
	p->set.channels = 256;
	p->host = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	if (run == NULL)
		stage_start(&p->stage, "jump");
	else
		stage_start_here(&p->stage, run);
}

void
jumpplay_start(struct jumpplay *p)
{
	start(p, NULL);
}

void
jumpplay_start_here(struct jumpplay *p, void (*run)(void))
{
	start(p, run);
}

void
jumpplay_hostkey_text(struct jumpplay *p, uint64_t generation, uint32_t target, const char *text)
{
	uint8_t buf[16384];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_HOSTKEY, 0);
	msg_put_u64(&o, generation);
	msg_put_u32(&o, target);
	msg_put_str(&o, "/test/key");
	msg_put_bytes(&o, text, strlen(text));
	stage_send(p->stage.monitor, &o, NULL, 0);
}

void
jumpplay_hostkey(struct jumpplay *p, uint64_t generation, uint32_t target, ssh_key key)
{
	char *text = NULL;

	assert_int_equal(SSH_OK, ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &text));
	jumpplay_hostkey_text(p, generation, target, text);
	ssh_string_free_char(text);
}

void
jumpplay_generation(struct jumpplay *p, uint64_t generation)
{
	static uint8_t set[SETTINGS_BYTES_MAX];
	uint8_t buf[64];
	struct msg_out o;
	struct err e;
	size_t n;
	int fd;

	assert_int_equal(0, settings_encode(&p->set, set, sizeof(set), &n, &e));
	fd = sealed_new("settings", set, n, &e);
	assert_int_not_equal(-1, fd);
	msg_start(&o, buf, sizeof(buf), MSG_GENERATION, 0);
	msg_put_u64(&o, generation);
	stage_send(p->stage.monitor, &o, &fd, 1);
	close(fd);
}

void
jumpplay_ready(struct jumpplay *p)
{
	char why[512] = "";

	p->ident = stage_peer(&p->stage, PEER_IDENT, 0);
	jumpplay_hostkey(p, 1, 0, p->host);
	jumpplay_generation(p, 1);
	if (!stage_ready(&p->stage, 1, why, sizeof(why)))
		fail_msg("not ready: %s", why);
}

void
jumpplay_give(struct jumpplay *p, int fd)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_START, JUMPPLAY_CONN);
	msg_put_u32(&o, 0);
	msg_put_str(&o, "192.0.2.7:50000");
	stage_send(p->ident, &o, &fd, 1);
	close(fd);
}

int
jumpplay_connect(struct jumpplay *p)
{
	int pair[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	jumpplay_give(p, pair[1]);
	return pair[0];
}

int
jumpplay_status(struct jumpplay *p)
{
	int status = stage_wait(&p->stage);

	p->stage.pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void
jumpplay_end(struct jumpplay *p)
{
	if (p->stage.pid > 0) {
		(void)kill(p->stage.pid, SIGKILL);
		(void)stage_wait(&p->stage);
	}
	if (p->ident != -1)
		close(p->ident);
	if (p->pam != -1)
		close(p->pam);
	ssh_key_free(p->host);
}

/* ---- ident and pam ----------------------------------------------------------------------------
 */

static void
say_passed(struct jumpplay *p, bool ok)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_PASSED, JUMPPLAY_CONN);
	msg_put_u32(&o, ok);
	msg_put_str(&o, ok ? "" : "no such code");
	stage_send(p->ident, &o, NULL, 0);
}

static void
say_prompt(struct jumpplay *p)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_PROMPT, 0);
	msg_put_u32(&o, 1);
	msg_put_u32(&o, 0);
	msg_put_str(&o, "One-time code: ");
	msg_put_str(&o, "Look at your token.");
	stage_send(p->pam, &o, NULL, 0);
}

static void
on_login(struct jumpplay *p, struct got *g)
{
	uint8_t buf[1024];
	struct msg_out o;
	struct err e;
	uint32_t number, proven, verdict;
	const uint8_t *blob;
	int pair[2] = { -1, -1 };

	assert_int_equal(0, msg_get_u32(&g->m, &number));
	assert_int_equal(0, msg_get_str(&g->m, p->account, sizeof(p->account)));
	assert_int_equal(0, msg_get_bytes(&g->m, &blob, &p->blob_len, sizeof(p->blob)));
	assert_int_equal(0, msg_get_u32(&g->m, &proven));
	assert_int_equal(0, msg_get_u32(&g->m, &p->flags));
	assert_int_equal(0, msg_end(&g->m, &e));
	memcpy(p->blob, blob, p->blob_len);
	p->last_proven = proven == 1;
	p->logins++;
	if (p->silent)
		return;
	verdict = proven == 1 ? p->proven : p->probe;
	msg_start(&o, buf, sizeof(buf), MSG_LOGGED, JUMPPLAY_CONN);
	msg_put_u32(&o, number);
	msg_put_u32(&o, verdict);
	msg_put_str(&o, p->text);
	if (verdict == JUMPPLAY_PAM)
		assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	stage_send(p->ident, &o, &pair[1], verdict == JUMPPLAY_PAM ? 1 : 0);
	if (verdict != JUMPPLAY_PAM)
		return;
	close(pair[1]);
	p->pam = pair[0];
	if (p->pam_asks)
		say_prompt(p);
	else
		say_passed(p, p->pam_says);
}

void
jumpplay_about(struct jumpplay *p)
{
	static uint8_t buf[MSG_MAX];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_ABOUT, JUMPPLAY_CONN);
	msg_put_u32(&o, p->about_number);
	msg_put_str(&o, "corp/email:alice@corp.example");
	msg_put_str(&o, p->account);
	msg_put_str(&o, "01ab");
	msg_put_u64(&o, 4102444800); /* 2100-01-01 */
	msg_put_u32(&o, 2);
	msg_put_str(&o, "*.prod.example:22");
	msg_put_str(&o, "10.0.0.0/8:\x1b[2J");
	stage_send(p->ident, &o, NULL, 0);
}

static void
on_about(struct jumpplay *p, struct got *g)
{
	assert_int_equal(0, msg_get_u32(&g->m, &p->about_number));
	p->abouts++;
	if (!p->about_waits)
		jumpplay_about(p);
}

static void
on_dial(struct jumpplay *p, struct got *g)
{
	uint8_t buf[256];
	struct msg_out o;
	uint32_t channel;

	assert_int_equal(0, msg_get_u32(&g->m, &channel));
	p->dials++;
	msg_start(&o, buf, sizeof(buf), p->target == -1 ? MSG_REFUSED : MSG_OPENED, JUMPPLAY_CONN);
	msg_put_u32(&o, channel);
	if (p->target == -1) {
		msg_put_u32(&o, 2);
		msg_put_str(&o, "not yours");
	}
	stage_send(p->ident, &o, &p->target, p->target == -1 ? 0 : 1);
}

static void
on_reply(struct jumpplay *p, struct got *g)
{
	uint32_t n;
	const uint8_t *answer;
	size_t len;

	assert_int_equal(MSG_REPLY, g->m.type);
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	assert_int_equal(1, n);
	assert_int_equal(0, msg_get_bytes(&g->m, &answer, &len, 4096));
	say_passed(p, len == strlen(p->want) && memcmp(answer, p->want, len) == 0);
}

static void
on_message(struct jumpplay *p, struct got *g)
{
	switch (g->m.type) {
	case MSG_LOGIN:
		on_login(p, g);
		break;
	case MSG_ABOUT:
		on_about(p, g);
		break;
	case MSG_DIAL:
		on_dial(p, g);
		break;
	case MSG_CLOSED:
		p->closed++;
		break;
	default:
		fail_msg("%s came to ident", msg_name(g->m.type));
	}
}

bool
jumpplay_answer(struct jumpplay *p, int ms)
{
	static struct got g;
	struct pollfd pf[3] = { { .fd = p->ident, .events = POLLIN }, { .events = POLLIN },
		{ .events = POLLIN } };

	for (;;) {
		pf[1].fd = p->pam;
		pf[2].fd = p->listener;
		if (poll(pf, 3, ms) <= 0)
			return true;
		if (pf[2].revents != 0) {
			jumpplay_give(p, accept4(p->listener, NULL, NULL, SOCK_CLOEXEC));
			p->listener = -1;
		}
		if (pf[1].revents != 0) {
			stage_recv(p->pam, &g);
			if (!g.end)
				on_reply(p, &g);
			else {
				close(p->pam);
				p->pam = -1;
			}
		}
		if (pf[0].revents != 0) {
			stage_recv(p->ident, &g);
			if (g.end)
				return false;
			on_message(p, &g);
		}
	}
}

void
jumpplay_cut(struct jumpplay *p, const char *text)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_CUT, JUMPPLAY_CONN);
	msg_put_u32(&o, 2);
	msg_put_str(&o, text);
	stage_send(p->ident, &o, NULL, 0);
}

void
jumpplay_log(struct jumpplay *p, const char *word, const char *second)
{
	do
		(void)stage_log(&p->stage, "");
	while (strstr(p->stage.last, word) == NULL || strstr(p->stage.last, second) == NULL);
}

/* ---- clients ----------------------------------------------------------------------------------
 */

ssh_session
jumpplay_client_with(struct jumpplay *p, int fd, const char *user, const char *ciphers)
{
	static const bool no;
	ssh_session s = ssh_new();
	int r = SSH_AGAIN;

	assert_non_null(s);
	assert_int_equal(0, ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &no));
	assert_int_equal(0, ssh_options_set(s, SSH_OPTIONS_HOST, "jump.example"));
	assert_int_equal(0, ssh_options_set(s, SSH_OPTIONS_USER, user));
	assert_int_equal(0, ssh_options_set(s, SSH_OPTIONS_KNOWNHOSTS, "/dev/null"));
	assert_int_equal(0, ssh_options_set(s, SSH_OPTIONS_FD, &fd));
	if (ciphers != NULL) {
		assert_int_equal(0, ssh_options_set(s, SSH_OPTIONS_CIPHERS_C_S, ciphers));
		assert_int_equal(0, ssh_options_set(s, SSH_OPTIONS_CIPHERS_S_C, ciphers));
	}
	ssh_set_blocking(s, 0);
	for (int i = 0; i < HANG_STEPS && r == SSH_AGAIN; i++) {
		r = ssh_connect(s);
		(void)jumpplay_answer(p, STEP_MS);
	}
	if (r != SSH_OK)
		fail_msg("key exchange: %s", ssh_get_error(s));
	return s;
}

ssh_session
jumpplay_client(struct jumpplay *p, int fd, const char *user)
{
	return jumpplay_client_with(p, fd, user, NULL);
}

/* Repeat `call` while it waits for what we have to answer. */
#define UNTIL(result, call)                                                              \
	for (int i_ = 0; i_ < HANG_STEPS && ((result) = (call)) == SSH_AUTH_AGAIN; i_++) \
	(void)jumpplay_answer(p, STEP_MS)

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
int
jumpplay_publickey(struct jumpplay *p, ssh_session s, const char *user, ssh_key key)
{
	int r = SSH_AUTH_ERROR;

	UNTIL(r, ssh_userauth_publickey(s, user, key));
	return r;
}

int
jumpplay_offer(struct jumpplay *p, ssh_session s, const char *user, ssh_key key)
{
	int r = SSH_AUTH_ERROR;

	UNTIL(r, ssh_userauth_try_publickey(s, user, key));
	return r;
}

int
jumpplay_none(struct jumpplay *p, ssh_session s)
{
	int r = SSH_AUTH_ERROR;

	UNTIL(r, ssh_userauth_none(s, NULL));
	return r;
}

int
jumpplay_password(struct jumpplay *p, ssh_session s)
{
	int r = SSH_AUTH_ERROR;

	UNTIL(r, ssh_userauth_password(s, NULL, "secret"));
	return r;
}

const char *
jumpplay_farewell(struct jumpplay *p, ssh_session s)
{
	for (int i = 0; i < HANG_STEPS; i++) {
		ssh_message_free(ssh_message_get(s));
		if ((ssh_get_status(s) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0)
			return ssh_get_error(s);
		(void)jumpplay_answer(p, STEP_MS);
	}
	fail_msg("it did not disconnect");
	return "";
}

int
jumpplay_run(struct jumpplay *p, char *const argv[], int keep_fd, char *out, size_t size)
{
	int pair[2], status;
	size_t n = 0;
	ssize_t r;
	pid_t pid;

	assert_int_equal(0, pipe2(pair, O_CLOEXEC));
	pid = fork();
	assert_int_not_equal(-1, pid);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		if (keep_fd != -1)
			(void)fcntl(keep_fd, F_SETFD, 0);
		(void)dup2(null, 0);
		(void)dup2(pair[1], 1);
		(void)dup2(pair[1], 2);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	close(pair[1]);
	if (keep_fd != -1)
		close(keep_fd);
	(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < HANG_STEPS; i++) {
		(void)jumpplay_answer(p, STEP_MS);
		while ((r = read(pair[0], out + n, size - 1 - n)) > 0)
			n += (size_t)r;
		if (r == 0)
			break;
	}
	out[n] = '\0';
	close(pair[0]);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
