/* open_help.h - ident with a gate that the test plays, and a target that listens */
#ifndef OPEN_HELP_H
#define OPEN_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "child.h"
#include "msgio.h"
#include "sshbridge/ident/judge.h"
#include "tests/unit/help/stage.h"

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

struct bench {
	struct stage p;
	struct settings s;
	int listener, gate;
	uint16_t port;
};

static inline int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->listener = stage_listener(&b->port);
	stage_start(&b->p, "ident");
	stage_settings(&b->s, b->port);
	stage_in_force(&b->p, 1, &b->s);
	b->gate = stage_peer(&b->p, PEER_GATE, 0);
	*state = b;
	return 0;
}

static inline int
teardown(void **state)
{
	struct bench *b = *state;

	if (b->gate != -1)
		close(b->gate);
	close(b->listener);
	stage_end(&b->p);
	free(b);
	return 0;
}

static inline uint32_t
peer_of(int fd, uint16_t *port)
{
	struct sockaddr_in in;
	socklen_t n = sizeof(in);

	assert_int_equal(0, getpeername(fd, (struct sockaddr *)&in, &n));
	*port = ntohs(in.sin_port);
	return ntohl(in.sin_addr.s_addr);
}

static inline unsigned
refusal_of(struct bench *b, const struct stage_open *a)
{
	stage_open_send(b->gate, a);
	return stage_refused(b->gate, a->number);
}

/* Opened, and closed again. */
static inline void
opens(struct bench *b, const struct stage_open *a)
{
	uint64_t conn;
	int fd, far;

	stage_open_send(b->gate, a);
	fd = stage_opened(b->gate, a->number, &conn);
	far = accept(b->listener, NULL, NULL);
	stage_closed(b->gate, conn, a->number);
	(void)stage_log(&b->p, "closed");
	close(fd);
	close(far);
}

#endif
