/* test_jump_messages.c - a jump process that breaks the protocol ends, and nobody else does */
#include "tests/unit/sshbridge/ident/jump_help.h"

/* It is dropped, its connection ends, its gate and the neighbour live. */
static void
is_dropped(struct bench *b, struct line *l, struct line *other, uint32_t channel)
{
	int fd, far;

	(void)stage_log(&b->p, "jump ");
	stage_expect_end(l->jump);
	close(l->jump);
	l->jump = -1;
	line_close(b, l);
	(void)stage_log(&b->p, "closed");
	stage_dial(other->jump, other->conn, channel, "127.0.0.1", b->port);
	fd = stage_channel(other->jump, other->conn, channel);
	far = accept(b->listener, NULL, NULL);
	stage_channel_closed(other->jump, other->conn, channel);
	close(fd);
	close(far);
}

/* A good message of this type. */
static void
put_good(const struct line *l, unsigned type, struct msg_out *o, uint8_t *buf, size_t size)
{
	msg_start(o, buf, size, (enum msg_type)type, l->conn);
	msg_put_u32(o, 50);
	switch (type) {
	case MSG_LOGIN:
		msg_put_str(o, "alice");
		msg_put_bytes(o, "k", 1);
		msg_put_u32(o, 0);
		msg_put_u32(o, 0);
		break;
	case MSG_DIAL:
		msg_put_str(o, "192.0.2.1");
		msg_put_u32(o, 22);
		msg_put_str(o, "127.0.0.1");
		msg_put_u32(o, 1);
		break;
	case MSG_CLOSED:
		msg_put_u64(o, 1);
		msg_put_u64(o, 2);
		msg_put_str(o, "end");
		break;
	default:
		break;
	}
}

static const unsigned types[] = { MSG_LOGIN, MSG_DIAL, MSG_CLOSED, MSG_ABOUT };
enum { NTYPES = sizeof(types) / sizeof(types[0]) };

static struct line
line_for(struct bench *b, unsigned type, uint32_t number)
{
	struct stage_open a = jump_open(number);

	return type == MSG_LOGIN ? line_open(b, &a) : line_in(b, number);
}

static void
short_and_long_messages(void **state)
{
	struct bench *b = *state;
	struct line other = line_in(b, 1);
	uint32_t channel = 0;

	for (size_t i = 0; i < NTYPES; i++)
		for (int delta = -1; delta <= 1; delta += 2) {
			struct line l = line_for(b, types[i], 2);
			uint8_t buf[512];
			struct msg_out o;

			put_good(&l, types[i], &o, buf, sizeof(buf));
			if (delta == 1)
				msg_put_u32(&o, 0);
			else
				o.len--;
			stage_send(l.jump, &o, NULL, 0);
			is_dropped(b, &l, &other, ++channel);
		}
	line_close(b, &other);
}

static void
messages_out_of_phase(void **state)
{
	static const struct {
		unsigned type;
		bool in; /* after the login; else before it */
	} rows[] = {
		{ MSG_LOGIN, true },
		{ MSG_DIAL, false },
		{ MSG_CLOSED, false },
		{ MSG_ABOUT, false },
		{ MSG_CLOSED, true }, /* of a channel that never was */
		{ MSG_START, true },
		{ MSG_OPENED, true },
		{ MSG_PASSED, true },
		{ MSG_OPEN, true },
		{ MSG_WHO, false },
		{ MSG_CUT, false },
		{ MSG_GENERATION, false },
		{ 999, true },
	};
	struct bench *b = *state;
	struct line other = line_in(b, 1);

	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stage_open a = jump_open(2);
		struct line l = rows[i].in ? line_in(b, 2) : line_open(b, &a);
		uint8_t buf[512];
		struct msg_out o;

		put_good(&l, rows[i].type, &o, buf, sizeof(buf));
		stage_send(l.jump, &o, NULL, 0);
		is_dropped(b, &l, &other, 100 + i);
	}
	line_close(b, &other);
}

static void
a_word_from_one_that_is_ready_ends_it(void **state)
{
	struct bench *b = *state;
	const struct line none = { .conn = 0 };

	for (size_t i = 0; i < NTYPES; i++) {
		int jump = stage_jump(&b->p, b->generation, 1);
		uint8_t buf[512];
		struct msg_out o;

		put_good(&none, types[i], &o, buf, sizeof(buf));
		stage_send(jump, &o, NULL, 0);
		stage_expect_end(jump);
		close(jump);
	}
}

static void
a_connection_that_is_not_its_own(void **state)
{
	struct bench *b = *state;
	struct line other = line_in(b, 1), l = line_in(b, 2);

	stage_dial(l.jump, other.conn, 1, "127.0.0.1", b->port);
	is_dropped(b, &l, &other, 1);
	l = line_in(b, 2);
	stage_dial(l.jump, 0, 1, "127.0.0.1", b->port);
	is_dropped(b, &l, &other, 2);
	line_close(b, &other);
}

static void
descriptors_with_a_message(void **state)
{
	struct bench *b = *state;
	struct line other = line_in(b, 1), l = line_in(b, 2);
	uint8_t buf[512];
	struct msg_out o;

	put_good(&l, MSG_DIAL, &o, buf, sizeof(buf));
	stage_send(l.jump, &o, &b->listener, 1);
	is_dropped(b, &l, &other, 1);
	line_close(b, &other);
}

