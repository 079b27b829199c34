/* endpoint.c - one end of a TCP connection */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "endpoint.h"

void
endpoint_from(const struct sockaddr_storage *ss, struct endpoint *ep)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(ep, 0, sizeof(*ep));
	ep->port = addr_port(ss);
	if (ss->ss_family == AF_INET) {
		memcpy(&in, ss, sizeof(in));
		ep->family = 4;
		memcpy(ep->addr, &in.sin_addr, 4);
	} else {
		memcpy(&in6, ss, sizeof(in6));
		ep->family = 6;
		memcpy(ep->addr, &in6.sin6_addr, 16);
		ep->scope = in6.sin6_scope_id;
	}
}

void
endpoint_to(const struct endpoint *ep, struct sockaddr_storage *ss)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_scope_id = ep->scope };

	memset(ss, 0, sizeof(*ss));
	if (ep->family == 4) {
		memcpy(&in.sin_addr, ep->addr, 4);
		memcpy(ss, &in, sizeof(in));
	} else {
		memcpy(&in6.sin6_addr, ep->addr, 16);
		memcpy(ss, &in6, sizeof(in6));
	}
	addr_set_port(ss, ep->port);
}

char *
endpoint_text(const struct endpoint *ep, char dst[ADDR_TEXT_SIZE])
{
	struct sockaddr_storage ss;

	endpoint_to(ep, &ss);
	return addr_text(&ss, dst);
}

char *
endpoint_text_port(const struct endpoint *ep, char dst[ADDR_TEXT_SIZE])
{
	struct sockaddr_storage ss;

	endpoint_to(ep, &ss);
	return addr_text_port(&ss, dst);
}

int
tuple_of(int fd, struct tuple *t, struct err *e)
{
	struct sockaddr_storage local, remote;
	socklen_t nlocal = sizeof(local), nremote = sizeof(remote);

	memset(&local, 0, sizeof(local));
	memset(&remote, 0, sizeof(remote));
	if (getsockname(fd, (struct sockaddr *)&local, &nlocal) == -1)
		return err_sys(e, errno, "own end of a socket");
	if (getpeername(fd, (struct sockaddr *)&remote, &nremote) == -1)
		return err_sys(e, errno, "far end of a socket");
	if (addr_fold(&local) == -1 || addr_fold(&remote) == -1)
		return err_set(e, ERR_PEER, "not an internet socket");
	endpoint_from(&local, &t->local);
	endpoint_from(&remote, &t->remote);
	return 0;
}
