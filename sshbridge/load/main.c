/*
 * main.c - the load process: it lives for one generation
 *
 * The monitor hands it opened files. In its sandbox it reads and verifies them all, so that no
 * parser of certificates, revocation lists or maps ever runs as root, and returns them sealed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "child.h"
#include "load.h"
#include "msgio.h"

void
load_text(unsigned level, const char *fmt, ...)
{
	uint8_t buf[4096];
	char line[3000];
	struct msg_out o;
	struct err e;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	msg_start(&o, buf, sizeof(buf), MSG_TEXT, 0);
	msg_put_u32(&o, level);
	msg_put_str(&o, line);
	if (msgio_send(CHILD_CHANNEL, &o, NULL, 0, &e) == -1)
		_exit(1); /* the monitor is gone: there is nobody to load for */
}

/* Everything that would open a file later; no openssl.cnf is read. */
static void
preload(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
				      OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS,
	    NULL);
	EVP_MD_free(EVP_MD_fetch(NULL, "SHA256", NULL));
	/* mktime() for expiry-time: without TZ it would look at /etc/localtime each time */
	(void)setenv("TZ", ":/etc/localtime", 0);
	tzset();
}

static int64_t
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec;
}

/* After the answer: EXPLAIN, as often as the monitor asks, until it closes the channel. */
static void
answer_explains(struct load *l)
{
	static uint8_t buf[MSG_MAX];
	int fds[MSG_FDS_MAX];
	size_t nfds;
	struct err e = { 0 };
	struct msg_in m;
	ssize_t n;

	while ((n = msgio_recv(CHILD_CHANNEL, buf, sizeof(buf), fds, &nfds, &e)) > 0) {
		int r;

		if (msg_parse(&m, buf, (size_t)n, &e) == -1 || m.type != MSG_EXPLAIN)
			_exit(1);
		r = load_explain(l, &m, fds, nfds, now(), &e);
		for (size_t i = 0; i < nfds; i++)
			close(fds[i]);
		if (r == 1)
			err_set(&e, ERR_REFUSED, "%s", ""); /* told already */
		if (child_ready(l->generation, r == 0 ? NULL : &e) == -1)
			_exit(1);
	}
}

int
main(int argc, char **argv)
{
	static struct load l = { .crls_fd = -1 };
	struct child c;
	struct err e = { 0 };

	child_start(&c, argc, argv);
	preload();
	if (load_sandbox_enter(&c.ids, &e) == -1)
		child_fail(&e);
	if (child_ready(0, NULL) == -1)
		_exit(1);
	if (load_collect(&l, &e) == -1 || load_build(&l, now(), &e) == -1 ||
	    (!l.in_force && (load_ends(&l, &e) == -1 || load_send(&l, &e) == -1))) {
		/* the verdict on the files goes to whoever asked for it */
		(void)!child_ready(l.generation, &e);
		_exit(1);
	}
	answer_explains(&l);
	_exit(0);
}
