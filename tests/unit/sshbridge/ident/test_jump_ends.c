/* test_jump_ends.c - what is over before the connection is, and what may not begin any more */
#include <poll.h>
#include <time.h>

#include "tests/unit/sshbridge/ident/jump_help.h"

#define KEY "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI "

/* What lets the login in stays; what opens the target ends soon. */
struct soon {
	struct line l;
	int fd, far;
};

static struct soon
soon_open(struct bench *b)
{
	struct soon s = { .l = line_in(b, 1) };

	stage_dial(s.l.jump, s.l.conn, 1, "127.0.0.1", b->port);
	s.fd = stage_channel(s.l.jump, s.l.conn, 1);
	s.far = accept(b->listener, NULL, NULL);
	return s;
}

/* The channel ends by itself, and nothing else does. */
static void
soon_ends(struct bench *b, struct soon *s, const char *why)
{
	const char *line;
	char byte;

	assert_int_equal(0, recv(s->far, &byte, 1, 0));
	stage_channel_closed(s->l.jump, s->l.conn, 1);
	line = stage_log(&b->p, "channel-closed");
	if (strstr(line, why) == NULL)
		fail_msg("%s", line);
	stage_dial(s->l.jump, s->l.conn, 2, "127.0.0.1", b->port);
	assert_int_equal(REFUSED_MAP, stage_channel_refused(s->l.jump, s->l.conn, 2));
	close(s->fd);
	close(s->far);
	line_close(b, &s->l);
}

static void
a_rule_that_lasts_shorter_than_the_one_of_the_login(void **state)
{
	struct bench *b = *state;
	struct soon s;

	in_force(b,
	    "email alice@corp.example alice bind=listed to=127.0.0.9:22 " KEY "\n"
	    "email alice@corp.example alice bind=listed max-session=4 to=127.0.0.1:PORT " KEY "\n");
	s = soon_open(b);
	soon_ends(b, &s, "no to=");
}

/* Another rule has the target too: then the channel goes on until that ends. */
static void
the_last_rule_that_opens_it_counts(void **state)
{
	struct bench *b = *state;
	time_t begin = time(NULL);
	struct soon s;

	in_force(b,
	    "email alice@corp.example alice bind=listed to=127.0.0.9:22 " KEY "\n"
	    "email alice@corp.example alice bind=listed max-session=3 to=127.0.0.1:PORT " KEY "\n"
	    "email alice@corp.example alice bind=listed max-session=5 to=127.0.0.1:PORT " KEY "\n");
	s = soon_open(b);
	soon_ends(b, &s, "no to=");
	assert_true(time(NULL) - begin >= 4);
}

/* A network takes 127.0.0.1 by name alone; who names the very address is the one that ends. */
static void
a_rule_with_the_very_address_beside_one_with_its_network(void **state)
{
	struct bench *b = *state;
	struct soon s;

	in_force(b,
	    "email alice@corp.example alice bind=listed to=127.0.0.0/8:PORT " KEY "\n"
	    "email alice@corp.example alice bind=listed max-session=4 to=127.0.0.1:PORT " KEY "\n");
	s = soon_open(b);
	soon_ends(b, &s, "loopback");
}

/* The certificate vouches for the key too, but that opens something else. */
static void
a_listed_key_whose_time_is_over(void **state)
{
	struct bench *b = *state;
	time_t at = time(NULL) + 4;
	char line[64];
	struct tm tm;
	struct soon s;

	assert_non_null(gmtime_r(&at, &tm));
	(void)strftime(line, sizeof(line), "expiry-time=\"%Y%m%d%H%M%SZ\" ", &tm);
	list_key(b, SSH_KEYS_EITHER, "alice", line, 0);
	in_force(b, "email alice@corp.example alice bind=listed to=127.0.0.9:22 " KEY "\n"
		    "email alice@corp.example alice to=127.0.0.1:PORT\n");
	s = soon_open(b);
	soon_ends(b, &s, "no to=");
}

/* ABOUT: no targets, and the certificate all the same. */
static void
tells_of_itself(const struct line *l, const char *want)
{
	struct got *g = malloc(sizeof(*g));
	char identity[256], account[256], serial[160];
	uint8_t buf[64];
	struct msg_out o;
	uint64_t not_after;
	uint32_t n;

	assert_non_null(g);
	msg_start(&o, buf, sizeof(buf), MSG_ABOUT, l->conn);
	msg_put_u32(&o, 1);
	stage_send(l->jump, &o, NULL, 0);
	stage_expect(l->jump, g, MSG_ABOUT);
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	assert_int_equal(0, msg_get_str(&g->m, identity, sizeof(identity)));
	assert_int_equal(0, msg_get_str(&g->m, account, sizeof(account)));
	assert_int_equal(0, msg_get_str(&g->m, serial, sizeof(serial)));
	assert_int_equal(0, msg_get_u64(&g->m, &not_after));
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	assert_string_equal(want, serial);
	assert_int_equal(0, n);
	free(g);
}

/* on-expiry = "keep" keeps what is open; a target is a new login. */
static void
an_expired_certificate_that_is_kept_opens_nothing_new(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1);
	struct line l;
	int fd, far;
	char byte;

	b->s.targets[1].keep_expired = 1;
	in_force(b, alice_map);
	a.not_after = time(NULL) + 4;
	l = line_open(b, &a);
	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", 0, 1));
	stage_dial(l.jump, l.conn, 1, "127.0.0.1", b->port);
	fd = stage_channel(l.jump, l.conn, 1);
	far = accept(b->listener, NULL, NULL);
	while (time(NULL) <= a.not_after + 1)
		(void)poll(NULL, 0, 100);
	stage_dial(l.jump, l.conn, 2, "127.0.0.1", b->port);
	assert_int_equal(REFUSED_CERTIFICATE, stage_channel_refused(l.jump, l.conn, 2));
	tells_of_itself(&l, "1a2b");
	in_force(b, alice_map);
	stage_dial(l.jump, l.conn, 3, "127.0.0.1", b->port);
	assert_int_equal(REFUSED_CERTIFICATE, stage_channel_refused(l.jump, l.conn, 3));
	assert_int_equal(1, send(fd, "x", 1, MSG_NOSIGNAL));
	assert_int_equal(1, recv(far, &byte, 1, 0));
	close(fd);
	close(far);
	line_close(b, &l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_rule_that_lasts_shorter_than_the_one_of_the_login),
		T(the_last_rule_that_opens_it_counts),
		T(a_rule_with_the_very_address_beside_one_with_its_network),
		T(a_listed_key_whose_time_is_over),
		T(an_expired_certificate_that_is_kept_opens_nothing_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
