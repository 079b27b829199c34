/*
 * fuzz_jump.c - an SSH session with the jump process: before the key exchange, before and after
 * authentication
 *
 * The input: a byte of bits (below), then records of two bytes of length and so many bytes. In a
 * RAW session a record is sent as it is; else it is the payload of a packet, which a client of ours
 * encrypts after a key exchange and, for LOGGED_IN, a login; an empty one is a key exchange. What
 * ident is asked is answered as the bits say. The process's own end is caught; time does not pass,
 * so timers do not fire.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sshbridge/jump/about.h"
#include "sshbridge/jump/auth.h"
#include "sshbridge/jump/jump.h"
#include "sshbridge/jump/wire.h"
/* fuzz targets link no test help */
#include "tests/unit/help/sshraw.c"

enum {
	RAW = 1,
	LOGGED_IN = 2,
	LOGIN_REFUSED = 4,
	PAM_ASKS = 8,
	DIAL_REFUSED = 16,
	ENDS = 32, /* a target says its end at once */
	SLOW = 64  /* and reads nothing before all records are sent */
};
enum { TARGETS = 8, ROUNDS = 400, QUIET = 6, CONN = 7 };

static struct play {
	struct jump *j;
	unsigned bits;
	int client, ident, pam, targets[TARGETS];
	unsigned ntargets;
	struct sshraw *ssh;
	bool asked, logged_in, ended;
	const uint8_t *p;
	size_t left;
} play;

static jmp_buf at_end;
static bool running;

/* The process's own end. */
void
_exit(int status)
{
	if (running) {
		running = false;
		longjmp(at_end, status + 1);
	}
	(void)syscall(SYS_exit_group, status);
	__builtin_unreachable();
}

/* ---- ident, pam, targets ----------------------------------------------------------------------
 */

static void
send_message(int fd, const struct msg_out *o, int pass)
{
	union {
		struct cmsghdr h;
		char space[CMSG_SPACE(sizeof(int))];
	} c = { 0 };
	struct iovec iov = { o->buf, o->len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (pass != -1) {
		mh.msg_control = &c;
		mh.msg_controllen = sizeof(c);
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		c.h.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&c.h), &pass, sizeof(int));
	}
	(void)!sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (pass != -1)
		close(pass);
}

static void
say_prompt(struct play *y)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_PROMPT, 0);
	msg_put_u32(&o, 1);
	msg_put_u32(&o, 0);
	msg_put_str(&o, "Code: ");
	msg_put_str(&o, "");
	send_message(y->pam, &o, -1);
}

static void
on_login(struct play *y, struct msg_in *m)
{
	uint8_t buf[256];
	uint32_t number, proven = 0, flags, verdict = (y->bits & LOGIN_REFUSED) == 0;
	char account[256];
	const uint8_t *blob;
	size_t n;
	struct msg_out o;
	int pair[2] = { -1, -1 };

	if (msg_get_u32(m, &number) == -1 || msg_get_str(m, account, sizeof(account)) == -1 ||
	    msg_get_bytes(m, &blob, &n, MSG_MAX) == -1 || msg_get_u32(m, &proven) == -1 ||
	    msg_get_u32(m, &flags) == -1)
		abort();
	if (verdict == 1 && proven == 1 && (y->bits & PAM_ASKS) != 0 && y->pam == -1 &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0)
		verdict = 2;
	msg_start(&o, buf, sizeof(buf), MSG_LOGGED, CONN);
	msg_put_u32(&o, number);
	msg_put_u32(&o, verdict);
	msg_put_str(&o, "a text");
	send_message(y->ident, &o, pair[1]);
	if (verdict == 2) {
		y->pam = pair[0];
		say_prompt(y);
	}
}

static void
on_dial(struct play *y, struct msg_in *m)
{
	uint8_t buf[256], bytes[100];
	uint32_t number;
	struct msg_out o;
	int pair[2] = { -1, -1 };
	bool yes = (y->bits & DIAL_REFUSED) == 0 && y->ntargets < TARGETS &&
		   socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0;

	if (msg_get_u32(m, &number) == -1)
		abort();
	if (yes && (y->bits & SLOW) != 0)
		(void)setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &(int){ 1 }, sizeof(int));
	msg_start(&o, buf, sizeof(buf), yes ? MSG_OPENED : MSG_REFUSED, CONN);
	msg_put_u32(&o, number);
	if (!yes) {
		msg_put_u32(&o, 2);
		msg_put_str(&o, "no");
	}
	send_message(y->ident, &o, pair[1]);
	if (!yes)
		return;
	memset(bytes, 'x', sizeof(bytes));
	(void)!write(pair[0], bytes, sizeof(bytes));
	if ((y->bits & ENDS) != 0)
		(void)shutdown(pair[0], SHUT_WR);
	y->targets[y->ntargets++] = pair[0];
}

