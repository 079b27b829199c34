/*
 * selftest.c - a login in memory: key exchange, signature, a channel and bytes both ways
 *
 * libssh's client looks for known hosts before it sends its first packet, whatever it is told. So
 * the talk begins before the sandbox, and all that a server does happens inside.
 */
#include <errno.h>
#include <libssh/server.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jump.h"
#include "touch.h"

enum { BEGIN_ROUNDS = 3, ROUNDS_MAX = 100 };
static const char up[] = "bytes up", down[] = "bytes down";

/* Both ends of it; the client is libssh's own. */
struct talk {
	ssh_session server, client;
	ssh_channel far, near; /* the server's and the client's end of the channel */
	struct hostkeys *keys;
	ssh_key user;
	int fd;	       /* the client's */
	unsigned seen; /* signatures, when the client had not sent its own */
	bool connected, proven, unseen, authenticated, open;
};

static ssh_session
client_new(int fd, struct err *e)
{
	static const bool no;
	/* none of these may be asked of the system: nothing can be opened here */
	const struct {
		enum ssh_options_e option;
		const void *value;
	} options[] = {
		{ SSH_OPTIONS_PROCESS_CONFIG, &no },
		{ SSH_OPTIONS_HOST, "self.test" },
		{ SSH_OPTIONS_USER, "self-test" },
		{ SSH_OPTIONS_SSH_DIR, "/" },
		{ SSH_OPTIONS_KNOWNHOSTS, "/none" },
		{ SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/none" },
		{ SSH_OPTIONS_FD, &fd },
	};
	ssh_session s = ssh_new();

	if (s == NULL) {
		err_nomem(e, "SSH session");
		return NULL;
	}
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (ssh_options_set(s, options[i].option, options[i].value) != SSH_OK) {
			err_set(e, ERR_SYS, "client: %s", ssh_get_error(s));
			ssh_free(s);
			return NULL;
		}
	ssh_set_blocking(s, 0);
	return s;
}

/* One step of the client. False: it cannot go on. */
static bool
client_step(struct talk *t)
{
	int r;

	if (!t->connected) {
		r = ssh_connect(t->client);
		t->connected = r == SSH_OK;
		return r != SSH_ERROR;
	}
	if (!t->authenticated) {
		r = ssh_userauth_publickey(t->client, NULL, t->user);
		t->authenticated = r == SSH_AUTH_SUCCESS;
		return r == SSH_AUTH_SUCCESS || r == SSH_AUTH_AGAIN;
	}
	if (t->near == NULL && (t->near = ssh_channel_new(t->client)) == NULL)
		return false;
	r = ssh_channel_open_forward(t->near, "self.test", 22, "127.0.0.1", 1);
	t->open = r == SSH_OK;
	return r != SSH_ERROR;
}

static bool
server_answer(struct talk *t, ssh_message msg)
{
	switch (ssh_message_type(msg)) {
	case SSH_REQUEST_SERVICE:
		t->seen = touch_count();
		return ssh_message_service_reply_success(msg) == SSH_OK;
	case SSH_REQUEST_AUTH:
		t->proven = session_proven(msg);
		t->unseen = touch_count() == t->seen;
		return t->proven && !t->unseen && ssh_message_auth_reply_success(msg, 0) == SSH_OK;
	case SSH_REQUEST_CHANNEL_OPEN:
		t->far = ssh_message_channel_request_open_reply_accept(msg);
		return t->far != NULL;
	default:
		return false;
	}
}

static bool
server_step(struct talk *t)
{
	ssh_message msg;

	while ((msg = ssh_message_get(t->server)) != NULL) {
		bool ok = server_answer(t, msg);

		ssh_message_free(msg);
		if (!ok)
			return false;
	}
	return (ssh_get_status(t->server) & (SSH_CLOSED | SSH_CLOSED_ERROR)) == 0;
}

static bool
bytes_pass(struct talk *t)
{
	char got[32];

	return ssh_channel_write(t->near, up, sizeof(up)) == (int)sizeof(up) && server_step(t) &&
	       ssh_channel_read_nonblocking(t->far, got, sizeof(got), 0) == (int)sizeof(up) &&
	       memcmp(got, up, sizeof(up)) == 0 &&
	       ssh_channel_write(t->far, down, sizeof(down)) == (int)sizeof(down) &&
	       ssh_channel_read_nonblocking(t->near, got, sizeof(got), 0) == (int)sizeof(down) &&
	       memcmp(got, down, sizeof(down)) == 0;
}

static int
make_ends(struct talk *t, int pair[2], struct err *e)
{
	struct settings_target *target = calloc(1, sizeof(*target));

	if (target == NULL || (t->keys = calloc(1, sizeof(*t->keys))) == NULL) {
		free(target);
		return err_nomem(e, "self-test");
	}
	target->aes_gcm = 1;
	if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &t->keys->of[0][0]) != SSH_OK ||
	    ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &t->user) != SSH_OK)
		err_set(e, ERR_SYS, "no key could be made");
	else {
		t->keys->n[0] = 1;
		t->server = session_new(t->keys, 0, target, pair[0], e);
		if (t->server != NULL)
			pair[0] = -1;
		t->client = client_new(pair[1], e);
	}
	free(target);
	return t->server != NULL && t->client != NULL ? 0 : -1;
}

static void
talk_free(struct talk *t)
{
	ssh_free(t->client);
	ssh_free(t->server);
	if (t->fd != -1)
		close(t->fd); /* a client that was given a descriptor leaves it open */
	ssh_key_free(t->user);
	if (t->keys != NULL)
		hostkeys_done(t->keys);
	free(t->keys);
	free(t);
}

struct talk *
selftest_begin(struct err *e)
{
	struct talk *t = calloc(1, sizeof(*t));
	int pair[2];
	bool ok = false;

	if (t == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
		free(t);
		err_sys(e, errno, "self-test");
		return NULL;
	}
	t->fd = pair[1];
	if (make_ends(t, pair, e) == 0) {
		ok = ssh_handle_key_exchange(t->server) != SSH_ERROR;
		for (int i = 0; i < BEGIN_ROUNDS && ok; i++)
			ok = client_step(t);
		if (!ok)
			err_set(e, ERR_SYS, "self-test: no SSH session");
	}
	if (!ok) {
		if (pair[0] != -1)
			close(pair[0]);
		talk_free(t);
		return NULL;
	}
	return t;
}

static int
go_on(struct talk *t, struct err *e)
{
	for (int i = 0; i < ROUNDS_MAX && !t->open; i++)
		if (!server_step(t) || !client_step(t))
			return err_set(e, ERR_SYS, "self-test: no login: %s / %s",
			    t->unseen ? "libssh verifies signatures unseen by this program"
				      : ssh_get_error(t->client),
			    ssh_get_error(t->server));
	if (!t->open || !t->proven || !bytes_pass(t))
		return err_set(e, ERR_SYS, "self-test: bytes do not pass");
	return 0;
}

int
selftest_finish(struct talk *t, struct err *e)
{
	int r = go_on(t, e);

	talk_free(t);
	return r;
}
