/* test_cut.c - what ends a live connection, and that its neighbour lives on */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "child.h"
#include "sshbridge/ident/judge.h"
#include "tests/unit/help/stage.h"

enum { ACCOUNT = 2, OPEN_SESSION = 3 };
/* Seconds in which a connection is opened and asked about, on a busy machine too. */
enum { SOON = 6 };

/* Connections of one gate: `fd` is the gate's end, `far` is sshd's. */
struct bench {
	struct stage p;
	struct settings s;
	struct stage_sock sock;
	int listener, gate;
	struct line {
		int fd, far;
		uint64_t conn;
	} c[8];
	uint64_t generation;
};

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
	for (size_t i = 0; i < 8; i++)
		b->c[i].fd = b->c[i].far = -1;
	*state = b;
	return 0;
}

static void
shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < 8; i++) {
		shut(&b->c[i].fd);
		shut(&b->c[i].far);
	}
	shut(&b->gate);
	shut(&b->listener);
	stage_listen_done(&b->sock);
	stage_end(&b->p);
	free(b);
	return 0;
}

static void
open_on(struct bench *b, int gate, const struct stage_open *a)
{
	struct line *l = &b->c[a->number];

	stage_open_send(gate, a);
	l->fd = stage_opened(gate, a->number, &l->conn);
	l->far = accept(b->listener, NULL, NULL);
}

static void
open_one(struct bench *b, const struct stage_open *a)
{
	open_on(b, b->gate, a);
}

static unsigned
ask(struct bench *b, uint32_t number, unsigned hook, const char *account)
{
	unsigned kind;

	return stage_ask(&b->sock, hook, account, b->c[number].far, &kind);
}

static void
new_map(struct bench *b, const char *map)
{
	char why[512];

	stage_generation(&b->p, ++b->generation, &b->s, (const uint8_t[]){ STAGE_ANCHOR }, 1, map);
	if (!stage_ready(&b->p, b->generation, why, sizeof(why)))
		fail_msg("generation refused: %s", why);
}

static void
new_anchor(struct bench *b, uint8_t anchor)
{
	char why[512];

	stage_generation(&b->p, ++b->generation, &b->s, &anchor, 1, stage_map);
	if (!stage_ready(&b->p, b->generation, why, sizeof(why)))
		fail_msg("generation refused: %s", why);
}

/* The server sees the end, nobody logs in any more, one line says why; CLOSED frees the number. */
static void
is_cut(struct bench *b, uint32_t number, unsigned code, const char *account, const char *why)
{
	struct line *l = &b->c[number];
	const char *line;
	char id[40], byte;

	assert_int_equal(code, stage_cut(b->gate, number, l->conn));
	assert_int_equal(0, recv(l->far, &byte, 1, 0));
	assert_int_equal(MSG_NO, ask(b, number, ACCOUNT, account));
	line = stage_log(&b->p, "cut ");
	(void)snprintf(id, sizeof(id), "conn=%016llx", (unsigned long long)l->conn);
	assert_non_null(strstr(line, id));
	if (strstr(line, why) == NULL)
		fail_msg("%s", line);
	stage_closed(b->gate, l->conn, number);
	(void)stage_log(&b->p, "closed");
	assert_int_equal(MSG_NO, ask(b, number, ACCOUNT, account));
}

static void
is_alive(struct bench *b, uint32_t number, const char *account)
{
	char byte;

	assert_int_equal(MSG_IS, ask(b, number, ACCOUNT, account));
	assert_int_equal(1, send(b->c[number].fd, "x", 1, MSG_NOSIGNAL));
	assert_int_equal(1, recv(b->c[number].far, &byte, 1, 0));
}

static void
expired_is_cut_and_the_other_is_not(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1), longer = stage_open(2);
	struct timespec now;

	a.not_after = time(NULL) + SOON;
	open_one(b, &a);
	open_one(b, &longer);
	is_cut(b, 1, CUT_EXPIRED, "alice", "for=expired why=\"section corp: a certificate expired");
	/* not time(), whose second begins some ms after the clock's that ident goes by */
	assert_int_equal(0, clock_gettime(CLOCK_REALTIME, &now));
	assert_true(now.tv_sec > a.not_after);
	is_alive(b, 2, "alice");
}

