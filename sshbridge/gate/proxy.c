/*
 * proxy.c - the PROXY protocol (haproxy's doc/proxy-protocol.txt), sections 2.1 and 2.2
 *
 * Read from a listed balancer only, and strictly: one that writes something else is not set up
 * as the administrator thinks, and then its word about the client's address is worth nothing.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "addr.h"
#include "proxy.h"

enum {
	V1_MAX = 107,  /* longest line with its CRLF (section 2.1) */
	V2_FIXED = 16, /* signature, command, family, length */
	TLV_CRC32C = 0x03,
};

static enum proxy_answer
bad(struct err *e, const char *why)
{
	err_set(e, ERR_PEER, "PROXY header: %s", why);
	return PROXY_BAD;
}

/* ---- version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 1234 443\r\n" -------------------------------- */

/* The next word: up to one blank. False when it is empty or does not fit. */
static bool
take_word(const char **p, const char *end, char *dst, size_t size)
{
	const char *blank = memchr(*p, ' ', (size_t)(end - *p));
	size_t n = (size_t)((blank == NULL ? end : blank) - *p);

	if (n == 0 || n >= size)
		return false;
	memcpy(dst, *p, n);
	dst[n] = '\0';
	*p = blank == NULL ? end : blank + 1;
	/* a blank at the end would hide an empty last word */
	return blank == NULL || *p < end;
}

/* Decimal, 0 to 65535, no leading zeros. */
static bool
take_port(const char **p, const char *end, uint16_t *port)
{
	char word[6];
	unsigned v = 0;

	if (!take_word(p, end, word, sizeof(word)))
		return false;
	if (word[0] == '0' && word[1] != '\0')
		return false;
	for (const char *c = word; *c != '\0'; c++) {
		if (*c < '0' || *c > '9')
			return false;
		v = v * 10 + (unsigned)(*c - '0');
	}
	*port = (uint16_t)v;
	return v <= 65535;
}

static bool
take_address(const char **p, const char *end, int family, struct sockaddr_storage *ss)
{
	char word[INET6_ADDRSTRLEN];
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	if (!take_word(p, end, word, sizeof(word)))
		return false;
	memset(ss, 0, sizeof(*ss));
	if (family == AF_INET) {
		if (inet_pton(AF_INET, word, &in.sin_addr) != 1)
			return false;
		memcpy(ss, &in, sizeof(in));
	} else {
		if (inet_pton(AF_INET6, word, &in6.sin6_addr) != 1)
			return false;
		memcpy(ss, &in6, sizeof(in6));
	}
	return addr_fold(ss) == 0;
}

static enum proxy_answer
parse_v1_line(const char *p, const char *end, struct proxy_header *h, struct err *e)
{
	char word[8];
	int family;
	uint16_t from, to;

	p += strlen("PROXY ");
	if ((size_t)(end - p) >= 7 && memcmp(p, "UNKNOWN", 7) == 0 &&
	    (p + 7 == end || p[7] == ' ')) {
		/* section 2.1: what follows it is to be ignored */
		h->local = true;
		return PROXY_OK;
	}
	if (!take_word(&p, end, word, sizeof(word)))
		return bad(e, "no protocol");
	if (strcmp(word, "TCP4") == 0)
		family = AF_INET;
	else if (strcmp(word, "TCP6") == 0)
		family = AF_INET6;
	else
		return bad(e, "protocol is not TCP4, TCP6 or UNKNOWN");
	if (!take_address(&p, end, family, &h->from) || !take_address(&p, end, family, &h->to))
		return bad(e, "malformed address");
	if (!take_port(&p, end, &from) || !take_port(&p, end, &to) || p != end)
		return bad(e, "malformed port");
	addr_set_port(&h->from, from);
	addr_set_port(&h->to, to);
	return PROXY_OK;
}

static enum proxy_answer
parse_v1(const uint8_t *p, size_t n, struct proxy_header *h, size_t *used, struct err *e)
{
	static const char start[] = "PROXY ";
	const char *text = (const char *)p, *cr;
	size_t room = n < V1_MAX ? n : V1_MAX;

	if (memcmp(p, start, n < 6 ? n : 6) != 0)
		return bad(e, "there is none");
	cr = memchr(text, '\r', room);
	if (cr == NULL || cr == text + n - 1) {
		if (n >= V1_MAX)
			return bad(e, "line too long");
		return PROXY_MORE;
	}
	if (cr[1] != '\n' || cr + 2 > text + V1_MAX)
		return bad(e, "line does not end in CR LF");
	if (cr < text + 6)
		return bad(e, "cut line");
	*used = (size_t)(cr + 2 - text);
	return parse_v1_line(text, cr, h, e);
}

