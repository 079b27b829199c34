/*
 * about.c - session channels: `ssh jump.example` and `ssh jump.example list --json`
 *
 * There is no shell, command, subsystem or environment behind them; what is asked is answered by
 * ident. A terminal is granted, so that a client that wants one does not complain: it only decides
 * how lines end.
 *
 * As in channel.c, one is freed only when the client has closed it too: what a client sends until
 * then would grow in libssh without anybody looking.
 */
#include <libssh/callbacks.h>
#include <libssh/server.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "about.h"

enum { CHANNELS_MAX = 4, QUESTIONS_MAX = 1000 };

struct about_channel {
	ssh_channel ch; /* NULL: free */
	struct ssh_channel_callbacks_struct cb;
	bool pty, json;
	bool ended, client_closed; /* closed by us; by the client */
	uint32_t number;	   /* of the question; 0: none yet */
	char *text;		   /* the answer */
	size_t len, sent;
};

struct about {
	struct about_channel channels[CHANNELS_MAX];
	uint32_t number;
};

int
about_init(struct jump *j, struct err *e)
{
	if ((j->about = calloc(1, sizeof(*j->about))) == NULL)
		return err_nomem(e, "session channels");
	return 0;
}

static void
channel_end(struct about_channel *c)
{
	if (c->ch == NULL)
		return;
	(void)ssh_remove_channel_callbacks(c->ch, &c->cb);
	ssh_channel_free(c->ch); /* says that it is closed */
	free(c->text);
	memset(c, 0, sizeof(*c));
}

void
about_done(struct jump *j)
{
	if (j->about == NULL)
		return;
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		channel_end(&j->about->channels[i]);
	free(j->about);
	j->about = NULL;
}

/* What the client types is nobody's: it is thrown away, else libssh would keep it. */
static int
on_data(ssh_session session, ssh_channel ch, void *data, uint32_t len, int is_stderr, void *arg)
{
	(void)session;
	(void)ch;
	(void)data;
	(void)is_stderr;
	(void)arg;
	return (int)len;
}

static void
on_close(ssh_session session, ssh_channel ch, void *arg)
{
	struct about_channel *c = arg;

	(void)session;
	(void)ch;
	c->client_closed = true;
}

/* A place that is free, if need be that of one which the client has closed in this same turn. */
static struct about_channel *
find_place(struct about *a)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		struct about_channel *c = &a->channels[i];

		if (c->client_closed)
			channel_end(c);
		if (c->ch == NULL)
			return c;
	}
	return NULL;
}

void
about_open(struct jump *j, ssh_message msg)
{
	struct about_channel *c = find_place(j->about);

	if (c == NULL || (c->ch = ssh_message_channel_request_open_reply_accept(msg)) == NULL) {
		report_refused(j, "one more session channel");
		(void)ssh_message_reply_default(msg);
		ssh_message_free(msg);
		return;
	}
	ssh_message_free(msg);
	c->cb.userdata = c;
	c->cb.channel_data_function = on_data;
	c->cb.channel_close_function = on_close;
	ssh_callbacks_init(&c->cb);
	(void)ssh_set_channel_callbacks(c->ch, &c->cb);
}

/* ---- requests ---------------------------------------------------------------------------------
 */

/* One question a channel, and so many a connection. */
static bool
may_ask(const struct jump *j, const struct about_channel *c)
{
	return c->number == 0 && j->about->number < QUESTIONS_MAX;
}

static void
ask(struct jump *j, struct about_channel *c, bool json)
{
	struct msg_out o;

	c->json = json;
	c->number = ++j->about->number;
	msg_start(&o, j->out, sizeof(j->out), MSG_ABOUT, j->conn);
	msg_put_u32(&o, c->number);
	jump_tell(j, &o);
}

/* Each returns whether the request is granted. */
static bool
on_pty(struct jump *j, struct about_channel *c, ssh_message msg)
{
	(void)j;
	(void)msg;
	c->pty = true;
	return true;
}

static bool
on_window(struct jump *j, struct about_channel *c, ssh_message msg)
{
	(void)j;
	(void)msg;
	return c->pty;
}

static bool
on_shell(struct jump *j, struct about_channel *c, ssh_message msg)
{
	(void)msg;
	if (!may_ask(j, c))
		return false;
	ask(j, c, false);
	return true;
}

static bool
on_exec(struct jump *j, struct about_channel *c, ssh_message msg)
{
	const char *command = ssh_message_channel_request_command(msg);

	if (!may_ask(j, c) || command == NULL || strcmp(command, "list --json") != 0) {
		report_refused(j, "command");
		return false;
	}
	ask(j, c, true);
	return true;
}

