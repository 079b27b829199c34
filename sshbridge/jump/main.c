/*
 * main.c of the jump process - one SSH connection, end to end
 *
 * Started by the monitor into a small pool. Makes ready all that would later open a file, confines
 * itself, does its work once in memory, says READY, and only then reads its first message. ident
 * hands it one connection (START); it speaks SSH on it, asks ident about everything, and ends with
 * it. It holds SSH host keys, and can neither dial nor read a file.
 */
#include <event2/event.h>
#include <unistd.h>

#include "confine.h"
#include "jump.h"
#include "watchdog.h"

/* Log lines that may wait for the monitor. */
#define MONITOR_QUEUE_MAX (128UL * 1024)

/*
 * libssh closes its descriptor by itself when the client leaves; what was watched for on it
 * libevent can only take back with a warning, and by itself writes it where a confined process must
 * not.
 */
static void
on_libevent(int severity, const char *text)
{
	child_log(severity >= EVENT_LOG_ERR ? CHILD_ERROR : CHILD_WARNING, "libevent: %s", text);
}

int
main(int argc, char **argv)
{
	static struct jump jump;
	struct jump *j = &jump;
	struct talk *talk;
	struct child c;
	struct err e;

	child_start(&c, argc, argv);
	event_set_log_callback(on_libevent);
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
