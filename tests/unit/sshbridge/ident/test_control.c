/* test_control.c - the operator's questions: the test plays sshbridgectl, the monitor, other idents
 */
#include <poll.h>
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
#include "conninfo.h"
#include "lockset.h"
#include "sealed.h"
#include "tests/unit/help/stage.h"

#define NAME "corp/email:"
enum { MANY = 200, BY_ID = 1, BY_IDENTITY = 2, BY_SERIAL = 3, ACCOUNT = 2, CUT_OPERATOR = 5 };

struct bench {
	struct stage p;
	struct stage_sock sock;
	struct settings s;
	int listener, gate, ctl, n;
	int fd[MANY], far[MANY];
	uint64_t conn[MANY];
	struct got g;
};

static void
more_conns(struct bench *b, const char *email, int n)
{
	for (int i = 0; i < n; i++, b->n++) {
		struct stage_open a = stage_open((uint32_t)b->n + 1);

		a.email = email;
		stage_open_send(b->gate, &a);
		b->fd[b->n] = stage_opened(b->gate, (uint32_t)b->n + 1, &b->conn[b->n]);
		b->far[b->n] = accept(b->listener, NULL, NULL);
		assert_int_not_equal(-1, b->far[b->n]);
	}
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	uint16_t port;

	assert_non_null(b);
	b->listener = stage_listener(&port);
	stage_settings(&b->s, port);
	b->s.per_identity = 1000;
	stage_start(&b->p, "ident");
	b->gate = stage_peer(&b->p, PEER_GATE, 3);
	stage_listen(&b->p, &b->sock);
	stage_in_force(&b->p, 1, &b->s);
	b->ctl = stage_peer(&b->p, PEER_CONTROL, 0);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < b->n; i++) {
		close(b->fd[i]);
		close(b->far[i]);
	}
	close(b->gate);
	close(b->ctl);
	close(b->listener);
	stage_listen_done(&b->sock);
	stage_end(&b->p);
	free(b);
	return 0;
}

/* ---- questions ------------------------------------------------------------------------------ */

static void
send_list(int fd, uint64_t number, uint32_t hop, uint64_t cursor)
{
	uint8_t buf[64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_LIST, number);
	msg_put_u32(&o, hop);
	msg_put_u64(&o, cursor);
	stage_send(fd, &o, NULL, 0);
}

static void
send_show(int fd, uint64_t number, uint64_t conn)
{
	uint8_t buf[64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_SHOW, number);
	msg_put_u64(&o, conn);
	stage_send(fd, &o, NULL, 0);
}

static void
send_cuts(int fd, uint64_t number, uint32_t by, uint64_t id, const char *value)
{
	uint8_t buf[2048];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_CUTS, number);
	msg_put_u32(&o, by);
	msg_put_u64(&o, id);
	msg_put_str(&o, value);
	stage_send(fd, &o, NULL, 0);
}

static void
send_stats(int fd, uint64_t number, uint32_t hop)
{
	uint8_t buf[64];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_STATS, number);
	msg_put_u32(&o, hop);
	stage_send(fd, &o, NULL, 0);
}

/* One page; returns the number of connections in v. */
static uint32_t
take_page(struct bench *b, int fd, uint64_t *cursor, uint32_t *older, struct conninfo *v)
{
	struct err e;
	uint32_t n;

	stage_expect(fd, &b->g, MSG_LIST);
	assert_int_equal(0, msg_get_u64(&b->g.m, cursor));
	assert_int_equal(0, msg_get_u32(&b->g.m, older));
	assert_int_equal(0, msg_get_u32(&b->g.m, &n));
	assert_true(n <= CONNINFO_PAGE_MAX);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(0, conninfo_get(&b->g.m, &v[i]));
	assert_int_equal(0, msg_end(&b->g.m, &e));
	return n;
}

static uint32_t
take_cuts(struct bench *b, int fd)
{
	struct err e;
	uint32_t n;

	stage_expect(fd, &b->g, MSG_CUTS);
	assert_int_equal(0, msg_get_u32(&b->g.m, &n));
	assert_int_equal(0, msg_end(&b->g.m, &e));
	return n;
}

static unsigned
ask_who(struct bench *b, int i, const char *account)
{
	unsigned kind;

	return stage_ask(&b->sock, ACCOUNT, account, b->far[i], &kind);
}

