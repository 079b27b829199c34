/*
 * wire.c - reading ahead of libssh, and recv(), send() and poll() as libssh sees them
 *
 * The linker lets a program's own recv() stand for libc's in every library that it loads, libssh
 * among them. libevent and our own code call them for other descriptors and get the kernel's.
 * The calls below that reach the kernel are recvfrom(), sendto() and ppoll().
 */
#include <errno.h>
#include <event2/event_struct.h>
#include <libssh/callbacks.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "wire.h"

/* More than SSH puts around one packet: lengths, padding, tag. */
enum { PACKET_OVERHEAD = 64 };

static struct wire {
	int fd;
	ssh_session session;
	struct event rd, wr;
	void (*on_ready)(void *);
	void *arg;
	bool readable; /* the kernel may have something */
	bool writable; /* the kernel may take something */
	bool held;     /* rd is off: see wire_settle() */
	bool ended;    /* recv() gave 0 or an error, which stands in errnum */
	bool told;     /* libssh knows */
	int errnum;
	size_t pos, len; /* what is read ahead: ahead[pos..len) */
	uint64_t in;
	const struct ssh_counter_struct *packets; /* all that libssh wrote, sent or not */
	uint64_t packets_sent, bytes_sent;	  /* of it, when it last held nothing */
	uint8_t ahead[WIRE_AHEAD];
} wire = { .fd = -1 };

/* ---- reading --------------------------------------------------------------------------------- */

/* Something, if only the end, can be read without waiting. */
static bool
have_input(void)
{
	ssize_t n;

	if (wire.pos < wire.len || wire.ended)
		return true;
	if (!wire.readable)
		return false;
	do
		n = recvfrom(wire.fd, wire.ahead, sizeof(wire.ahead), MSG_DONTWAIT, NULL, NULL);
	while (n == -1 && errno == EINTR);
	/* what comes after a short read is told by the loop, which looks at the level */
	if (n != (ssize_t)sizeof(wire.ahead))
		wire.readable = false;
	if (n > 0) {
		wire.pos = 0;
		wire.len = (size_t)n;
		return true;
	}
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	wire.ended = true;
	wire.errnum = n == 0 ? 0 : errno;
	return true;
}

static ssize_t
take_input(void *buf, size_t size)
{
	size_t n;

	if (!have_input()) {
		errno = EAGAIN;
		return -1;
	}
	n = wire.len - wire.pos;
	if (n == 0) {
		wire.told = true;
		errno = wire.errnum;
		return wire.errnum == 0 ? 0 : -1;
	}
	if (n > size)
		n = size;
	memcpy(buf, wire.ahead + wire.pos, n);
	wire.pos += n;
	wire.in += n;
	return (ssize_t)n;
}

/* ---- writing --------------------------------------------------------------------------------- */

/*
 * As send(), but 0 when the kernel takes nothing now: libssh ends the connection at EAGAIN, and at
 * 0 keeps what it has and asks poll() again.
 */
