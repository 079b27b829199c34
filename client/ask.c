/* ask.c - a passphrase from the terminal */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>
#include <openssl/crypto.h>

#include "ask.h"

/* What ends the question: the line, or a signal that waits until the terminal is right again. */
struct answer {
	size_t len;
	int signal; /* 0: none */
};

/*
 * The line discipline hands over whole lines, so one read() is one line; what is typed beyond
 * the buffer makes it too long and is read away.
 */
static int
line_read(int tty, int sigfd, char *buf, size_t size, struct answer *a, struct err *e)
{
	struct pollfd p[2] = { { .fd = tty, .events = POLLIN }, { .fd = sigfd, .events = POLLIN } };
	struct signalfd_siginfo si;
	ssize_t r;

	for (;;) {
		if (poll(p, 2, -1) == -1) {
			if (errno == EINTR)
				continue;
			return err_sys(e, errno, "terminal");
		}
		if (p[1].revents != 0 && read(sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
			a->signal = (int)si.ssi_signo;
			return 0;
		}
		if (p[0].revents != 0 && (r = read(tty, buf, size)) != -1)
			break;
		if (p[0].revents != 0 && errno != EINTR && errno != EAGAIN)
			return err_sys(e, errno, "terminal");
	}
	if (r == 0)
		return err_set(e, ERR_FORMAT, "no passphrase was typed");
	if (buf[r - 1] != '\n')
		return err_set(e, ERR_FORMAT, "the passphrase is too long");
	a->len = (size_t)r - 1;
	buf[a->len] = '\0';
	return 0;
}

/* Echo off, ask, echo as it was. */
static int
tty_ask(
    int tty, int sigfd, const char *prompt, char *buf, size_t size, struct answer *a, struct err *e)
{
	struct termios old, quiet;
	int r;

	if (tcgetattr(tty, &old) == -1)
		return err_sys(e, errno, "terminal");
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	quiet.c_lflag |= ICANON;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) == -1)
		return err_sys(e, errno, "terminal");
	if (write(tty, prompt, strlen(prompt)) == -1)
		r = err_sys(e, errno, "terminal");
	else
		r = line_read(tty, sigfd, buf, size, a, e);
	(void)tcsetattr(tty, TCSAFLUSH, &old);
	if (write(tty, "\n", 1) == -1 && r == 0)
		r = err_sys(e, errno, "terminal");
	return r;
}

int
ask_passphrase(const char *prompt, char *buf, size_t size, struct err *e)
{
	struct answer a = { 0 };
	sigset_t set, old;
	int tty = -1, sigfd = -1, r = -1;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGQUIT);
	if (sigprocmask(SIG_BLOCK, &set, &old) == -1)
		return err_sys(e, errno, "sigprocmask");
	if ((tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)) == -1)
		(void)err_sys(e, errno, "there is no terminal to ask for its passphrase");
	else if ((sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) == -1)
		(void)err_sys(e, errno, "signalfd");
	else
		r = tty_ask(tty, sigfd, prompt, buf, size, &a, e);
	if (sigfd != -1)
		(void)close(sigfd);
	if (tty != -1)
		(void)close(tty);
	if (r == -1 || a.signal != 0)
		OPENSSL_cleanse(buf, size);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (a.signal != 0) {
		(void)raise(a.signal);
		/* It was ignored or handled: then nothing was typed. */
		return err_set(e, ERR_FORMAT, "no passphrase was typed");
	}
	return r == -1 ? -1 : (int)a.len;
}
