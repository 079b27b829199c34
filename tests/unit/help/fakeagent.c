/* fakeagent.c - something at an ssh-agent's socket that answers as a test wants it to */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/help/fakeagent.h"

static int
read_all(int fd, uint8_t *p, size_t n)
{
	ssize_t r;

	for (; n > 0; p += r, n -= (size_t)r)
		if ((r = read(fd, p, n)) <= 0)
			return 0;
	return 1;
}

int
fakeagent_write(int fd, const void *p, size_t n)
{
	const uint8_t *b = p;
	ssize_t w;

	for (; n > 0; b += w, n -= (size_t)w)
		if ((w = send(fd, b, n, MSG_NOSIGNAL)) <= 0)
			return 0;
	return 1;
}

void
fakeagent_hang(int fd)
{
	uint8_t b;

	while (read(fd, &b, 1) > 0)
		;
}

static void *
serve(void *arg)
{
	struct fakeagent *f = arg;
	uint8_t head[4];
	size_t n;
	int fd;

	while ((fd = accept(f->listener, NULL, NULL)) != -1) {
		if (read_all(fd, head, 4)) {
			n = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 |
			    head[3];
			assert(n > 0 && n <= FAKEAGENT_MAX);
			f->last_n = n;
			if (read_all(fd, f->last, n)) {
				f->asked++;
				f->answer(f, fd, f->last, n);
			}
		}
		(void)close(fd);
	}
	return NULL;
}

void
fakeagent_start(struct fakeagent *f,
    void (*answer)(struct fakeagent *, int, const uint8_t *, size_t), void *arg)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	memset(f, 0, sizeof(*f));
	f->answer = answer;
	f->arg = arg;
	f->last = malloc(FAKEAGENT_MAX);
	assert(f->last != NULL);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/test_agent.XXXXXX");
	assert(mkdtemp(f->dir) != NULL);
	(void)snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	memcpy(sa.sun_path, f->path, strlen(f->path) + 1);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(f->listener != -1);
	assert(bind(f->listener, (const struct sockaddr *)&sa, sizeof(sa)) == 0);
	assert(listen(f->listener, 4) == 0);
	assert(pthread_create(&f->thread, NULL, serve, f) == 0);
}

void
fakeagent_stop(struct fakeagent *f)
{
	(void)shutdown(f->listener, SHUT_RDWR);
	(void)pthread_join(f->thread, NULL);
	(void)close(f->listener);
	(void)unlink(f->path);
	(void)rmdir(f->dir);
	free(f->last);
	f->last = NULL;
}

void
fakemsg_byte(struct fakemsg *m, unsigned v)
{
	assert(m->n < sizeof(m->p));
	m->p[m->n++] = (uint8_t)v;
}

void
fakemsg_u32(struct fakemsg *m, size_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		fakemsg_byte(m, (unsigned)(v >> shift) & 0xff);
}

void
fakemsg_string(struct fakemsg *m, const void *p, size_t n)
{
	fakemsg_u32(m, n);
	assert(n <= sizeof(m->p) - m->n);
	if (n > 0)
		memcpy(m->p + m->n, p, n);
	m->n += n;
}

void
fakemsg_start(struct fakemsg *m, unsigned type)
{
	m->n = 0;
	fakemsg_u32(m, 0);
	fakemsg_byte(m, type);
}

void
fakemsg_send(struct fakemsg *m, int fd)
{
	size_t end = m->n;

	m->n = 0;
	fakemsg_u32(m, end - 4);
	m->n = end;
	(void)fakeagent_write(fd, m->p, m->n);
}
