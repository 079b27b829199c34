/* test_bind.c - WHO where a rule binds the SSH key: known, unknown, wrong, and told later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "child.h"
#include "tests/unit/help/sshkeys.h"
#include "tests/unit/help/stage.h"

enum { AUTH = 1, ACCOUNT = 2, OPEN_SESSION = 3 };

static const char same_key[] = "email {user}@corp.example {user} bind=same-key\n"
			       "email zoe@corp.example zoe\n";

/* alice's connection; her certificate's key is sshkeys[0], and it lists sshkeys[1]. */
struct bench {
	struct stage p;
	struct settings s;
	struct stage_sock sock;
	int listener, gate, fd, far;
	uint64_t conn;
	struct stage_open cert;
	char info[3][1200]; /* SSH_AUTH_INFO_0 for each of three keys */
};

static void
take_map(struct bench *b, uint64_t number, const char *map)
{
	static const uint8_t anchor = STAGE_ANCHOR;
	char why[512];

	stage_generation(&b->p, number, &b->s, &anchor, 1, map);
	if (!stage_ready(&b->p, number, why, sizeof(why)))
		fail_msg("generation refused: %s", why);
}

/* Another connection with her certificate, in place of the one before. */
static void
reopen(struct bench *b)
{
	if (b->fd != -1) {
		stage_closed(b->gate, b->conn, b->cert.number);
		close(b->fd);
		close(b->far);
	}
	b->cert.number++;
	stage_open_send(b->gate, &b->cert);
	b->fd = stage_opened(b->gate, b->cert.number, &b->conn);
	b->far = accept(b->listener, NULL, NULL);
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	uint16_t port;

	assert_non_null(b);
	for (int i = 0; i < 3; i++)
		(void)snprintf(b->info[i], sizeof(b->info[i]), "publickey %s %s\n", sshkeys[i].type,
		    sshkeys[i].base64);
	b->listener = stage_listener(&port);
	stage_start(&b->p, "ident");
	stage_settings(&b->s, port);
	b->gate = stage_peer(&b->p, PEER_GATE, 0);
	stage_listen(&b->p, &b->sock);
	take_map(b, 1, same_key);
	b->fd = b->far = -1;
	b->cert = stage_open(0);
	b->cert.ssh_key = b->info[0] + strlen("publickey ");
	b->cert.lists = sshkeys[1].sha256;
	reopen(b);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	close(b->fd);
	close(b->far);
	close(b->gate);
	close(b->listener);
	stage_listen_done(&b->sock);
	stage_end(&b->p);
	free(b);
	return 0;
}

/* The answer's type; the promise is that of bind=session. */
static unsigned
ask(struct bench *b, unsigned hook, const char *account, const char *info, unsigned promise)
{
	struct got *g = malloc(sizeof(*g));
	int fd = stage_ask_connect(&b->sock);
	unsigned type;

	assert_non_null(g);
	stage_who_bind(fd, hook, account, info, promise, b->far);
	stage_recv(fd, g);
	assert_false(g->end);
	type = g->m.type;
	stage_expect_end(fd);
	close(fd);
	free(g);
	return type;
}

/* The server's end sees the end of the connection, and the log says why. */
static void
assert_cut(struct bench *b, const char *why)
{
	char byte;
	const char *line = stage_log(&b->p, "cut");

	if (strstr(line, why) == NULL)
		fail_msg("%s\n  wanted: %s", line, why);
	assert_int_equal(0, recv(b->far, &byte, 1, 0));
	assert_int_equal(MSG_NO, ask(b, AUTH, "alice", b->info[0], 0));
	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "alice", b->info[0], 1));
	assert_int_equal(MSG_NO, ask(b, OPEN_SESSION, "alice", b->info[0], 0));
}

static void
assert_not_cut(struct bench *b)
{
	char byte;

	assert_int_equal(-1, recv(b->far, &byte, 1, MSG_DONTWAIT));
	assert_int_equal(MSG_IS, ask(b, AUTH, "alice", b->info[0], 0));
}

static void
the_certificates_own_key_is_granted_in_every_hook(void **state)
{
	struct bench *b = *state;

	for (unsigned hook = AUTH; hook <= OPEN_SESSION; hook++) {
		assert_int_equal(MSG_IS, ask(b, hook, "alice", b->info[0], 0));
		assert_non_null(strstr(stage_log(&b->p, "granted"), sshkeys[0].sha256));
	}
	assert_not_cut(b);
}

static void
another_key_is_denied_and_ends_the_connection_when_the_session_opens(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_NO, ask(b, AUTH, "alice", b->info[2], 0));
	assert_non_null(strstr(stage_log(&b->p, "denied"), "SSH key is none that the rules"));
	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "alice", b->info[2], 0));
	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "alice", b->info[2], 1));
	assert_not_cut(b);
	assert_int_equal(MSG_NO, ask(b, OPEN_SESSION, "alice", b->info[2], 0));
	assert_cut(b, "SSH key is none that the rules");
}

static void
a_login_without_a_key_is_denied_when_the_session_opens(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_NO, ask(b, OPEN_SESSION, "alice", "keyboard-interactive/pam\n", 0));
	assert_cut(b, "SSH key is none that the rules");
}

