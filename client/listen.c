/*
 * listen.c - a local listener
 *
 * This process accepts and waits; each connection is a child that goes the way of a ProxyCommand
 * (connect.c), with the client's socket as its stdin and stdout. Files are read once here, so that
 * what is wrong is told at once and a passphrase is asked for once, and again by each child.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "addr.h"
#include "clock.h"
#include "connect.h"
#include "listen.h"
#include "local.h"
#include "say.h"

enum {
	BACKLOG = 16,
	NAP_MS = 200,	    /* no descriptor, no process to be had: later */
	PATIENCE_MS = 5000, /* how long children may take for their last words at the end */
	LINGER_MS = 2000,   /* how long a client may take to read its last line, and to close */
	LINGER_BYTES = 1 << 18,
	REFUSED_MAX = 16, /* at once that are told so in good order */
};

struct kid {
	pid_t pid;
	bool refused; /* it only says so: no connection of the bridge's */
};

struct listener {
	const struct options *o;
	struct cred cred;
	int fd, signal_fd;
	sigset_t old_mask;
	unsigned last_number;
	struct kid kids[LISTEN_CONNECTIONS + REFUSED_MAX];
	size_t nkids, nrefused;
};

/* ---- in the child ---------------------------------------------------------------------------- */

/*
 * A close() with unread bytes of the client would be a reset, which may overtake the last line on
 * its way: what still comes is read away for a while.
 */
static void
client_linger(void)
{
	int64_t deadline = clock_ms() + LINGER_MS;
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	uint8_t junk[4096];
	ssize_t n = 1;

	(void)shutdown(STDOUT_FILENO, SHUT_WR);
	for (size_t total = 0; n > 0 && total < LINGER_BYTES; total += (size_t)n) {
		if (poll(&p, 1, clock_left(deadline)) != 1)
			return;
		n = recv(STDIN_FILENO, junk, sizeof(junk), MSG_DONTWAIT);
	}
}

/* `refusal`: nothing but this sentence. */
static int
client_serve(const struct listener *l, const char *refusal)
{
	struct relay_client client = { .wants_lines = true };
	struct cred cred;
	struct err e;
	int status;

	if (refusal != NULL) {
		connect_tell(&client, refusal);
		return EXIT_FAILURE;
	}
	if (cred_reopen(&cred, &l->cred, &e) == -1) {
		connect_tell(&client, e.text);
		return EXIT_FAILURE;
	}
	status = connect_with(l->o, &cred, &client);
	cred_done(&cred);
	return status;
}

static void
child_run(struct listener *l, int fd, const char *refusal)
{
	int one = 1, status;

	say_number(l->last_number);
	(void)close(l->fd);
	(void)close(l->signal_fd);
	/* Ctrl-C goes to all of us; the listener tells us by SIGHUP, as ssh tells its ProxyCommand.
	 */
	(void)signal(SIGINT, SIG_IGN);
	(void)sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (dup2(fd, STDIN_FILENO) == -1 || dup2(fd, STDOUT_FILENO) == -1)
		_exit(EXIT_FAILURE);
	(void)close(fd); /* above 2: stream_reserve() */
	status = client_serve(l, refusal);
	client_linger();
	cred_done(&l->cred);
	_exit(status);
}

/* ---- who comes ------------------------------------------------------------------------------- */

/* Our own processes and root's, who can be us; anybody else would go in by our certificate. */
static int
client_judge(int fd, const struct sockaddr_storage *peer, struct err *e)
{
	struct sockaddr_storage here;
	socklen_t n = sizeof(here);
	uid_t uid;

	if (getsockname(fd, (struct sockaddr *)&here, &n) == -1)
		return err_sys(e, errno, "getsockname");
	if (local_peer_uid(&here, peer, &uid, e) == -1)
		return err_prefix(e, "refused: whose connection it is cannot be told");
	if (uid != getuid() && uid != 0)
		return err_set(e, ERR_REFUSED,
		    "refused: it is user %u's and not yours (--allow-others lets it in)",
		    (unsigned)uid);
	return 0;
}

static int
client_admit(const struct listener *l, int fd, const struct sockaddr_storage *peer, struct err *e)
{
	if (!l->o->allow_others && client_judge(fd, peer, e) == -1)
		return -1;
	if (l->nkids - l->nrefused == LISTEN_CONNECTIONS)
		return err_set(
		    e, ERR_REFUSED, "refused: %d connections are open", LISTEN_CONNECTIONS);
	return 0;
}

/* Without a child: the client may see a reset in place of the line. */
static void
client_drop(const struct listener *l, int fd, const char *text)
{
	char line[600];

	say("#%u: %s", l->last_number, text);
	(void)snprintf(line, sizeof(line), "mtls-connect: %s\r\n", text);
	(void)send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)close(fd);
}

