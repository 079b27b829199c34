/* jumpnet.c - which hosts and addresses a jump may open */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "jumpnet.h"

#define LABEL_MAX 63

/* ---- forms of a host -------------------------------------------------------------------- */
static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Digits alone, or 0x and nothing but hexadecimal digits: what inet_aton(3) reads as a number. */
static bool
is_number(const char *label, size_t n)
{
	if (strspn(label, "0123456789") >= n)
		return true;
	return n >= 2 && label[0] == '0' && label[1] == 'x' &&
	       strspn(label + 2, "0123456789abcdef") >= n - 2;
}

/* A name in lower case, without a last dot. */
static bool
is_name(const char *name)
{
	const char *label = name;
	size_t n;

	for (;; label += n + 1) {
		n = strcspn(label, ".");
		if (n == 0 || n > LABEL_MAX || label[0] == '-' || label[n - 1] == '-')
			return false;
		for (size_t i = 0; i < n; i++)
			if (!is_alnum(label[i]) && label[i] != '-')
				return false;
		if (label[n] == '\0')
			return !is_number(label, n);
	}
}

static bool
is_address(const char *host, struct sockaddr_storage *ss)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	/* inet_pton(3), not inet_aton(3): no octal, no hexadecimal, no short forms, no zone */
	if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
		memset(ss, 0, sizeof(*ss));
		memcpy(ss, &in, sizeof(in));
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1) {
		memset(ss, 0, sizeof(*ss));
		memcpy(ss, &in6, sizeof(in6));
		return true;
	}
	return false;
}

enum jumpnet_form
jumpnet_host(const char *host, char name[JUMPNET_NAME_SIZE], struct sockaddr_storage *ss)
{
	char lower[JUMPNET_NAME_SIZE];
	size_t n = strlen(host);

	if (is_address(host, ss))
		return JUMPNET_ADDRESS;
	if (n > 0 && host[n - 1] == '.')
		n--;
	if (n == 0 || n >= sizeof(lower))
		return JUMPNET_NEITHER;
	for (size_t i = 0; i < n; i++)
		lower[i] = (char)(host[i] >= 'A' && host[i] <= 'Z' ? host[i] | 0x20 : host[i]);
	lower[n] = '\0';
	if (!is_name(lower))
		return JUMPNET_NEITHER;
	memcpy(name, lower, n + 1);
	return JUMPNET_NAME;
}

/* ---- forbidden ranges ------------------------------------------------------------------- */
enum carries { CARRIES_NOTHING, CARRIES_6TO4, CARRIES_TEREDO };
struct range {
	struct cidr net;
	enum carries carries; /* IPv4 addresses that decide; nothing: forbidden as it is */
	bool always;	      /* whatever jump-networks says */
	const char *what;
};
/* clang-format off */
#define V4(bits, ...) { .family = 4, .prefix = (bits), .bytes = { __VA_ARGS__ } }
#define V6(bits, ...) { .family = 6, .prefix = (bits), .bytes = { __VA_ARGS__ } }

/* The first one that an address lies in decides: ::1 is in ::/96 too, but no IPv4 address. */
static const struct range ranges[] = {
	{ V4(8, 0),			CARRIES_NOTHING, true,	"unspecified" },
	{ V4(8, 127),			CARRIES_NOTHING, false,	"loopback" },
	{ V4(16, 169, 254),		CARRIES_NOTHING, false,	"link-local" },
	{ V4(4, 224),			CARRIES_NOTHING, false,	"multicast" },
	{ V4(4, 240),			CARRIES_NOTHING, false,	"reserved or broadcast" },
	{ V6(128, 0),			CARRIES_NOTHING, true,	"unspecified" },
	{ V6(128, [15] = 1),		CARRIES_NOTHING, false,	"loopback" },
	{ V6(96, 0),			CARRIES_NOTHING, true,	"IPv4-compatible" },
	{ V6(96, [10] = 0xff, 0xff),	CARRIES_NOTHING, true,	"IPv4-mapped" },
	{ V6(96, [8] = 0xff, 0xff),	CARRIES_NOTHING, false,	"IPv4-translated" },
	{ V6(96, 0, 0x64, 0xff, 0x9b),	CARRIES_NOTHING, false,	"NAT64" },
	{ V6(48, 0, 0x64, 0xff, 0x9b, 0, 1), CARRIES_NOTHING, false, "NAT64" },
	{ V6(16, 0x20, 0x02),		CARRIES_6TO4,	 false,	"6to4 of a forbidden address" },
	{ V6(32, 0x20, 0x01),		CARRIES_TEREDO,	 false,	"Teredo of a forbidden address" },
	{ V6(10, 0xfe, 0x80),		CARRIES_NOTHING, false,	"link-local" },
	{ V6(10, 0xfe, 0xc0),		CARRIES_NOTHING, false,	"site-local" },
	{ V6(8, 0xff),			CARRIES_NOTHING, false,	"multicast" },
};
/* clang-format on */

