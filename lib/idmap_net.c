/* idmap_net.c - addresses and networks in options of a rule */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "addr.h"
#include "idmap_local.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }; /* RFC 4291 section 2.5.5.2 */

/* An IPv4-mapped IPv6 prefix is the IPv4 one. */
static void
net_fold(struct idmap_net *n)
{
	if (n->len != 16 || n->bits < 96 || memcmp(n->addr, mapped, sizeof(mapped)) != 0)
		return;
	memmove(n->addr, n->addr + 12, 4);
	n->len = 4;
	n->bits = (uint8_t)(n->bits - 96);
}

/* "24" within max, without sign or leading zero; -1 for anything else. */
static int
bits_parse(const char *s, int max)
{
	size_t n = strspn(s, "0123456789");
	int v = 0;

	if (n == 0 || n > 3 || s[n] != '\0' || (s[0] == '0' && n > 1))
		return -1;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (s[i] - '0');
	return v <= max ? v : -1;
}

static bool
has_host_bits(const struct idmap_net *n)
{
	for (unsigned i = n->bits; i < n->len * 8U; i++)
		if ((n->addr[i / 8] & (0x80U >> (i % 8))) != 0)
			return true;
	return false;
}

int
idmap_net_parse(const char *option, char *item, struct idmap_net *n, struct err *e)
{
	char shown[SHOW_SIZE], *slash;
	int bits;

	(void)idmap_show(shown, item);
	if ((slash = strchr(item, '/')) != NULL)
		*slash++ = '\0';
	if (inet_pton(AF_INET, item, n->addr) == 1)
		n->len = 4;
	else if (inet_pton(AF_INET6, item, n->addr) == 1)
		n->len = 16;
	else
		return err_set(e, ERR_FORMAT,
		    "%s: \"%s\", allowed are addresses and networks "
		    "such as 10.0.0.0/8 and 2001:db8::/32",
		    option, shown);
	bits = slash == NULL ? n->len * 8 : bits_parse(slash, n->len * 8);
	if (bits == -1)
		return err_set(e, ERR_FORMAT, "%s: \"%s\", allowed behind the slash is 0 to %d",
		    option, shown, n->len * 8);
	n->bits = (uint8_t)bits;
	if (has_host_bits(n))
		return err_set(e, ERR_FORMAT,
		    "%s: \"%s\" has bits set behind its prefix, "
		    "allowed is a network's first address",
		    option, shown);
	net_fold(n);
	return 0;
}

bool
idmap_net_of(const struct sockaddr *sa, struct idmap_net *n)
{
	*n = (struct idmap_net){ .len = 0 };
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		memcpy(n->addr, &in->sin_addr, 4);
		n->len = 4;
		n->bits = 32;
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		memcpy(n->addr, &in6->sin6_addr, 16);
		n->len = 16;
		n->bits = 128;
		net_fold(n);
	}
	return n->len != 0;
}

bool
idmap_net_has(const struct idmap_net *net, const struct idmap_net *addr)
{
	return net->len == addr->len && addr_prefix_equal(net->addr, addr->addr, net->bits);
}