/* The lines of these names as one set, with `number`. */
static void
send_locks(int fd, uint64_t header, uint64_t number, const char *const *names)
{
	struct lockset s = { 0 };
	uint8_t buf[64];
	struct msg_out o;
	struct err e;
	size_t n;
	char *text;
	int memfd;

	for (; *names != NULL; names++)
		assert_int_equal(1, lockset_add(&s, *names, "", 1, &e));
	text = lockset_text(&s, &n, &e);
	memfd = sealed_new("locks", text, n, &e);
	assert_int_not_equal(-1, memfd);
	msg_start(&o, buf, sizeof(buf), MSG_LOCKS, header);
	msg_put_u64(&o, number);
	stage_send(fd, &o, &memfd, 1);
	close(memfd);
	free(text);
	lockset_done(&s);
}

/* The answer to it: how many were cut. */
static uint32_t
take_locks(struct bench *b, int fd, uint64_t number, uint32_t want_complete)
{
	struct err e;
	uint64_t got;
	uint32_t complete, n;

	do
		stage_recv(fd, &b->g);
	while (!b->g.end && (b->g.m.type == MSG_LOG || b->g.m.type == MSG_AUDIT));
	assert_int_equal(MSG_LOCKS, b->g.m.type);
	assert_int_equal(0, msg_get_u64(&b->g.m, &got));
	assert_int_equal(0, msg_get_u32(&b->g.m, &complete));
	assert_int_equal(0, msg_get_u32(&b->g.m, &n));
	assert_int_equal(0, msg_end(&b->g.m, &e));
	assert_true(got == number);
	assert_int_equal(want_complete, complete);
	return n;
}

/* ---- LIST and SHOW -------------------------------------------------------------------------- */

static void
every_live_connection_is_listed_once(void **state)
{
	struct bench *b = *state;
	struct conninfo v[CONNINFO_PAGE_MAX];
	unsigned seen[MANY] = { 0 }, pages = 0, total = 0;
	uint64_t cursor = 0;
	uint32_t older;

	more_conns(b, "alice@corp.example", MANY / 2);
	more_conns(b, "bob@corp.example", MANY / 2);
	do {
		send_list(b->ctl, 0, 0, cursor);
		for (uint32_t n = take_page(b, b->ctl, &cursor, &older, v); n > 0; n--, total++)
			for (int i = 0; i < MANY; i++)
				seen[i] += b->conn[i] == v[n - 1].id;
		assert_int_equal(0, older);
		assert_true(++pages < 1000);
	} while (cursor != 0);
	assert_true(pages > 10);
	assert_int_equal(MANY, total);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(1, seen[i]);
}

/* So many bytes, or with 0 the end of the stream. */
static void
read_all(int fd, ssize_t n)
{
	struct pollfd pf = { .fd = fd, .events = POLLIN };
	char buf[100];

	do {
		ssize_t r;

		assert_int_equal(1, poll(&pf, 1, 60000));
		r = recv(fd, buf, n == 0 ? 1 : (size_t)n, 0);
		assert_true(n == 0 ? r == 0 : r > 0);
		n -= r;
	} while (n > 0);
}

static void
a_connection_is_described(void **state)
{
	struct bench *b = *state;
	struct conninfo v[CONNINFO_PAGE_MAX];
	struct stage_open a = stage_open(1);
	uint64_t cursor;
	uint32_t older;
	char byte[100] = { 0 };

	more_conns(b, "alice@corp.example", 1);
	assert_int_equal(70, write(b->fd[0], byte, 70));
	read_all(b->far[0], 70);
	assert_int_equal(30, write(b->far[0], byte, 30));
	read_all(b->fd[0], 30);
	assert_int_equal(MSG_IS, ask_who(b, 0, "alice"));
	send_list(b->ctl, 0, 0, 0);
	assert_int_equal(1, take_page(b, b->ctl, &cursor, &older, v));
	assert_true(v[0].id == b->conn[0]);
	assert_string_equal(NAME "alice@corp.example", v[0].identity);
	assert_string_equal("alice", v[0].account);
	assert_string_equal("login", v[0].target);
	assert_string_equal("1a2b", v[0].serial);
	assert_int_equal(0, strncmp(v[0].fingerprint, "SHA256:", 7));
	assert_true(v[0].not_after >= a.not_after - 60 && v[0].not_after <= a.not_after);
	assert_int_equal(50000, addr_port(&v[0].from));
	assert_true(v[0].has_bytes);
	assert_int_equal(70, v[0].from_client);
	assert_int_equal(30, v[0].to_client);
	/* the FIN of the server is no byte of its */
	assert_int_equal(0, shutdown(b->far[0], SHUT_WR));
	read_all(b->fd[0], 0);
	send_list(b->ctl, 0, 0, 0);
	assert_int_equal(1, take_page(b, b->ctl, &cursor, &older, v));
	assert_int_equal(30, v[0].to_client);
}

