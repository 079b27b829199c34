/* test_renew.c - another certificate for a connection that is there: for the same person only */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "child.h"
#include "lockset.h"
#include "sealed.h"
#include "sshbridge/ident/judge.h"
#include "tests/unit/help/stage.h"

enum { ACCOUNT = 2 };

/* One connection of alice's; `old` is what it was opened with, `next` a renewed certificate. */
struct bench {
	struct stage p;
	struct settings s;
	struct stage_sock sock;
	int listener, gate, fd, far;
	uint64_t conn, generation, renew_at;
	struct stage_open old, next;
};

static void
set_generation(struct bench *b, const uint8_t *anchors, size_t n, const char *map)
{
	char why[512];

	stage_generation(&b->p, ++b->generation, &b->s, anchors, n, map);
	if (!stage_ready(&b->p, b->generation, why, sizeof(why)))
		fail_msg("generation refused: %s", why);
}

static void
set_map(struct bench *b, const char *map)
{
	set_generation(b, (const uint8_t[]){ STAGE_ANCHOR }, 1, map);
}

/* Close what is open; open one with b->old. */
static void
reopen(struct bench *b)
{
	if (b->fd != -1) {
		close(b->fd);
		close(b->far);
	}
	stage_open_send(b->gate, &b->old);
	b->fd = stage_opened_until(b->gate, b->old.number, &b->conn, &b->renew_at);
	b->far = accept(b->listener, NULL, NULL);
	b->next.number = b->old.number;
	b->old.number++;
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	uint16_t port;

	assert_non_null(b);
	b->listener = stage_listener(&port);
	stage_start(&b->p, "ident");
	stage_settings(&b->s, port);
	b->gate = stage_peer(&b->p, PEER_GATE, 0);
	stage_listen(&b->p, &b->sock);
	stage_in_force(&b->p, ++b->generation, &b->s);
	b->fd = -1;
	b->old = b->next = stage_open(1);
	b->next.leaf = 2;
	b->next.serial = "77";
	b->next.not_after += 5000;
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

static unsigned
ask(struct bench *b, const char *account)
{
	unsigned kind;

	return stage_ask(&b->sock, ACCOUNT, account, b->far, &kind);
}

static uint64_t
is_taken(struct bench *b)
{
	uint64_t at;
	char byte;

	stage_renew_send(b->gate, b->conn, &b->next);
	at = stage_renewed(b->gate, b->next.number, b->conn);
	assert_int_equal(1, send(b->fd, "x", 1, MSG_NOSIGNAL));
	assert_int_equal(1, recv(b->far, &byte, 1, 0));
	return at;
}

static void
is_cut(struct bench *b, unsigned code)
{
	char byte;

	stage_renew_send(b->gate, b->conn, &b->next);
	assert_int_equal(code, stage_cut(b->gate, b->next.number, b->conn));
	assert_int_equal(0, recv(b->far, &byte, 1, 0));
	stage_closed(b->gate, b->conn, b->next.number);
	(void)stage_log(&b->p, "closed");
}

/* What PAM is told of alice's certificate. */
static void
is_its_fingerprint(struct bench *b, const char *begins)
{
	struct got *g = malloc(sizeof(*g));
	char text[1024];
	uint32_t port;
	int fd = stage_ask_connect(&b->sock);

	assert_non_null(g);
	stage_who(fd, ACCOUNT, "alice", &b->far, 1);
	stage_expect(fd, g, MSG_IS);
	for (int i = 0; i < 6; i++) {
		if (i == 2)
			assert_int_equal(0, msg_get_u32(&g->m, &port));
		assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
	}
	assert_int_equal(0, strncmp(text, begins, strlen(begins)));
	close(fd);
	free(g);
}

static void
renewed_one_counts_and_is_told(void **state)
{
	struct bench *b = *state;
	uint64_t at;
	const char *line;

	is_its_fingerprint(b, "SHA256:AQEB");
	at = is_taken(b);
	assert_int_equal(b->next.not_after - 600, at);
	line = stage_log(&b->p, "renewed");
	assert_non_null(strstr(line, "old-serial=1a2b serial=77 "));
	assert_non_null(strstr(line, "not-after="));
	is_its_fingerprint(b, "SHA256:AgIC");
	/* twice, and with the one that counts already: nothing is lost */
	assert_int_equal(at, is_taken(b));
	b->next.not_after += 10;
	assert_int_equal(at + 10, is_taken(b));
	assert_int_equal(MSG_IS, ask(b, "alice"));
}

static void
renewed_in_time_outlives_the_old_one(void **state)
{
	struct bench *b = *state;
	struct stage_open other = stage_open(20);
	uint64_t conn;
	int fd, far;
	char byte;

	b->old.not_after = time(NULL) + 6;
	reopen(b);
	other.not_after = b->old.not_after;
	stage_open_send(b->gate, &other);
	fd = stage_opened(b->gate, 20, &conn);
	far = accept(b->listener, NULL, NULL);
	(void)is_taken(b);
	assert_int_equal(CUT_EXPIRED, stage_cut(b->gate, 20, conn));
	assert_int_equal(1, send(b->fd, "x", 1, MSG_NOSIGNAL));
	assert_int_equal(1, recv(b->far, &byte, 1, 0));
	assert_int_equal(MSG_IS, ask(b, "alice"));
	close(fd);
	close(far);
}

static void
renewal_is_asked_for_in_time(void **state)
{
	struct bench *b = *state;
	int64_t now;

	/* 1000 seconds left: 600 before the end */
	assert_int_equal(b->old.not_after - 600, b->renew_at);
	/* less than that is left: in the middle of the rest */
	now = time(NULL);
	b->old.not_after = now + 100;
	reopen(b);
	assert_in_range(b->renew_at, now + 50, now + 60);
	/* too little for anything */
	b->old.not_after = time(NULL) + 4;
	reopen(b);
	assert_int_equal(0, b->renew_at);
	b->old.not_after = now + 1000;
	b->s.targets[0].reauth = 0;
	stage_in_force(&b->p, ++b->generation, &b->s);
	reopen(b);
	assert_int_equal(0, b->renew_at);
	b->s.targets[0].reauth = 900;
	b->s.targets[0].keep_expired = 1;
	stage_in_force(&b->p, ++b->generation, &b->s);
	reopen(b);
	assert_int_equal(0, b->renew_at);
}

static void
other_name_before_a_login_is_cut(void **state)
{
	struct bench *b = *state;

	(void)is_taken(b);
	b->next.email = "bob@corp.example";
	is_cut(b, CUT_IDENTITY);
	/* no name at all */
	reopen(b);
	b->next.email = NULL;
	b->next.cn = "deploy-web";
	is_cut(b, CUT_IDENTITY);
}

/* After a login the rule's field counts: a name that is not the same does no harm. */
static void
other_value_of_the_rules_field_is_cut(void **state)
{
	struct bench *b = *state;

	b->old.cn = b->next.cn = "deploy-web";
	reopen(b);
	assert_int_equal(MSG_IS, ask(b, "deploy-web"));
	b->next.email = "bob@corp.example";
	(void)is_taken(b);
	assert_non_null(strstr(stage_log(&b->p, "renewed"), "identity=corp/email:bob@corp.exam"));
	assert_int_equal(MSG_IS, ask(b, "bob")); /* and that rule is the connection's from now on */
	b->next.email = "alice@corp.example";
	is_cut(b, CUT_IDENTITY);
	/* the account would still be granted, to another */
	reopen(b);
	set_map(b, "cn {x} ops trust=corp\nemail {user}@corp.example {user} trust=corp\n");
	assert_int_equal(MSG_IS, ask(b, "ops"));
	b->next.cn = "deploy-db";
	is_cut(b, CUT_IDENTITY);
	reopen(b);
	assert_int_equal(MSG_IS, ask(b, "alice"));
	(void)is_taken(b);
}

static void
send_lock(struct bench *b, const char *identity)
{
	struct lockset s = { 0 };
	uint8_t buf[64];
	struct msg_out o;
	struct err e;
	size_t n;
	char *text;
	int fd;

	assert_int_equal(1, lockset_add(&s, identity, "", 1, &e));
	text = lockset_text(&s, &n, &e);
	fd = sealed_new("locks", text, n, &e);
	assert_int_not_equal(-1, fd);
	msg_start(&o, buf, sizeof(buf), MSG_LOCKS, 0);
	msg_put_u64(&o, 1);
	stage_send(b->p.monitor, &o, &fd, 1);
	close(fd);
	free(text);
	lockset_done(&s);
}

/* The lock is in force, and the walk over those whom it cuts has not begun. */
static void
a_new_name_does_not_escape_the_lock_of_the_old_one(void **state)
{
	struct bench *b = *state;
	int status;

	b->old.cn = b->next.cn = "deploy-web";
	reopen(b);
	assert_int_equal(MSG_IS, ask(b, "deploy-web"));
	assert_int_equal(0, kill(b->p.pid, SIGSTOP));
	assert_int_equal(b->p.pid, waitpid(b->p.pid, &status, WUNTRACED));
	send_lock(b, "corp/email:alice@corp.example");
	b->next.email = "bob@corp.example";
	stage_renew_send(b->gate, b->conn, &b->next);
	assert_int_equal(0, kill(b->p.pid, SIGCONT));
	assert_int_equal(CUT_OPERATOR, stage_cut(b->gate, b->next.number, b->conn));
}

/* The domain of an e-mail address has no case, for the map and so here; its left part has. */
static void
value_is_compared_as_the_map_compares_it(void **state)
{
	struct bench *b = *state;

	assert_int_equal(MSG_IS, ask(b, "alice"));
	b->next.email = "alice@CORP.example";
	(void)is_taken(b);
	b->next.email = "Alice@corp.example";
	is_cut(b, CUT_IDENTITY);
}

static void
account_that_is_granted_no_more_is_cut(void **state)
{
	struct bench *b = *state;

	set_map(b, "email alice@corp.example alice trust=corp\n"
		   "serial 77 deny trust=corp\n");
	assert_int_equal(MSG_IS, ask(b, "alice"));
	is_cut(b, CUT_MAP);
	reopen(b);
	b->next.serial = "78";
	assert_int_equal(MSG_IS, ask(b, "alice"));
	(void)is_taken(b);
}

static void
other_section_is_cut(void **state)
{
	static const uint8_t anchors[] = { STAGE_ANCHOR, STAGE_ANCHOR + 1 };
	struct bench *b = *state;

	b->s.nsections = 2;
	b->s.sections[1] = b->s.sections[0];
	memcpy(b->s.sections[1].name, "lab", 4);
	set_generation(b, anchors, 2, "email {user}@corp.example {user} trust=corp,lab\n");
	for (int i = 0; i < 3; i++) {
		reopen(b);
		if (i > 0)
			assert_int_equal(MSG_IS, ask(b, "alice"));
		b->next.sections[0] = i == 2 ? "corp" : "lab";
		b->next.sections[1] = i == 2 ? "lab" : NULL;
		if (i == 2)
			(void)is_taken(b);
		else
			is_cut(b, CUT_IDENTITY);
	}
}

static void
certificate_that_does_not_hold_is_cut(void **state)
{
	struct bench *b = *state;

	b->next.not_after = time(NULL) - 1;
	is_cut(b, CUT_EXPIRED);
	reopen(b);
	b->next.not_after = time(NULL) + 1000;
	b->next.anchor = STAGE_ANCHOR + 1;
	is_cut(b, CUT_DISTRUSTED);
	reopen(b);
	b->next.anchor = STAGE_ANCHOR;
	(void)is_taken(b);
}

static void
max_session_is_not_renewed(void **state)
{
	struct bench *b = *state;

	set_map(b, "email {user}@corp.example {user} trust=corp max-session=6\n");
	reopen(b);
	assert_int_equal(MSG_IS, ask(b, "alice"));
	(void)is_taken(b);
	assert_int_equal(CUT_MAX_SESSION, stage_cut(b->gate, b->next.number, b->conn));
}

/* What crosses our CUT is read and dropped. */
static void
renewal_of_what_is_cut_changes_nothing(void **state)
{
	struct bench *b = *state;

	set_map(b, "email bob@corp.example bob trust=corp\n");
	assert_int_equal(CUT_MAP, stage_cut(b->gate, b->next.number, b->conn));
	stage_renew_send(b->gate, b->conn, &b->next);
	set_map(b, stage_map);
	reopen(b); /* the next message is OPENED */
	assert_int_equal(MSG_IS, ask(b, "alice"));
}

/* ---- what drops a gate ----------------------------------------------------------------------- */
static int
gate_with_one(struct bench *b, uint64_t *conn, int *fd, int *far)
{
	int gate = stage_peer(&b->p, PEER_GATE, 9);
	struct stage_open a = stage_open(1);

	stage_in_force(&b->p, ++b->generation, &b->s);
	stage_open_send(gate, &a);
	*fd = stage_opened(gate, 1, conn);
	*far = accept(b->listener, NULL, NULL);
	return gate;
}

static void
foreign_connections_drop_the_gate(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 4; i++) {
		struct stage_open a = b->next;
		uint64_t conn;
		int fd, far, gate = gate_with_one(b, &conn, &fd, &far);

		a.number = i == 1 ? 2 : 1; /* 1: a number that it does not have */
		stage_renew_send(gate,
		    i == 0   ? b->conn /* another gate's */
		    : i == 2 ? 0
			     : conn + (i == 3),
		    &a);
		stage_expect_end(gate);
		close(gate);
		close(fd);
		close(far);
	}
	(void)is_taken(b); /* nobody else was disturbed */
}

