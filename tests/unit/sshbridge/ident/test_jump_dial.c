/* test_jump_dial.c - which targets a jump's client gets, and which it does not */
#include <poll.h>

#include "tests/unit/sshbridge/ident/jump_help.h"

/* Opened, used, and closed again. */
static void
opens(struct bench *b, const struct line *l, uint32_t channel)
{
	int fd = stage_channel(l->jump, l->conn, channel), far = accept(b->listener, NULL, NULL);
	char byte;

	assert_int_equal(1, send(fd, "x", 1, 0));
	assert_int_equal(1, recv(far, &byte, 1, 0));
	stage_channel_closed(l->jump, l->conn, channel);
	(void)stage_log(&b->p, "channel-closed");
	close(fd);
	close(far);
}

static void
is_refused(struct bench *b, const struct line *l, uint32_t channel, unsigned code, const char *why)
{
	const char *line;

	assert_int_equal(code, stage_channel_refused(l->jump, l->conn, channel));
	line = stage_log(&b->p, "channel-refused");
	if (strstr(line, why) == NULL)
		fail_msg("%s", line);
}

static void
only_what_the_map_grants_is_opened(void **state)
{
	static const struct {
		const char *host;
		uint32_t port; /* 0: the target's */
		unsigned code;
		const char *why;
	} rows[] = {
		{ "127.0.0.1", 22, REFUSED_MAP, "no to=" },
		{ "127.0.0.2", 0, REFUSED_MAP, "no to=" },
		{ "::1", 0, REFUSED_MAP, "no to=" },
		{ "0.0.0.0", 0, REFUSED_MAP, "no to=" },
		{ "::", 0, REFUSED_MAP, "no to=" },
		{ "::ffff:127.0.0.1", 0, REFUSED_MAP, "no to=" },
		{ "::127.0.0.1", 0, REFUSED_MAP, "no to=" },
		{ "64:ff9b::7f00:1", 0, REFUSED_MAP, "no to=" },
		{ "10.99.0.1", 23, REFUSED_MAP, "no to=" },
		{ "10.98.255.255", 22, REFUSED_MAP, "no to=" },
		/* what somebody could take for an address or a name, and is neither */
		{ "127.1", 0, REFUSED_TARGET, "neither" },
		{ "0x7f.1", 0, REFUSED_TARGET, "neither" },
		{ "0x7f000001", 0, REFUSED_TARGET, "neither" },
		{ "2130706433", 0, REFUSED_TARGET, "neither" },
		{ "0177.0.0.1", 0, REFUSED_TARGET, "neither" },
		{ "127.0.0.01", 0, REFUSED_TARGET, "neither" },
		{ "127.0.0.1.", 0, REFUSED_TARGET, "neither" },
		{ " 127.0.0.1", 0, REFUSED_TARGET, "neither" },
		{ "[::1]", 0, REFUSED_TARGET, "neither" },
		{ "fe80::1%lo", 0, REFUSED_TARGET, "neither" },
		{ "", 0, REFUSED_TARGET, "neither" },
		{ ".", 0, REFUSED_TARGET, "neither" },
		{ "db1..prod.example", 0, REFUSED_TARGET, "neither" },
		{ "db1.prod.example/", 0, REFUSED_TARGET, "neither" },
		{ "*.prod.example", 0, REFUSED_TARGET, "neither" },
		{ "127.0.0.1", 65536 + 22, REFUSED_TARGET, "port" },
		{ "127.0.0.1", UINT32_MAX, REFUSED_TARGET, "port" },
	};
	struct bench *b = *state;
	struct line l = line_in(b, 1);

	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stage_dial(l.jump, l.conn, i, rows[i].host, rows[i].port ? rows[i].port : b->port);
		is_refused(b, &l, i, rows[i].code, rows[i].why);
	}
	/* and what lies beside all of them */
	stage_dial(l.jump, l.conn, 99, "127.0.0.1", b->port);
	opens(b, &l, 99);
	line_close(b, &l);
}