static void
who_has_left_or_was_cut_is_not_listed(void **state)
{
	struct bench *b = *state;
	struct conninfo v[CONNINFO_PAGE_MAX];
	uint64_t cursor;
	uint32_t older;

	more_conns(b, "alice@corp.example", 3);
	stage_closed(b->gate, b->conn[0], 1);
	(void)stage_log(&b->p, "closed");
	send_cuts(b->ctl, 0, BY_ID, b->conn[1], "");
	assert_int_equal(1, take_cuts(b, b->ctl));
	send_list(b->ctl, 0, 0, 0);
	assert_int_equal(1, take_page(b, b->ctl, &cursor, &older, v));
	assert_true(v[0].id == b->conn[2]);
	send_show(b->ctl, 0, b->conn[1]);
	stage_expect(b->ctl, &b->g, MSG_SHOW);
	assert_int_equal(0, msg_get_u32(&b->g.m, &older));
	assert_int_equal(0, older);
}

static void
show_tells_facts_until_an_empty_key(void **state)
{
	struct bench *b = *state;
	struct conninfo c;
	char key[64], value[2048];
	unsigned email = 0, handshake = 0;
	uint32_t found;
	struct err e;

	more_conns(b, "alice@corp.example", 2);
	send_show(b->ctl, 0, b->conn[1]);
	stage_expect(b->ctl, &b->g, MSG_SHOW);
	assert_int_equal(0, msg_get_u32(&b->g.m, &found));
	assert_int_equal(1, found);
	assert_int_equal(0, conninfo_get(&b->g.m, &c));
	assert_true(c.id == b->conn[1]);
	assert_string_equal("", c.account);
	for (;;) {
		assert_int_equal(0, msg_get_str(&b->g.m, key, sizeof(key)));
		if (key[0] == '\0')
			break;
		assert_int_equal(0, msg_get_str(&b->g.m, value, sizeof(value)));
		email += strcmp(key, "email") == 0 && strcmp(value, "alice@corp.example") == 0;
		handshake += strcmp(key, "handshake") == 0 && strcmp(value, "g3-2") == 0;
	}
	assert_int_equal(0, msg_end(&b->g.m, &e));
	assert_int_equal(1, email);
	assert_int_equal(1, handshake);
}

static void
stats_count(void **state)
{
	struct bench *b = *state;
	uint64_t v[12];
	uint32_t older, n, gate, conns;
	struct err e;

	more_conns(b, "alice@corp.example", 2);
	stage_closed(b->gate, b->conn[0], 1);
	(void)stage_log(&b->p, "closed");
	assert_int_equal(MSG_IS, ask_who(b, 1, "alice"));
	assert_int_equal(MSG_NO, ask_who(b, 1, "bob"));
	send_stats(b->ctl, 0, 0);
	stage_expect(b->ctl, &b->g, MSG_STATS);
	assert_int_equal(0, msg_get_u32(&b->g.m, &older));
	for (int i = 0; i < 12; i++)
		assert_int_equal(0, msg_get_u64(&b->g.m, &v[i]));
	/* generation, live, dialling, opened, refused, closed, granted, denied, locks,
	 * channels opened, refused, jump processes ready */
	const uint64_t want[12] = { 1, 1, 0, 2, 0, 1, 1, 1, 0, 0, 0, 0 };

	assert_memory_equal(want, v, sizeof(v));
	assert_int_equal(0, msg_get_u32(&b->g.m, &n));
	assert_int_equal(1, n);
	assert_int_equal(0, msg_get_u32(&b->g.m, &gate));
	assert_int_equal(0, msg_get_u32(&b->g.m, &conns));
	assert_int_equal(3, gate);
	assert_int_equal(1, conns);
	assert_int_equal(0, msg_end(&b->g.m, &e));
}

/* ---- CUTS ----------------------------------------------------------------------------------- */

