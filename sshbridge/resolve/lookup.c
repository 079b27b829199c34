/* lookup.c - one name, its addresses */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "msgio.h"
#include "resolve.h"

bool
resolve_host_is_sane(const char *host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._:%";
	size_t n = strlen(host);

	return n > 0 && n < RESOLVE_HOST_MAX && host[0] != '-' && strspn(host, allowed) == n;
}

/* Folded, and not there yet. */
static bool
take(const struct addrinfo *ai, struct sockaddr_storage *found, size_t n)
{
	struct sockaddr_storage *ss = &found[n];

	memset(ss, 0, sizeof(*ss));
	if (ai->ai_addrlen > sizeof(*ss))
		return false;
	memcpy(ss, ai->ai_addr, ai->ai_addrlen);
	if (addr_fold(ss) == -1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (addr_equal(&found[i], ss))
			return false;
	return true;
}

size_t
resolve_lookup(const char *host, uint16_t port,
    struct sockaddr_storage found[RESOLVE_ADDRESSES_MAX], struct err *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char service[8];
	size_t n = 0;
	int r;

	if (!resolve_host_is_sane(host)) {
		err_set(e, ERR_FORMAT, "not a host name");
		return 0;
	}
	(void)snprintf(service, sizeof(service), "%u", (unsigned)port);
	if ((r = getaddrinfo(host, service, &hints, &list)) != 0) {
		err_set(e, ERR_SYS, "%s", r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
		return 0;
	}
	for (const struct addrinfo *ai = list; ai != NULL && n < RESOLVE_ADDRESSES_MAX;
	     ai = ai->ai_next)
		if (take(ai, found, n))
			n++;
	freeaddrinfo(list);
	if (n == 0)
		err_set(e, ERR_SYS, "no IPv4 or IPv6 address");
	return n;
}

int
resolve_answer(int fd, struct msg_in *m, struct err *e)
{
	struct sockaddr_storage found[RESOLVE_ADDRESSES_MAX];
	uint8_t buf[4096];
	char host[RESOLVE_HOST_MAX];
	struct msg_out o;
	struct err why = { 0 };
	uint64_t number;
	uint32_t port;
	size_t n;

	if (msg_get_u64(m, &number) == -1 || msg_get_str(m, host, sizeof(host)) == -1 ||
	    msg_get_u32(m, &port) == -1 || port > UINT16_MAX)
		return err_set(e, ERR_PEER, "RESOLVE: malformed");
	if (msg_end(m, e) == -1)
		return -1;
	n = resolve_lookup(host, (uint16_t)port, found, &why);
	msg_start(&o, buf, sizeof(buf), MSG_RESOLVED, 0);
	msg_put_u64(&o, number);
	msg_put_u32(&o, n > 0);
	msg_put_u32(&o, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		addr_put(&found[i], &o);
	msg_put_str(&o, n > 0 ? "" : why.text);
	return msgio_send(fd, &o, NULL, 0, e);
}
