/* text.c - make text of others safe to show */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "text.h"

/*
 * Length of the UTF-8 sequence at `p` if it is well formed (RFC 3629: shortest form, no
 * surrogates, at most U+10FFFF) and safe to show; else 0.
 */
static size_t
utf8_shown(const uint8_t *p, size_t n)
{
	uint32_t c;
	size_t len;

	if (n < 2 || p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	c = p[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	if ((len == 3 && c < 0x800) || (len == 4 && (c < 0x10000 || c > 0x10ffff)) ||
	    (c >= 0xd800 && c <= 0xdfff))
		return 0;
	/* C1 controls; then what turns the direction or the line of a terminal, or is not seen. */
	if (c < 0xa0 || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	    (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f))
		return 0;
	return len;
}

/* One unit of the escaped form of p[0..n): returns bytes consumed, sets out and *outlen (<= 4). */
static size_t
escape_one(const uint8_t *p, size_t n, char out[5], size_t *outlen)
{
	static const char hex[] = "0123456789abcdef";
	size_t u;

	if (p[0] == '\\' || p[0] == '"') {
		out[0] = '\\';
		out[1] = (char)p[0];
		*outlen = 2;
		return 1;
	}
	if (p[0] >= 0x20 && p[0] <= 0x7e) {
		out[0] = (char)p[0];
		*outlen = 1;
		return 1;
	}
	if ((u = utf8_shown(p, n)) != 0) {
		memcpy(out, p, u);
		*outlen = u;
		return u;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex[p[0] >> 4];
	out[3] = hex[p[0] & 15];
	*outlen = 4;
	return 1;
}

/* Whether the escaped form of p[0..n) has at most `room` bytes; stops early when not. */
static bool
escape_fits(const uint8_t *p, size_t n, size_t room)
{
	char unit[5];
	size_t len, o = 0;

	for (size_t i = 0; i < n && o <= room; o += len)
		i += escape_one(p + i, n - i, unit, &len);
	return o <= room;
}

char *
text_escape(char *dst, size_t size, const void *src, size_t n)
{
	const uint8_t *p = src;
	char unit[5];
	size_t len, o = 0, room;
	bool cut;

	if (size == 0)
		return dst;
	cut = !escape_fits(p, n, size - 1);
	room = size - 1;
	if (cut)
		room = room > 3 ? room - 3 : 0;
	for (size_t i = 0; i < n; o += len) {
		i += escape_one(p + i, n - i, unit, &len);
		if (o + len > room)
			break;
		memcpy(dst + o, unit, len);
	}
	for (int dots = 0; cut && dots < 3 && o < size - 1; dots++)
		dst[o++] = '.';
	dst[o] = '\0';
	return dst;
}

void
text_clean(char *s)
{
	size_t n = strlen(s), u;

	for (size_t i = 0; i < n; i += u) {
		const uint8_t *p = (const uint8_t *)s + i;

		u = 1;
		if (p[0] >= 0x20 && p[0] <= 0x7e)
			continue;
		if ((u = utf8_shown(p, n - i)) == 0) {
			s[i] = '?';
			u = 1;
		}
	}
}

char *
text_hex(char *dst, size_t size, const void *src, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t *p = src;
	size_t o = 0;

	for (size_t i = 0; i < n && o + 3 <= size; i++) {
		dst[o++] = hex[p[i] >> 4];
		dst[o++] = hex[p[i] & 15];
	}
	if (size > 0)
		dst[o] = '\0';
	return dst;
}

char *
text_sha256(char dst[TEXT_SHA256_SIZE], const uint8_t sha256[32])
{
	static const char b64[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *o = dst;
	uint32_t acc = 0;
	int bits = 0;

	memcpy(o, "SHA256:", 7);
	o += 7;
	for (size_t i = 0; i < 32; i++) {
		acc = acc << 8 | sha256[i];
		for (bits += 8; bits >= 6; bits -= 6)
			*o++ = b64[acc >> (bits - 6) & 63];
	}
	*o++ = b64[acc << (6 - bits) & 63];
	*o = '\0';
	return dst;
}

char *
text_time(char dst[TEXT_TIME_SIZE], int64_t t)
{
	time_t tt = (time_t)t;
	struct tm tm;

	if (gmtime_r(&tt, &tm) == NULL ||
	    strftime(dst, TEXT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(dst, TEXT_TIME_SIZE, "@%lld", (long long)t);
	return dst;
}
