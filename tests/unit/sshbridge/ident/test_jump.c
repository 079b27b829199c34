/* test_jump.c - a connection of a jump target, from OPEN to CLOSED */
#include <poll.h>

#include "tests/unit/sshbridge/ident/jump_help.h"

static void
open_start_login_dial_closed(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(7);
	struct line l = line_open(b, &a);
	const char *line;
	char byte;
	int fd, far;

	/* what one end writes the other reads */
	assert_int_equal(1, send(l.gate_fd, "x", 1, 0));
	assert_int_equal(1, recv(l.jump_fd, &byte, 1, 0));
	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", 0, 0));
	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", 0, 1));
	line = stage_log(&b->p, "granted");
	assert_non_null(strstr(line, "service=jump account=alice hook=jump"));
	assert_non_null(strstr(line, "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI"));
	stage_dial(l.jump, l.conn, 3, "127.0.0.1", b->port);
	fd = stage_channel(l.jump, l.conn, 3);
	far = accept(b->listener, NULL, NULL);
	assert_int_equal(1, send(fd, "y", 1, 0));
	assert_int_equal(1, recv(far, &byte, 1, 0));
	line = stage_log(&b->p, "channel-opened");
	assert_non_null(strstr(line, "channel=3 to=127.0.0.1:"));
	assert_non_null(strstr(line, "account=alice"));
	stage_channel_closed(l.jump, l.conn, 3);
	line = stage_log(&b->p, "channel-closed");
	assert_non_null(strstr(line, "bytes-in=33 bytes-out=44"));
	assert_non_null(strstr(line, "why=\"client closed\""));
	assert_int_equal(0, recv(far, &byte, 1, 0)); /* shut down, although `fd` is open */
	close(fd);
	close(far);
	line_close(b, &l);
	(void)stage_log(&b->p, "closed");
}

/* Whoever comes first waits for the next process; OPENED follows as if it had been there. */
static void
a_process_is_waited_for(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1), other = jump_open(2);
	struct line l = { .number = 1 };
	uint64_t conn;

	stage_open_send(b->gate, &a);
	stage_open_send(b->gate, &other);
	l.jump = stage_jump(&b->p, b->generation, 5);
	assert_int_equal(5, stage_taken(&b->p));
	l.gate_fd = stage_opened(b->gate, 1, &l.conn);
	l.jump_fd = stage_started(l.jump, 1, &conn);
	line_close(b, &l);
	l.number = 2;
	l.jump = stage_jump(&b->p, b->generation, 6);
	l.gate_fd = stage_opened(b->gate, 2, &l.conn);
	l.jump_fd = stage_started(l.jump, 1, &conn);
	line_close(b, &l);
}

static void
without_a_process_in_time_it_is_refused(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1);
	int jump;

	b->s.dial_timeout = 1;
	in_force(b, alice_map);
	stage_open_send(b->gate, &a);
	assert_int_equal(REFUSED_TARGET, stage_refused(b->gate, 1));
	assert_non_null(strstr(stage_log(&b->p, "refused"), "no jump process was ready in time"));
	/* one that leaves while it waits is gone too, and the next process is nobody's */
	a.number = 2;
	stage_open_send(b->gate, &a);
	stage_closed(b->gate, 0, 2);
	(void)stage_log(&b->p, "refused");
	jump = stage_jump(&b->p, b->generation, 1);
	b->process = 1;
	a.number = 3;
	stage_open_send(b->gate, &a);
	assert_int_equal(1, stage_taken(&b->p));
	close(jump);
}

static void
a_new_generation_drops_processes_that_have_an_older_one(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1);
	int old = stage_jump(&b->p, 1, 1), new = stage_jump(&b->p, 2, 2), late;
	struct line l = { .number = 1 };
	uint64_t conn;

	in_force(b, alice_map);
	stage_expect_end(old);
	late = stage_jump(&b->p, 1, 3);
	stage_expect_end(late);
	stage_open_send(b->gate, &a);
	assert_int_equal(2, stage_taken(&b->p));
	l.gate_fd = stage_opened(b->gate, 1, &l.conn);
	l.jump_fd = stage_started(new, 1, &conn);
	/* one that has its connection keeps it */
	in_force(b, alice_map);
	assert_int_equal(1, stage_login(new, l.conn, "alice", 0, 1));
	l.jump = new;
	line_close(b, &l);
	close(old);
	close(late);
}

