/* test_jump_cut.c - what ends a jump connection or one of its channels, and how it is told */
#include <poll.h>
#include <time.h>

#include "conninfo.h"
#include "lockset.h"
#include "sealed.h"
#include "tests/unit/sshbridge/ident/jump_help.h"

#define KEY "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI "

static bool
reads_end(int fd)
{
	struct pollfd pf = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&pf, 1, -1) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

/* A line with one channel to the target. */
struct used {
	struct line l;
	int fd, far;
	time_t opened; /* monotonic seconds */
};

static time_t
seconds_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static struct used
used_open(struct bench *b, uint32_t number)
{
	struct used u = { .l = line_in(b, number), .opened = seconds_now() };

	stage_dial(u.l.jump, u.l.conn, 1, "127.0.0.1", b->port);
	u.fd = stage_channel(u.l.jump, u.l.conn, 1);
	u.far = accept(b->listener, NULL, NULL);
	(void)stage_log(&b->p, "channel-opened");
	return u;
}

static void
used_close(struct bench *b, struct used *u)
{
	close(u->fd);
	close(u->far);
	line_close(b, &u->l);
}

static void
is_alive(struct used *u)
{
	char byte;

	assert_int_equal(1, send(u->fd, "x", 1, MSG_NOSIGNAL));
	assert_int_equal(1, recv(u->far, &byte, 1, 0));
}

/*
 * The target is cut off and the process told, with words for its client; the gate hears of it when
 * the process has ended, and has by then what that wrote last.
 */
static void
is_cut(struct bench *b, struct used *u, unsigned code, const char *words)
{
	char text[256], last[16];
	bool told;

	assert_int_equal(code, stage_jump_cut(u->l.jump, u->l.conn, text, sizeof(text)));
	/* on a machine that is so busy the second may be over */
	told = send(u->l.jump_fd, "bye", 3, MSG_NOSIGNAL) == 3;
	assert_true(told || seconds_now() - u->opened >= 1);
	if (strstr(text, words) == NULL)
		fail_msg("%s", text);
	assert_true(reads_end(u->far));
	(void)stage_log(&b->p, "cut ");
	close(u->l.jump);
	u->l.jump = -1;
	assert_int_equal(code, stage_cut(b->gate, u->l.number, u->l.conn));
	assert_int_equal(told ? 3 : 0, recv(u->l.gate_fd, last, sizeof(last), 0));
	used_close(b, u);
	(void)stage_log(&b->p, "closed");
}

static void
a_map_that_takes_the_account_away_cuts(void **state)
{
	struct bench *b = *state;
	struct used u = used_open(b, 1);

	in_force(b, "email alice@corp.example ops bind=listed to=127.0.0.1:PORT " KEY "\n");
	is_cut(b, &u, CUT_MAP, "no access to this account any more");
}

static void
a_map_that_binds_another_key_cuts(void **state)
{
	struct bench *b = *state;
	struct used u = used_open(b, 1);

	in_force(b, "email alice@corp.example alice bind=same-key to=127.0.0.1:PORT\n");
	is_cut(b, &u, CUT_MAP, "no access to this account any more");
}

/* A target that is granted no more ends, and nothing else does. */
static void
a_map_that_takes_a_target_away_ends_its_channels_alone(void **state)
{
	struct bench *b = *state;
	struct used u = used_open(b, 1);
	const char *line;

	in_force(b, "email alice@corp.example alice bind=listed to=127.0.0.1:22 " KEY "\n");
	assert_true(reads_end(u.far));
	stage_channel_closed(u.l.jump, u.l.conn, 1);
	line = stage_log(&b->p, "channel-closed");
	if (strstr(line, "why=\"no to= of the identity map grants this target\"") == NULL)
		fail_msg("%s", line);
	close(u.fd);
	close(u.far);
	in_force(b, alice_map);
	stage_dial(u.l.jump, u.l.conn, 2, "127.0.0.1", b->port);
	u.fd = stage_channel(u.l.jump, u.l.conn, 2);
	u.far = accept(b->listener, NULL, NULL);
	in_force(b, alice_map); /* nothing changes */
	is_alive(&u);
	used_close(b, &u);
}

/* What the old certificate was good for beyond the new one's ends with it. */
static void
a_renewal_that_takes_a_target_away_ends_its_channels(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1), next = jump_open(1);
	struct used u = { .fd = -1 };

	in_force(b, "email alice@corp.example alice bind=listed to=127.0.0.9:22 " KEY "\n"
		    "cn dba alice bind=listed to=127.0.0.1:PORT " KEY "\n");
	a.cn = "dba";
	next.leaf = 2;
	next.serial = "77";
	u.l = line_open(b, &a);
	assert_int_equal(1, stage_login(u.l.jump, u.l.conn, "alice", 0, 1));
	stage_dial(u.l.jump, u.l.conn, 1, "127.0.0.1", b->port);
	u.fd = stage_channel(u.l.jump, u.l.conn, 1);
	u.far = accept(b->listener, NULL, NULL);
	a.leaf = 3;
	stage_renew_send(b->gate, u.l.conn, &a);
	(void)stage_renewed(b->gate, 1, u.l.conn);
	is_alive(&u);
	stage_renew_send(b->gate, u.l.conn, &next);
	(void)stage_renewed(b->gate, 1, u.l.conn);
	assert_true(reads_end(u.far));
	used_close(b, &u);
}

