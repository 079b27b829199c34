/* test_jump.c - a connection of a jump target, from OPEN to CLOSED */
#include "tests/unit/sshbridge/ident/jump_help.h"

static void
open_start_login_dial_closed(void **state)
{
	struct bench *b = *state;
	struct stage_open a = jump_open(7);
	struct line l = line_open(b, &a);
	const char *line;
	char byte;
	int fd, far;

	/* what one end writes the other reads */
	assert_int_equal(1, send(l.gate_fd, "x", 1, 0));
	assert_int_equal(1, recv(l.jump_fd, &byte, 1, 0));
	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", 0, 0));
	assert_int_equal(1, stage_login(l.jump, l.conn, "alice", 0, 1));
	line = stage_log(&b->p, "granted");
	assert_non_null(strstr(line, "service=jump account=alice hook=jump"));
	assert_non_null(strstr(line, "key=SHA256:cqpq0nyEvZ+pwhWPKdhf1poEnRTgVHYBMNjbanUXcKI"));
	stage_dial(l.jump, l.conn, 3, "127.0.0.1", b->port);
	fd = stage_channel(l.jump, l.conn, 3);
	far = accept(b->listener, NULL, NULL);
	assert_int_equal(1, send(fd, "y", 1, 0));
	assert_int_equal(1, recv(far, &byte, 1, 0));
	line = stage_log(&b->p, "channel-opened");
	assert_non_null(strstr(line, "channel=3 to=127.0.0.1:"));
	assert_non_null(strstr(line, "account=alice"));
	stage_channel_closed(l.jump, l.conn, 3);
	line = stage_log(&b->p, "channel-closed");
	assert_non_null(strstr(line, "bytes-in=33 bytes-out=44"));
	assert_non_null(strstr(line, "why=\"client closed\""));
	assert_int_equal(0, recv(far, &byte, 1, 0)); /* shut down, although `fd` is open */
	close(fd);
	close(far);
	line_close(b, &l);
	(void)stage_log(&b->p, "closed");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(open_start_login_dial_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
