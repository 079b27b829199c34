/*
 * test_alive.c - a client that has gone without a word is noticed, one that is only silent stays
 *
 * The process is a fork of this one, unconfined, so that its keepalives need not be a minute apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <unistd.h>

#include "child.h"
#include "sshbridge/jump/jump.h"
#include "tests/unit/help/tunnel.h"

enum { UNANSWERED_MAX = 3 };

static struct tunnel t;

static void
run(void)
{
	static struct jump jump;
	struct jump *j = &jump;
	struct err e;

	if (jump_init(j, &e) == -1)
		child_fail(&e);
	j->alive_every = (struct timeval){ .tv_usec = 20000 };
	j->alive_max = UNANSWERED_MAX;
	if (child_ready(0, NULL) == -1)
		_exit(1);
	j->monitor =
	    msgq_new(j->base, CHILD_CHANNEL, 65536, monitor_on_message, monitor_on_end, j, &e);
	if (j->monitor == NULL)
		child_fail(&e);
	(void)event_base_dispatch(j->base);
	jump_die("the event loop ended");
}

static void
a_client_that_answers_nothing_is_ended(void **state)
{
	(void)state;
	tunnel_start_here(&t, run);
	t.deaf = true;
	jumpplay_log(&t.play, "ssh-ended", "the client does not answer");
	t.deaf = false;
	TUNNEL_UNTIL(&t, t.ended);
	assert_string_equal("no answer from the client", t.farewell);
	assert_int_equal(0, tunnel_status(&t));
}

static void
a_silent_client_that_answers_stays(void **state)
{
	struct tunchan *c;

	(void)state;
	tunnel_start_here(&t, run);
	TUNNEL_UNTIL(&t, t.keepalives > 20 * UNANSWERED_MAX);
	assert_false(t.ended);
	c = tunnel_channel(&t, 0);
	c->up_left = c->down_left = 100000;
	c->up_eof = c->down_eof = true;
	TUNNEL_UNTIL(&t, c->closed && c->told && c->target_ended);
	assert_int_equal(100000, c->got);
	assert_int_equal(100000, c->target_got);
	tunnel_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_that_answers_nothing_is_ended),
		cmocka_unit_test(a_silent_client_that_answers_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