/* Whatever is not here is refused. */
static const struct {
	int subtype;
	bool (*handle)(struct jump *, struct about_channel *, ssh_message);
} requests[] = {
	{ SSH_CHANNEL_REQUEST_PTY, on_pty },
	{ SSH_CHANNEL_REQUEST_WINDOW_CHANGE, on_window },
	{ SSH_CHANNEL_REQUEST_SHELL, on_shell },
	{ SSH_CHANNEL_REQUEST_EXEC, on_exec },
};

static void
report_request(struct jump *j, int subtype)
{
	static const struct {
		int subtype;
		const char *what;
	} names[] = {
		{ SSH_CHANNEL_REQUEST_SUBSYSTEM, "subsystem" },
		{ SSH_CHANNEL_REQUEST_X11, "X11 forwarding" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].subtype == subtype)
			report_refused(j, names[i].what);
}

static struct about_channel *
find_channel(struct about *a, ssh_channel ch)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (ch != NULL && a->channels[i].ch == ch && !a->channels[i].ended)
			return &a->channels[i];
	return NULL;
}

void
about_request(struct jump *j, ssh_message msg)
{
	ssh_channel ch = ssh_message_channel_request_channel(msg);
	int subtype = ssh_message_subtype(msg);
	struct about_channel *c = find_channel(j->about, ch);
	bool granted = false;

	/*
	 * Freed while the request waited in libssh's queue, which only has its address; or closed
	 * by us. Nothing is said there any more.
	 */
	if (c == NULL && !channels_has(j, ch)) {
		ssh_message_free(msg);
		return;
	}
	for (size_t i = 0; c != NULL && i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i].subtype == subtype)
			granted = requests[i].handle(j, c, msg);
	if (granted)
		(void)ssh_message_channel_request_reply_success(msg);
	else {
		report_request(j, subtype);
		(void)ssh_message_reply_default(msg);
	}
	ssh_message_free(msg);
}

/* ---- answers ----------------------------------------------------------------------------------
 */

/* A terminal in raw mode wants a carriage return too. */
static char *
with_returns(char *text)
{
	size_t lines = 0, k = 0;
	char *out;

	for (const char *p = text; p != NULL && *p != '\0'; p++)
		lines += *p == '\n';
	if (text != NULL && (out = malloc(strlen(text) + lines + 1)) != NULL) {
		for (const char *p = text; *p != '\0'; p++) {
			if (*p == '\n')
				out[k++] = '\r';
			out[k++] = *p;
		}
		out[k] = '\0';
		free(text);
		return out;
	}
	free(text);
	return NULL;
}

static int
take_answer(struct about_channel *c, struct msg_in *m, struct err *e)
{
	struct about_facts *f = calloc(1, sizeof(*f));
	int r;

	if (f == NULL)
		return err_nomem(e, "ABOUT");
	if ((r = about_read(m, f, e)) == 0) {
		c->text = c->json ? about_json(f) : about_text(f, (uint64_t)time(NULL));
		if (c->pty)
			c->text = with_returns(c->text);
		if (c->text == NULL)
			r = err_nomem(e, "ABOUT");
		else
			c->len = strlen(c->text);
	}
	free(f->targets);
	free(f);
	return r;
}

int
about_answer(struct jump *j, struct msg_in *m, struct err *e)
{
	uint32_t number;

	if (msg_get_u32(m, &number) == -1 || number == 0 || number > j->about->number)
		return err_set(e, ERR_PEER, "ABOUT: to no such question");
	jump_turn_soon(j);
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		if (j->about->channels[i].number == number) {
			if (j->about->channels[i].text != NULL)
				return err_set(e, ERR_PEER, "ABOUT: answered twice");
			return take_answer(&j->about->channels[i], m, e);
		}
	return 0; /* the client has closed the channel meanwhile */
}

/* All that the window lets, whether or not libssh has unsent bytes: they are few and bounded. */
static void
write_answer(struct about_channel *c)
{
	while (c->sent < c->len) {
		int n = ssh_channel_write(c->ch, c->text + c->sent, (uint32_t)(c->len - c->sent));

		if (n <= 0)
			return; /* no window: the client's next message brings some */
		c->sent += (size_t)n;
	}
	if (c->sent < c->len)
		return;
	(void)ssh_channel_request_send_exit_status(c->ch, 0);
	(void)ssh_channel_send_eof(c->ch);
	(void)ssh_channel_close(c->ch);
	c->ended = true;
}

void
about_turn(struct jump *j)
{
	for (size_t i = 0; i < CHANNELS_MAX; i++) {
		struct about_channel *c = &j->about->channels[i];

		if (c->text != NULL && !c->ended && !c->client_closed)
			write_answer(c);
		if (c->client_closed)
			channel_end(c);
	}
}