/* One with a generation that is not in force yet is no use before. */
static void
a_process_that_is_ahead_waits_for_its_generation(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1);
	int ahead = stage_jump(&b->p, 2, 1), now = stage_jump(&b->p, 1, 2);
	struct line l = { .number = 1 };

	stage_open_send(b->gate, &a);
	assert_int_equal(2, stage_taken(&b->p));
	l.gate_fd = stage_opened(b->gate, 1, &l.conn);
	a.number = 2;
	stage_open_send(b->gate, &a);
	in_force(b, alice_map);
	close(stage_started(ahead, 1, &l.conn));
	close(l.gate_fd);
	close(ahead);
	close(now);
}

/* What is read next is the end; it may take a moment. */
static bool
reads_end(int fd)
{
	struct pollfd pf = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&pf, 1, -1) == 1 && recv(fd, &byte, 1, 0) == 0;
}

static void
what_a_process_wrote_before_it_ended_reaches_the_gate(void **state)
{
	struct bench *b = *state;
	struct line l = line_in(b, 1);
	char text[16];
	int fd, far;

	stage_dial(l.jump, l.conn, 1, "127.0.0.1", b->port);
	fd = stage_channel(l.jump, l.conn, 1);
	far = accept(b->listener, NULL, NULL);
	assert_int_equal(7, send(l.jump_fd, "goodbye", 7, 0));
	close(l.jump);
	assert_non_null(strstr(stage_log(&b->p, "channel-closed"), "the jump process ended"));
	assert_int_equal(0, recv(far, text, 1, 0)); /* its targets end with it */
	(void)poll(&(struct pollfd){ .fd = l.gate_fd, .events = POLLIN }, 1, -1);
	assert_int_equal(7, recv(l.gate_fd, text, sizeof(text), 0));
	assert_true(reads_end(l.gate_fd));
	/* the entry stays until the gate is through */
	l.jump = -1;
	line_close(b, &l);
	assert_non_null(strstr(stage_log(&b->p, "closed"), "target=jump"));
	close(fd);
	close(far);
}

static void
when_the_gate_closes_the_process_and_its_targets_end(void **state)
{
	struct bench *b = *state;
	struct line l = line_in(b, 1);
	char byte;
	int fd, far;

	stage_dial(l.jump, l.conn, 1, "127.0.0.1", b->port);
	fd = stage_channel(l.jump, l.conn, 1);
	far = accept(b->listener, NULL, NULL);
	assert_int_equal(3, send(fd, "abc", 3, 0));
	assert_int_equal(1, recv(far, &byte, 1, 0));
	stage_closed(b->gate, l.conn, 1);
	assert_non_null(strstr(stage_log(&b->p, "channel-closed"), "bytes-in=3 bytes-out=0"));
	(void)stage_log(&b->p, "closed");
	stage_expect_end(l.jump);
	assert_true(reads_end(l.jump_fd));
	close(fd);
	close(far);
	close(l.jump);
	close(l.jump_fd);
	close(l.gate_fd);
}

static void
when_the_gate_dies_its_processes_end_and_others_do_not(void **state)
{
	struct bench *b = *state;
	int own = b->gate, gate = stage_peer(&b->p, PEER_GATE, 1);
	struct line l, other = line_in(b, 1);

	b->gate = gate;
	l = line_in(b, 1);
	close(gate);
	b->gate = own;
	stage_expect_end(l.jump);
	stage_dial(other.jump, other.conn, 9, "192.0.2.99", 22);
	assert_int_equal(REFUSED_MAP, stage_channel_refused(other.jump, other.conn, 9));
	line_close(b, &other);
	close(l.jump);
	close(l.jump_fd);
	close(l.gate_fd);
}

/* ---- logging in ----------------------------------------------------------------------------- */