/* ---- version 2: binary ----------------------------------------------------------------------- */

static const uint8_t v2_signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55,
	0x49, 0x54, 0x0a };

static uint32_t
crc32c_step(uint32_t crc, uint8_t byte)
{
	crc ^= byte;
	for (int i = 0; i < 8; i++)
		crc = crc >> 1 ^ (0x82f63b78U & (0U - (crc & 1)));
	return crc;
}

/* CRC-32C of the whole header, the four bytes at `at` taken as 0 (section 2.2.3). */
static bool
crc_holds(const uint8_t *p, size_t n, size_t at)
{
	uint32_t crc = 0xffffffffU, there;

	for (size_t i = 0; i < n; i++)
		crc = crc32c_step(crc, i >= at && i < at + 4 ? 0 : p[i]);
	memcpy(&there, p + at, 4);
	return (crc ^ 0xffffffffU) == ntohl(there);
}

/* Type, length, value until the end; only their form and the checksum matter to us. */
static enum proxy_answer
check_tlvs(const uint8_t *p, size_t pos, size_t n, struct err *e)
{
	bool crc_seen = false;

	while (pos < n) {
		size_t len;

		if (n - pos < 3)
			return bad(e, "cut TLV");
		len = (size_t)p[pos + 1] << 8 | p[pos + 2];
		if (len > n - pos - 3)
			return bad(e, "TLV longer than the header");
		if (p[pos] == TLV_CRC32C) {
			if (len != 4 || crc_seen || !crc_holds(p, n, pos + 3))
				return bad(e, "checksum is wrong");
			crc_seen = true;
		}
		pos += 3 + len;
	}
	return PROXY_OK;
}

static int
v2_addresses(const uint8_t *p, bool six, struct proxy_header *h)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_storage *const side[2] = { &h->from, &h->to };

	for (size_t i = 0; i < 2; i++) {
		memset(side[i], 0, sizeof(*side[i]));
		if (six) {
			memcpy(&in6.sin6_addr, p + 16 * i, 16);
			memcpy(&in6.sin6_port, p + 32 + 2 * i, 2);
			memcpy(side[i], &in6, sizeof(in6));
		} else {
			memcpy(&in.sin_addr, p + 4 * i, 4);
			memcpy(&in.sin_port, p + 8 + 2 * i, 2);
			memcpy(side[i], &in, sizeof(in));
		}
		if (addr_fold(side[i]) == -1)
			return -1;
	}
	return 0;
}

static enum proxy_answer
parse_v2(const uint8_t *p, size_t n, struct proxy_header *h, size_t *used, struct err *e)
{
	size_t len, need;

	if (memcmp(p, v2_signature, n < 12 ? n : 12) != 0)
		return bad(e, "there is none");
	if (n > 12 && p[12] != 0x20 && p[12] != 0x21)
		return bad(e, "version is not 2, or command is not LOCAL or PROXY");
	if (n < V2_FIXED)
		return PROXY_MORE;
	len = (size_t)p[14] << 8 | p[15];
	if (V2_FIXED + len > PROXY_HEADER_MAX)
		return bad(e, "too long");
	if (n < V2_FIXED + len)
		return PROXY_MORE;
	*used = V2_FIXED + len;
	if (p[12] == 0x20) { /* LOCAL: the family and all that follows is to be ignored */
		h->local = true;
		return PROXY_OK;
	}
	switch (p[13]) {
	case 0x00: /* UNSPEC */
		h->local = true;
		return PROXY_OK;
	case 0x11: /* TCP over IPv4 */
	case 0x21: /* TCP over IPv6 */
		need = p[13] == 0x11 ? 12 : 36;
		break;
	default:
		return bad(e, "family is not TCP over IPv4 or IPv6");
	}
	if (len < need)
		return bad(e, "no room for its addresses");
	if (v2_addresses(p + V2_FIXED, p[13] == 0x21, h) == -1)
		return bad(e, "malformed address");
	return check_tlvs(p, V2_FIXED + need, *used, e);
}

enum proxy_answer
proxy_parse(const uint8_t *p, size_t n, struct proxy_header *out, size_t *used, struct err *e)
{
	struct proxy_header h = { 0 };
	enum proxy_answer a;
	size_t u = 0;

	if (n == 0)
		return PROXY_MORE;
	if (p[0] == v2_signature[0])
		a = parse_v2(p, n, &h, &u, e);
	else
		a = parse_v1(p, n, &h, &u, e);
	if (a == PROXY_OK) {
		*out = h;
		*used = u;
	}
	return a;
}