static void
an_ssh_certificate_is_no_key_that_a_rule_binds(void **state)
{
	struct bench *b = *state;
	char info[4000];

	(void)snprintf(info, sizeof(info), "publickey %s\n", sshkey_cert);
	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "alice", info, 1));
	take_map(b, 2, "email {user}@corp.example {user}\n");
	assert_int_equal(MSG_IS, ask(b, OPEN_SESSION, "alice", info, 0));
	take_map(b, 3, same_key);
	assert_int_equal(MSG_NO, ask(b, OPEN_SESSION, "alice", info, 0));
	assert_cut(b, "SSH key is none that the rules");
}

static void
with_two_keys_proved_either_may_be_the_one(void **state)
{
	struct bench *b = *state;
	char both[2500];

	(void)snprintf(both, sizeof(both), "%s%s", b->info[2], b->info[0]);
	assert_int_equal(MSG_IS, ask(b, OPEN_SESSION, "alice", both, 0));
	(void)snprintf(both, sizeof(both), "%s%s", b->info[0], b->info[2]);
	assert_int_equal(MSG_IS, ask(b, OPEN_SESSION, "alice", both, 0));
	(void)snprintf(both, sizeof(both), "%s%s", b->info[1], b->info[2]);
	assert_int_equal(MSG_NO, ask(b, OPEN_SESSION, "alice", both, 0));
}

static void
extension_and_list_bind_to_their_keys(void **state)
{
	struct bench *b = *state;
	char map[300];

	take_map(b, 2, "email {user}@corp.example {user} bind=extension\n");
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", b->info[1], 0));
	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "alice", b->info[0], 0));
	(void)snprintf(map, sizeof(map), "email {user}@corp.example {user} bind=listed key=%s\n",
	    sshkeys[2].sha256);
	reopen(b);
	take_map(b, 3, map);
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", b->info[2], 0));
	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "alice", b->info[1], 0));
	reopen(b);
	take_map(b, 4, "email {user}@corp.example {user} bind=any\n");
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", b->info[1], 0));
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", "", 0));
}

/* ---- the key is not known in `account` ------------------------------------------------------- */
static void
an_unknown_key_is_denied_without_the_promise(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "alice", "", 0));
	assert_non_null(strstr(stage_log(&b->p, "denied"), "SSH key is not known yet"));
	assert_int_equal(MSG_NO, ask(b, AUTH, "alice", "", 0));
	assert_not_cut(b);
}

static void
the_promise_belongs_to_account_alone(void **state)
{
	struct bench *b = *state;
	static const struct {
		unsigned hook, promise;
	} bad[] = { { AUTH, 1 }, { OPEN_SESSION, 1 }, { ACCOUNT, 2 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = stage_ask_connect(&b->sock);

		stage_who_bind(fd, bad[i].hook, "alice", b->info[0], bad[i].promise, b->far);
		stage_expect_end(fd);
		close(fd);
	}
	assert_not_cut(b);
}

static void
with_the_promise_it_is_granted_and_open_session_confirms(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", "", 1));
	assert_non_null(strstr(stage_log(&b->p, "granted"), "bound=not-yet"));
	assert_int_equal(MSG_IS, ask(b, OPEN_SESSION, "alice", b->info[0], 0));
	assert_null(strstr(stage_log(&b->p, "granted"), "bound=not-yet"));
	(void)sleep(7);
	assert_not_cut(b);
}

static void
with_the_promise_a_wrong_key_ends_the_connection(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", "", 1));
	assert_int_equal(MSG_NO, ask(b, OPEN_SESSION, "alice", b->info[2], 0));
	assert_cut(b, "SSH key is none that the rules");
}

static void
a_session_that_never_opens_is_cut_after_five_seconds(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", "", 1));
	(void)sleep(3);
	/* asking again gives no more time */
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", "", 1));
	(void)sleep(1);
	assert_cut(b, "has not confirmed the SSH key in time");
}

static void
an_unreadable_key_ends_what_waits_for_one(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", "", 1));
	assert_int_equal(MSG_NO, ask(b, OPEN_SESSION, "alice", "publickey ssh-ed25519 AAAA\n", 0));
	assert_cut(b, "SSH key: ");
}

static void
another_accounts_session_does_not_confirm(void **state)
{
	struct bench *b = *state;

	take_map(b, 2, "email alice@corp.example alice,ops bind=same-key\n");
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", "", 1));
	assert_int_equal(MSG_NO, ask(b, OPEN_SESSION, "ops", b->info[0], 0));
	assert_cut(b, "another account");
}

/* The session of the first would confirm its own key, and nobody would ask for the other's. */
static void
two_accounts_do_not_wait_at_once(void **state)
{
	struct bench *b = *state;

	take_map(b, 2, "email alice@corp.example alice,ops bind=same-key\n");
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", "", 1));
	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "ops", "", 1));
	assert_int_equal(MSG_IS, ask(b, OPEN_SESSION, "alice", b->info[0], 0));
	take_map(b, 3, "email alice@corp.example alice bind=same-key\n");
	assert_not_cut(b);
}

