/* passphrase.c - the passphrase of the CA's keys: from a file, or asked for at the terminal */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include <openssl/crypto.h>

#include "files.h"
#include "passphrase.h"

void
passphrase_init(struct passphrase *p, const char *file)
{
	memset(p, 0, sizeof(*p));
	p->file = file;
}

void
passphrase_done(struct passphrase *p)
{
	OPENSSL_cleanse(p->text, sizeof(p->text));
	p->len = 0;
	p->have = false;
}

/* Who else may read or change the file: change is refused, reading is said. */
static int
passphrase_file_judge(const char *file, FILE *err, struct err *e)
{
	struct stat st;

	if (stat(file, &st) == -1)
		return err_sys(e, errno, "%s", file);
	if (!S_ISREG(st.st_mode))
		return 0;
	if ((st.st_mode & 022) != 0)
		return err_set(e, ERR_FORMAT, "%s: mode %03o lets others write it; chmod 600", file,
		    (unsigned)st.st_mode & 0777U);
	if ((st.st_mode & 044) != 0)
		fprintf(err, "mtls-ca: warning: %s: others may read this passphrase; chmod 600\n",
		    file);
	return 0;
}

static int
passphrase_from_file(struct passphrase *p, FILE *err, struct err *e)
{
	char *data = NULL, *end;
	size_t n = 0, len;

	if (passphrase_file_judge(p->file, err, e) == -1 ||
	    infile_read(AT_FDCWD, p->file, 4 * PASSPHRASE_MAX, FILE_ANY, &data, &n, e) == -1)
		return -1;
	end = memchr(data, '\n', n);
	len = end == NULL ? n : (size_t)(end - data);
	if (len > 0 && data[len - 1] == '\r')
		len--;
	if (len > PASSPHRASE_MAX) {
		err_set(e, ERR_FORMAT, "%s: the passphrase has more than %d bytes", p->file,
		    PASSPHRASE_MAX);
	} else if (memchr(data, '\0', len) != NULL) {
		err_set(e, ERR_FORMAT, "%s: there is a NUL in the passphrase", p->file);
	} else {
		memcpy(p->text, data, len);
		p->text[len] = '\0';
		p->len = len;
		OPENSSL_clear_free(data, n);
		return 0;
	}
	OPENSSL_clear_free(data, n);
	return -1;
}

/* The signal that came while echo was off; it is raised again when the terminal is as before. */
static volatile sig_atomic_t caught;

static void catch (int sig)
{
	caught = sig;
}

static const int asked_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGALRM };
#define NSIGNALS (sizeof(asked_signals) / sizeof(asked_signals[0]))

struct signals {
	struct sigaction action[NSIGNALS];
	sigset_t mask;
};

/* Caught, but blocked: they are let through in ppoll() only, so that none slips in before it. */
static void
signals_catch(struct signals *old)
{
	struct sigaction sa = { .sa_handler = catch };
	sigset_t block;

	(void)sigemptyset(&sa.sa_mask);
	(void)sigemptyset(&block);
	caught = 0;
	for (size_t i = 0; i < NSIGNALS; i++)
		(void)sigaddset(&block, asked_signals[i]);
	(void)sigprocmask(SIG_BLOCK, &block, &old->mask);
	for (size_t i = 0; i < NSIGNALS; i++)
		(void)sigaction(asked_signals[i], &sa, &old->action[i]);
}

static void
signals_restore(const struct signals *old)
{
	for (size_t i = 0; i < NSIGNALS; i++)
		(void)sigaction(asked_signals[i], &old->action[i], NULL);
	(void)sigprocmask(SIG_SETMASK, &old->mask, NULL);
}

/* One byte: 1, 0 at the end of the input, -1. */
static int
read_byte(char *c, const sigset_t *mask, struct err *e)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t r;

	while (ppoll(&pfd, 1, NULL, mask) == -1) {
		if (caught != 0)
			return err_set(e, ERR_SYS, "interrupted");
		if (errno != EINTR)
			return err_sys(e, errno, "waiting for the passphrase");
	}
	r = read(STDIN_FILENO, c, 1);
	return r == -1 ? err_sys(e, errno, "reading the passphrase") : (int)r;
}

/* One line byte by byte, so that nothing behind it is taken. Bytes beyond the limit are counted. */
static int
read_line(struct passphrase *p, const sigset_t *mask, struct err *e)
{
	size_t n = 0;
	char c;
	int r;

	while ((r = read_byte(&c, mask, e)) == 1 && c != '\n')
		if (n <= PASSPHRASE_MAX)
			p->text[n++] = c;
	if (r == -1)
		return -1;
	if (n > PASSPHRASE_MAX)
		return err_set(
		    e, ERR_FORMAT, "the passphrase has more than %d bytes", PASSPHRASE_MAX);
	p->text[n] = '\0';
	p->len = n;
	return 0;
}

static int
passphrase_ask(struct passphrase *p, const char *what, FILE *err, struct err *e)
{
	struct signals old;
	struct termios was, quiet;
	int ret;

	if (isatty(STDIN_FILENO) != 1 || tcgetattr(STDIN_FILENO, &was) == -1)
		return err_set(e, ERR_FORMAT,
		    "%s is encrypted: --passphrase-file is needed where "
		    "there is no terminal to ask at",
		    what);
	signals_catch(&old);
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == -1) {
		ret = err_sys(e, errno, "turning echo off");
	} else {
		fprintf(err, "Passphrase of %s: ", what);
		(void)fflush(err);
		ret = read_line(p, &old.mask, e);
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
		fprintf(err, "\n");
	}
	signals_restore(&old);
	if (caught != 0)
		(void)raise(caught);
	return ret;
}

int
passphrase_get(struct passphrase *p, const char *what, FILE *err, struct err *e)
{
	int ret;

	if (p->have)
		return 0;
	ret = p->file != NULL ? passphrase_from_file(p, err, e) : passphrase_ask(p, what, err, e);
	if (ret == 0 && p->len == 0)
		ret = err_set(
		    e, ERR_FORMAT, "%s: the passphrase is empty", p->file != NULL ? p->file : what);
	if (ret == -1)
		passphrase_done(p);
	else
		p->have = true;
	return ret;
}
