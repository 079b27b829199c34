/*
 * target.c - what stands behind the servers that are measured, in place of sshd
 *
 *	target PORT [ADDRESS]
 *
 * Listens on 127.0.0.1 or ADDRESS, a thread for each connection, and does what proto.h says.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto.h"

enum { CHUNK = 128 * 1024, STACK = 512 * 1024, MIB = 1024 * 1024, SLOW_US = 5000 };

static ssize_t
take(int fd, void *p, size_t n)
{
	ssize_t r;

	do
		r = recv(fd, p, n, 0);
	while (r == -1 && errno == EINTR);
	return r;
}

/* False when the other side has gone. */
static int
give(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);

		if (w == -1 && errno == EINTR)
			continue;
		if (w <= 0)
			return 0;
		p += w;
		n -= (size_t)w;
	}
	return 1;
}

static void
serve_down(int fd, uint8_t *buf, uint64_t left)
{
	while (left > 0) {
		size_t n = left < CHUNK ? (size_t)left : CHUNK;

		if (!give(fd, buf, n))
			return;
		left -= n;
	}
	(void)shutdown(fd, SHUT_WR);
	while (take(fd, buf, CHUNK) > 0)
		;
}

static void
serve_up(int fd, uint8_t *buf, uint64_t left, useconds_t pause_us)
{
	uint64_t next = left > MIB ? left - MIB : 0;

	while (left > 0) {
		ssize_t n = take(fd, buf, left < CHUNK ? (size_t)left : CHUNK);

		if (n <= 0)
			return;
		left -= (uint64_t)n;
		if (pause_us > 0 && left < next) {
			(void)usleep(pause_us);
			next = left > MIB ? left - MIB : 0;
		}
	}
	(void)give(fd, buf, 1);
	while (take(fd, buf, CHUNK) > 0)
		;
}

static void
serve_echo(int fd, uint8_t *buf)
{
	ssize_t n;

	while ((n = take(fd, buf, CHUNK)) > 0 && give(fd, buf, (size_t)n))
		;
}

static void *
serve(void *arg)
{
	int fd = *(int *)arg, one = 1;
	uint8_t asked[PROTO_LEN], buf[CHUNK];

	free(arg);
	memset(buf, 'x', sizeof(buf));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (recv(fd, asked, sizeof(asked), MSG_WAITALL) == PROTO_LEN) {
		switch (asked[0]) {
		case PROTO_DOWN:
			serve_down(fd, buf, proto_number(asked));
			break;
		case PROTO_UP:
			serve_up(fd, buf, proto_number(asked), 0);
			break;
		case PROTO_SLOW:
			serve_up(fd, buf, proto_number(asked), SLOW_US);
			break;
		case PROTO_ECHO:
			serve_echo(fd, buf);
			break;
		case PROTO_HOLD:
			if (give(fd, buf, 1))
				(void)take(fd, buf, 1);
			break;
		default:
			break;
		}
	}
	(void)close(fd);
	return NULL;
}

static int
listen_on(const char *port, const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = inet_addr(address),
		.sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == -1 ||
	    bind(fd, (struct sockaddr *)&in, sizeof(in)) == -1 || listen(fd, 4096) == -1)
		die("target: port %s: %s", port, strerror(errno));
	return fd;
}

int
main(int argc, char **argv)
{
	pthread_attr_t attr;
	pthread_t t;
	int l, *fd;

	if (argc != 2 && argc != 3)
		die("usage: target PORT [ADDRESS]");
	(void)signal(SIGPIPE, SIG_IGN);
	l = listen_on(argv[1], argc == 3 ? argv[2] : "127.0.0.1");
	if (pthread_attr_init(&attr) != 0 || pthread_attr_setstacksize(&attr, STACK) != 0 ||
	    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) != 0)
		die("target: threads");
	for (;;) {
		if ((fd = malloc(sizeof(*fd))) == NULL)
			die("target: out of memory");
		if ((*fd = accept(l, NULL, NULL)) == -1) {
			free(fd);
			continue;
		}
		if (pthread_create(&t, &attr, serve, fd) != 0)
			die("target: no thread for another connection");
	}
}