static void
cuts_hit_what_they_name_and_nothing_else(void **state)
{
	struct bench *b = *state;

	more_conns(b, "alice@corp.example", 40);
	more_conns(b, "alicex@corp.example", 1);
	send_cuts(b->ctl, 0, BY_IDENTITY, 0, NAME "alice@corp.exampl");
	assert_int_equal(0, take_cuts(b, b->ctl));
	send_cuts(b->ctl, 0, BY_ID, b->conn[7] ^ 1, "");
	assert_int_equal(0, take_cuts(b, b->ctl));
	send_cuts(b->ctl, 0, BY_SERIAL, 0, "1a2");
	assert_int_equal(0, take_cuts(b, b->ctl));
	send_cuts(b->ctl, 0, BY_ID, b->conn[7], "");
	assert_int_equal(1, take_cuts(b, b->ctl));
	assert_int_equal(CUT_OPERATOR, stage_cut(b->gate, 8, b->conn[7]));
	assert_int_equal(MSG_NO, ask_who(b, 7, "alice"));
	assert_int_equal(MSG_IS, ask_who(b, 8, "alice"));
	send_cuts(b->ctl, 0, BY_ID, b->conn[7], "");
	assert_int_equal(0, take_cuts(b, b->ctl)); /* once is enough */
	send_cuts(b->ctl, 0, BY_IDENTITY, 0, NAME "alice@corp.example");
	assert_int_equal(39, take_cuts(b, b->ctl));
	assert_int_equal(MSG_NO, ask_who(b, 8, "alice"));
	assert_int_equal(MSG_IS, ask_who(b, 40, "alicex"));
	send_cuts(b->ctl, 0, BY_SERIAL, 0, "1a2b");
	assert_int_equal(1, take_cuts(b, b->ctl));
	assert_int_equal(MSG_NO, ask_who(b, 40, "alicex"));
}

/* ---- locks ---------------------------------------------------------------------------------- */

static void
a_lock_is_in_force_when_it_is_answered(void **state)
{
	static const char *const alice[] = { NAME "alice@corp.example", NULL };
	static const char *const nobody[] = { NULL };
	struct bench *b = *state;
	struct stage_open a = stage_open(100);

	more_conns(b, "alice@corp.example", 30);
	more_conns(b, "bob@corp.example", 1);
	send_locks(b->p.monitor, 0, 5, alice);
	assert_int_equal(30, take_locks(b, b->p.monitor, 5, 1));
	for (int i = 0; i < 30; i++) {
		stage_expect(b->gate, &b->g, MSG_CUT);
		assert_int_equal(MSG_NO, ask_who(b, i, "alice"));
	}
	assert_int_equal(MSG_IS, ask_who(b, 30, "bob"));
	a.email = "alice@corp.example";
	stage_open_send(b->gate, &a);
	assert_int_equal(2, stage_refused(b->gate, 100));
	a.email = "alicia@corp.example";
	a.number = 101;
	stage_open_send(b->gate, &a);
	b->fd[b->n] = stage_opened(b->gate, 101, &b->conn[b->n]);
	b->far[b->n] = accept(b->listener, NULL, NULL);
	b->n++;
	/* the same set again cuts nobody; an empty one lets her in again */
	send_locks(b->p.monitor, 0, 6, alice);
	assert_int_equal(0, take_locks(b, b->p.monitor, 6, 1));
	send_locks(b->p.monitor, 0, 7, nobody);
	assert_int_equal(0, take_locks(b, b->p.monitor, 7, 1));
	a = stage_open(102);
	a.email = "alice@corp.example";
	stage_open_send(b->gate, &a);
	b->fd[b->n] = stage_opened(b->gate, 102, &b->conn[b->n]);
	b->far[b->n] = accept(b->listener, NULL, NULL);
	b->n++;
}

static void
a_renewal_under_a_locked_name_is_cut(void **state)
{
	static const char *const locked[] = { NAME "ann@corp.example", NULL };
	struct bench *b = *state;
	struct stage_open a = stage_open(1);

	more_conns(b, "alice@corp.example", 1);
	send_locks(b->p.monitor, 0, 1, locked);
	assert_int_equal(0, take_locks(b, b->p.monitor, 1, 1));
	a.leaf = 9;
	a.email = "ann@corp.example";
	stage_renew_send(b->gate, b->conn[0], &a);
	assert_int_equal(CUT_OPERATOR, stage_cut(b->gate, 1, b->conn[0]));
}

static void
a_broken_set_of_locks_ends_ident(void **state)
{
	static const char rubbish[] = "sshbridge locks 1\nend 1\n";
	struct bench *b = *state;
	uint8_t buf[64];
	struct msg_out o;
	struct err e;
	int fd = sealed_new("locks", rubbish, sizeof(rubbish) - 1, &e);

	msg_start(&o, buf, sizeof(buf), MSG_LOCKS, 0);
	msg_put_u64(&o, 1);
	stage_send(b->p.monitor, &o, &fd, 1);
	close(fd);
	/* who does not know who is locked must not serve */
	stage_expect_end(b->gate);
}

/* ---- broken clients ------------------------------------------------------------------------- */

