/*
 * main.c - mtls-keys: an AuthorizedKeysCommand of sshd, which prints the key that a client offers
 * if a rule of the identity map binds it to the certificate behind the connection
 *
 * sshd takes what is printed here for authorized. So nothing but the key itself, in the one
 * spelling that was checked, is ever written, and only on a yes.
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "query.h"
#include "text.h"

#define SOCKET	   "/run/sshbridge/keys.sock"
#define TIMEOUT_MS 2000

static const char usage_text[] =
    "usage: mtls-keys [-s SERVICE] [-S SOCKET] ACCOUNT CONNECTION TYPE KEY\n"
    "\n"
    "In sshd_config (OpenSSH 9.4 or later):\n"
    "  AuthorizedKeysCommand /usr/libexec/sshbridge/mtls-keys %u %C %t %k\n"
    "  AuthorizedKeysCommandUser _sshbridge-keys\n"
    "\n"
    "  -s SERVICE  PAM service for rules with service= (sshd)\n"
    "  -S SOCKET   where to ask (" SOCKET ")\n"
    "  -V          print the version\n"
    "  -h          print this\n";

static int
usage(void)
{
	(void)fputs(usage_text, stderr);
	return 2;
}

/* The account's uid, as pam_mtls tells it; a look-up that failed is no answer. */
static int
find_uid(struct query *q, struct err *e)
{
	struct passwd *pw;

	errno = 0;
	pw = getpwnam(q->account);
	if (pw != NULL) {
		q->has_uid = true;
		q->uid = pw->pw_uid;
	} else if (errno == ENOMEM || errno == EMFILE || errno == ENFILE || errno == EIO) {
		return err_sys(e, errno, "looking up the account");
	}
	return 0;
}

/* 1 bound, 0 not, -1 no answer. */
static int
ask(const struct query *q, const char *socket, struct err *e)
{
	static uint8_t buf[MSG_MAX];
	struct deadline d = deadline_in(TIMEOUT_MS);
	struct msg_out o;
	ssize_t n;
	int fd;

	if (query_put(q, &o, buf, sizeof(buf), e) == -1)
		return -1;
	if ((fd = daemon_connect(socket, d, e)) == -1)
		return -1;
	n = daemon_ask(fd, &o, -1, buf, sizeof(buf), d, e);
	close(fd);
	if (n == -1)
		return -1;
	return query_answer(buf, (size_t)n, e);
}

static int
answer(struct query *q, char *const *argv, const char *socket, struct err *e)
{
	q->account = argv[0];
	if (query_connection(q, argv[1], e) == -1 || query_key(q, argv[2], argv[3], e) == -1 ||
	    find_uid(q, e) == -1)
		return -1;
	return ask(q, socket, e);
}

int
main(int argc, char **argv)
{
	static struct query q = { .service = "sshd" };
	const char *socket = SOCKET;
	struct err e = { .kind = ERR_NONE };
	char shown[300];
	int c, r;

	while ((c = getopt(argc, argv, "s:S:Vh")) != -1) {
		switch (c) {
		case 's':
			q.service = optarg;
			break;
		case 'S':
			socket = optarg;
			break;
		case 'V':
			(void)printf("mtls-keys %s\n", VERSION);
			return 0;
		case 'h':
			(void)fputs(usage_text, stdout);
			return 0;
		default:
			return usage();
		}
	}
	if (argc - optind != 4)
		return usage();
	r = answer(&q, argv + optind, socket, &e);
	if (r == 1) {
		(void)printf("%s %s\n", q.type, q.base64);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	if (r == -1)
		(void)text_escape(shown, sizeof(shown), e.text, strlen(e.text));
	(void)fprintf(stderr, "mtls-keys: %s\n",
	    r == 0 ? "no rule binds this key to the certificate of this connection" : shown);
	/* sshd would log another status as a fault; no key is printed, which is its no */
	return 0;
}