static void
expired_is_kept_where_the_target_says_so_and_cut_for_all_else(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1), longer = stage_open(2);
	char byte;

	b->s.targets[0].keep_expired = 1;
	stage_in_force(&b->p, ++b->generation, &b->s);
	a.not_after = time(NULL) + SOON;
	open_one(b, &a);
	assert_int_equal(MSG_IS, ask(b, 1, ACCOUNT, "alice"));
	open_one(b, &longer);
	while (time(NULL) <= a.not_after + 1)
		(void)usleep(50000);
	stage_in_force(&b->p, ++b->generation, &b->s);
	assert_int_equal(1, send(b->c[1].fd, "x", 1, MSG_NOSIGNAL));
	assert_int_equal(1, recv(b->c[1].far, &byte, 1, 0));
	assert_int_equal(MSG_NO, ask(b, 1, ACCOUNT, "alice"));
	/* a change of the map ends it all the same */
	new_map(b, "email {user}@corp.example {user}x trust=corp\n");
	is_cut(b, 1, CUT_MAP, "alice", "for=map");
	is_alive(b, 2, "alicex");
	/* and one that would expire later ends when the word is taken back */
	longer.number = 3;
	longer.not_after = time(NULL) + SOON;
	open_one(b, &longer);
	while (time(NULL) <= longer.not_after)
		(void)usleep(50000);
	b->s.targets[0].keep_expired = 0;
	new_map(b, "email {user}@corp.example {user}x trust=corp\n");
	is_cut(b, 3, CUT_EXPIRED, "alicex", "for=expired");
	is_alive(b, 2, "alicex");
}

static void
authority_that_is_trusted_no_more_is_cut(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1), other = stage_open(2);
	char why[512];

	other.anchor = STAGE_ANCHOR + 1;
	stage_generation(&b->p, ++b->generation, &b->s,
	    (const uint8_t[]){ STAGE_ANCHOR, STAGE_ANCHOR + 1 }, 2, stage_map);
	assert_true(stage_ready(&b->p, b->generation, why, sizeof(why)));
	open_one(b, &a);
	open_one(b, &other);
	new_anchor(b, STAGE_ANCHOR + 1);
	is_cut(b, 1, CUT_DISTRUSTED, "alice", "for=distrusted");
	is_alive(b, 2, "alice");
}

static void
before_a_login_the_map_cuts_who_could_not_connect(void **state)
{
	struct bench *b = *state;
	struct stage_open alice = stage_open(1), bob = stage_open(2);

	bob.email = "bob@corp.example";
	open_one(b, &alice);
	open_one(b, &bob);
	/* another account is still one */
	new_map(b, "email {user}@corp.example ops trust=corp\n");
	new_map(b, "email {user}@corp.example ops trust=corp\n"
		   "email alice@corp.example deny trust=corp\n");
	is_cut(b, 1, CUT_MAP, "ops", "for=map why=\"a rule denies");
	is_alive(b, 2, "ops");
}

static void
after_a_login_the_map_cuts_who_lost_the_account(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);

	open_one(b, &a);
	a.number = 2;
	open_one(b, &a);
	assert_int_equal(MSG_IS, ask(b, 1, ACCOUNT, "alice"));
	assert_int_equal(MSG_IS, ask(b, 1, OPEN_SESSION, "alice"));
	/* granted by another rule now: nothing changes for it */
	new_map(b, "email alice@corp.example alice,ops trust=corp\n");
	is_alive(b, 1, "alice");
	new_map(b, "email alice@corp.example ops trust=corp\n");
	is_cut(b, 1, CUT_MAP, "ops", "account=alice for=map why=\"no rule grants this account");
	/* the same certificate, nobody logged in */
	is_alive(b, 2, "ops");
}

