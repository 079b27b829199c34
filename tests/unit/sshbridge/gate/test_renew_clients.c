/* test_renew_clients.c - mtls-connect and openssl s_client, asked and cut by the gate program */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <openssl/sha.h>

#include "tests/unit/help/gateplay.h"

enum { ID = 0x77 };

static struct gateplay play;
static uint8_t message[GATEPLAY_MESSAGE];

/* A client program between pipes, with its files in a folder of its own. */
struct client {
	char dir[64], cert[96], key[96], ca[96];
	pid_t pid;
	int in, out, err, target;
	uint32_t number;
	char said[8192]; /* on stderr */
};
static struct client client;

static struct pki_cert *
leaf(struct gateplay *p, int64_t until)
{
	return pki_make(&(struct pki_spec){ .subject = "CN=alice,O=Corp",
			    .until = until,
			    .ext = { "subjectAltName=email:alice@corp.example" } },
	    p->pki.inter);
}

/* Written beside and renamed, as one should; `half`: only a part of the certificate, in place. */
static void
put_files(struct client *c, const struct pki_cert *cert, const struct pki_cert *key, bool half)
{
	char tmp[128];

	if (key != NULL) {
		(void)snprintf(tmp, sizeof(tmp), "%.90s.new", c->key);
		pki_write_key(tmp, key->key);
		assert_int_equal(0, chmod(tmp, 0600));
		assert_int_equal(0, rename(tmp, c->key));
	}
	(void)snprintf(tmp, sizeof(tmp), "%.90s.new", c->cert);
	pki_write_cert(tmp, cert->cert, 0);
	assert_int_equal(0, rename(tmp, c->cert));
	if (half)
		assert_int_equal(0, truncate(c->cert, 300));
}

