/* test_clients.c - stock ssh at the jump process: what it shows, what it refuses, how it ends */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libssh/server.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/help/jumpplay.h"

/* A folder with a key, and the socket that ProxyCommand connects to. */
struct place {
	char dir[64], sock[96], key[96], proxy[512];
	int listener;
};

static const char connector[] =
    "import os,select,socket,sys;s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1])\n"
    "while True:\n"
    " for f in select.select([0,s],[],[])[0]:\n"
    "  d=os.read(0,65536) if f==0 else s.recv(65536)\n"
    "  if not d: sys.exit(0)\n"
    "  s.sendall(d) if f==0 else os.write(1,d)\n";

static void
write_file(const char *path, const char *text, size_t n)
{
	FILE *fp = fopen(path, "w");

	assert_non_null(fp);
	assert_int_equal(n, fwrite(text, 1, n, fp));
	assert_int_equal(0, fclose(fp));
	assert_int_equal(0, chmod(path, 0600));
}

static void
place_make(struct place *pl)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	char path[96];
	char *text = NULL;

	(void)snprintf(pl->dir, sizeof(pl->dir), "/tmp/jumpplay.XXXXXX");
	assert_non_null(mkdtemp(pl->dir));
	(void)snprintf(pl->key, sizeof(pl->key), "%s/key", pl->dir);
	assert_int_equal(SSH_OK, ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &text));
	write_file(pl->key, text, strlen(text));
	ssh_string_free_char(text);
	ssh_key_free(key);
	(void)snprintf(path, sizeof(path), "%s/connect.py", pl->dir);
	write_file(path, connector, strlen(connector));
	(void)snprintf(pl->sock, sizeof(pl->sock), "%s/sock", pl->dir);
	(void)snprintf(pl->proxy, sizeof(pl->proxy), "ProxyCommand=python3 %s %s", path, pl->sock);
	memcpy(un.sun_path, pl->sock, strlen(pl->sock) + 1);
	pl->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(0, bind(pl->listener, (struct sockaddr *)&un, sizeof(un)));
	assert_int_equal(0, listen(pl->listener, 1));
}

static void
place_remove(struct place *pl)
{
	char path[160];
	static const char *const names[] = { "key", "connect.py", "sock" };

	close(pl->listener);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", pl->dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(pl->dir);
}

/* ---- the stage --------------------------------------------------------------------------------
 */

static int
setup(void **state)
{
	static struct place pl;

	place_make(&pl);
	*state = &pl;
	return 0;
}

static int
teardown(void **state)
{
	place_remove(*state);
	return 0;
}

/* The ProxyCommand connects to our listener; its other end is what START would carry. */
static void
start(struct jumpplay *p)
{
	jumpplay_start(p);
	jumpplay_ready(p);
}

