/* listeners.c - the TCP listeners, one for each address and gate (SO_REUSEPORT) */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "listeners.h"

/* Connections that wait for accept(), for each gate; the kernel cuts it to somaxconn. */
#define BACKLOG 1024

static int
open_one(const struct sockaddr_storage *a, struct err *e)
{
	static const int on = 1, off = 0;
	char text[ADDR_TEXT_SIZE];
	int fd = socket(a->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)addr_text_port(a, text);
	if (fd == -1)
		return err_sys(e, errno, "listen \"%s\"", text);
	/* [::] takes IPv4 too, whatever net.ipv6.bindv6only says */
	if ((a->ss_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == -1) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == -1 ||
	    bind(fd, (const struct sockaddr *)a, addr_len(a)) == -1 || listen(fd, BACKLOG) == -1) {
		err_sys(e, errno, "listen \"%s\"", text);
		close(fd);
		return -1;
	}
	return fd;
}

static int
find_old(const struct listeners *old, const struct sockaddr_storage *a, size_t gate)
{
	for (size_t i = 0; old != NULL && gate < old->ngates && i < old->naddrs; i++)
		if (addr_equal(&old->addrs[i], a))
			return old->fds[i * old->ngates + gate];
	return -1;
}

struct listeners *
listeners_new(const struct sockaddr_storage *addrs, size_t n, size_t ngates,
    const struct listeners *old, struct err *e)
{
	struct listeners *l = calloc(1, sizeof(*l));

	if (l == NULL || (l->fds = malloc(n * ngates * sizeof(int))) == NULL) {
		free(l);
		err_nomem(e, "listeners");
		return NULL;
	}
	l->number = old == NULL ? 1 : old->number + 1;
	l->naddrs = n;
	l->ngates = ngates;
	memcpy(l->addrs, addrs, n * sizeof(addrs[0]));
	for (size_t i = 0; i < n * ngates; i++)
		l->fds[i] = -1;
	for (size_t i = 0; i < n * ngates; i++) {
		const struct sockaddr_storage *a = &addrs[i / ngates];
		int fd = find_old(old, a, i % ngates);

		if (fd != -1 && (l->fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 10)) == -1)
			err_sys(e, errno, "listeners");
		else if (fd == -1)
			l->fds[i] = open_one(a, e);
		if (l->fds[i] == -1) {
			listeners_free(l);
			return NULL;
		}
	}
	return l;
}

void
listeners_free(struct listeners *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->naddrs * l->ngates; i++)
		if (l->fds[i] != -1)
			close(l->fds[i]);
	free(l->fds);
	free(l);
}

int
listeners_fd(const struct listeners *l, size_t addr, size_t gate)
{
	return l->fds[addr * l->ngates + gate];
}
