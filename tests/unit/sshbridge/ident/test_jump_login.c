/* test_jump_login.c - keys that are listed, PAM's word on a login, records that must be written */
#include <poll.h>

#include "tests/unit/sshbridge/ident/jump_help.h"

static bool
reads_end(int fd)
{
	struct pollfd pf = { .fd = fd, .events = POLLIN };
	char byte;

	return poll(&pf, 1, -1) == 1 && recv(fd, &byte, 1, 0) <= 0;
}

/* ---- authorized-keys ------------------------------------------------------------------------ */

static void
a_key_must_be_listed_where_keys_must_be(void **state)
{
	static const struct {
		const char *account, *options;
		unsigned listed, verdict;
		const char *why;
	} rows[] = {
		{ "alice", "", 0, 1, NULL },
		{ "alice", "", 1, 0, "not listed" },
		{ "bob", "", 0, 0, "not listed" }, /* in another's file */
		{ "alice", "from=\"192.0.2.0/24\" ", 0, 1, NULL },
		{ "alice", "from=\"198.51.100.0/24\" ", 0, 0, "address" },
		{ "alice", "expiry-time=\"20200101Z\" ", 0, 0, "expiry" },
		{ "alice", "expiry-time=\"21000101Z\" ", 0, 1, NULL },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stage_open a = jump_open(1);
		struct line l;
		const char *line;

		list(b, SSH_KEYS_LISTED, rows[i].account, rows[i].options, rows[i].listed);
		l = line_open(b, &a);
		assert_int_equal(rows[i].verdict, stage_login(l.jump, l.conn, "alice", 0, 0));
		assert_int_equal(rows[i].verdict, stage_login(l.jump, l.conn, "alice", 0, 1));
		if (rows[i].why != NULL) {
			line = stage_log(&b->p, "denied");
			if (strstr(line, rows[i].why) == NULL)
				fail_msg("%s", line);
		}
		line_close(b, &l);
		(void)stage_log(&b->p, "closed");
	}
}

static void
either_takes_a_key_that_is_bound_and_one_that_is_listed(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1);
	struct line l;

	list(b, SSH_KEYS_EITHER, "alice", "", 1);
	l = line_open(b, &a);
	in_force(b, "email alice@corp.example alice bind=listed "
		    "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI\n"
		    "email alice@corp.example alice\n");
	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", 0, 0));
	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", 1, 0));
	assert_int_equal(0, stage_login(l.jump, l.conn, "alice", 2, 0));
	/* a rule's own bind= holds for a key that is listed too */
	in_force(b, "email alice@corp.example alice bind=listed "
		    "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI\n");
	assert_int_equal(0, stage_login(l.jump, l.conn, "alice", 1, 0));
	line_close(b, &l);
}

static void
what_the_line_says_of_targets_holds(void **state)
{
	static const struct {
		const char *options;
		bool opens;
	} rows[] = {
		{ "", true },
		{ "restrict ", false },
		{ "no-port-forwarding ", false },
		{ "restrict,port-forwarding ", true },
		{ "permitopen=\"127.0.0.1:*\" ", true },
		{ "permitopen=\"127.0.0.2:22\" ", false },
		{ "permitopen=\"127.0.0.1:1\" ", false },
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct line l;
		int fd;

		list(b, SSH_KEYS_LISTED, "alice", rows[i].options, 0);
		l = line_in(b, 1);
		stage_dial(l.jump, l.conn, 1, "127.0.0.1", b->port);
		if (rows[i].opens) {
			fd = stage_channel(l.jump, l.conn, 1);
			close(accept(b->listener, NULL, NULL));
			close(fd);
		} else {
			assert_int_equal(REFUSED_MAP, stage_channel_refused(l.jump, l.conn, 1));
			assert_non_null(
			    strstr(stage_log(&b->p, "channel-refused"), "does not permit"));
		}
		line_close(b, &l);
		(void)stage_log(&b->p, "closed");
	}
}

static void
a_key_that_is_listed_no_more_cuts(void **state)
{
	struct bench *b = *state;
	struct line l;
	char text[256];

	list(b, SSH_KEYS_LISTED, "alice", "", 0);
	l = line_in(b, 1);
	list(b, SSH_KEYS_LISTED, "alice", "from=\"192.0.2.0/24\" ", 0);
	assert_int_equal(1, send(l.gate_fd, "x", 1, 0));
	list(b, SSH_KEYS_LISTED, "alice", "", 1);
	assert_int_equal(CUT_KEY, stage_jump_cut(l.jump, l.conn, text, sizeof(text)));
	assert_string_equal("the SSH key gives no access to this account any more", text);
	line_close(b, &l);
}