/* A rule for any key grants: there is nothing to wait for. */
static void
with_a_rule_for_any_key_nothing_waits(void **state)
{
	struct bench *b = *state;

	take_map(b, 2,
	    "email {user}@corp.example {user} bind=same-key\n"
	    "email {user}@corp.example {user}\n");
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", "", 1));
	assert_null(strstr(stage_log(&b->p, "granted"), "bound="));
	assert_int_equal(MSG_IS, ask(b, OPEN_SESSION, "alice", b->info[2], 0));
	(void)sleep(6);
	assert_not_cut(b);
}

/* The gate's CLOSED while the timer runs: nothing is left that could fire. */
static void
a_waiting_connection_may_end_by_itself(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", "", 1));
	stage_closed(b->gate, b->conn, 1);
	(void)stage_log(&b->p, "closed");
	(void)sleep(6);
	assert_int_equal(MSG_NO, ask(b, ACCOUNT, "alice", "", 1));
}

/* ---- while the connection lives ----------------------------------------------------------------
 */
static void
a_map_that_binds_another_key_cuts_and_one_that_binds_this_does_not(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_IS, ask(b, OPEN_SESSION, "alice", b->info[0], 0));
	take_map(b, 2, "email {user}@corp.example {user}\n");
	take_map(b, 3, same_key);
	(void)sleep(2);
	assert_not_cut(b);
	take_map(b, 4, "email {user}@corp.example {user} bind=extension\n");
	assert_cut(b, "SSH key is none that the rules");
}

static void
a_key_that_was_never_told_does_not_outlive_a_map_that_binds(void **state)
{
	struct bench *b = *state;

	take_map(b, 2, "email {user}@corp.example {user}\n");
	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", "", 1));
	take_map(b, 3, same_key);
	assert_cut(b, "SSH key is not known yet");
}

static void
a_new_map_does_not_cut_what_waits_for_its_key(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_IS, ask(b, ACCOUNT, "alice", "", 1));
	take_map(b, 2, "email {user}@corp.example {user} bind=extension\n");
	(void)sleep(2);
	assert_int_equal(MSG_IS, ask(b, OPEN_SESSION, "alice", b->info[1], 0));
	take_map(b, 3, same_key);
	assert_cut(b, "SSH key is none that the rules");
}

static void
a_renewed_certificate_must_bind_the_same_key(void **state)
{
	struct bench *b = *state;
	struct stage_open next = b->cert;

	assert_int_equal(MSG_IS, ask(b, OPEN_SESSION, "alice", b->info[0], 0));
	next.leaf = 2;
	next.not_after += 5000;
	stage_renew_send(b->gate, b->conn, &next);
	(void)stage_renewed(b->gate, next.number, b->conn);
	assert_not_cut(b);
	next.leaf = 3;
	next.ssh_key = b->info[2] + strlen("publickey ");
	stage_renew_send(b->gate, b->conn, &next);
	assert_int_equal(4, stage_cut(b->gate, next.number, b->conn));
	assert_cut(b, "SSH key is none that the rules");
}

/* A gate that says something else than a key ends with its connections. */
static void
the_certificates_key_must_be_one(void **state)
{
	struct bench *b = *state;
	struct stage_open a = b->cert;
	uint8_t buf[8192];
	struct msg_out o;
	size_t at;

	a.number++;
	stage_open_put(&a, &o, buf, sizeof(buf));
	for (at = 0; memcmp(buf + at, "ssh-ed25519", 11) != 0; at++)
		assert_true(at < o.len);
	buf[at] = 'S';
	stage_send(b->gate, &o, NULL, 0);
	assert_non_null(strstr(stage_log(&b->p, "gate 0: "), "OPEN: SSH key"));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_certificates_own_key_is_granted_in_every_hook),
		T(another_key_is_denied_and_ends_the_connection_when_the_session_opens),
		T(a_login_without_a_key_is_denied_when_the_session_opens),
		T(an_ssh_certificate_is_no_key_that_a_rule_binds),
		T(with_two_keys_proved_either_may_be_the_one),
		T(extension_and_list_bind_to_their_keys),
		T(an_unknown_key_is_denied_without_the_promise),
		T(the_promise_belongs_to_account_alone),
		T(with_the_promise_it_is_granted_and_open_session_confirms),
		T(with_the_promise_a_wrong_key_ends_the_connection),
		T(a_session_that_never_opens_is_cut_after_five_seconds),
		T(an_unreadable_key_ends_what_waits_for_one),
		T(another_accounts_session_does_not_confirm),
		T(two_accounts_do_not_wait_at_once),
		T(with_a_rule_for_any_key_nothing_waits),
		T(a_waiting_connection_may_end_by_itself),
		T(a_map_that_binds_another_key_cuts_and_one_that_binds_this_does_not),
		T(a_key_that_was_never_told_does_not_outlive_a_map_that_binds),
		T(a_new_map_does_not_cut_what_waits_for_its_key),
		T(a_renewed_certificate_must_bind_the_same_key),
		T(the_certificates_key_must_be_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
