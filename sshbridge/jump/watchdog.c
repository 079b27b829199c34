/* watchdog.c - CPU time that passes within one turn */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "child.h"
#include "logline.h"
#include "msg.h"
#include "watchdog.h"

/* What the handler reads is written before its signal can come, or is one word. */
static struct {
	int channel;
	volatile sig_atomic_t turn, seen, ticks;
	volatile sig_atomic_t named; /* which of the two lines */
	struct {
		uint8_t message[LOGLINE_TEXT_MAX + 64];
		size_t len;
	} lines[2];
} dog;

/* Each second of own CPU time. Only async-signal-safe work here. */
static void
on_tick(int sig)
{
	int saved = errno;
	struct iovec iov;
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	(void)sig;
	if (dog.turn != dog.seen) {
		dog.seen = dog.turn;
		dog.ticks = 0;
	} else if (++dog.ticks >= WATCHDOG_SECONDS) {
		iov.iov_base = dog.lines[dog.named].message;
		iov.iov_len = dog.lines[dog.named].len;
		(void)!sendmsg(dog.channel, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
		_exit(1);
	}
	errno = saved;
}

static void
make_line(unsigned n, uint64_t conn, const char *client)
{
	char text[LOGLINE_TEXT_MAX];
	struct logline l;
	struct msg_out o;
	struct err e;

	logline_start(&l, "jump-ends");
	if (conn != 0) {
		logline_fmt(&l, "connection", "%016llx", (unsigned long long)conn);
		logline_str(&l, "client", client);
	}
	logline_str(&l, "why", "CPU time without progress: a client that would have it so");
	msg_start(&o, dog.lines[n].message, sizeof(dog.lines[n].message), MSG_LOG, 0);
	msg_put_u32(&o, CHILD_ERROR);
	msg_put_str(&o, logline_text(&l, text));
	dog.lines[n].len = msg_finish(&o, &e) == 0 ? o.len : 0;
}

int
watchdog_start(int channel, struct err *e)
{
	static const struct itimerval every = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct sigaction sa = { .sa_handler = on_tick, .sa_flags = SA_RESTART };

	dog.channel = channel;
	make_line(0, 0, "");
	/* user and system time: a spin may be in either */
	if (sigaction(SIGPROF, &sa, NULL) == -1 || setitimer(ITIMER_PROF, &every, NULL) == -1)
		return err_sys(e, errno, "watchdog");
	return 0;
}

void
watchdog_name(uint64_t conn, const char *client)
{
	make_line(1, conn, client);
	dog.named = 1;
}

void
watchdog_turn(void)
{
	dog.turn = (dog.turn + 1) & 0x7fffffff;
}