/* Each is a record: a scan waits for itself, and every one of it is told. */
static void
many_refusals_are_slow(void **state)
{
	enum { MANY = 250 };
	struct bench *b = *state;
	struct line l = line_in(b, 1), other = line_in(b, 2);
	struct timespec from, to;

	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint32_t i = 0; i < MANY; i++) {
		stage_dial(l.jump, l.conn, i, "127.0.0.9", b->port);
		is_refused(b, &l, i, REFUSED_MAP, "no to=");
		if (i == MANY / 2) {
			stage_dial(other.jump, other.conn, 1, "127.0.0.1", b->port);
			opens(b, &other, 1);
		}
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true(to.tv_sec - from.tv_sec >= 1);
	line_close(b, &l);
	line_close(b, &other);
}

/* Where only names are granted none that does not fit is asked: there is no resolver here. */
static void
a_name_that_no_pattern_has_is_refused_at_once(void **state)
{
	static const char *const names[] = { "localhost", "prod.example", "xprod.example",
		"db1.prod.example.evil", "a.b.prod.example", "db1.prod.exampl" };
	struct bench *b = *state;
	struct line l = line_in(b, 1);

	in_force(b, "email alice@corp.example alice bind=listed to=*.prod.example:PORT "
		    "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI\n");
	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		stage_dial(l.jump, l.conn, i, names[i], b->port);
		is_refused(b, &l, i, REFUSED_MAP, "no to=");
	}
	stage_dial(l.jump, l.conn, 9, "db1.prod.example", b->port);
	is_refused(b, &l, 9, REFUSED_TARGET, "no resolver");
	line_close(b, &l);
}

static void
a_host_of_any_bytes_is_refused_and_shown_escaped(void **state)
{
	static uint8_t host[40000];
	static const struct {
		const char *host;
		size_t n;
	} rows[] = {
		{ "127.0.0.1\0", 10 },
		{ "127.0.0.1\0.prod.example", 23 },
		{ "\x1b[2J", 4 },
		{ "\xff\xfe", 2 },
		{ NULL, sizeof(host) },
	};
	struct bench *b = *state;
	struct line l = line_in(b, 1);
	static uint8_t buf[MSG_MAX];
	struct msg_out o;

	memset(host, 'a', sizeof(host));
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		msg_start(&o, buf, sizeof(buf), MSG_DIAL, l.conn);
		msg_put_u32(&o, i);
		msg_put_bytes(&o, rows[i].host == NULL ? (void *)host : rows[i].host, rows[i].n);
		msg_put_u32(&o, b->port);
		msg_put_bytes(&o, "\x1b]0;x\a", 6);
		msg_put_u32(&o, 1);
		stage_send(l.jump, &o, NULL, 0);
		is_refused(b, &l, i, REFUSED_TARGET, "neither");
		assert_null(strchr(b->p.last, '\x1b'));
	}
	line_close(b, &l);
}

/* A literal to= opens this very address; a network does not open what jump-networks has not. */
static void
networks_of_the_map_are_within_jump_networks(void **state)
{
	struct bench *b = *state;
	struct line l = line_in(b, 1);

	in_force(b, "email alice@corp.example alice bind=listed to=127.0.0.0/8:PORT "
		    "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI\n");
	stage_dial(l.jump, l.conn, 1, "127.0.0.1", b->port);
	is_refused(b, &l, 1, REFUSED_MAP, "loopback");
	assert_int_equal(0,
	    cidr_parse("127.0.0.0/8", &b->s.jump_networks[0], &(struct err){ .kind = ERR_NONE }));
	b->s.njump_networks = 1;
	in_force(b, "email alice@corp.example alice bind=listed to=127.0.0.0/8:PORT "
		    "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI\n");
	stage_dial(l.jump, l.conn, 2, "127.0.0.1", b->port);
	is_refused(b, &l, 2, REFUSED_MAP, "an address of the bridge itself");
	assert_int_equal(0,
	    cidr_parse("127.0.0.1/32", &b->s.jump_networks[0], &(struct err){ .kind = ERR_NONE }));
	in_force(b, "email alice@corp.example alice bind=listed to=127.0.0.0/8:PORT "
		    "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI\n");
	stage_dial(l.jump, l.conn, 3, "127.0.0.1", b->port);
	opens(b, &l, 3);
	stage_dial(l.jump, l.conn, 4, "127.0.0.2", b->port);
	is_refused(b, &l, 4, REFUSED_MAP, "not in jump-networks");
	line_close(b, &l);
}