static void
service_of_the_login_counts(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1), bob = stage_open(2);

	bob.email = "bob@corp.example";
	open_one(b, &a);
	open_one(b, &bob);
	assert_int_equal(MSG_IS, ask(b, 1, ACCOUNT, "alice"));
	assert_int_equal(MSG_IS, ask(b, 2, ACCOUNT, "bob"));
	new_map(b, "email alice@corp.example alice trust=corp service=sudo\n"
		   "email bob@corp.example bob trust=corp service=sshd,sudo\n");
	is_cut(b, 1, CUT_MAP, "alice", "for=map why=\"the options");
	is_alive(b, 2, "bob");
}

/* Each account that was granted counts, not the last one only. */
static void
each_of_several_accounts_must_stay(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);

	new_map(b, "email alice@corp.example alice,ops trust=corp\n");
	open_one(b, &a);
	a.number = 2;
	open_one(b, &a);
	for (uint32_t i = 1; i <= 2; i++) {
		assert_int_equal(MSG_IS, ask(b, i, ACCOUNT, i == 1 ? "alice" : "ops"));
		assert_int_equal(MSG_IS, ask(b, i, ACCOUNT, "ops"));
	}
	new_map(b, "email alice@corp.example ops trust=corp\n");
	is_cut(b, 1, CUT_MAP, "ops", "for=map");
	is_alive(b, 2, "ops");
}

static void
max_session_is_over_where_no_rule_lasts_longer(void **state)
{
	struct bench *b = *state;
	struct stage_open alice = stage_open(1), bob = stage_open(2);
	time_t from;

	new_map(b, "email {user}@corp.example {user} trust=corp max-session=6\n"
		   "email bob@corp.example bob trust=corp\n");
	bob.email = "bob@corp.example";
	open_one(b, &alice);
	open_one(b, &bob);
	alice.number = 3; /* nobody logs in: no rule granted anything */
	open_one(b, &alice);
	from = time(NULL);
	assert_int_equal(MSG_IS, ask(b, 1, ACCOUNT, "alice"));
	assert_int_equal(MSG_IS, ask(b, 2, ACCOUNT, "bob"));
	is_cut(b, 1, CUT_MAX_SESSION, "alice", "for=max-session why=\"max-session=6 is over");
	assert_true(time(NULL) - from >= 1); /* opened at most some seconds before */
	is_alive(b, 2, "bob");
	assert_int_equal(MSG_NO, ask(b, 3, ACCOUNT, "alice")); /* too late for a login */
	assert_int_equal(1, send(b->c[3].fd, "x", 1, MSG_NOSIGNAL));
}

static void
max_session_of_a_new_map_counts_from_opening(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);

	open_one(b, &a);
	a.number = 2;
	open_one(b, &a);
	assert_int_equal(MSG_IS, ask(b, 1, ACCOUNT, "alice"));
	(void)sleep(1);
	new_map(b, "email {user}@corp.example {user} trust=corp max-session=1\n"
		   "email alice@corp.example ops trust=corp max-session=900\n");
	is_cut(b, 1, CUT_MAX_SESSION, "ops", "for=max-session");
	is_alive(b, 2, "ops");
}

static void
one_that_is_still_dialling_is_refused(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1), bob = stage_open(2);
	struct got *g = malloc(sizeof(*g));
	int resolve;

	assert_non_null(g);
	memcpy(b->s.targets[0].host, "sshd.example", 13);
	resolve = stage_peer(&b->p, PEER_RESOLVE, 0);
	stage_in_force(&b->p, ++b->generation, &b->s);
	bob.email = "bob@corp.example";
	stage_open_send(b->gate, &a);
	stage_open_send(b->gate, &bob);
	stage_expect(resolve, g, MSG_RESOLVE); /* one question for both */
	new_map(b, "email bob@corp.example bob trust=corp\n");
	assert_int_equal(REFUSED_MAP, stage_refused(b->gate, 1));
	assert_non_null(strstr(stage_log(&b->p, "refused"), "why=\"no rule matches"));
	close(resolve);
	/* bob's was not touched: it ends for want of an answer */
	assert_int_equal(REFUSED_TARGET, stage_refused(b->gate, 2));
	free(g);
}