static void
short_and_long_ones_drop_the_gate(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);
	uint8_t buf[8192];
	struct msg_out o;

	stage_renew_put(&a, 1, &o, buf, sizeof(buf));
	for (size_t n = MSG_HEADER; n <= o.len + 5; n += n < 40 ? 7 : n < o.len - 50 ? 37 : 13) {
		uint64_t conn;
		int fd, far, gate = gate_with_one(b, &conn, &fd, &far);

		stage_renew_put(&a, conn, &o, buf, sizeof(buf));
		if (n >= o.len)
			msg_put_u32(&o, 0);
		else
			o.len = n;
		stage_send(gate, &o, NULL, 0);
		stage_expect_end(gate);
		close(gate);
		close(fd);
		close(far);
		stage_renew_put(&a, 1, &o, buf, sizeof(buf));
	}
	(void)is_taken(b);
}

static void
malformed_certificates_and_descriptors_drop_the_gate(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 4; i++) {
		struct stage_open a = stage_open(1);
		uint8_t buf[8192];
		struct msg_out o;
		uint64_t conn;
		int fd, far, gate = gate_with_one(b, &conn, &fd, &far), extra = dup(0);

		a.no_fingerprint = i == 0;
		a.stray_section = i == 1;
		if (i == 2)
			a.sections[0] = NULL;
		stage_renew_put(&a, conn, &o, buf, sizeof(buf));
		stage_send(gate, &o, &extra, i == 3);
		stage_expect_end(gate);
		close(gate);
		close(fd);
		close(far);
		close(extra);
	}
	(void)is_taken(b);
}

