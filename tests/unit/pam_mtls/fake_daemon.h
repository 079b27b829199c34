/*
 * fake_daemon.h - what stands behind the module's socket in a test: a thread that takes one
 * connection after the other, keeps what it was asked, and answers as the test says
 */
#ifndef FAKE_DAEMON_H
#define FAKE_DAEMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "msgio.h"

enum fake_mode {
	FAKE_REPLY,    /* send `reply` */
	FAKE_REFLECT,  /* IS, with an identity made of the account asked for */
	FAKE_REPLY_FD, /* send `reply` with a descriptor */
	FAKE_TWICE,    /* `reply`, and again */
	FAKE_SILENT,   /* read the question and wait for the module to give up */
	FAKE_DEAF,     /* accept nobody */
	FAKE_HANGUP,   /* read the question and close */
	FAKE_HANGUP_AT_ONCE,
};

struct fake_question {
	uint32_t hook, has_uid, uid;
	uint32_t bind_session;
	char service[300], account[300], auth_info[16400];
	uint64_t cookie; /* SO_COOKIE of the socket that was shown */
	size_t nfds;
};

struct fake {
	enum fake_mode mode;
	uint8_t reply[4096];
	size_t reply_len;
	int listener, stop;
	pthread_t thread;
	pthread_mutex_t lock;
	unsigned asked;
	struct fake_question last;
};

/* The test cannot go on without this. */
#define MUST(cond)                                                                             \
	do {                                                                                   \
		if (!(cond))                                                                   \
			fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, #cond, strerror(errno)); \
	} while (0)

static inline uint64_t
socket_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t n = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &n) == -1)
		return 0;
	return cookie;
}

/* A bound and listening socket at `path`. */
static inline int
fake_listen(const char *path, int backlog)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	MUST(fd != -1);
	MUST(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	MUST(chmod(path, 0600) == 0);
	MUST(listen(fd, backlog) == 0);
	return fd;
}

/* An IS with every field; texts may be "". */
static inline size_t
is_message(uint8_t *buf, size_t size, uint64_t conn, const char *identity, const char *address)
{
	struct msg_out o;
	struct err e;

	msg_start(&o, buf, size, MSG_IS, conn);
	msg_put_str(&o, identity);
	msg_put_str(&o, address);
	msg_put_u32(&o, 40022);
	msg_put_str(&o, "CN=Alice Ng,O=Corp");
	msg_put_str(&o, "CN=Example CA");
	msg_put_str(&o, "1f00");
	msg_put_str(&o, "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU");
	msg_put_u64(&o, 1800000000);
	msg_put_str(&o, "identity.map:3");
	return msg_finish(&o, &e) == 0 ? o.len : 0;
}

static inline size_t
no_message(uint8_t *buf, size_t size, uint64_t conn, uint32_t kind, const char *sentence)
{
	struct msg_out o;
	struct err e;

	msg_start(&o, buf, size, MSG_NO, conn);
	msg_put_u32(&o, kind);
	msg_put_str(&o, sentence);
	return msg_finish(&o, &e) == 0 ? o.len : 0;
}

/* Read WHO field by field, as docs/PROTOCOL.md has it; what is not so stays unasked. */
static inline bool
fake_read(int fd, struct fake_question *q)
{
	uint8_t buf[MSG_MAX];
	int fds[MSG_FDS_MAX];
	struct msg_in m;
	struct err e;
	ssize_t n = msgio_recv(fd, buf, sizeof(buf), fds, &q->nfds, &e);

	if (n <= 0)
		return false;
	if (q->nfds == 1)
		q->cookie = socket_cookie(fds[0]);
	for (size_t i = 0; i < q->nfds; i++)
		close(fds[i]);
	return msg_parse(&m, buf, (size_t)n, &e) == 0 && m.type == MSG_WHO && m.conn == 0 &&
	       msg_get_u32(&m, &q->hook) == 0 &&
	       msg_get_str(&m, q->service, sizeof(q->service)) == 0 &&
	       msg_get_str(&m, q->account, sizeof(q->account)) == 0 &&
	       msg_get_u32(&m, &q->has_uid) == 0 && msg_get_u32(&m, &q->uid) == 0 &&
	       msg_get_str(&m, q->auth_info, sizeof(q->auth_info)) == 0 &&
	       msg_get_u32(&m, &q->bind_session) == 0 && msg_end(&m, &e) == 0;
}

static inline void
fake_send(int fd, const uint8_t *p, size_t n, bool with_fd)
{
	struct msg_out o = { .buf = (uint8_t *)(uintptr_t)p, .size = n, .len = n };
	struct err e;
	int own = STDIN_FILENO;

	if (n == 0) /* an empty packet, which no message is */
		(void)send(fd, "", 0, MSG_NOSIGNAL);
	else if (msgio_send(fd, &o, &own, with_fd ? 1 : 0, &e) == -1)
		return;
}

/* Until the module closes its end, or the test stops. */
static inline void
fake_wait(struct fake *f, int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLRDHUP },
		{ .fd = f->stop, .events = POLLIN } };

	(void)poll(p, 2, -1);
}

static inline void
fake_serve(struct fake *f, int fd)
{
	struct fake_question q = { 0 };
	uint8_t is[4096];
	char identity[600];
	size_t n;

	if (f->mode == FAKE_HANGUP_AT_ONCE)
		return;
	if (fake_read(fd, &q)) {
		pthread_mutex_lock(&f->lock);
		f->asked++;
		f->last = q;
		pthread_mutex_unlock(&f->lock);
	} else {
		return;
	}
	(void)snprintf(identity, sizeof(identity), "corp/email:%s", q.account);
	switch (f->mode) {
	case FAKE_REFLECT:
		n = is_message(is, sizeof(is), 7, identity, "192.0.2.9");
		fake_send(fd, is, n, false);
		break;
	case FAKE_TWICE:
		fake_send(fd, f->reply, f->reply_len, false);
		/* fall through */
	case FAKE_REPLY:
	case FAKE_REPLY_FD:
		fake_send(fd, f->reply, f->reply_len, f->mode == FAKE_REPLY_FD);
		break;
	case FAKE_SILENT:
		fake_wait(f, fd);
		break;
	default:
		break;
	}
}

static inline void *
fake_main(void *arg)
{
	struct fake *f = arg;
	struct pollfd p[2] = { { .fd = f->stop, .events = POLLIN },
		{ .fd = f->listener, .events = POLLIN } };
	int fd;

	for (;;) {
		(void)poll(p, f->mode == FAKE_DEAF ? 1 : 2, -1);
		if (p[0].revents != 0)
			return NULL;
		if ((fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC)) == -1)
			return NULL;
		fake_serve(f, fd);
		close(fd);
	}
}

static inline void
fake_start_on(struct fake *f, int listener)
{
	f->listener = listener;
	f->asked = 0;
	memset(&f->last, 0, sizeof(f->last));
	f->stop = eventfd(0, EFD_CLOEXEC);
	MUST(f->stop != -1);
	MUST(pthread_mutex_init(&f->lock, NULL) == 0);
	MUST(pthread_create(&f->thread, NULL, fake_main, f) == 0);
}

static inline void
fake_start(struct fake *f, const char *path)
{
	fake_start_on(f, fake_listen(path, 64));
}

static inline void
fake_stop(struct fake *f)
{
	MUST(eventfd_write(f->stop, 1) == 0);
	MUST(pthread_join(f->thread, NULL) == 0);
	pthread_mutex_destroy(&f->lock);
	close(f->listener);
	close(f->stop);
}

#endif
