/* test_proxy.c - the PROXY protocol header */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "sshbridge/gate/proxy.h"

/* Parsed in a buffer of exactly its size, so that a sanitizer sees a byte too far. */
static enum proxy_answer
parse(const void *p, size_t n, struct proxy_header *h, size_t *used)
{
	uint8_t *copy = malloc(n + (n == 0));
	struct err e = { 0 };
	enum proxy_answer a;

	memcpy(copy, p, n);
	a = proxy_parse(copy, n, h, used, &e);
	free(copy);
	if (a == PROXY_BAD)
		assert_int_equal(ERR_PEER, e.kind);
	return a;
}

/* Whole, every cut of it, and with the beginning of TLS behind it. */
static void
expect_good(const void *p, size_t n, const char *from, const char *to)
{
	struct proxy_header h;
	char text[ADDR_TEXT_SIZE];
	uint8_t longer[8192];
	size_t used = 0;

	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(PROXY_MORE, parse(p, cut, &h, &used));
	memcpy(longer, p, n);
	memcpy(longer + n, "\x16\x03\x01", 3);
	assert_int_equal(PROXY_OK, parse(longer, n + 3, &h, &used));
	assert_int_equal(n, used);
	assert_int_equal(PROXY_OK, parse(p, n, &h, &used));
	assert_int_equal(n, used);
	assert_int_equal(from == NULL, h.local);
	if (from == NULL)
		return;
	assert_string_equal(from, addr_text_port(&h.from, text));
	assert_string_equal(to, addr_text_port(&h.to, text));
}

static void
expect_bad(const void *p, size_t n)
{
	struct proxy_header h;
	size_t used;

	assert_int_equal(PROXY_BAD, parse(p, n, &h, &used));
}

#define GOOD1(text, from, to) expect_good(text, sizeof(text) - 1, from, to)
#define BAD1(text)	      expect_bad(text, sizeof(text) - 1)