static void
accounts_and_keys(void **state)
{
	static const struct {
		const char *account;
		unsigned key, verdict;
		const char *why;
	} rows[] = {
		{ "alice", 0, 1, NULL },
		{ "ops", 0, 1, NULL },
		{ "alice", 1, 0, "SSH key" }, /* not the one that the rule lists */
		{ "bob", 0, 0, "account" },   /* no rule of alice's gives it */
		{ "Alice", 0, 0, "account" }, /* names are compared byte by byte */
		{ "alice ", 0, 0, "account" },
		{ "", 0, 0, "account" },
		{ "root", 0, 0, "account" },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stage_open a = jump_open(1);
		struct line l = line_open(b, &a);

		for (unsigned proven = 0; proven < 2; proven++) {
			assert_int_equal(rows[i].verdict,
			    stage_login(l.jump, l.conn, rows[i].account, rows[i].key, proven));
			if (rows[i].why != NULL)
				assert_non_null(strstr(
				    strstr(stage_log(&b->p, "denied"), "why="), rows[i].why));
		}
		line_close(b, &l);
		(void)stage_log(&b->p, "closed");
	}
}

/* A rule that binds nothing vouches for no key; its neighbour's `bind=any` does. */
static void
a_key_must_be_bound_where_keys_must_be(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1);
	struct line l = line_open(b, &a);

	in_force(b, "email alice@corp.example alice to=127.0.0.1:22\n");
	assert_int_equal(0, stage_login(l.jump, l.conn, "alice", 0, 1));
	in_force(b, "email alice@corp.example alice bind=listed "
		    "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI\n");
	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", 0, 1));
	line_close(b, &l);
}

static void
what_the_client_makes_up_is_a_no_and_no_fault(void **state)
{
	static uint8_t junk[5000];
	static char name[400];
	struct bench *b = *state;
	struct stage_open a = jump_open(1);
	struct line l = line_open(b, &a);
	uint8_t buf[8192];
	struct msg_out o;
	int fd;

	memset(name, 'a', sizeof(name) - 1);
	for (uint32_t i = 0; i < 4; i++) {
		msg_start(&o, buf, sizeof(buf), MSG_LOGIN, l.conn);
		msg_put_u32(&o, i);
		if (i == 0)
			msg_put_str(&o, name);
		else
			msg_put_bytes(&o, "al\0ice", i == 1 ? 6 : 2);
		msg_put_bytes(&o, i == 2 ? (const void *)"" : junk, i == 2 ? 0 : sizeof(junk));
		msg_put_u32(&o, 1);
		msg_put_u32(&o, 0);
		stage_send(l.jump, &o, NULL, 0);
		assert_int_equal(0, stage_logged(l.jump, i, &fd));
		(void)stage_log(&b->p, "denied");
	}
	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", 0, 1));
	line_close(b, &l);
}

/* ---- WHO through a channel ------------------------------------------------------------------ */

/* The bridge's own sshd, reached through a jump: pam_mtls finds who that is. */
static void
who_finds_the_connection_behind_a_channel(void **state)
{
	struct bench *b = *state;
	struct stage_sock sock;
	struct line l = line_in(b, 1);
	unsigned kind;
	int fd, far;

	stage_listen(&b->p, &sock);
	stage_dial(l.jump, l.conn, 1, "127.0.0.1", b->port);
	fd = stage_channel(l.jump, l.conn, 1);
	far = accept(b->listener, NULL, NULL);
	in_force(b, "email alice@corp.example alice service=sshd\n"
		    "email alice@corp.example alice service=jump bind=listed to=127.0.0.1:PORT "
		    "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI\n");
	assert_int_equal(MSG_IS, stage_ask(&sock, 2, "alice", far, &kind));
	assert_int_equal(MSG_NO, stage_ask(&sock, 2, "bob", far, &kind));
	/* it ends with the channel, and so does what it proves */
	stage_channel_closed(l.jump, l.conn, 1);
	(void)stage_log(&b->p, "channel-closed");
	assert_int_equal(MSG_NO, stage_ask(&sock, 2, "alice", far, &kind));
	close(fd);
	close(far);
	line_close(b, &l);
	stage_listen_done(&sock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(open_start_login_dial_closed),
		T(a_process_is_waited_for),
		T(without_a_process_in_time_it_is_refused),
		T(a_new_generation_drops_processes_that_have_an_older_one),
		T(a_process_that_is_ahead_waits_for_its_generation),
		T(what_a_process_wrote_before_it_ended_reaches_the_gate),
		T(when_the_gate_closes_the_process_and_its_targets_end),
		T(when_the_gate_dies_its_processes_end_and_others_do_not),
		T(accounts_and_keys),
		T(a_key_must_be_bound_where_keys_must_be),
		T(what_the_client_makes_up_is_a_no_and_no_fault),
		T(who_finds_the_connection_behind_a_channel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