/* A good question of this type, then cut or extended by `delta` bytes. */
static void
send_resized(int fd, enum msg_type type, int delta)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), type, 0);
	if (type == MSG_LIST || type == MSG_STATS || type == MSG_CUTS)
		msg_put_u32(&o, type == MSG_CUTS ? BY_ID : 0);
	if (type != MSG_STATS)
		msg_put_u64(&o, 1);
	if (type == MSG_CUTS)
		msg_put_str(&o, "x");
	o.len = (size_t)((int)o.len + delta);
	stage_send(fd, &o, NULL, 0);
}

static void
short_long_and_foreign_questions_drop_the_client(void **state)
{
	static const enum msg_type types[] = { MSG_LIST, MSG_SHOW, MSG_CUTS, MSG_STATS };
	static const enum msg_type foreign[] = { MSG_LOCK, MSG_UNLOCK, MSG_LOCKS, MSG_STATUS,
		MSG_WHO, MSG_OPEN, MSG_GENERATION, MSG_RELOAD };
	struct bench *b = *state;
	uint8_t buf[64];
	struct msg_out o;
	int fd;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		for (int delta = -3; delta <= 3; delta++) {
			fd = stage_peer(&b->p, PEER_CONTROL, 0);
			send_resized(fd, types[i], delta);
			if (delta == 0)
				stage_expect(fd, &b->g, types[i]);
			else
				stage_expect_end(fd);
			close(fd);
		}
		/* with a connection id in the header; with a descriptor */
		fd = stage_peer(&b->p, PEER_CONTROL, 0);
		send_show(fd, 5, 1);
		stage_expect_end(fd);
		close(fd);
		fd = stage_peer(&b->p, PEER_CONTROL, 0);
		msg_start(&o, buf, sizeof(buf), types[i], 0);
		stage_send(fd, &o, &b->listener, 1);
		stage_expect_end(fd);
		close(fd);
	}
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		fd = stage_peer(&b->p, PEER_CONTROL, 0);
		msg_start(&o, buf, sizeof(buf), foreign[i], 0);
		stage_send(fd, &o, NULL, 0);
		stage_expect_end(fd);
		close(fd);
	}
	send_list(b->ctl, 0, 0, 0);
	stage_expect(b->ctl, &b->g, MSG_LIST);
}

static void
values_out_of_range_drop_the_client(void **state)
{
	struct bench *b = *state;
	char name[1100];
	int fd;

	memset(name, 'x', sizeof(name));
	name[1024] = '\0';
	for (int i = 0; i < 5; i++) {
		fd = stage_peer(&b->p, PEER_CONTROL, 0);
		if (i == 0)
			send_list(fd, 0, 17, 0);
		else if (i == 1)
			send_stats(fd, 0, UINT32_MAX);
		else if (i == 2)
			send_cuts(fd, 0, 0, 0, "");
		else if (i == 3)
			send_cuts(fd, 0, 4, 0, ""); /* by lock: never from outside */
		else
			send_cuts(fd, 0, BY_IDENTITY, 0, name);
		stage_expect_end(fd);
		close(fd);
	}
	/* a hop that nobody is behind, and a cursor that nobody gave out, are empty and end */
	struct conninfo v[CONNINFO_PAGE_MAX];
	uint64_t cursor;
	uint32_t older;

	send_list(b->ctl, 0, 16, 5);
	assert_int_equal(0, take_page(b, b->ctl, &cursor, &older, v));
	assert_true(cursor == 0 && older == 0);
	send_list(b->ctl, 0, 0, 0x123456789abcdefU);
	(void)take_page(b, b->ctl, &cursor, &older, v);
}

static void
clients_are_bounded(void **state)
{
	struct bench *b = *state;
	int fd[20];

	for (int i = 0; i < 15; i++) /* and the bench's own */
		fd[i] = stage_peer(&b->p, PEER_CONTROL, 0);
	fd[15] = stage_peer(&b->p, PEER_CONTROL, 0);
	stage_expect_end(fd[15]);
	send_stats(fd[14], 0, 0);
	stage_expect(fd[14], &b->g, MSG_STATS);
	close(fd[0]);
	(void)send_stats(b->ctl, 0, 0);
	stage_expect(b->ctl, &b->g, MSG_STATS);
	for (int i = 1; i < 16; i++)
		close(fd[i]);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_live_connection_is_listed_once),
		T(a_connection_is_described),
		T(who_has_left_or_was_cut_is_not_listed),
		T(show_tells_facts_until_an_empty_key),
		T(stats_count),
		T(cuts_hit_what_they_name_and_nothing_else),
		T(a_lock_is_in_force_when_it_is_answered),
		T(a_renewal_under_a_locked_name_is_cut),
		T(a_broken_set_of_locks_ends_ident),
		T(short_long_and_foreign_questions_drop_the_client),
		T(values_out_of_range_drop_the_client),
		T(clients_are_bounded),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
