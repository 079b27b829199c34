/*
 * main.c of the jump process - one SSH connection, end to end
 *
 * Started by the monitor into a small pool. Makes ready all that would later open a file, confines
 * itself, does its work once in memory, says READY, and only then reads its first message. ident
 * hands it one connection (START); it speaks SSH on it, asks ident about everything, and ends with
 * it. It holds SSH host keys, and can neither dial nor read a file.
 */
#include <unistd.h>

#include "confine.h"
#include "jump.h"
#include "watchdog.h"

/* Log lines that may wait for the monitor. */
#define MONITOR_QUEUE_MAX (128UL * 1024)

int
main(int argc, char **argv)
{
	static struct jump jump;
	struct jump *j = &jump;
	struct talk *talk;
	struct child c;
	struct err e;

	child_start(&c, argc, argv);
	if (jump_init(j, &e) == -1 || jump_limits(&e) == -1 ||
	    (talk = selftest_begin(&e)) == NULL || watchdog_start(CHILD_CHANNEL, &e) == -1 ||
	    jump_sandbox_enter(&c.ids, CHILD_CHANNEL, &e) == -1)
		child_fail(&e);
	if (selftest_finish(talk, &e) == -1) {
		if (child_ready(0, &e) == 0)
			_exit(1);
		child_fail(&e);
	}
	if (child_ready(0, NULL) == -1)
		_exit(1);
	j->monitor = msgq_new(
	    j->base, CHILD_CHANNEL, MONITOR_QUEUE_MAX, monitor_on_message, monitor_on_end, j, &e);
	if (j->monitor == NULL)
		child_fail(&e);
	(void)event_base_dispatch(j->base);
	jump_die("the event loop ended");
}