/* ---- names ---------------------------------------------------------------------------------- */

struct names {
	int resolve;
	struct got g;
};

static uint64_t
asked(struct names *n, const char *want)
{
	char host[300];
	uint64_t number;
	uint32_t port;

	stage_expect(n->resolve, &n->g, MSG_RESOLVE);
	assert_int_equal(0, msg_get_u64(&n->g.m, &number));
	assert_int_equal(0, msg_get_str(&n->g.m, host, sizeof(host)));
	assert_int_equal(0, msg_get_u32(&n->g.m, &port));
	assert_string_equal(want, host);
	return number;
}

/* Up to the first NULL. */
static void
resolved(struct names *n, uint64_t number, const char *const *addresses)
{
	struct sockaddr_storage ss;
	struct err e;
	uint8_t buf[1024];
	struct msg_out o;
	uint32_t k = 0;

	while (addresses[k] != NULL)
		k++;
	msg_start(&o, buf, sizeof(buf), MSG_RESOLVED, 0);
	msg_put_u64(&o, number);
	msg_put_u32(&o, k > 0);
	msg_put_u32(&o, k);
	for (uint32_t i = 0; i < k; i++) {
		assert_int_equal(0, addr_parse(addresses[i], &ss, &e));
		addr_set_port(&ss, 1); /* whatever it says */
		addr_put(&ss, &o);
	}
	msg_put_str(&o, k > 0 ? "" : "no such name");
	stage_send(n->resolve, &o, NULL, 0);
}

/* A network takes names that lead there, which a literal address does not. */
static const char names_map[] = "email alice@corp.example alice,ops bind=listed "
				"key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI "
				"to=127.0.0.1/32:PORT,*.prod.example:PORT\n";

/* jump-networks has the listener's address, so that there is something to reach by name. */
static struct names *
names_begin(struct bench *b)
{
	struct names *n = malloc(sizeof(*n));
	struct err e;

	assert_non_null(n);
	assert_int_equal(0, cidr_parse("127.0.0.1/32", &b->s.jump_networks[0], &e));
	b->s.njump_networks = 1;
	n->resolve = stage_peer(&b->p, PEER_RESOLVE, 0);
	in_force(b, names_map);
	return n;
}

static void
names_end(struct names *n)
{
	close(n->resolve);
	free(n);
}

static void
a_name_is_asked_in_lower_case_and_its_allowed_addresses_are_dialled(void **state)
{
	struct bench *b = *state;
	struct names *n = names_begin(b);
	struct line l = line_in(b, 1);
	const char *line;
	int fd, far;

	stage_dial(l.jump, l.conn, 1, "DB1.Prod.Example.", b->port);
	/* the forbidden ones are left out, and the allowed one is reached */
	resolved(n, asked(n, "db1.prod.example"),
	    (const char *[]){ "127.0.0.2", "::1", "169.254.1.1", "127.0.0.1", NULL });
	fd = stage_channel(l.jump, l.conn, 1);
	far = accept(b->listener, NULL, NULL);
	line = stage_log(&b->p, "channel-opened");
	assert_non_null(strstr(line, "to=db1.prod.example:"));
	assert_non_null(strstr(line, "server=127.0.0.1:"));
	close(fd);
	close(far);
	stage_channel_closed(l.jump, l.conn, 1);
	/* the same name on the second look-up: elsewhere, where nobody may go */
	stage_dial(l.jump, l.conn, 2, "db1.prod.example", b->port);
	resolved(n, asked(n, "db1.prod.example"), (const char *[]){ "127.0.0.2", NULL });
	is_refused(b, &l, 2, REFUSED_MAP, "not in jump-networks");
	stage_dial(l.jump, l.conn, 3, "db1.prod.example", b->port);
	resolved(n, asked(n, "db1.prod.example"), (const char *[]){ NULL });
	is_refused(b, &l, 3, REFUSED_TARGET, "no such name");
	/* what no pattern has may still lead to an address that a rule has, or not */
	stage_dial(l.jump, l.conn, 4, "db1.test.example", b->port);
	resolved(n, asked(n, "db1.test.example"), (const char *[]){ "127.0.0.2", NULL });
	is_refused(b, &l, 4, REFUSED_MAP, "no to=");
	stage_dial(l.jump, l.conn, 5, "db1.test.example", b->port);
	resolved(n, asked(n, "db1.test.example"), (const char *[]){ "127.0.0.1", NULL });
	opens(b, &l, 5);
	line_close(b, &l);
	names_end(n);
}