/* Not cidr_contains(): that takes an IPv4-mapped address for the IPv4 address in it. */
static bool
net_has(const struct cidr *net, uint8_t family, const uint8_t *addr)
{
	return net->family == family && addr_prefix_equal(net->bytes, addr, net->prefix);
}

static const struct range *
range_of(uint8_t family, const uint8_t *addr)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (net_has(&ranges[i].net, family, addr))
			return &ranges[i];
	return NULL;
}

/* Whether the default forbids what an address of this range (NULL: of none) leads to. */
static bool
is_forbidden(const struct range *r, const uint8_t *addr)
{
	uint8_t client[4];

	if (r == NULL)
		return false;
	switch (r->carries) {
	case CARRIES_NOTHING:
		return true;
	case CARRIES_6TO4: /* RFC 3056 section 2 */
		return range_of(4, addr + 2) != NULL;
	case CARRIES_TEREDO: /* RFC 4380 section 4: the server's, and the client's with bits
				inverted */
		for (size_t i = 0; i < sizeof(client); i++)
			client[i] = (uint8_t)~addr[12 + i];
		return range_of(4, addr + 4) != NULL || range_of(4, client) != NULL;
	}
	return true;
}

/* ---- the verdict ------------------------------------------------------------------------ */
/* The family (4, 6) and bytes of an address; 0 for one of neither. */
static uint8_t
bytes_of(const struct sockaddr_storage *ss, uint8_t bytes[16])
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (ss->ss_family == AF_INET) {
		memcpy(&in, ss, sizeof(in));
		memcpy(bytes, &in.sin_addr, 4);
		return 4;
	}
	if (ss->ss_family == AF_INET6) {
		memcpy(&in6, ss, sizeof(in6));
		memcpy(bytes, &in6.sin6_addr, 16);
		return 6;
	}
	return 0;
}

static int
refuse(const struct sockaddr_storage *ss, const char *what, struct err *e)
{
	char text[ADDR_TEXT_SIZE];

	return err_set(e, ERR_REFUSED, "%s: %s", addr_text(ss, text), what);
}

/* Whether jump-networks has the address: 0 no, 1 in a network, 2 alone. */
static int
listed(const struct cidr *nets, size_t n, uint8_t family, const uint8_t *addr)
{
	int found = 0;

	for (size_t i = 0; i < n; i++) {
		if (!net_has(&nets[i], family, addr))
			continue;
		if (nets[i].prefix == (family == 4 ? 32 : 128))
			return 2;
		found = 1;
	}
	return found;
}

/* What the kernel says of it; `alone`: jump-networks has this very address. */
static int
check_route(const struct sockaddr_storage *ss, enum route_kind kind, bool alone, struct err *e)
{
	switch (kind) {
	case ROUTE_UNICAST:
		return 0;
	case ROUTE_LOCAL:
		return alone ? 0 : refuse(ss, "an address of the bridge itself", e);
	case ROUTE_OTHER:
		return refuse(ss, "no unicast address", e);
	case ROUTE_NONE:
		break;
	}
	return refuse(ss, "no route to it", e);
}

int
jumpnet_allows(const struct cidr *nets, size_t n, const struct sockaddr_storage *ss,
    enum route_kind kind, struct err *e)
{
	uint8_t addr[16], family = bytes_of(ss, addr);
	const struct range *r;
	int in = 0;

	if (family == 0)
		return err_set(e, ERR_REFUSED, "neither an IPv4 nor an IPv6 address");
	r = range_of(family, addr);
	if (r != NULL && r->always)
		return refuse(ss, r->what, e);
	if (n == 0 && is_forbidden(r, addr))
		return refuse(ss, r->what, e);
	if (n > 0 && (in = listed(nets, n, family, addr)) == 0)
		return refuse(ss, "not in jump-networks", e);
	return check_route(ss, kind, in == 2, e);
}

int
jumpnet_judge(int route_fd, const struct cidr *nets, size_t n, const struct sockaddr_storage *ss,
    struct err *e)
{
	return jumpnet_allows(nets, n, ss, route_kind(route_fd, ss), e);
}