/* ssh with these words behind the options; what it prints in out. */
static int
ssh(struct jumpplay *p, struct place *pl, const char *const *words, char *out, size_t size)
{
	static const char *const options[] = { "ssh", "-F", "none", "-o",
		"StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
		"LogLevel=INFO", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none" };
	const char *argv[40];
	size_t n = 0;

	for (; n < sizeof(options) / sizeof(options[0]); n++)
		argv[n] = options[n];
	argv[n++] = "-o";
	argv[n++] = pl->proxy;
	argv[n++] = "-i";
	argv[n++] = pl->key;
	for (; *words != NULL; words++)
		argv[n++] = *words;
	argv[n] = NULL;
	p->listener = pl->listener;
	return jumpplay_run(p, (char *const *)argv, -1, out, size);
}
#define SSH(p, pl, out, ...) \
	ssh(p, pl, (const char *const[]){ __VA_ARGS__, NULL }, out, sizeof(out))

static void
contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void
ends(struct jumpplay *p)
{
	assert_int_equal(0, jumpplay_status(p));
	jumpplay_end(p);
}

/* ---- tests ------------------------------------------------------------------------------------
 */

static void
without_a_command_it_says_who_one_is(void **state)
{
	static struct jumpplay p;
	char out[8192];

	start(&p);
	assert_int_equal(0, SSH(&p, *state, out, "alice@jump.example"));
	contains(out, "identity:    corp/email:alice@corp.example\n");
	contains(out, "account:     alice\n");
	contains(out, "certificate: serial 01ab\nvalid until: 2100-01-01T00:00:00Z (in ");
	contains(out, "targets:\n  *.prod.example:22\n  10.0.0.0/8:\\x1b[2J\n");
	ends(&p);
}

static void
a_terminal_gets_carriage_returns(void **state)
{
	static struct jumpplay p;
	char out[8192];

	start(&p);
	assert_int_equal(0, SSH(&p, *state, out, "-tt", "alice@jump.example"));
	contains(out, "account:     alice\r\n");
	ends(&p);
}

/* Repeat `call` while it waits for the jump process. */
#define UNTIL(p, call)              \
	while ((call) == SSH_AGAIN) \
	(void)jumpplay_answer(p, 10)

/* After each answer libssh asks whether it may write on, though there is nothing more to write. */
static void
what_comes_together_with_the_answer_does_not_hold_it_up(void **state)
{
	static struct jumpplay p;
	ssh_key key = jumpplay_key(SSH_KEYTYPE_ED25519, 0);
	char out[8192] = "";
	ssh_session s;
	ssh_channel ch;
	int n = 0, status;

	(void)state;
	start(&p);
	s = jumpplay_client(&p, jumpplay_connect(&p), "alice");
	assert_int_equal(SSH_AUTH_SUCCESS, jumpplay_publickey(&p, s, NULL, key));
	ch = ssh_channel_new(s);
	p.about_waits = true;
	UNTIL(&p, ssh_channel_open_session(ch));
	UNTIL(&p, ssh_channel_request_shell(ch));
	while (p.abouts == 0)
		(void)jumpplay_answer(&p, 10);
	assert_int_equal(0, kill(p.stage.pid, SIGSTOP));
	assert_int_equal(p.stage.pid, waitpid(p.stage.pid, &status, WUNTRACED));
	(void)ssh_send_keepalive(s); /* is answered first */
	jumpplay_about(&p);
	assert_int_equal(0, kill(p.stage.pid, SIGCONT));
	/* half of the time after which a keepalive would wake it */
	for (int i = 0; i < 3000 && n == 0; i++) {
		n = ssh_channel_read_nonblocking(ch, out, sizeof(out) - 1, 0);
		(void)jumpplay_answer(&p, 10);
	}
	contains(out, "identity:    corp/email:alice@corp.example\n");
	ssh_free(s);
	ssh_key_free(key);
	ends(&p);
}

static void
list_json_says_it_as_data(void **state)
{
	static struct jumpplay p;
	char out[8192];

	start(&p);
	assert_int_equal(0, SSH(&p, *state, out, "alice@jump.example", "list --json"));
	contains(out, "\"identity\": \"corp/email:alice@corp.example\"");
	contains(out, "\"not_after\": \"2100-01-01T00:00:00Z\"");
	contains(out, "\"10.0.0.0/8:\\u001B[2J\"");
	ends(&p);
}

static void
commands_subsystems_and_forwards_are_refused(void **state)
{
	static const struct {
		const char *words[5];
		int status;
		const char *says;
	} cases[] = {
		{ { "alice@jump.example", "id" }, 255, "exec request failed on channel 0" },
		{ { "alice@jump.example", "list" }, 255, "exec request failed on channel 0" },
		{ { "-s", "alice@jump.example", "sftp" }, 255,
		    "subsystem request failed on channel 0" },
		{ { "-R", "0:127.0.0.1:1", "-oExitOnForwardFailure=yes", "alice@jump.example" },
		    255, "remote port forwarding failed" },
		{ { "-W", "db1.prod.example:22", "alice@jump.example" }, 255,
		    "stdio forwarding failed" },
		{ { "-A", "-oLogLevel=DEBUG1", "alice@jump.example" }, 0, "account:     alice" },
	};
	static struct jumpplay p;
	char out[16384];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(&p);
		assert_int_equal(
		    cases[i].status, ssh(&p, *state, cases[i].words, out, sizeof(out)));
		contains(out, cases[i].says);
		ends(&p);
	}
}