static void
a_key_whose_time_is_over_cuts(void **state)
{
	struct bench *b = *state;
	char options[64], text[256];
	time_t at = time(NULL) + 3;
	struct tm tm;
	struct line l;

	assert_non_null(gmtime_r(&at, &tm));
	assert_int_not_equal(
	    0, strftime(options, sizeof(options), "expiry-time=\"%Y%m%d%H%M%SZ\" ", &tm));
	list(b, SSH_KEYS_LISTED, "alice", options, 0);
	l = line_in(b, 1);
	assert_int_equal(CUT_KEY, stage_jump_cut(l.jump, l.conn, text, sizeof(text)));
	assert_string_equal("the SSH key has expired", text);
	assert_true(stage_clock() >= at);
	line_close(b, &l);
}

/* ---- PAM ------------------------------------------------------------------------------------ */

/* The process that PAM is asked for: the test plays the monitor, and it. */
struct pam {
	int ident, jump; /* its channel to ident, and to the jump process */
	int far;	 /* the jump process' end of the latter */
	uint64_t conn;
};

static void
use_pam(struct bench *b)
{
	memcpy(b->s.targets[1].pam, "sshbridge", 10);
	in_force(b, alice_map);
}

/* PAM from ident, and the answer. */
static int
pam_wanted(struct bench *b, uint64_t conn, uint32_t ok)
{
	struct got *g = malloc(sizeof(*g));
	uint8_t buf[64];
	struct msg_out o;
	struct err e;
	int pair[2];

	assert_non_null(g);
	stage_monitor_expect(&b->p, g, MSG_PAM);
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_true(g->m.conn == conn);
	free(g);
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	msg_start(&o, buf, sizeof(buf), MSG_PAM, conn);
	msg_put_u32(&o, ok);
	stage_send(b->p.monitor, &o, &pair[1], ok);
	close(pair[1]);
	return pair[0];
}

/* START to it. */
static void
pam_started(struct pam *p)
{
	static const char *const names[] = { "MTLS_IDENTITY=corp/email:alice@corp.example",
		"MTLS_SUBJECT=", "MTLS_ISSUER=", "MTLS_SERIAL=1a2b",
		"MTLS_FINGERPRINT=SHA256:", "MTLS_NOT_AFTER=20", "MTLS_RULE=map:1",
		"MTLS_CONNECTION=" };
	struct got *g = malloc(sizeof(*g));
	char text[4096];
	struct err e;
	uint32_t n;

	assert_non_null(g);
	stage_expect(p->ident, g, MSG_START);
	assert_true(g->m.conn == p->conn);
	assert_int_equal(1, g->nfds);
	p->jump = g->fds[0];
	assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
	assert_string_equal("sshbridge", text);
	assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
	assert_string_equal("alice", text);
	assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
	assert_string_equal("192.0.2.7", text);
	assert_int_equal(0, msg_get_u32(&g->m, &n));
	assert_int_equal(sizeof(names) / sizeof(names[0]), n);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
		assert_memory_equal(names[i], text, strlen(names[i]));
	}
	assert_int_equal(0, msg_end(&g->m, &e));
	free(g);
}

/* A proven key, and everybody introduced. */
static struct pam
pam_begin(struct bench *b, struct line *l)
{
	struct pam p = { .conn = l->conn, .far = -1 };
	char byte;

	stage_login_send(l->jump, l->conn, 1, "alice", 0, 1);
	p.ident = pam_wanted(b, l->conn, 1);
	pam_started(&p);
	assert_int_equal(2, stage_logged(l->jump, 1, &p.far));
	assert_int_equal(1, send(p.far, "?", 1, 0));
	assert_int_equal(1, recv(p.jump, &byte, 1, 0));
	return p;
}

/* A line whose login waits for PAM. */
static struct pam
pam_line(struct bench *b, struct line *l)
{
	struct stage_open a = jump_open(1);

	use_pam(b);
	*l = line_open(b, &a);
	return pam_begin(b, l);
}

static void
pam_end(struct pam *p)
{
	close(p->ident);
	close(p->jump);
	close(p->far);
}

static void
pam_says(const struct pam *p, uint32_t ok, const char *text)
{
	uint8_t buf[256];
	struct msg_out o;

	msg_start(&o, buf, sizeof(buf), MSG_PASSED, p->conn);
	msg_put_u32(&o, ok);
	msg_put_str(&o, text);
	stage_send(p->ident, &o, NULL, 0);
}

static void
passed(const struct line *l, uint32_t want, const char *words)
{
	struct got *g = malloc(sizeof(*g));
	char text[512];
	uint32_t ok;
	struct err e;

	assert_non_null(g);
	stage_expect(l->jump, g, MSG_PASSED);
	assert_int_equal(0, msg_get_u32(&g->m, &ok));
	assert_int_equal(0, msg_get_str(&g->m, text, sizeof(text)));
	assert_int_equal(0, msg_end(&g->m, &e));
	assert_int_equal(want, ok);
	if (strstr(text, words) == NULL)
		fail_msg("%s", text);
	free(g);
}

