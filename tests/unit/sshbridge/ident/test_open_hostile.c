/* test_open_hostile.c - messages of a gate, or of the monitor, that break the protocol */
#include "tests/unit/sshbridge/ident/open_help.h"

/* ---- what drops a gate ----------------------------------------------------------------------- */
static void
send_raw(int fd, const uint8_t *buf, size_t n)
{
	assert_int_equal((ssize_t)n, send(fd, buf, n, 0));
}

static void
malformed_open_drops_the_gate(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);
	uint8_t buf[8192];
	struct msg_out o;

	stage_open_put(&a, &o, buf, sizeof(buf));
	for (size_t n = 0; n < o.len; n += n < 40 ? 1 : 13) {
		int gate = stage_peer(&b->p, PEER_GATE, 9);

		if (n == 0)
			send_raw(gate, buf, 1);
		else
			send_raw(gate, buf, n);
		stage_expect_end(gate);
		close(gate);
	}
	for (int i = 0; i < 6; i++) {
		int gate = stage_peer(&b->p, PEER_GATE, 9), extra = dup(0);

		a = stage_open(1);
		a.no_fingerprint = i == 0;
		a.stray_section = i == 1;
		if (i == 2)
			a.sections[1] = "corp"; /* twice */
		if (i == 3)
			a.sections[0] = NULL; /* none */
		stage_open_put(&a, &o, buf, sizeof(buf));
		if (i == 4)
			msg_put_u32(&o, 0); /* a field too many */
		stage_send(gate, &o, &extra, i == 5 ? 1 : 0);
		stage_expect_end(gate);
		close(gate);
		close(extra);
	}
	a = stage_open(1);
	opens(b, &a);
}

static void
foreign_and_repeated_numbers_drop_the_gate(void **state)
{
	struct bench *b = *state;
	struct stage_open a = stage_open(1);
	uint64_t conn, other_conn;
	int fd, far, other, fd2, far2;

	stage_open_send(b->gate, &a);
	fd = stage_opened(b->gate, 1, &conn);
	far = accept(b->listener, NULL, NULL);
	/* another gate's id */
	other = stage_peer(&b->p, PEER_GATE, 1);
	stage_closed(other, conn, 1);
	stage_expect_end(other);
	close(other);
	/* its own id under another number */
	other = stage_peer(&b->p, PEER_GATE, 1);
	stage_in_force(&b->p, 2, &b->s);
	stage_open_send(other, &a);
	fd2 = stage_opened(other, 1, &other_conn);
	far2 = accept(b->listener, NULL, NULL);
	stage_closed(other, other_conn, 2);
	stage_expect_end(other);
	close(other);
	close(fd2);
	close(far2);
	/* a number in use */
	stage_open_send(b->gate, &a);
	stage_expect_end(b->gate);
	close(b->gate);
	b->gate = -1;
	close(fd);
	close(far);
}

static void
messages_of_others_drop_the_gate(void **state)
{
	static const unsigned foreign[] = { MSG_OPENED, MSG_REFUSED, MSG_WHO, MSG_IS, MSG_RESOLVED,
		MSG_GENERATION, MSG_LISTEN, 999 };
	struct bench *b = *state;
	uint8_t buf[64];
	struct msg_out o;

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		int gate = stage_peer(&b->p, PEER_GATE, 9);

		msg_start(&o, buf, sizeof(buf), (enum msg_type)foreign[i], 0);
		stage_send(gate, &o, NULL, 0);
		stage_expect_end(gate);
		close(gate);
	}
}

static void
open_before_a_generation_drops_the_gate(void **state)
{
	struct stage p;
	struct stage_open a = stage_open(1);
	int gate;

	(void)state;
	stage_start(&p, "ident");
	gate = stage_peer(&p, PEER_GATE, 0);
	stage_open_send(gate, &a);
	stage_expect_end(gate);
	close(gate);
	stage_end(&p);
}

/* ---- the monitor's messages ------------------------------------------------------------------ */
static void
monitor_that_breaks_the_protocol_ends_it(void **state)
{
	struct msg_out o;
	uint8_t buf[64];

	(void)state;
	for (int i = 0; i < 7; i++) {
		struct stage p;
		int fd = dup(0);

		stage_start(&p, "ident");
		msg_start(&o, buf, sizeof(buf),
		    i == 0  ? MSG_OPEN
		    : i < 3 ? MSG_GENERATION
		    : i < 5 ? MSG_PEER
			    : MSG_LISTEN,
		    0);
		if (i == 1) /* short */
			msg_put_u32(&o, 1);
		if (i == 2) { /* without memfds */
			msg_put_u64(&o, 1);
			msg_put_u32(&o, 0);
		}
		if (i == 3 || i == 4) {
			msg_put_u32(&o, PEER_GATE);
			msg_put_u32(&o, 0);
		}
		if (i == 4) /* long */
			msg_put_u32(&o, 0);
		if (i >= 5) {
			msg_put_u64(&o, 0);
			msg_put_u32(&o, i == 5 ? 1 : 2); /* without a listener; two */
			msg_put_u32(&o, 0);
		}
		stage_send(p.monitor, &o, &fd, i == 4 || i == 6 ? 1 : 0);
		/* it ends by itself: nothing else was closed */
		assert_int_equal(0, stage_wait(&p));
		close(fd);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(malformed_open_drops_the_gate),
		T(foreign_and_repeated_numbers_drop_the_gate),
		T(messages_of_others_drop_the_gate),
		cmocka_unit_test(open_before_a_generation_drops_the_gate),
		cmocka_unit_test(monitor_that_breaks_the_protocol_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