static int
setup(void **state)
{
	struct client *c = &client;
	struct gateplay *p = &play;

	memset(c, 0, sizeof(*c));
	c->in = c->out = c->err = c->target = -1;
	(void)snprintf(c->dir, sizeof(c->dir), "/tmp/renew.XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	(void)snprintf(c->cert, sizeof(c->cert), "%.60s/cert.pem", c->dir);
	(void)snprintf(c->key, sizeof(c->key), "%.60s/key.pem", c->dir);
	(void)snprintf(c->ca, sizeof(c->ca), "%.60s/ca.pem", c->dir);
	gateplay_start(p, 0);
	pki_free(p->pki.server);
	p->pki.server = pki_make(&(struct pki_spec){ .profile = PKI_SERVER,
				     .subject = "CN=bastion",
				     .ext = { "subjectAltName=IP:127.0.0.1" } },
	    p->pki.inter);
	pki_write_cert(c->ca, p->pki.root->cert, 0);
	gateplay_serve(p);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct client *c = &client;
	int *fds[] = { &c->in, &c->out, &c->err, &c->target };

	if (c->pid > 0) {
		(void)kill(c->pid, SIGKILL);
		(void)waitpid(c->pid, NULL, 0);
	}
	for (size_t i = 0; i < 4; i++)
		if (*fds[i] != -1)
			close(*fds[i]);
	(void)unlink(c->cert);
	(void)unlink(c->key);
	(void)unlink(c->ca);
	(void)rmdir(c->dir);
	gateplay_end(*state);
	return 0;
}

/* BUILD/tests/unit/sshbridge/gate/test_x -> BUILD/bin/mtls-connect */
static void
program_path(char *dst, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	for (int i = 0; i < 5; i++)
		*strrchr(self, '/') = '\0';
	assert_true(snprintf(dst, size, "%.4000s/bin/mtls-connect", self) < (int)size);
}

static void
run(struct client *c, const char *file, char *const argv[])
{
	int in[2], out[2], err[2];

	assert_int_equal(0, pipe2(in, O_CLOEXEC));
	assert_int_equal(0, pipe2(out, O_CLOEXEC));
	assert_int_equal(0, pipe2(err, O_CLOEXEC));
	if ((c->pid = fork()) == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)dup2(err[1], 2);
		(void)execvp(file, argv);
		_exit(99);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	c->in = in[1];
	c->out = out[0];
	c->err = err[0];
	assert_int_equal(0, fcntl(c->err, F_SETFL, O_NONBLOCK));
}

static void
expect(int fd, const char *text)
{
	char buf[64] = "";

	for (size_t n = 0; n < strlen(text);) {
		ssize_t r = read(fd, buf + n, strlen(text) - n);

		assert_true(r > 0);
		n += (size_t)r;
	}
	assert_string_equal(text, buf);
}

/* Started, connected, SSH has spoken; the bridge asks for a new certificate in a second. */
static void
connected(struct gateplay *p, struct client *c, bool s_client)
{
	char path[PATH_MAX], where[64];

	(void)snprintf(where, sizeof(where), "127.0.0.1:%u", p->port);
	program_path(path, sizeof(path));
	if (s_client)
		run(c, "openssl",
		    (char *[]){ "openssl", "s_client", "-quiet", "-enable_pha", "-connect", where,
			"-cert", c->cert, "-key", c->key, NULL });
	else
		run(c, path,
		    (char *[]){
			path, "--cert", c->cert, "--key", c->key, "--ca", c->ca, where, NULL });
	c->number = gateplay_open(p, NULL, 0, NULL, 0);
	c->target = gateplay_opened_until(p, c->number, ID, 0, (uint64_t)time(NULL) + 1);
	assert_int_equal(9, send(c->target, "SSH-2.0-x", 9, 0));
	assert_int_equal(2, send(c->target, "\r\n", 2, 0));
	expect(c->out, "SSH-2.0-x\r\n");
}

static void
still_open(struct client *c)
{
	assert_int_equal(4, send(c->target, "down", 4, 0));
	expect(c->out, "down");
	assert_int_equal(2, write(c->in, "up", 2));
	expect(c->target, "up");
}

/* Until stderr has `text`; NULL: until its end. */
static void
read_said(struct client *c, const char *text)
{
	struct pollfd pf = { .fd = c->err, .events = POLLIN };
	size_t n = strlen(c->said);

	while (text == NULL || strstr(c->said, text) == NULL) {
		ssize_t r;

		if (poll(&pf, 1, 60000) != 1)
			fail_msg("within a minute it said only: %s", c->said);
		r = read(c->err, c->said + n, sizeof(c->said) - 1 - n);
		if (r == 0 && text == NULL)
			return;
		if (r <= 0)
			fail_msg("it said only: %s", c->said);
		c->said[n += (size_t)r] = '\0';
	}
}

static int
status(struct client *c)
{
	int st;

	assert_int_equal(c->pid, waitpid(c->pid, &st, 0));
	c->pid = 0;
	return WIFEXITED(st) ? WEXITSTATUS(st) : -WTERMSIG(st);
}

static bool
renewed_with(struct gateplay *p, const struct pki_cert *c)
{
	unsigned char *der = NULL, sha[SHA256_DIGEST_LENGTH];
	int len = i2d_X509(c->cert, &der);
	size_t n = gateplay_recv(p->ident, MSG_RENEW, message);

	(void)SHA256(der, (size_t)len, sha);
	OPENSSL_free(der);
	return memmem(message, n, sha, sizeof(sha)) != NULL;
}

static void
mtls_connect_shows_the_certificate_that_lies_there_now(void **state)
{
	struct gateplay *p = *state;
	struct client *c = &client;
	struct pki_cert *next = leaf(p, 0), *third;

	put_files(c, p->pki.alice, p->pki.alice, false);
	connected(p, c, false);
	put_files(c, next, next, false);
	assert_true(renewed_with(p, next));
	still_open(c);
	/* and the next one, of which only the certificate is new: the key in use is its key */
	gateplay_renewed(p, c->number, ID, (uint64_t)time(NULL) + 1);
	third = pki_make(&(struct pki_spec){ .subject = "CN=alice,O=Corp",
			     .key = next->key,
			     .ext = { "subjectAltName=email:alice@corp.example" } },
	    p->pki.inter);
	put_files(c, third, NULL, false);
	assert_int_equal(0, unlink(c->key));
	assert_true(renewed_with(p, third));
	still_open(c);
	close(c->in);
	c->in = -1;
	assert_int_equal(0, recv(c->target, message, 1, 0));
	close(c->target);
	c->target = -1;
	assert_int_equal(0, status(c));
	read_said(c, NULL);
	assert_string_equal("", c->said);
	pki_free(next);
	pki_free(third);
}

static void
files_that_do_not_go_together_are_no_answer_and_no_end(void **state)
{
	struct gateplay *p = *state;
	struct client *c = &client;
	/* asked again each two seconds: a quarter of what is left is less */
	struct pki_cert *old = leaf(p, (int64_t)time(NULL) + 10), *next = leaf(p, 0);

	put_files(c, old, old, false);
	connected(p, c, false);
	put_files(c, next, NULL, true);
	read_said(c, "certificate 1 is damaged");
	still_open(c);
	put_files(c, next, NULL, false);
	read_said(c, "is not the key of the first certificate");
	still_open(c);
	assert_true(gateplay_quiet(p->ident));
	put_files(c, next, next, false);
	assert_true(renewed_with(p, next));
	still_open(c);
	pki_free(old);
	pki_free(next);
}

static void
the_old_certificate_is_not_shown_again_and_the_user_is_warned(void **state)
{
	struct gateplay *p = *state;
	struct client *c = &client;
	struct pki_cert *old = leaf(p, (int64_t)time(NULL) + 1000);

	put_files(c, old, old, false);
	connected(p, c, false);
	read_said(c, "the bridge asks for a newer certificate: your certificate expires in ");
	still_open(c);
	assert_true(gateplay_quiet(p->ident));
	pki_free(old);
}

static void
mtls_connect_tells_why_it_was_cut_escaped_and_once(void **state)
{
	struct gateplay *p = *state;
	struct client *c = &client;
	struct gateplay_closed closed;

	put_files(c, p->pki.alice, p->pki.alice, false);
	connected(p, c, false);
	gateplay_cut(p, c->number, ID, "your certificate has expired; \"renew\" it");
	gateplay_closed(p, &closed);
	assert_string_equal("cut", closed.why);
	read_said(c, NULL);
	assert_non_null(strstr(c->said, " ends the connection: your certificate has expired; "
					"\\\"renew\\\" it (connection 0000000000000077)\n"));
	assert_int_equal(1, strlen(strstr(c->said, "\n")));
	(void)status(c);
}

static void
an_end_after_the_certificates_end_is_explained_without_a_text(void **state)
{
	struct gateplay *p = *state;
	struct client *c = &client;
	int64_t until = (int64_t)time(NULL) + 4;
	struct pki_cert *old = leaf(p, until);

	put_files(c, old, old, false);
	connected(p, c, false);
	while (time(NULL) <= until)
		(void)usleep(100 * 1000);
	close(c->target);
	c->target = -1;
	read_said(c, "ended the connection; your certificate expired ");
	pki_free(old);
}

static void
s_client_answers_with_what_it_has_and_goes_on(void **state)
{
	struct gateplay *p = *state;
	struct client *c = &client;
	struct gateplay_closed closed;

	put_files(c, p->pki.alice, p->pki.alice, false);
	connected(p, c, true);
	assert_true(renewed_with(p, p->pki.alice));
	still_open(c);
	gateplay_renewed(p, c->number, ID, (uint64_t)time(NULL) + 1);
	assert_true(renewed_with(p, p->pki.alice));
	still_open(c);
	gateplay_cut(p, c->number, ID, "enough");
	gateplay_closed(p, &closed);
	assert_int_equal(0, read(c->out, message, 1));
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(mtls_connect_shows_the_certificate_that_lies_there_now),
		TEST(files_that_do_not_go_together_are_no_answer_and_no_end),
		TEST(the_old_certificate_is_not_shown_again_and_the_user_is_warned),
		TEST(mtls_connect_tells_why_it_was_cut_escaped_and_once),
		TEST(an_end_after_the_certificates_end_is_explained_without_a_text),
		TEST(s_client_answers_with_what_it_has_and_goes_on),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