static void
pam_lets_in_and_its_end_ends_the_connection(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1);
	struct line l;
	struct pam p;
	char text[256];

	use_pam(b);
	l = line_open(b, &a);
	/* one that is offered only is not asked about */
	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", 0, 0));
	p = pam_begin(b, &l);
	pam_says(&p, 1, "welcome");
	passed(&l, 1, "welcome");
	(void)stage_log(&b->p, "granted");
	stage_dial(l.jump, l.conn, 1, "192.0.2.1", 22);
	assert_int_equal(REFUSED_MAP, stage_channel_refused(l.jump, l.conn, 1));
	close(p.ident);
	assert_int_equal(CUT_PAM, stage_jump_cut(l.jump, l.conn, text, sizeof(text)));
	assert_non_null(strstr(stage_log(&b->p, "cut "), "for=pam"));
	close(p.jump);
	close(p.far);
	line_close(b, &l);
}

static void
the_end_of_the_connection_ends_the_pam_session(void **state)
{
	struct bench *b = *state;
	struct line l;
	struct pam p = pam_line(b, &l);

	pam_says(&p, 1, "");
	passed(&l, 1, "");
	line_close(b, &l);
	assert_true(reads_end(p.ident));
	pam_end(&p);
}

static void
pam_says_no_and_the_next_try_is_another(void **state)
{
	struct bench *b = *state;
	struct line l;
	struct pam p = pam_line(b, &l);

	pam_says(&p, 0, "wrong code");
	passed(&l, 0, "wrong code");
	assert_non_null(strstr(stage_log(&b->p, "denied"), "PAM says no"));
	assert_true(reads_end(p.ident));
	pam_end(&p);
	/* it ends without a word */
	p = pam_begin(b, &l);
	close(p.ident);
	passed(&l, 0, "could not be completed");
	close(p.jump);
	close(p.far);
	/* none can be started */
	stage_login_send(l.jump, l.conn, 1, "alice", 0, 1);
	close(pam_wanted(b, l.conn, 0));
	assert_int_equal(0, stage_logged(l.jump, 1, NULL));
	p = pam_begin(b, &l);
	pam_says(&p, 1, "");
	passed(&l, 1, "");
	pam_end(&p);
	line_close(b, &l);
}

/* A prompt may stand there for long. */
static void
a_map_that_comes_while_pam_asks_has_the_last_word(void **state)
{
	struct bench *b = *state;
	struct line l;
	struct pam p = pam_line(b, &l);

	in_force(b, "email alice@corp.example ops\n");
	pam_says(&p, 1, "");
	passed(&l, 0, "");
	(void)stage_log(&b->p, "denied");
	pam_end(&p);
	line_close(b, &l);
}

static void
while_pam_asks_nothing_else_may_come(void **state)
{
	struct bench *b = *state;

	use_pam(b);
	for (int i = 0; i < 2; i++) {
		struct stage_open a = jump_open(1);
		struct line l = line_open(b, &a);
		struct pam p = pam_begin(b, &l);

		if (i == 0)
			stage_login_send(l.jump, l.conn, 2, "alice", 0, 1);
		else
			stage_dial(l.jump, l.conn, 2, "127.0.0.1", b->port);
		stage_expect_end(l.jump);
		assert_true(reads_end(p.ident));
		pam_end(&p);
		line_close(b, &l);
		(void)stage_log(&b->p, "closed");
	}
}

static void
a_pam_process_that_breaks_the_protocol_is_a_no(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1);
	struct line l;

	use_pam(b);
	l = line_open(b, &a);
	for (int i = 0; i < 6; i++) {
		struct pam p = pam_begin(b, &l);
		uint8_t buf[256];
		struct msg_out o;

		msg_start(&o, buf, sizeof(buf), i == 4 ? MSG_DIAL : MSG_PASSED,
		    i == 0 ? p.conn + 1 : p.conn);
		msg_put_u32(&o, i == 1 ? 2 : 1);
		msg_put_str(&o, "x");
		if (i == 2)
			msg_put_u32(&o, 1);
		if (i == 3)
			o.len--;
		stage_send(p.ident, &o, &b->listener, i == 5 ? 1 : 0);
		passed(&l, 0, "could not be completed");
		assert_true(reads_end(p.ident));
		pam_end(&p);
	}
	line_close(b, &l);
}