static ssize_t
give_output(const void *buf, size_t size)
{
	ssize_t n;

	do
		n = sendto(wire.fd, buf, size, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
	while (n == -1 && errno == EINTR);
	if (n == -1) {
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return -1;
		n = 0;
	}
	if ((size_t)n < size) {
		wire.writable = false;
		if (event_add(&wire.wr, NULL) == -1) {
			errno = ENOMEM;
			return -1;
		}
	}
	return n;
}

/* ---- what libssh calls ----------------------------------------------------------------------- */

ssize_t
recv(int fd, void *buf, size_t size, int flags)
{
	if (fd == -1 || fd != wire.fd)
		return recvfrom(fd, buf, size, flags, NULL, NULL);
	return take_input(buf, size);
}

ssize_t
send(int fd, const void *buf, size_t size, int flags)
{
	if (fd == -1 || fd != wire.fd)
		return sendto(fd, buf, size, flags, NULL, 0);
	return give_output(buf, size);
}

static short
ready_now(short events)
{
	short ready = 0;

	if ((events & POLLIN) != 0 && !wire.held && have_input())
		ready |= POLLIN;
	if ((events & POLLOUT) != 0 && wire.writable)
		ready |= POLLOUT;
	return ready;
}

/* libssh asks with no timeout in a loop like ours, and waits here only if told to block. */
static int
wait_ready(struct pollfd *p, const struct timespec *ts)
{
	int r = ppoll(p, 1, ts, NULL);

	if (r <= 0)
		return r;
	wire.readable |= (p->revents & (POLLIN | POLLHUP | POLLERR)) != 0;
	wire.writable |= (p->revents & (POLLOUT | POLLHUP | POLLERR)) != 0;
	p->revents = ready_now(p->events);
	return p->revents != 0;
}

/* Not in poll() itself: glibc declares that poll() only writes to *fds. */
__attribute__((noinline)) static int
poll_any(struct pollfd *fds, nfds_t n, const struct timespec *ts)
{
	bool wait = ts == NULL || ts->tv_sec > 0 || ts->tv_nsec > 0;

	if (n != 1 || fds->fd == -1 || fds->fd != wire.fd)
		return ppoll(fds, n, ts, NULL);
	fds->revents = ready_now(fds->events);
	if (fds->revents != 0)
		return 1;
	return wait ? wait_ready(fds, ts) : 0;
}

int
poll(struct pollfd *fds, nfds_t n, int timeout)
{
	struct timespec ts = { .tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L };

	return poll_any(fds, n, timeout < 0 ? NULL : &ts);
}

/* ---- the loop's side ------------------------------------------------------------------------- */

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)arg;
	if ((what & EV_READ) != 0)
		wire.readable = true;
	if ((what & EV_WRITE) != 0)
		wire.writable = true;
	wire.on_ready(wire.arg);
}

void
wire_start(struct event_base *base, ssh_session session, int fd,
    const struct ssh_counter_struct *packets, void (*on_ready)(void *), void *arg)
{
	wire_stop();
	wire.session = session;
	wire.on_ready = on_ready;
	wire.arg = arg;
	wire.readable = wire.writable = true;
	wire.held = true;
	wire.ended = wire.told = false;
	wire.pos = wire.len = 0;
	wire.in = wire.packets_sent = wire.bytes_sent = 0;
	wire.packets = packets;
	(void)event_assign(&wire.rd, base, fd, EV_READ | EV_PERSIST, on_event, NULL);
	(void)event_assign(&wire.wr, base, fd, EV_WRITE, on_event, NULL);
	wire.fd = fd;
}

void
wire_stop(void)
{
	if (wire.fd == -1)
		return;
	(void)event_del(&wire.rd);
	(void)event_del(&wire.wr);
	wire.fd = -1;
}

/* libssh closes the descriptor by itself when the client or an error ends the session. */
static bool
is_open(void)
{
	if (wire.fd != -1 && ssh_get_fd(wire.session) != wire.fd)
		wire_stop();
	return wire.fd != -1;
}

bool
wire_pending(void)
{
	return is_open() && !wire.held && !wire.told && have_input();
}

bool
wire_unsent(void)
{
	return (ssh_get_status(wire.session) & SSH_WRITE_PENDING) != 0;
}

uint64_t
wire_in(void)
{
	return wire.in;
}

/*
 * A client that asks and asks and reads none of the answers would have libssh keep them all. Its
 * count of bytes is without the encryption, so it is only compared with what was there when
 * everything had gone out.
 */
static bool
too_much_unsent(void)
{
	uint64_t bytes = wire.packets->out_bytes, packets = wire.packets->out_packets;

	if (!wire_unsent()) {
		wire.bytes_sent = bytes;
		wire.packets_sent = packets;
	}
	return bytes - wire.bytes_sent + (packets - wire.packets_sent) * PACKET_OVERHEAD >
	       WIRE_UNSENT_MAX;
}

/*
 * What answers left behind goes out as soon as the kernel takes it. libssh would read while it
 * writes, and what it read would wake nobody.
 */
static void
write_on(void)
{
	bool held = wire.held;

	if (!wire.writable || !wire_unsent())
		return;
	wire.held = true;
	(void)ssh_blocking_flush(wire.session, 0);
	wire.held = held;
}

int
wire_settle(bool hold)
{
	if (!is_open())
		return 0;
	write_on();
	if (!is_open())
		return 0;
	hold = hold || too_much_unsent();
	if (hold == wire.held)
		return 0;
	wire.held = hold;
	return hold ? event_del(&wire.rd) : event_add(&wire.rd, NULL);
}