static void
a_target_is_reached(void **state)
{
	static struct jumpplay p;
	char out[8192];
	int pair[2];

	start(&p);
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	p.target = pair[1];
	assert_int_equal(5, write(pair[0], "hello", 5));
	assert_int_equal(0, shutdown(pair[0], SHUT_WR));
	assert_int_equal(
	    0, SSH(&p, *state, out, "-W", "db1.prod.example:22", "alice@jump.example"));
	contains(out, "hello");
	assert_int_equal(1, p.dials);
	close(pair[0]);
	close(pair[1]);
	ends(&p);
}

static void
the_banner_comes_after_the_service(void **state)
{
	static struct jumpplay p;
	char out[8192];

	jumpplay_start(&p);
	(void)snprintf(p.set.targets[0].banner, sizeof(p.set.targets[0].banner),
	    "for members only\nsecond line");
	jumpplay_ready(&p);
	assert_int_equal(0, SSH(&p, *state, out, "alice@jump.example"));
	contains(out, "for members only\n");
	contains(out, "second line\n");
	ends(&p);
}

static void
a_refusal_comes_with_idents_sentence(void **state)
{
	static struct jumpplay p;
	char out[8192];

	start(&p);
	p.probe = p.proven = JUMPPLAY_NO;
	p.text = "this key is not bound to your certificate";
	assert_int_equal(255, SSH(&p, *state, out, "alice@jump.example"));
	contains(out, "this key is not bound to your certificate");
	contains(out, "Permission denied (publickey)");
	assert_false(p.last_proven);
	ends(&p);
}

static void
code(struct jumpplay *p, const char *answer, char *out, size_t size, struct place *pl, int status)
{
	char path[160], text[128];

	(void)snprintf(path, sizeof(path), "%s/askpass", pl->dir);
	(void)snprintf(text, sizeof(text), "#!/bin/sh\necho %s\n", answer);
	write_file(path, text, strlen(text));
	assert_int_equal(0, chmod(path, 0700));
	assert_int_equal(0, setenv("SSH_ASKPASS", path, 1));
	assert_int_equal(0, setenv("SSH_ASKPASS_REQUIRE", "force", 1));
	assert_int_equal(status,
	    ssh(p, pl, (const char *const[]){ "-v", "alice@jump.example", NULL }, out, size));
	(void)unlink(path);
}

static void
pam_asks_after_the_key(void **state)
{
	static struct jumpplay p;
	char out[32768];

	start(&p);
	p.proven = JUMPPLAY_PAM;
	p.pam_asks = true;
	p.want = "123456";
	code(&p, "123456", out, sizeof(out), *state, 0);
	contains(out, "Authenticated using \"publickey\" with partial success");
	contains(out, "account:     alice");
	ends(&p);
}

static void
pam_says_no(void **state)
{
	static struct jumpplay p;
	char out[32768];

	start(&p);
	p.proven = JUMPPLAY_PAM;
	p.pam_asks = true;
	p.want = "123456";
	code(&p, "654321", out, sizeof(out), *state, 255);
	contains(out, "no such code");
	assert_int_equal(0, p.abouts);
	ends(&p);
}

static void
pam_that_asks_nothing_needs_no_answer(void **state)
{
	static struct jumpplay p;
	char out[8192];

	start(&p);
	p.proven = JUMPPLAY_PAM;
	p.pam_says = true;
	assert_int_equal(0, SSH(&p, *state, out, "alice@jump.example"));
	contains(out, "account:     alice");
	ends(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_command_it_says_who_one_is),
		cmocka_unit_test(a_terminal_gets_carriage_returns),
		cmocka_unit_test(what_comes_together_with_the_answer_does_not_hold_it_up),
		cmocka_unit_test(list_json_says_it_as_data),
		cmocka_unit_test(commands_subsystems_and_forwards_are_refused),
		cmocka_unit_test(a_target_is_reached),
		cmocka_unit_test(the_banner_comes_after_the_service),
		cmocka_unit_test(a_refusal_comes_with_idents_sentence),
		cmocka_unit_test(pam_asks_after_the_key),
		cmocka_unit_test(pam_says_no),
		cmocka_unit_test(pam_that_asks_nothing_needs_no_answer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
