/* addr.c - client addresses */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

/* Copies instead of casts: a sockaddr_storage is not an object of the other type. */
static struct sockaddr_in
as_in(const struct sockaddr_storage *ss)
{
	struct sockaddr_in in;

	memcpy(&in, ss, sizeof(in));
	return in;
}

static struct sockaddr_in6
as_in6(const struct sockaddr_storage *ss)
{
	struct sockaddr_in6 in6;

	memcpy(&in6, ss, sizeof(in6));
	return in6;
}

int
addr_fold(struct sockaddr_storage *ss)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (ss->ss_family == AF_INET)
		return 0;
	if (ss->ss_family != AF_INET6)
		return -1;
	in6 = as_in6(ss);
	if (!IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return 0;
	in.sin_port = in6.sin6_port;
	memcpy(&in.sin_addr, in6.sin6_addr.s6_addr + 12, 4);
	memset(ss, 0, sizeof(*ss));
	memcpy(ss, &in, sizeof(in));
	return 0;
}

socklen_t
addr_len(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

uint16_t
addr_port(const struct sockaddr_storage *ss)
{
	return ntohs(ss->ss_family == AF_INET ? as_in(ss).sin_port : as_in6(ss).sin6_port);
}

void
addr_set_port(struct sockaddr_storage *ss, uint16_t port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (ss->ss_family == AF_INET) {
		in = as_in(ss);
		in.sin_port = htons(port);
		memcpy(ss, &in, sizeof(in));
	} else {
		in6 = as_in6(ss);
		in6.sin6_port = htons(port);
		memcpy(ss, &in6, sizeof(in6));
	}
}

bool
addr_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	struct sockaddr_in6 x, y;

	if (a->ss_family != b->ss_family || addr_port(a) != addr_port(b))
		return false;
	if (a->ss_family == AF_INET)
		return as_in(a).sin_addr.s_addr == as_in(b).sin_addr.s_addr;
	if (a->ss_family != AF_INET6)
		return false;
	x = as_in6(a);
	y = as_in6(b);
	return memcmp(&x.sin6_addr, &y.sin6_addr, 16) == 0 && x.sin6_scope_id == y.sin6_scope_id;
}

char *
addr_text(const struct sockaddr_storage *ss, char dst[ADDR_TEXT_SIZE])
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	size_t n;

	dst[0] = '?';
	dst[1] = '\0';
	if (ss->ss_family == AF_INET) {
		in = as_in(ss);
		(void)inet_ntop(AF_INET, &in.sin_addr, dst, ADDR_TEXT_SIZE);
	} else if (ss->ss_family == AF_INET6) {
		in6 = as_in6(ss);
		(void)inet_ntop(AF_INET6, &in6.sin6_addr, dst, ADDR_TEXT_SIZE);
		n = strlen(dst);
		if (in6.sin6_scope_id != 0)
			(void)snprintf(dst + n, ADDR_TEXT_SIZE - n, "%%%u", in6.sin6_scope_id);
	}
	return dst;
}

char *
addr_text_port(const struct sockaddr_storage *ss, char dst[ADDR_TEXT_SIZE])
{
	char a[ADDR_TEXT_SIZE];

	(void)addr_text(ss, a);
	(void)snprintf(dst, ADDR_TEXT_SIZE, ss->ss_family == AF_INET6 ? "[%.60s]:%u" : "%.60s:%u",
	    a, (unsigned)addr_port(ss));
	return dst;
}

int
addr_parse(const char *text, struct sockaddr_storage *ss, struct err *e)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		memcpy(ss, &in, sizeof(in));
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		memcpy(ss, &in6, sizeof(in6));
	else
		return err_set(e, ERR_FORMAT, "\"%.80s\" is not an IPv4 or IPv6 address", text);
	return addr_fold(ss);
}

void
addr_put(const struct sockaddr_storage *ss, struct msg_out *o)
{
	uint8_t b[1 + 16 + 2 + 4];
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (ss->ss_family == AF_INET) {
		in = as_in(ss);
		b[0] = 4;
		memcpy(b + 1, &in.sin_addr, 4);
		memcpy(b + 5, &in.sin_port, 2);
		msg_put_bytes(o, b, 7);
	} else {
		uint32_t scope;

		in6 = as_in6(ss);
		scope = htonl(in6.sin6_scope_id);
		b[0] = 6;
		memcpy(b + 1, &in6.sin6_addr, 16);
		memcpy(b + 17, &in6.sin6_port, 2);
		memcpy(b + 19, &scope, 4);
		msg_put_bytes(o, b, 23);
	}
}

int
addr_get(struct msg_in *m, struct sockaddr_storage *ss)
{
	const uint8_t *p;
	size_t n;
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (msg_get_bytes(m, &p, &n, 23) == -1)
		return -1;
	memset(ss, 0, sizeof(*ss));
	if (n == 7 && p[0] == 4) {
		memcpy(&in.sin_addr, p + 1, 4);
		memcpy(&in.sin_port, p + 5, 2);
		memcpy(ss, &in, sizeof(in));
		return 0;
	}
	if (n == 23 && p[0] == 6) {
		uint32_t scope;

		memcpy(&in6.sin6_addr, p + 1, 16);
		memcpy(&in6.sin6_port, p + 17, 2);
		memcpy(&scope, p + 19, 4);
		in6.sin6_scope_id = ntohl(scope);
		memcpy(ss, &in6, sizeof(in6));
		return 0;
	}
	m->bad = true;
	return -1;
}

int
cidr_parse(const char *text, struct cidr *c, struct err *e)
{
	char host[64];
	const char *slash = strchr(text, '/');
	size_t n = slash == NULL ? strlen(text) : (size_t)(slash - text);
	unsigned max, prefix;
	struct cidr r = { 0 };

	if (n == 0 || n >= sizeof(host))
		return err_set(e, ERR_FORMAT, "\"%.80s\" is not an address or network", text);
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(AF_INET, host, r.bytes) == 1)
		r.family = 4;
	else if (inet_pton(AF_INET6, host, r.bytes) == 1)
		r.family = 6;
	else
		return err_set(e, ERR_FORMAT, "\"%.80s\" is not an address or network", text);
	max = prefix = r.family == 4 ? 32 : 128;
	if (slash != NULL) {
		size_t digits = strspn(slash + 1, "0123456789");

		if (digits == 0 || digits > 3 || slash[1 + digits] != '\0' ||
		    (slash[1] == '0' && digits > 1) || (prefix = (unsigned)atoi(slash + 1)) > max)
			return err_set(
			    e, ERR_FORMAT, "\"%.80s\": prefix must be 0 to %u", text, max);
	}
	r.prefix = (uint8_t)prefix;
	for (unsigned bit = prefix; bit < max; bit++)
		if ((r.bytes[bit / 8] & (0x80U >> bit % 8)) != 0)
			return err_set(
			    e, ERR_FORMAT, "\"%.80s\": bits beyond the prefix are set", text);
	*c = r;
	return 0;
}

bool
addr_prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool
cidr_contains(const struct cidr *c, const struct sockaddr_storage *ss)
{
	struct sockaddr_storage folded = *ss;
	uint8_t bytes[16];
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (addr_fold(&folded) == -1)
		return false;
	if (folded.ss_family == AF_INET) {
		in = as_in(&folded);
		memcpy(bytes, &in.sin_addr, 4);
	} else {
		in6 = as_in6(&folded);
		memcpy(bytes, &in6.sin6_addr, 16);
	}
	if ((c->family == 4) != (folded.ss_family == AF_INET))
		return false;
	return addr_prefix_equal(bytes, c->bytes, c->prefix);
}