static void
a_map_that_comes_while_a_name_is_asked_has_the_last_word(void **state)
{
	struct bench *b = *state;
	struct names *n = names_begin(b);
	struct line l = line_in(b, 1);
	uint64_t number;

	stage_dial(l.jump, l.conn, 1, "db1.prod.example", b->port);
	number = asked(n, "db1.prod.example");
	in_force(b, "email alice@corp.example alice bind=listed to=*.test.example:PORT "
		    "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI\n");
	resolved(n, number, (const char *[]){ "127.0.0.1", NULL });
	is_refused(b, &l, 1, REFUSED_MAP, "no to=");
	line_close(b, &l);
	names_end(n);
}

/* CLOSED before the answer: the dial ends, and nothing is opened. */
static void
a_channel_that_is_closed_while_it_is_dialled(void **state)
{
	struct bench *b = *state;
	struct names *n = names_begin(b);
	struct line l = line_in(b, 1);
	uint64_t number;

	stage_dial(l.jump, l.conn, 1, "db1.prod.example", b->port);
	number = asked(n, "db1.prod.example");
	stage_channel_closed(l.jump, l.conn, 1);
	assert_non_null(strstr(stage_log(&b->p, "channel-refused"), "client closed"));
	resolved(n, number, (const char *[]){ "127.0.0.1", NULL });
	/* the number is free, and its answer is its own */
	stage_dial(l.jump, l.conn, 1, "127.0.0.1", b->port);
	opens(b, &l, 1);
	/* once for each REFUSED that may have crossed it a CLOSED is none's */
	stage_dial(l.jump, l.conn, 2, "127.0.0.9", b->port);
	is_refused(b, &l, 2, REFUSED_MAP, "no to=");
	stage_channel_closed(l.jump, l.conn, 2);
	stage_dial(l.jump, l.conn, 3, "127.0.0.1", b->port);
	opens(b, &l, 3);
	stage_channel_closed(l.jump, l.conn, 2);
	stage_expect_end(l.jump);
	line_close(b, &l);
	names_end(n);
}