static void
version_1_lines_are_read(void **state)
{
	(void)state;
	GOOD1("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n", "192.0.2.1:56324",
	    "198.51.100.7:443");
	GOOD1("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535",
	    "255.255.255.255:65535");
	GOOD1("PROXY TCP6 2001:db8::1 2001:db8::2 0 1\r\n", "[2001:db8::1]:0", "[2001:db8::2]:1");
	GOOD1("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 5 6\r\n", "192.0.2.1:5", "192.0.2.2:6");
	GOOD1("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	GOOD1("PROXY UNKNOWN\r\n", NULL, NULL);
	GOOD1("PROXY UNKNOWN ffff:f...f:ffff 65535 anything at all\r\n", NULL, NULL);
}

static void
version_1_lines_that_are_not_exact_are_refused(void **state)
{
	char line[200] = "PROXY UNKNOWN ";

	(void)state;
	BAD1("SSH-2.0-x\r\n");
	BAD1("proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n");
	BAD1("PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n");
	BAD1("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n");
	BAD1("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n");
	BAD1("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n");
	BAD1("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n");
	BAD1("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx");
	BAD1("PROXY TCP4 192.0.2.1 192.0.2.2 1 02\r\n");
	BAD1("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n");
	BAD1("PROXY TCP4 192.0.2.1 192.0.2.2 1 -2\r\n");
	BAD1("PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n");
	BAD1("PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n");
	BAD1("PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n");
	BAD1("PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n");
	BAD1("PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n");
	BAD1("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n");
	BAD1("PROXY TCP6 2001:db8::1%1 ::1 1 2\r\n");
	BAD1("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n");
	BAD1("PROXY UNKNOWNX\r\n");
	BAD1("PROXY \r\n");
	BAD1("PROX\r\n");
	/* 107 bytes are the most, 108 too many */
	memset(line + strlen(line), 'x', 107 - 2 - strlen(line));
	memcpy(line + 105, "\r\n", 3);
	expect_good(line, 107, NULL, NULL);
	memcpy(line + 105, "x\r\n", 4);
	expect_bad(line, 108);
}

/* Signature, version and command, family, length; then what the caller appends. */
static size_t
v2(uint8_t *dst, uint8_t command, uint8_t family, size_t len)
{
	static const uint8_t signature[] = "\r\n\r\n\0\r\nQUIT\n";

	memset(dst, 0, 16 + len);
	memcpy(dst, signature, 12);
	dst[12] = command;
	dst[13] = family;
	dst[14] = (uint8_t)(len >> 8);
	dst[15] = (uint8_t)len;
	return 16 + len;
}

static size_t
v2_tcp4(uint8_t *dst, size_t extra)
{
	size_t n = v2(dst, 0x21, 0x11, 12 + extra);

	memcpy(dst + 16, "\xc0\x00\x02\x01\xc6\x33\x64\x07\xdc\x04\x01\xbb", 12);
	return n;
}

static void
version_2_headers_are_read(void **state)
{
	uint8_t b[8192];
	size_t n;

	(void)state;
	expect_good(b, v2_tcp4(b, 0), "192.0.2.1:56324", "198.51.100.7:443");
	n = v2(b, 0x21, 0x21, 36);
	memcpy(b + 16, "\x20\x01\x0d\xb8", 4);
	b[31] = 1;
	memcpy(b + 32, "\x20\x01\x0d\xb8", 4);
	b[47] = 2;
	b[49] = 7;
	b[51] = 9;
	expect_good(b, n, "[2001:db8::1]:7", "[2001:db8::2]:9");
	expect_good(b, v2(b, 0x20, 0x00, 0), NULL, NULL);
	expect_good(b, v2(b, 0x20, 0xff, 300), NULL, NULL);
	expect_good(b, v2(b, 0x21, 0x00, 5), NULL, NULL);
	/* 4096 bytes in all are the most */
	n = v2_tcp4(b, 4096 - 28);
	b[28] = 0x04;
	b[29] = (4096 - 31) >> 8;
	b[30] = (4096 - 31) & 0xff;
	expect_good(b, n, "192.0.2.1:56324", "198.51.100.7:443");
	b[15]++;
	expect_bad(b, 16);
}

static void
version_2_headers_that_are_not_exact_are_refused(void **state)
{
	uint8_t b[8192];
	size_t n = v2_tcp4(b, 0);

	(void)state;
	b[5] = 'x';
	expect_bad(b, n);
	n = v2(b, 0x11, 0x11, 12); /* version 1 */
	expect_bad(b, n);
	n = v2(b, 0x22, 0x11, 12); /* neither LOCAL nor PROXY */
	expect_bad(b, n);
	expect_bad(b, v2(b, 0x21, 0x12, 12));  /* UDP */
	expect_bad(b, v2(b, 0x21, 0x31, 216)); /* a UNIX socket has no address for us */
	expect_bad(b, v2(b, 0x21, 0x11, 11));
	expect_bad(b, v2(b, 0x21, 0x21, 35));
	n = v2_tcp4(b, 2); /* half a TLV */
	expect_bad(b, n);
	n = v2_tcp4(b, 4);
	b[28] = 0x04;
	b[30] = 2; /* longer than what is there */
	expect_bad(b, n);
	b[30] = 1;
	expect_good(b, n, "192.0.2.1:56324", "198.51.100.7:443");
}

/* The checksum was computed apart, by a table-driven CRC-32C that gives e3069283 for 123456789. */
static void
a_version_2_checksum_must_hold(void **state)
{
	uint8_t b[64];
	size_t n = v2_tcp4(b, 7);

	(void)state;
	memcpy(b + 28,
	    "\x03\x00\x04"
	    "\xd4\x5a\x11\xb9",
	    7);
	expect_good(b, n, "192.0.2.1:56324", "198.51.100.7:443");
	b[34] ^= 1;
	expect_bad(b, n);
	b[34] ^= 1;
	b[16] ^= 1;
	expect_bad(b, n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_1_lines_are_read),
		cmocka_unit_test(version_1_lines_that_are_not_exact_are_refused),
		cmocka_unit_test(version_2_headers_are_read),
		cmocka_unit_test(version_2_headers_that_are_not_exact_are_refused),
		cmocka_unit_test(a_version_2_checksum_must_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