static void
on_about(struct play *y, struct msg_in *m)
{
	uint8_t buf[512];
	uint32_t number;
	struct msg_out o;

	if (msg_get_u32(m, &number) == -1)
		abort();
	msg_start(&o, buf, sizeof(buf), MSG_ABOUT, CONN);
	msg_put_u32(&o, number);
	msg_put_str(&o, "corp/email:alice@corp.example");
	msg_put_str(&o, "alice");
	msg_put_str(&o, "01");
	msg_put_u64(&o, 4102444800);
	msg_put_u32(&o, 1);
	msg_put_str(&o, "*.prod.example:22");
	send_message(y->ident, &o, -1);
}

static void
play_ident(struct play *y)
{
	static uint8_t buf[MSG_MAX];
	struct msg_in m;
	struct err e;
	ssize_t n;

	while ((n = recv(y->ident, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		/* what it says is well formed whatever it was fed */
		if (msg_parse(&m, buf, (size_t)n, &e) == -1 || m.conn != CONN)
			abort();
		if (m.type == MSG_LOGIN)
			on_login(y, &m);
		else if (m.type == MSG_DIAL)
			on_dial(y, &m);
		else if (m.type == MSG_ABOUT)
			on_about(y, &m);
		else if (m.type != MSG_CLOSED)
			abort();
	}
}

static void
play_pam(struct play *y)
{
	static uint8_t buf[MSG_MAX];
	struct msg_out o;

	if (y->pam == -1 || recv(y->pam, buf, sizeof(buf), MSG_DONTWAIT) <= 0)
		return;
	msg_start(&o, buf, sizeof(buf), MSG_PASSED, CONN);
	msg_put_u32(&o, 1);
	msg_put_str(&o, "");
	send_message(y->ident, &o, -1);
}

static void
play_targets(struct play *y)
{
	static uint8_t buf[65536];

	if ((y->bits & SLOW) != 0 && y->left >= 2)
		return;
	for (unsigned i = 0; i < y->ntargets; i++)
		(void)!recv(y->targets[i], buf, sizeof(buf), MSG_DONTWAIT);
}

/* ---- the client -------------------------------------------------------------------------------
 */

/*
 * The next record; false when there is none. A channel with packets of 10 bytes spins in libssh
 * 0.10 for ever, which is the watchdog's (watchdog.h): it becomes one with 11.
 */
static bool
next_record(struct play *y, uint8_t *buf, size_t *n)
{
	size_t at;

	if (y->left < 2)
		return false;
	*n = (size_t)y->p[0] << 8 | y->p[1];
	if (*n > y->left - 2)
		*n = y->left - 2;
	memcpy(buf, y->p + 2, *n);
	y->p += 2 + *n;
	y->left -= 2 + *n;
	if ((y->bits & RAW) == 0 && *n > 5 && buf[0] == 90) {
		at = 5 + (size_t)sshraw_u32(buf + 1) + 8;
		if (at <= *n - 4 && at > 8 && sshraw_u32(buf + at) == 10)
			buf[at + 3] = 11;
	}
	return true;
}

/* False: nothing to send now. */
static bool
send_next(struct play *y)
{
	static uint8_t buf[65536];
	size_t n;

	if ((y->bits & RAW) != 0) {
		if (!next_record(y, buf, &n))
			return false;
		(void)!send(y->client, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		return true;
	}
	if (!sshraw_ready(y->ssh) || sshraw_unsent(y->ssh) ||
	    ((y->bits & LOGGED_IN) != 0 && !y->logged_in) || !next_record(y, buf, &n))
		return false;
	if (n == 0)
		sshraw_rekey(y->ssh);
	else
		sshraw_send(y->ssh, buf, n);
	return true;
}

static void
login_on(struct play *y, uint8_t type)
{
	if (type == 6) /* SERVICE_ACCEPT */
		sshraw_userauth(y->ssh, "alice");
	else if (type == 52) /* USERAUTH_SUCCESS */
		y->logged_in = true;
	else if (type == 60) /* USERAUTH_INFO_REQUEST */
		sshraw_sendf(y->ssh, "bus", 61, (uint32_t)1, "123456");
	else if (type == 51 && (y->bits & PAM_ASKS) != 0 && y->pam != -1) /* partial success */
		sshraw_sendf(y->ssh, "bsssss", 50, "alice", "ssh-connection",
		    "keyboard-interactive", "", "");
}

static void
read_client(struct play *y)
{
	static uint8_t buf[65536];
	const uint8_t *p;
	size_t n;

	if ((y->bits & RAW) != 0) {
		(void)!recv(y->client, buf, sizeof(buf), MSG_DONTWAIT);
		return;
	}
	(void)sshraw_flush(y->ssh);
	while ((p = sshraw_next(y->ssh, &n, &y->ended)) != NULL)
		if ((y->bits & LOGGED_IN) != 0 && !y->logged_in)
			login_on(y, p[0]);
	if ((y->bits & LOGGED_IN) != 0 && sshraw_ready(y->ssh) && !y->asked) {
		sshraw_sendf(y->ssh, "bs", 5, "ssh-userauth");
		y->asked = true;
	}
}

/* ---- one session ------------------------------------------------------------------------------
 */

static ssh_key
host_key(void)
{
	static ssh_key key;

	if (key == NULL && ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK)
		abort();
	return ssh_key_dup(key);
}

static void
begin(struct play *y, struct jump *j)
{
	int ssh[2], ident[2];
	struct err e;

	if (jump_init(j, &e) == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, ssh) == -1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ident) == -1)
		abort();
	j->phase = PHASE_READY;
	j->conn = CONN;
	j->login_timeout = 30;
	j->channels_max = 4;
	j->target.mode = TARGET_JUMP;
	j->target.aes_gcm = 1;
	j->target.nhost_keys = j->keys.n[0] = 1;
	j->keys.of[0][0] = host_key();
	y->client = ssh[0];
	y->ident = ident[0];
	j->ident = msgq_new(j->base, ident[1], 1 << 20, ident_on_message, ident_on_end, j, &e);
	if (j->ident == NULL || jump_begin(j, ssh[1], &e) == -1)
		abort();
	if ((y->bits & RAW) == 0 && (y->ssh = sshraw_new(y->client)) == NULL)
		abort();
}

static void
talk(struct play *y)
{
	unsigned quiet = 0;

	for (int i = 0; i < ROUNDS && quiet < QUIET; i++) {
		bool sent;

		(void)event_base_loop(y->j->base, EVLOOP_NONBLOCK);
		play_ident(y);
		play_pam(y);
		play_targets(y);
		read_client(y);
		sent = send_next(y);
		quiet = sent || ((y->bits & RAW) == 0 && !sshraw_ready(y->ssh)) ? 0 : quiet + 1;
	}
	(void)shutdown(y->client, SHUT_RDWR);
	for (int i = 0; i < QUIET; i++)
		(void)event_base_loop(y->j->base, EVLOOP_NONBLOCK);
}

/* All that the end of the process would have freed; `left`: by leave(), which frees the session. */
static void
clear(struct play *y, bool left)
{
	struct jump *j = y->j;
	struct event *events[] = { j->gone, j->again, j->login_timer, j->alive_timer,
		j->end_timer };

	auth_done(j);
	about_done(j);
	if (!left)
		channels_done(j, "the end");
	wire_stop();
	if (!left)
		ssh_free(j->ssh);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	msgq_free(j->ident);
	free(j->farewell);
	event_base_free(j->base);
	for (unsigned i = 0; i < y->ntargets; i++)
		close(y->targets[i]);
	if (y->pam != -1)
		close(y->pam);
	close(y->ident);
	if (y->ssh != NULL)
		sshraw_free(y->ssh);
	else
		close(y->client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jump jump;
	int ended;

	if (size < 1)
		return 0;
	memset(&jump, 0, sizeof(jump));
	play = (struct play){ .j = &jump,
		.bits = data[0],
		.client = -1,
		.ident = -1,
		.pam = -1,
		.p = data + 1,
		.left = size - 1 };
	begin(&play, &jump);
	running = true;
	if ((ended = setjmp(at_end)) == 0)
		talk(&play);
	running = false;
	clear(&play, ended == 1);
	return 0;
}