static void
one_that_is_not_open_yet_drops_the_gate(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);
	struct got *g = malloc(sizeof(*g));
	int gate = stage_peer(&b->p, PEER_GATE, 9), resolve;

	assert_non_null(g);
	memcpy(b->s.targets[0].host, "sshd.example", 13);
	resolve = stage_peer(&b->p, PEER_RESOLVE, 0);
	stage_in_force(&b->p, ++b->generation, &b->s);
	stage_open_send(gate, &a);
	stage_expect(resolve, g, MSG_RESOLVE);
	stage_renew_send(gate, 0, &a);
	stage_expect_end(gate);
	close(gate);
	close(resolve);
	free(g);
	(void)is_taken(b);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(renewed_one_counts_and_is_told),
		TEST(renewed_in_time_outlives_the_old_one),
		TEST(renewal_is_asked_for_in_time),
		TEST(other_name_before_a_login_is_cut),
		TEST(other_value_of_the_rules_field_is_cut),
		TEST(a_new_name_does_not_escape_the_lock_of_the_old_one),
		TEST(value_is_compared_as_the_map_compares_it),
		TEST(account_that_is_granted_no_more_is_cut),
		TEST(other_section_is_cut),
		TEST(certificate_that_does_not_hold_is_cut),
		TEST(max_session_is_not_renewed),
		TEST(renewal_of_what_is_cut_changes_nothing),
		TEST(foreign_connections_drop_the_gate),
		TEST(short_and_long_ones_drop_the_gate),
		TEST(malformed_certificates_and_descriptors_drop_the_gate),
		TEST(one_that_is_not_open_yet_drops_the_gate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