static void
too_many_logins(void **state)
{
	struct bench *b = *state;
	struct line other = line_in(b, 1);
	struct stage_open a = jump_open(2);
	struct line l = line_open(b, &a);

	for (int i = 0; i < 40; i++)
		assert_int_equal(0, stage_login(l.jump, l.conn, "alice", 1, i % 2 == 0 ? 0 : 1));
	stage_login_send(l.jump, l.conn, 1, "alice", 0, 1);
	is_dropped(b, &l, &other, 1);
	line_close(b, &other);
}

static void
a_channel_twice(void **state)
{
	struct bench *b = *state;
	struct line other = line_in(b, 1), l = line_in(b, 2);
	int fd;

	stage_dial(l.jump, l.conn, 1, "127.0.0.1", b->port);
	fd = stage_channel(l.jump, l.conn, 1);
	close(accept(b->listener, NULL, NULL));
	stage_dial(l.jump, l.conn, 1, "127.0.0.1", b->port);
	is_dropped(b, &l, &other, 2);
	close(fd);
	line_close(b, &other);
}

static void
more_channels_than_the_settings_allow(void **state)
{
	struct bench *b = *state;
	struct line other = line_in(b, 1), l = line_in(b, 2);
	int fd[8], far[8];

	for (uint32_t i = 0; i < 8; i++) {
		stage_dial(l.jump, l.conn, i, "127.0.0.1", b->port);
		fd[i] = stage_channel(l.jump, l.conn, i);
		far[i] = accept(b->listener, NULL, NULL);
	}
	/* one that is closed makes room for one */
	stage_channel_closed(l.jump, l.conn, 0);
	close(fd[0]);
	close(far[0]);
	stage_dial(l.jump, l.conn, 8, "127.0.0.1", b->port);
	fd[0] = stage_channel(l.jump, l.conn, 8);
	far[0] = accept(b->listener, NULL, NULL);
	stage_dial(l.jump, l.conn, 9, "127.0.0.1", b->port);
	is_dropped(b, &l, &other, 1);
	for (int i = 0; i < 8; i++) {
		close(fd[i]);
		close(far[i]);
	}
	line_close(b, &other);
}

static void
more_than_32_dials_without_an_answer(void **state)
{
	struct bench *b = *state;
	struct line other, l;
	int resolve;

	b->s.channels = 100;
	in_force(b, alice_map);
	other = line_in(b, 1);
	l = line_in(b, 2);
	resolve = stage_peer(&b->p, PEER_RESOLVE, 0); /* answers nothing */
	in_force(b, alice_map);
	for (uint32_t i = 0; i < 32; i++)
		stage_dial(l.jump, l.conn, i, "db1.prod.example", b->port);
	stage_dial(other.jump, other.conn, 50, "192.0.2.1", 22);
	assert_int_equal(REFUSED_MAP, stage_channel_refused(other.jump, other.conn, 50));
	stage_dial(l.jump, l.conn, 32, "db1.prod.example", b->port);
	is_dropped(b, &l, &other, 1);
	line_close(b, &other);
	close(resolve);
}

/* The monitor's word is held to its form too: ident ends, and the bridge with it. */
static void
malformed_words_of_the_monitor_end_ident(void **state)
{
	static const struct {
		unsigned type;
		size_t n; /* u32s behind it */
		size_t nfds;
	} rows[] = {
		{ MSG_JUMP, 1, 1 },
		{ MSG_JUMP, 3, 0 },
		{ MSG_PAM, 0, 0 },
		{ MSG_PAM, 1, 1 }, /* none could be started, and here it is */
		{ MSG_PAM, 2, 0 },
	};
	struct stage p;
	uint8_t buf[64];
	struct msg_out o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd;

		stage_start(&p, "ident");
		fd = stage_peer(&p, PEER_GATE, 0);
		msg_start(&o, buf, sizeof(buf), (enum msg_type)rows[i].type, 7);
		for (size_t k = 0; k < rows[i].n; k++)
			msg_put_u32(&o, 0);
		stage_send(p.monitor, &o, &fd, rows[i].nfds);
		stage_expect_end(fd);
		close(fd);
		stage_end(&p);
	}
}

/* A descriptor that got lost on its way must not read as "nobody has a key". */
static void
a_generation_without_its_authorized_keys_ends_ident(void **state)
{
	struct stage p;
	uint8_t buf[64];
	struct msg_out o;
	int fd, fds[4];

	(void)state;
	stage_start(&p, "ident");
	fd = stage_peer(&p, PEER_GATE, 0);
	for (size_t i = 0; i < 4; i++)
		fds[i] = fd;
	msg_start(&o, buf, sizeof(buf), MSG_GENERATION, 0);
	msg_put_u64(&o, 1);
	msg_put_u32(&o, 0);
	stage_send(p.monitor, &o, fds, 4);
	stage_expect_end(fd);
	close(fd);
	stage_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(short_and_long_messages),
		T(messages_out_of_phase),
		T(a_word_from_one_that_is_ready_ends_it),
		T(a_connection_that_is_not_its_own),
		T(descriptors_with_a_message),
		T(too_many_logins),
		T(a_channel_twice),
		T(more_channels_than_the_settings_allow),
		T(more_than_32_dials_without_an_answer),
		cmocka_unit_test(malformed_words_of_the_monitor_end_ident),
		cmocka_unit_test(a_generation_without_its_authorized_keys_ends_ident),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