/* resolve may need long for each: who asks for many waits for himself. */
static void
one_ones_names_do_not_keep_anothers_waiting(void **state)
{
	struct bench *b = *state;
	struct names *n = names_begin(b);
	struct stage_open a = jump_open(2);
	struct line l = line_in(b, 1), other;
	uint64_t number;
	char host[64];

	in_force(b, "email alice@corp.example alice bind=listed to=*.prod.example:PORT "
		    "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI\n"
		    "email bob@corp.example bob bind=listed to=*.test.example:PORT "
		    "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI\n");
	a.email = "bob@corp.example";
	other = line_open(b, &a);
	assert_int_equal(1, stage_login(other.jump, other.conn, "bob", 0, 1));
	for (uint32_t i = 0; i < 8; i++) {
		(void)snprintf(host, sizeof(host), "h%u.prod.example", (unsigned)i);
		stage_dial(l.jump, l.conn, i, host, b->port);
	}
	number = asked(n, "h0.prod.example");
	/* nobody waits for these any more: they are not asked */
	stage_channel_closed(l.jump, l.conn, 1);
	(void)stage_log(&b->p, "channel-refused");
	stage_channel_closed(l.jump, l.conn, 2);
	(void)stage_log(&b->p, "channel-refused");
	stage_dial(other.jump, other.conn, 1, "db.test.example", b->port);
	stage_dial(other.jump, other.conn, 2, "127.0.0.9", b->port);
	is_refused(b, &other, 2, REFUSED_MAP, "no to=");
	resolved(n, number, (const char *[]){ NULL });
	is_refused(b, &l, 0, REFUSED_TARGET, "no such name");
	resolved(n, asked(n, "db.test.example"), (const char *[]){ NULL });
	is_refused(b, &other, 1, REFUSED_TARGET, "no such name");
	resolved(n, asked(n, "h3.prod.example"), (const char *[]){ "127.0.0.1", NULL });
	opens(b, &l, 3);
	/* who leaves takes along what he waits for */
	number = asked(n, "h4.prod.example");
	line_close(b, &l);
	stage_dial(other.jump, other.conn, 3, "db2.test.example", b->port);
	resolved(n, number, (const char *[]){ "127.0.0.1", NULL });
	resolved(n, asked(n, "db2.test.example"), (const char *[]){ NULL });
	assert_int_equal(REFUSED_TARGET, stage_channel_refused(other.jump, other.conn, 3));
	line_close(b, &other);
	names_end(n);
}

/* The process ends while it is not read: what it said before counts, and nothing is its fault. */
static void
the_last_words_of_one_that_waits_are_read(void **state)
{
	enum { MANY = 100, OPEN = 1000, ASKED = 1001 };
	struct bench *b = *state;
	struct names *n = names_begin(b);
	struct line l = line_in(b, 1);
	const char *line;
	uint64_t number;

	stage_dial(l.jump, l.conn, OPEN, "127.0.0.1", b->port);
	close(stage_channel(l.jump, l.conn, OPEN));
	stage_dial(l.jump, l.conn, ASKED, "db1.prod.example", b->port);
	number = asked(n, "db1.prod.example");
	for (uint32_t i = 0; i < MANY; i++) {
		stage_dial(l.jump, l.conn, i, "127.0.0.9", b->port);
		is_refused(b, &l, i, REFUSED_MAP, "no to=");
	}
	stage_channel_closed(l.jump, l.conn, OPEN);
	close(l.jump);
	l.jump = -1;
	/* an answer that nobody takes any more */
	resolved(n, number, (const char *[]){ NULL });
	line = stage_log(&b->p, "channel-closed");
	if (strstr(line, "client closed") == NULL)
		fail_msg("%s", line);
	line_close(b, &l);
	names_end(n);
}

static void
a_target_that_does_not_listen_is_refused(void **state)
{
	struct bench *b = *state;
	struct line l = line_in(b, 1);
	uint16_t port;
	int fd = stage_listener(&port);

	close(fd);
	b->port = port;
	in_force(b, alice_map);
	stage_dial(l.jump, l.conn, 1, "127.0.0.1", port);
	is_refused(b, &l, 1, REFUSED_TARGET, "Connection refused");
	line_close(b, &l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(only_what_the_map_grants_is_opened),
		T(many_refusals_are_slow),
		T(a_name_that_no_pattern_has_is_refused_at_once),
		T(a_host_of_any_bytes_is_refused_and_shown_escaped),
		T(networks_of_the_map_are_within_jump_networks),
		T(a_name_is_asked_in_lower_case_and_its_allowed_addresses_are_dialled),
		T(a_map_that_comes_while_a_name_is_asked_has_the_last_word),
		T(a_channel_that_is_closed_while_it_is_dialled),
		T(one_ones_names_do_not_keep_anothers_waiting),
		T(the_last_words_of_one_that_waits_are_read),
		T(a_target_that_does_not_listen_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