static void
client_start(struct listener *l, int fd, const char *refusal)
{
	char text[128], why[64];
	pid_t pid;

	if (refusal != NULL && l->nrefused == REFUSED_MAX) {
		client_drop(l, fd, refusal);
		return;
	}
	if ((pid = fork()) == 0)
		child_run(l, fd, refusal);
	if (pid == -1) {
		(void)snprintf(text, sizeof(text), "refused: no process for it: %s",
		    strerror_r(errno, why, sizeof(why)));
		client_drop(l, fd, text);
		return;
	}
	l->kids[l->nkids++] = (struct kid){ .pid = pid, .refused = refusal != NULL };
	l->nrefused += refusal != NULL;
	(void)close(fd);
}

static void
client_accept(struct listener *l)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof(peer);
	char from[ADDR_TEXT_SIZE];
	struct err e;
	int fd = accept4(l->fd, (struct sockaddr *)&peer, &n, SOCK_CLOEXEC);

	if (fd == -1) {
		/* Out of descriptors or memory it would be reported again at once. */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			(void)poll(NULL, 0, NAP_MS);
		return;
	}
	l->last_number++;
	if (l->o->verbose)
		say("#%u: from %s", l->last_number, addr_text_port(&peer, from));
	client_start(l, fd, client_admit(l, fd, &peer, &e) == -1 ? e.text : NULL);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* A signal that is ignored stays so: nohup(1) and a shell's & mean it. */
static bool
signal_wanted(int number)
{
	struct sigaction sa;

	return sigaction(number, NULL, &sa) == 0 && sa.sa_handler != SIG_IGN;
}

static int
signals_open(struct listener *l, struct err *e)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (signal_wanted(ends[i]))
			(void)sigaddset(&set, ends[i]);
	/* Who started us may have ignored it, and then children would leave without a word. */
	(void)signal(SIGCHLD, SIG_DFL);
	if (sigprocmask(SIG_BLOCK, &set, &l->old_mask) == -1 ||
	    (l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) == -1)
		return err_sys(e, errno, "signals");
	return 0;
}

static void
kids_reap(struct listener *l)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (size_t i = 0; i < l->nkids; i++)
			if (l->kids[i].pid == pid) {
				l->nrefused -= l->kids[i].refused;
				l->kids[i] = l->kids[--l->nkids];
				break;
			}
}

static void
kids_kill(const struct listener *l, int number)
{
	for (size_t i = 0; i < l->nkids; i++)
		(void)kill(l->kids[i].pid, number);
}

/* True when it is time to end. */
static bool
signals_take(struct listener *l)
{
	struct signalfd_siginfo si;
	bool end = false;

	while (read(l->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		end = end || si.ssi_signo != SIGCHLD;
	kids_reap(l);
	return end;
}

static int
socket_open(struct listener *l, struct err *e)
{
	struct sockaddr_storage ss = l->o->listen;
	socklen_t n = sizeof(ss);
	char text[ADDR_TEXT_SIZE], bridge[ENDPOINT_TEXT_SIZE];
	int one = 1;

	l->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	if (l->fd == -1 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == -1 ||
	    (ss.ss_family == AF_INET6 &&
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == -1) ||
	    bind(l->fd, (const struct sockaddr *)&ss, addr_len(&ss)) == -1 ||
	    listen(l->fd, BACKLOG) == -1 || getsockname(l->fd, (struct sockaddr *)&ss, &n) == -1)
		return err_sys(e, errno, "--listen %s", addr_text_port(&ss, text));
	say("listening at %s for %s%s; Ctrl-C ends it", addr_text_port(&ss, text),
	    endpoint_text(&l->o->bridge, bridge),
	    l->o->allow_others ? ", also for other users" : "");
	return 0;
}

static int
listener_loop(struct listener *l, struct err *e)
{
	struct pollfd p[2] = { { .fd = l->fd, .events = POLLIN },
		{ .fd = l->signal_fd, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) == -1) {
			if (errno != EINTR)
				return err_sys(e, errno, "poll");
			continue;
		}
		if (p[1].revents != 0 && signals_take(l))
			return 0;
		if (p[0].revents != 0)
			client_accept(l);
	}
}

/* Nobody new; whoever is there is ended as ssh ends a ProxyCommand. A second signal hurries. */
static void
kids_end(struct listener *l)
{
	int64_t deadline = clock_ms() + PATIENCE_MS;
	struct pollfd p = { .fd = l->signal_fd, .events = POLLIN };

	if (l->fd != -1)
		(void)close(l->fd);
	kids_kill(l, SIGHUP);
	while (l->nkids > 0 && poll(&p, 1, clock_left(deadline)) == 1)
		if (signals_take(l))
			break;
	kids_kill(l, SIGKILL);
}

int
listen_run(const struct options *o)
{
	struct listener l = { .o = o, .fd = -1, .signal_fd = -1 };
	struct err e;
	int ret = -1;

	if (cred_load(&l.cred, o->cert, o->key, o->ca, &e) == -1) {
		say("%s", e.text);
		return EXIT_FAILURE;
	}
	if (signals_open(&l, &e) == 0 && socket_open(&l, &e) == 0)
		ret = listener_loop(&l, &e);
	if (ret == -1)
		say("%s", e.text);
	kids_end(&l);
	if (l.signal_fd != -1)
		(void)close(l.signal_fd);
	cred_done(&l.cred);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