/* The map that comes while the record is written has the last word. */
static void
a_map_that_takes_a_target_away_before_its_record_is_written(void **state)
{
	struct bench *b = *state;
	struct line l = line_in(b, 1);

	b->s.audit_require = 1;
	in_force(b, alice_map);
	stage_dial(l.jump, l.conn, 1, "127.0.0.1", b->port);
	(void)stage_log(&b->p, "channel-opened");
	in_force(b, "email alice@corp.example alice bind=listed to=127.0.0.1:22 " KEY "\n");
	stage_audited(&b->p, b->p.audit.number, 1);
	assert_int_equal(REFUSED_MAP, stage_channel_refused(l.jump, l.conn, 1));
	line_close(b, &l);
}

static void
jump_networks_that_lose_a_target_end_its_channels(void **state)
{
	struct bench *b = *state;
	struct err e;
	struct used u;

	assert_int_equal(0, cidr_parse("127.0.0.1/32", &b->s.jump_networks[0], &e));
	b->s.njump_networks = 1;
	in_force(b, "email alice@corp.example alice bind=listed to=127.0.0.0/8:PORT " KEY "\n");
	u = used_open(b, 1);
	b->s.njump_networks = 0;
	in_force(b, b->map);
	assert_true(reads_end(u.far));
	used_close(b, &u);
}

static void
a_revoked_certificate_cuts(void **state)
{
	struct bench *b = *state;
	struct used u = used_open(b, 1);

	b->s.sections[0].revocation = 1;
	b->p.revoked = true;
	in_force(b, alice_map);
	is_cut(b, &u, CUT_REVOKED, "the certificate was revoked");
}

static void
an_expired_certificate_cuts_and_its_neighbour_lives(void **state)
{
	struct bench *b = *state;
	struct used other = used_open(b, 2), u = { .fd = -1 };
	struct stage_open a = jump_open(1);

	a.not_after = time(NULL) + 4;
	u.l = line_open(b, &a);
	assert_int_equal(1, stage_login(u.l.jump, u.l.conn, "alice", 0, 1));
	stage_dial(u.l.jump, u.l.conn, 1, "127.0.0.1", b->port);
	u.fd = stage_channel(u.l.jump, u.l.conn, 1);
	u.far = accept(b->listener, NULL, NULL);
	is_cut(b, &u, CUT_EXPIRED, "the certificate has expired");
	is_alive(&other);
	used_close(b, &other);
}

static void
a_target_that_leaves_the_configuration_cuts(void **state)
{
	struct bench *b = *state;
	struct used u = used_open(b, 1);

	b->s.ntargets = 1;
	in_force(b, alice_map);
	is_cut(b, &u, CUT_MAP, "");
}

static void
send_locks(struct bench *b, const char *name)
{
	struct lockset s = { 0 };
	uint8_t buf[64];
	struct msg_out o;
	struct err e;
	size_t n;
	char *text;
	int memfd;

	assert_int_equal(1, lockset_add(&s, name, "", 1, &e));
	text = lockset_text(&s, &n, &e);
	memfd = sealed_new("locks", text, n, &e);
	msg_start(&o, buf, sizeof(buf), MSG_LOCKS, 0);
	msg_put_u64(&o, 1);
	stage_send(b->p.monitor, &o, &memfd, 1);
	close(memfd);
	free(text);
	lockset_done(&s);
}

static void
a_lock_cuts_and_lets_nobody_log_in(void **state)
{
	struct bench *b = *state;
	struct used u = used_open(b, 1);

	send_locks(b, "corp/email:alice@corp.example");
	is_cut(b, &u, CUT_OPERATOR, "this identity is locked");
}

/* One that has hung up on its client, and does not end, still has its channels. */
static void
a_lock_cuts_what_speaks_with_targets_alone(void **state)
{
	struct bench *b = *state;
	struct used u = used_open(b, 1);
	char text[256];

	assert_int_equal(0, shutdown(u.l.jump_fd, SHUT_RDWR));
	assert_int_equal(0, recv(u.l.gate_fd, text, 1, 0));
	do
		stage_dial(u.l.jump, u.l.conn, 7, "127.0.0.9", b->port);
	while (stage_channel_refused(u.l.jump, u.l.conn, 7) == REFUSED_MAP);
	is_alive(&u);
	send_locks(b, "corp/email:alice@corp.example");
	assert_int_equal(CUT_OPERATOR, stage_jump_cut(u.l.jump, u.l.conn, text, sizeof(text)));
	assert_int_equal(CUT_OPERATOR, stage_cut(b->gate, 1, u.l.conn));
	assert_true(reads_end(u.far));
	used_close(b, &u);
}