/* A connection that has ended meanwhile: the process sees its end at once. */
static void
a_pam_process_that_comes_too_late(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1);
	struct line l;
	struct got *g = malloc(sizeof(*g));
	uint8_t buf[64];
	struct msg_out o;
	int pair[2];

	assert_non_null(g);
	use_pam(b);
	l = line_open(b, &a);
	stage_login_send(l.jump, l.conn, 1, "alice", 0, 1);
	stage_monitor_expect(&b->p, g, MSG_PAM);
	free(g);
	line_close(b, &l);
	(void)stage_log(&b->p, "closed");
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	msg_start(&o, buf, sizeof(buf), MSG_PAM, l.conn);
	msg_put_u32(&o, 1);
	stage_send(b->p.monitor, &o, &pair[1], 1);
	close(pair[1]);
	assert_true(reads_end(pair[0]));
	close(pair[0]);
}

/* ---- records that must be written ----------------------------------------------------------- */

/* The record's number, which its word waits for. */
static uint64_t
record(struct bench *b, const char *word)
{
	(void)stage_log(&b->p, word);
	assert_true(b->p.audit.number != 0);
	return b->p.audit.number;
}

static void
nobody_gets_in_or_through_before_it_is_recorded(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1);
	struct line l = { .number = 1 };
	uint64_t conn;
	int fd;

	b->s.audit_require = 1;
	in_force(b, alice_map);
	l.jump = stage_jump(&b->p, b->generation, 1);
	stage_open_send(b->gate, &a);
	stage_audited(&b->p, record(b, "opened"), 1);
	l.gate_fd = stage_opened(b->gate, 1, &l.conn);
	l.jump_fd = stage_started(l.jump, 1, &conn);
	/* a login that cannot be written is none */
	stage_login_send(l.jump, l.conn, 1, "alice", 0, 1);
	stage_audited(&b->p, record(b, "granted"), 0);
	assert_int_equal(0, stage_logged(l.jump, 1, &fd));
	stage_login_send(l.jump, l.conn, 2, "alice", 0, 1);
	stage_audited(&b->p, record(b, "granted"), 1);
	assert_int_equal(1, stage_logged(l.jump, 2, &fd));
	stage_dial(l.jump, l.conn, 1, "127.0.0.1", b->port);
	stage_audited(&b->p, record(b, "channel-opened"), 0);
	assert_int_equal(REFUSED_INTERNAL, stage_channel_refused(l.jump, l.conn, 1));
	stage_dial(l.jump, l.conn, 2, "127.0.0.1", b->port);
	stage_audited(&b->p, record(b, "channel-opened"), 1);
	close(stage_channel(l.jump, l.conn, 2));
	/* one whose process ends while its record is written is told */
	stage_dial(l.jump, l.conn, 3, "127.0.0.1", b->port);
	(void)record(b, "channel-opened");
	line_close(b, &l);
	(void)stage_log(&b->p, "closed");
}

static void
a_connection_that_cannot_be_recorded_ends_its_process(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(1);
	uint64_t number;
	int jump;

	b->s.audit_require = 1;
	in_force(b, alice_map);
	jump = stage_jump(&b->p, b->generation, 1);
	stage_open_send(b->gate, &a);
	stage_audited(&b->p, record(b, "opened"), 0);
	assert_int_equal(REFUSED_INTERNAL, stage_refused(b->gate, 1));
	stage_expect_end(jump);
	close(jump);
	/* the process ends while the record is written */
	a.number = 2;
	jump = stage_jump(&b->p, b->generation, 2);
	stage_open_send(b->gate, &a);
	number = record(b, "opened");
	close(jump);
	/* what the gate asks after that is answered after it, so its end was seen */
	a.number = 3;
	a.not_after = 1;
	stage_open_send(b->gate, &a);
	assert_int_not_equal(0, stage_refused(b->gate, 3));
	stage_audited(&b->p, number, 1);
	assert_int_equal(REFUSED_INTERNAL, stage_refused(b->gate, 2));
}

#define L(name) cmocka_unit_test_setup_teardown(name, setup_bare, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		L(a_key_must_be_listed_where_keys_must_be),
		L(either_takes_a_key_that_is_bound_and_one_that_is_listed),
		L(what_the_line_says_of_targets_holds),
		L(a_key_that_is_listed_no_more_cuts),
		L(a_key_whose_time_is_over_cuts),
		T(pam_lets_in_and_its_end_ends_the_connection),
		T(the_end_of_the_connection_ends_the_pam_session),
		T(pam_says_no_and_the_next_try_is_another),
		T(a_map_that_comes_while_pam_asks_has_the_last_word),
		T(while_pam_asks_nothing_else_may_come),
		T(a_pam_process_that_breaks_the_protocol_is_a_no),
		T(a_pam_process_that_comes_too_late),
		T(nobody_gets_in_or_through_before_it_is_recorded),
		T(a_connection_that_cannot_be_recorded_ends_its_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