/* Cut once, whatever happens until the gate has closed it. */
static void
what_is_cut_is_cut_once(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1), bob = stage_open(2);

	bob.email = "bob@corp.example";
	open_one(b, &a);
	new_map(b, "email bob@corp.example bob trust=corp\n");
	assert_int_equal(CUT_MAP, stage_cut(b->gate, 1, b->c[1].conn));
	new_map(b, "email bob@corp.example bob trust=corp\nemail alice@corp.example deny\n");
	(void)sleep(2);
	/* back on the map: what is cut stays so */
	new_map(b, "email {user}@corp.example {user} trust=corp\n");
	assert_int_equal(MSG_NO, ask(b, 1, ACCOUNT, "alice"));
	open_one(b, &bob); /* the next message is OPENED, not CUT */
	stage_closed(b->gate, b->c[1].conn, 1);
	assert_non_null(strstr(stage_log(&b->p, "closed"), "why=\"client left\""));
	is_alive(b, 2, "bob");
}

/* The gate's own CLOSED is under way when it is cut. */
static void
closed_that_crosses_the_cut_is_well(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);

	open_one(b, &a);
	a.number = 2;
	open_one(b, &a);
	stage_generation(
	    &b->p, ++b->generation, &b->s, (const uint8_t[]){ STAGE_ANCHOR + 1 }, 1, stage_map);
	stage_closed(b->gate, b->c[1].conn, 1);
	(void)stage_log(&b->p, "closed");
	/* whichever came first: number 2 is cut, and the gate is still ours */
	for (;;) {
		struct got *g = malloc(sizeof(*g));
		uint64_t conn;

		assert_non_null(g);
		stage_expect(b->gate, g, MSG_CUT);
		conn = g->m.conn;
		free(g);
		if (conn == b->c[2].conn)
			break;
	}
	stage_closed(b->gate, b->c[2].conn, 2);
	(void)stage_log(&b->p, "closed");
	new_map(b, stage_map);
	a.number = 3;
	open_one(b, &a);
	is_alive(b, 3, "alice");
}

static void
gate_that_closes_nothing_is_given_up(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1), bob = stage_open(2);
	int hangs = stage_peer(&b->p, PEER_GATE, 1), good = b->gate;
	char byte;

	bob.email = "bob@corp.example";
	new_map(b, stage_map);
	open_on(b, hangs, &a);
	open_on(b, hangs, &bob);
	bob.number = 3;
	open_on(b, good, &bob);
	new_map(b, "email bob@corp.example bob trust=corp\n");
	assert_int_equal(CUT_MAP, stage_cut(hangs, 1, b->c[1].conn));
	/* at once, whatever the gate does */
	assert_int_equal(0, recv(b->c[1].far, &byte, 1, 0));
	is_alive(b, 2, "bob");
	stage_expect_end(hangs);
	assert_non_null(strstr(stage_log(&b->p, "gate 1"), "does not end what was cut"));
	assert_int_equal(0, recv(b->c[2].far, &byte, 1, 0));
	is_alive(b, 3, "bob");
	close(hangs);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(expired_is_cut_and_the_other_is_not),
		TEST(expired_is_kept_where_the_target_says_so_and_cut_for_all_else),
		TEST(authority_that_is_trusted_no_more_is_cut),
		TEST(before_a_login_the_map_cuts_who_could_not_connect),
		TEST(after_a_login_the_map_cuts_who_lost_the_account),
		TEST(service_of_the_login_counts),
		TEST(each_of_several_accounts_must_stay),
		TEST(max_session_is_over_where_no_rule_lasts_longer),
		TEST(max_session_of_a_new_map_counts_from_opening),
		TEST(one_that_is_still_dialling_is_refused),
		TEST(what_is_cut_is_cut_once),
		TEST(closed_that_crosses_the_cut_is_well),
		TEST(gate_that_closes_nothing_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
