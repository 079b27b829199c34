/* sealed.c - memfds that nobody can change, and records in them */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sealed.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int
sealed_begin(const char *name, struct err *e)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd == -1 ? err_sys(e, errno, "memfd for %s", name) : fd;
}

int
sealed_end(const char *name, int fd, struct err *e)
{
	if (fcntl(fd, F_ADD_SEALS, SEALS) == -1)
		return err_sys(e, errno, "memfd for %s: seal", name);
	return 0;
}

int
sealed_new(const char *name, const void *p, size_t n, struct err *e)
{
	int fd = sealed_begin(name, e);
	const uint8_t *b = p;

	while (fd != -1 && n > 0) {
		ssize_t w = write(fd, b, n);

		if (w == -1 && errno == EINTR)
			continue;
		if (w <= 0) {
			err_sys(e, errno, "memfd for %s: write", name);
			close(fd);
			return -1;
		}
		b += w;
		n -= (size_t)w;
	}
	if (fd != -1 && sealed_end(name, fd, e) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

int
sealed_map(int fd, size_t max, struct sealed *s, struct err *e)
{
	static const uint8_t empty[1];
	int seals = fcntl(fd, F_GET_SEALS);
	off_t size;
	void *p;

	if (seals == -1 || (seals & SEALS) != SEALS)
		return err_set(e, ERR_PEER, "a memfd came that is not sealed");
	/* lseek, not fstat: the filters of gate and ident allow no call that takes a path */
	if ((size = lseek(fd, 0, SEEK_END)) == -1)
		return err_sys(e, errno, "size of a memfd");
	if ((uint64_t)size > max)
		return err_set(e, ERR_PEER, "a memfd of %lld bytes came, at most %zu are allowed",
		    (long long)size, max);
	if (size == 0) {
		*s = (struct sealed){ .p = empty, .n = 0 };
		return 0;
	}
	p = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return err_sys(e, errno, "map a memfd");
	*s = (struct sealed){ .p = p, .n = (size_t)size };
	return 0;
}

void
sealed_unmap(struct sealed *s)
{
	/* munmap() wants void *; the mapping is ours */
	if (s->n > 0)
		(void)munmap((void *)(uintptr_t)s->p, s->n);
	*s = (struct sealed){ 0 };
}

int
records_add(struct records_writer *w, const struct record *r, struct err *e)
{
	uint32_t head[3] = { htonl(r->kind), htonl(r->section), htonl((uint32_t)r->n) };
	size_t need;

	if (r->n > w->max || w->len > w->max - r->n || sizeof(head) > w->max - r->n - w->len)
		return err_set(
		    e, ERR_FORMAT, "the files together have more than %zu bytes", w->max);
	need = w->len + sizeof(head) + r->n;
	if (need > w->cap) {
		size_t cap = need + need / 2;
		uint8_t *p = realloc(w->buf, cap);

		if (p == NULL)
			return err_nomem(e, "records");
		w->buf = p;
		w->cap = cap;
	}
	memcpy(w->buf + w->len, head, sizeof(head));
	if (r->n > 0)
		memcpy(w->buf + w->len + sizeof(head), r->p, r->n);
	w->len = need;
	return 0;
}

void
records_done(struct records_writer *w)
{
	free(w->buf);
	w->buf = NULL;
	w->len = w->cap = 0;
}

int
records_next(const struct sealed *s, size_t *pos, struct record *r, struct err *e)
{
	uint32_t head[3];

	if (*pos == s->n)
		return 0;
	if (s->n - *pos < sizeof(head))
		return err_set(e, ERR_PEER, "records: cut header");
	memcpy(head, s->p + *pos, sizeof(head));
	r->kind = ntohl(head[0]);
	r->section = ntohl(head[1]);
	r->n = ntohl(head[2]);
	if (s->n - *pos - sizeof(head) < r->n)
		return err_set(e, ERR_PEER, "records: cut record");
	r->p = s->p + *pos + sizeof(head);
	*pos += sizeof(head) + r->n;
	return 1;
}
