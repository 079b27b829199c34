/* line.c - the connection to control-socket */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl.h"

int
line_open(struct line *l, const struct ctl *ctl)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	l->nfds = 0;
	l->fd = -1;
	if (strlen(ctl->socket) >= sizeof(un.sun_path))
		return ctl_say(EXIT_NO_DAEMON, "no daemon: %s: longer than a socket's path may be",
		    ctl->socket);
	memcpy(un.sun_path, ctl->socket, strlen(ctl->socket) + 1);
	if ((l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) == -1 ||
	    connect(l->fd, (struct sockaddr *)&un, sizeof(un)) == -1) {
		int why = errno;

		line_close(l);
		return ctl_say(EXIT_NO_DAEMON, "no daemon: %s: %s", ctl->socket, strerror(why));
	}
	return 0;
}

static void
drop_fds(struct line *l)
{
	while (l->nfds > 0)
		close(l->fds[--l->nfds]);
}

void
line_close(struct line *l)
{
	drop_fds(l);
	if (l->fd != -1)
		close(l->fd);
	l->fd = -1;
}

int
line_send(struct line *l, const struct msg_out *o, const int *fd)
{
	struct err e = { 0 };

	if (msgio_send(l->fd, o, fd, fd == NULL ? 0 : 1, &e) == 0)
		return 0;
	/* it closed at once: who may not ask is told nothing; what it did say, line_recv() reads */
	if (e.kind == ERR_SYS && (e.detail == EPIPE || e.detail == ECONNRESET))
		return 0;
	return ctl_say(e.kind == ERR_FORMAT ? EXIT_USAGE : EXIT_NO_DAEMON, "%s", e.text);
}

int
line_recv(struct line *l)
{
	struct err e = { 0 };
	ssize_t n;

	drop_fds(l);
	n = msgio_recv(l->fd, l->buf, sizeof(l->buf), l->fds, &l->nfds, &e);
	if (n == 0 || (n == -1 && e.kind == ERR_SYS && e.detail == ECONNRESET))
		return ctl_say(EXIT_NO, "the daemon closed without an answer: only root, or who "
					"runs it, may ask; its log may say more");
	if (n == -1)
		return ctl_say(EXIT_NO_DAEMON, "%s", e.text);
	if (msg_parse(&l->m, l->buf, (size_t)n, &e) == -1)
		return line_misunderstood();
	return 0;
}

int
line_misunderstood(void)
{
	return ctl_say(EXIT_NO, "the answer is not understood: is the daemon of another version?");
}

int
line_answer(struct line *l)
{
	static char text[MSG_MAX];
	struct err e;
	uint32_t ok;

	if (l->m.type != MSG_ANSWER || msg_get_u32(&l->m, &ok) == -1 ||
	    msg_get_str(&l->m, text, sizeof(text)) == -1 || msg_end(&l->m, &e) == -1)
		return line_misunderstood();
	if (ok) {
		if (text[0] != '\0')
			(void)printf("%s\n", text);
		return EXIT_DONE;
	}
	if (text[0] != '\0')
		(void)ctl_say(EXIT_NO, "%s", text);
	return EXIT_NO;
}

int
line_ask(const struct ctl *ctl, const struct msg_out *o)
{
	static struct line l;
	int r;

	if ((r = line_open(&l, ctl)) == 0 && (r = line_send(&l, o, NULL)) == 0 &&
	    (r = line_recv(&l)) == 0)
		r = line_answer(&l);
	line_close(&l);
	return r;
}
