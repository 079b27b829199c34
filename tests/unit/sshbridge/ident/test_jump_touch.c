/* test_jump_touch.c - a security key that signed, but was not touched, or did not verify its user
 */
#include "sshkey.h"
#include "tests/unit/sshbridge/ident/jump_help.h"

enum { PLAIN = 0, SK_ED25519 = 5, SK_ECDSA = 6 };
enum { NOT = 0, TOUCHED = SSHKEY_TOUCHED, BOTH = SSHKEY_TOUCHED | SSHKEY_VERIFIED };

static const char bound_map[] = "email alice@corp.example alice bind=listed to=127.0.0.1:PORT "
				"key=SHA256:yeiNeFQd4kfANFLMaq54gUTcg/idep+h1HHyem+U7yI,"
				"SHA256:NszeCYtl1ylA8OXfX4W07z0So1xY7UfpSUBiQwXtm6U,"
				"SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI\n";

struct row {
	unsigned how; /* ssh-keys = */
	const char *options;
	unsigned key, flags;
	const char *why; /* NULL: let in */
};

/* An offer says nothing of its use; the signature does. */
static void
check(struct bench *b, const struct row *r)
{
	struct stage_open a = jump_open(1);
	struct line l;
	const char *line;

	list_key(b, r->how, "alice", r->options, r->key);
	in_force(b, r->how == SSH_KEYS_LISTED ? listed_map : bound_map);
	l = line_open(b, &a);
	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", r->key, 0));
	assert_int_equal(
	    r->why == NULL, stage_login(l.jump, l.conn, "alice", r->key, STAGE_FLAGS(r->flags)));
	line = stage_log(&b->p, r->why == NULL ? "granted" : "denied");
	if (r->why != NULL && strstr(line, r->why) == NULL)
		fail_msg("%s", line);
	line_close(b, &l);
	(void)stage_log(&b->p, "closed");
}

static void
flags_decide_as_the_line_says(void **state)
{
	static const struct row rows[] = {
		{ SSH_KEYS_LISTED, "", SK_ED25519, NOT, "was not touched" },
		{ SSH_KEYS_LISTED, "", SK_ED25519, TOUCHED, NULL },
		{ SSH_KEYS_LISTED, "", SK_ECDSA, NOT, "was not touched" },
		{ SSH_KEYS_LISTED, "", SK_ECDSA, TOUCHED, NULL },
		{ SSH_KEYS_LISTED, "", PLAIN, NOT, NULL },
		{ SSH_KEYS_LISTED, "no-touch-required ", SK_ED25519, NOT, NULL },
		{ SSH_KEYS_LISTED, "verify-required ", SK_ECDSA, TOUCHED, "did not verify" },
		{ SSH_KEYS_LISTED, "verify-required ", SK_ECDSA, BOTH, NULL },
		{ SSH_KEYS_LISTED, "verify-required ", PLAIN, NOT, NULL },
		{ SSH_KEYS_BOUND, "", SK_ED25519, NOT, "was not touched" },
		{ SSH_KEYS_BOUND, "", SK_ED25519, TOUCHED, NULL },
		{ SSH_KEYS_BOUND, "", PLAIN, NOT, NULL },
		/* what a line waives it waives for itself */
		{ SSH_KEYS_BOUND, "no-touch-required ", SK_ED25519, NOT, "was not touched" },
		{ SSH_KEYS_EITHER, "no-touch-required ", SK_ED25519, NOT, NULL },
		{ SSH_KEYS_EITHER, "", SK_ED25519, NOT, "the security key was not touched" },
		/* nor does one that wants more hold what the certificate vouches for */
		{ SSH_KEYS_EITHER, "verify-required ", SK_ED25519, TOUCHED, NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(*state, &rows[i]);
}

/* Who came in by the first line with these flags is in by the next too, and no more by the last. */
static void
stays_until(struct bench *b, unsigned flags, const char *first, const char *next, const char *last)
{
	struct stage_open a = jump_open(1);
	struct line l;
	char text[256];

	list(b, SSH_KEYS_LISTED, "alice", first, SK_ED25519);
	l = line_open(b, &a);
	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", SK_ED25519, STAGE_FLAGS(flags)));
	(void)stage_log(&b->p, "granted");
	list(b, SSH_KEYS_LISTED, "alice", next, SK_ED25519);
	stage_dial(l.jump, l.conn, 1, "127.0.0.1", b->port);
	close(stage_channel(l.jump, l.conn, 1));
	list(b, SSH_KEYS_LISTED, "alice", last, SK_ED25519);
	assert_int_equal(CUT_KEY, stage_jump_cut(l.jump, l.conn, text, sizeof(text)));
	line_close(b, &l);
}

static void
a_line_that_comes_to_want_more_ends_a_session(void **state)
{
	stays_until(*state, TOUCHED, "", "no-touch-required ", "verify-required ");
}

static void
who_came_without_a_touch_stays_as_long_as_that_is_waived(void **state)
{
	stays_until(
	    *state, NOT, "no-touch-required ", "no-touch-required,restrict,port-forwarding ", "");
}

/* Bits that no key has here, and a use of what was only offered, are the process' fault. */
static void
flags_have_their_form(void **state)
{
	static const unsigned wrong[] = { STAGE_FLAGS(1 << 1), STAGE_FLAGS(1 << 3),
		STAGE_FLAGS(1 << 4), STAGE_FLAGS(1 << 5), STAGE_FLAGS(1 << 6), STAGE_FLAGS(1 << 7),
		STAGE_FLAGS(1 << 8), STAGE_FLAGS(TOUCHED) & ~1U, STAGE_FLAGS(BOTH) & ~1U };
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct stage_open a = jump_open(1);
		struct line l;

		list(b, SSH_KEYS_LISTED, "alice", "", SK_ED25519);
		l = line_open(b, &a);
		stage_login_send(l.jump, l.conn, 1, "alice", SK_ED25519, wrong[i]);
		stage_expect_end(l.jump);
		line_close(b, &l);
		(void)stage_log(&b->p, "closed");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(flags_decide_as_the_line_says),
		T(a_line_that_comes_to_want_more_ends_a_session),
		T(who_came_without_a_touch_stays_as_long_as_that_is_waived),
		T(flags_have_their_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
