/* source.c - the own end of a connection to a target */
#include <errno.h>
#include <netinet/in.h>
#include <sha2.h>
#include <string.h>
#include <sys/random.h>

#include "endpoint.h"
#include "source.h"

#define SOURCE_NET	   0x7f400000U /* 127.64.0.0/10 */
#define SOURCE_BLOCKS_MASK 0x3ffffU    /* of its /28s */

/* Ports tried on one address, from a random one on: a block of neighbours is rarely all taken. */
enum { PORTS_TRIED = 256, PORTS_TRIED_WILDCARD = 4096 };

static bool
is_ipv4_loopback(const struct sockaddr_storage *ss)
{
	struct sockaddr_in in;

	memcpy(&in, ss, sizeof(in));
	return ss->ss_family == AF_INET && ntohl(in.sin_addr.s_addr) >> 24 == 127;
}

/* First address of the /28 that belongs to this identity or client. */
static uint32_t
block_of(const struct source *s)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct endpoint ep;
	SHA2_CTX ctx;
	uint32_t h;

	SHA256Init(&ctx);
	if (s->mode == SOURCE_PER_CLIENT) {
		endpoint_from(s->client, &ep);
		SHA256Update(&ctx, ep.addr, ep.family == 4 ? 4 : 16);
	} else {
		SHA256Update(&ctx, (const uint8_t *)s->name, strlen(s->name));
	}
	SHA256Final(digest, &ctx);
	memcpy(&h, digest, sizeof(h));
	return SOURCE_NET | (ntohl(h) & SOURCE_BLOCKS_MASK) << 4;
}

unsigned
source_address(const struct source *s, const struct sockaddr_storage *target, unsigned i,
    struct sockaddr_storage *ss)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	bool own = s->mode != SOURCE_SYSTEM && is_ipv4_loopback(target);

	memset(ss, 0, sizeof(*ss));
	if (own)
		in.sin_addr.s_addr = htonl(block_of(s) + i % SOURCE_ADDRESSES);
	if (target->ss_family == AF_INET)
		memcpy(ss, &in, sizeof(in));
	else
		memcpy(ss, &in6, sizeof(in6));
	return own ? SOURCE_ADDRESSES : 1;
}

/* A number below n (at most 65536), each as likely as the other to one in 2^16. */
static int
random_below(uint32_t n, uint32_t *out, struct err *e)
{
	uint32_t r;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return err_sys(e, errno, "random number");
	*out = r % n;
	return 0;
}

/* 0 bound, 1 every port tried is taken, -1 *e. */
static int
bind_port(int fd, struct sockaddr_storage *ss, const struct source *s, uint16_t not, uint32_t tries,
    struct err *e)
{
	uint32_t n = s->port_last - s->port_first + 1, start = 0;

	if (random_below(n, &start, e) == -1)
		return -1;
	for (uint32_t k = 0; k < n && k < tries; k++) {
		uint16_t port = (uint16_t)(s->port_first + (start + k) % n);

		/* the wildcard and the target's own port would connect the socket to itself */
		if (port == not )
			continue;
		addr_set_port(ss, port);
		if (bind(fd, (struct sockaddr *)ss, addr_len(ss)) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return err_sys(e, errno, "bind a local port");
	}
	return 1;
}

int
source_bind(int fd, const struct source *s, const struct sockaddr_storage *target, struct err *e)
{
	struct sockaddr_storage ss;
	unsigned n = 1;
	int r;

	for (unsigned i = 0; i < n; i++) {
		n = source_address(s, target, i, &ss);
		r = bind_port(
		    fd, &ss, s, addr_port(target), n == 1 ? PORTS_TRIED_WILDCARD : PORTS_TRIED, e);
		if (r != 1)
			return r;
	}
	return err_sys(e, EADDRINUSE, "no free port in local-ports %u-%u", (unsigned)s->port_first,
	    (unsigned)s->port_last);
}