/* A process that does not end is not waited for. */
static void
the_gate_is_told_a_second_later_where_the_process_stays(void **state)
{
	struct bench *b = *state;
	struct used u = used_open(b, 1);
	char text[256];

	send_locks(b, "corp/email:alice@corp.example");
	assert_int_equal(CUT_OPERATOR, stage_jump_cut(u.l.jump, u.l.conn, text, sizeof(text)));
	/* what crossed the CUT is dropped, in whichever phase it belongs */
	stage_dial(u.l.jump, u.l.conn, 7, "127.0.0.1", b->port);
	stage_login_send(u.l.jump, u.l.conn, 1, "alice", 0, 1);
	stage_channel_closed(u.l.jump, u.l.conn, 1);
	stage_channel_closed(u.l.jump, u.l.conn, 8);
	assert_int_equal(CUT_OPERATOR, stage_cut(b->gate, 1, u.l.conn));
	assert_true(reads_end(u.l.jump_fd));
	stage_closed(b->gate, u.l.conn, 1);
	(void)stage_log(&b->p, "closed");
	stage_expect_end(u.l.jump);
	close(u.fd);
	close(u.far);
	close(u.l.jump);
	close(u.l.jump_fd);
	close(u.l.gate_fd);
}

/* ---- what the operator sees ----------------------------------------------------------------- */

static void
show_has_the_channels_and_what_was_refused(void **state)
{
	struct bench *b = *state;
	struct used u = used_open(b, 1);
	int ctl = stage_peer(&b->p, PEER_CONTROL, 0);
	struct got *g = malloc(sizeof(*g));
	char key[64], value[2048], seen[8192] = "";
	uint8_t buf[64];
	struct msg_out o;
	struct conninfo c;
	uint32_t found;
	size_t n = 0;

	assert_non_null(g);
	is_alive(&u);
	for (uint32_t i = 0; i < 10; i++) {
		stage_dial(u.l.jump, u.l.conn, 10 + i, "127.0.0.9", 1000 + i);
		assert_int_equal(REFUSED_MAP, stage_channel_refused(u.l.jump, u.l.conn, 10 + i));
	}
	msg_start(&o, buf, sizeof(buf), MSG_SHOW, 0);
	msg_put_u64(&o, u.l.conn);
	stage_send(ctl, &o, NULL, 0);
	stage_expect(ctl, g, MSG_SHOW);
	assert_int_equal(0, msg_get_u32(&g->m, &found));
	assert_int_equal(1, found);
	assert_int_equal(0, conninfo_get(&g->m, &c));
	assert_true(c.is_jump && c.has_bytes);
	assert_int_equal(1, c.channels);
	assert_int_equal(1, c.from_client);
	assert_string_equal("alice", c.account);
	assert_string_equal("jump", c.target);
	while (msg_get_str(&g->m, key, sizeof(key)) == 0 && key[0] != '\0') {
		assert_int_equal(0, msg_get_str(&g->m, value, sizeof(value)));
		n += (size_t)snprintf(seen + n, sizeof(seen) - n, "%s %s\n", key, value);
	}
	assert_non_null(strstr(seen, "channel 1 to 127.0.0.1:"));
	assert_non_null(strstr(seen, ", 1 in, 0 out\n"));
	assert_non_null(strstr(seen, "key SHA256:cqpq0ny"));
	/* the newest first, eight of them */
	assert_non_null(strstr(seen, "refused 127.0.0.9:1009 at "));
	assert_non_null(strstr(seen, "refused 127.0.0.9:1002 at "));
	assert_null(strstr(seen, "127.0.0.9:1001"));
	assert_true(strstr(seen, ":1009") < strstr(seen, ":1002"));
	close(ctl);
	free(g);
	used_close(b, &u);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_map_that_takes_the_account_away_cuts),
		T(a_map_that_binds_another_key_cuts),
		T(a_map_that_takes_a_target_away_ends_its_channels_alone),
		T(a_renewal_that_takes_a_target_away_ends_its_channels),
		T(a_map_that_takes_a_target_away_before_its_record_is_written),
		T(jump_networks_that_lose_a_target_end_its_channels),
		T(a_revoked_certificate_cuts),
		T(an_expired_certificate_cuts_and_its_neighbour_lives),
		T(a_target_that_leaves_the_configuration_cuts),
		T(a_lock_cuts_and_lets_nobody_log_in),
		T(a_lock_cuts_what_speaks_with_targets_alone),
		T(the_gate_is_told_a_second_later_where_the_process_stays),
		T(show_has_the_channels_and_what_was_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
