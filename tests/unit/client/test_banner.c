/* test_banner.c - lines before the SSH version, cut at every place */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "client/banner.h"

/* What a scan made of a stream: the lines shown, each ended by '|', and what went to ssh. */
struct seen {
	char lines[65536];
	size_t nlines;
	uint8_t ssh[65536];
	size_t nssh;
};

static struct seen seen;

static void
take_line(void *arg, const uint8_t *line, size_t n)
{
	struct seen *s = arg;

	memcpy(s->lines + s->nlines, line, n);
	s->nlines += n;
	s->lines[s->nlines++] = '|';
	s->lines[s->nlines] = '\0';
}

/* As the relay does it: what comes after "SSH-" is not shown to the scanner any more. */
static int
feed(struct banner *b, const uint8_t *p, size_t n, struct err *e)
{
	size_t used = 0;

	if (!b->ssh) {
		if (banner_feed(b, p, n, &used, e) == -1)
			return -1;
		if (b->ssh) {
			memcpy(seen.ssh, b->line, b->len);
			seen.nssh = b->len;
		} else
			assert_int_equal(n, used);
	}
	memcpy(seen.ssh + seen.nssh, p + used, n - used);
	seen.nssh += n - used;
	return 0;
}

static void
start(struct banner *b)
{
	memset(&seen, 0, sizeof(seen));
	banner_init(b, take_line, &seen);
}

static const char stream[] = "hello\r\n\nSSH\nxSSH-no\r\nrefused: go (connection 1)\r\n"
			     "SSH-2.0-x\r\nSSH-again\n\0binary";

static void
check_stream(const struct banner *b)
{
	const char *ssh = strstr(stream, "SSH-2.0");

	assert_string_equal("hello||SSH|xSSH-no|refused: go (connection 1)|", seen.lines);
	assert_int_equal(sizeof(stream) - (size_t)(ssh - stream), seen.nssh);
	assert_memory_equal(ssh, seen.ssh, seen.nssh);
	assert_true(b->ssh && b->refused && !b->http);
}

static void
the_result_is_the_same_wherever_the_stream_is_cut(void **state)
{
	const uint8_t *p = (const uint8_t *)stream;
	struct banner b;
	struct err e;

	(void)state;
	for (size_t i = 0; i <= sizeof(stream); i++)
		for (size_t j = i; j <= sizeof(stream); j++) {
			start(&b);
			assert_int_equal(0, feed(&b, p, i, &e));
			assert_int_equal(0, feed(&b, p + i, j - i, &e));
			assert_int_equal(0, feed(&b, p + j, sizeof(stream) - j, &e));
			check_stream(&b);
		}
	start(&b);
	for (size_t i = 0; i < sizeof(stream); i++)
		assert_int_equal(0, feed(&b, p + i, 1, &e));
	check_stream(&b);
}

static void
a_line_of_512_bytes_is_taken_and_one_of_513_refused(void **state)
{
	uint8_t line[BANNER_LINE_MAX + 2];
	struct banner b;
	struct err e;

	(void)state;
	memset(line, 'a', sizeof(line));
	start(&b);
	assert_int_equal(0, feed(&b, line, BANNER_LINE_MAX, &e));
	assert_int_equal(0, feed(&b, (const uint8_t *)"\r\nSSH-", 6, &e));
	assert_int_equal(BANNER_LINE_MAX + 1, seen.nlines);
	assert_true(b.ssh);

	start(&b);
	assert_int_equal(-1, feed(&b, line, BANNER_LINE_MAX + 1, &e));
	assert_int_equal(ERR_PEER, e.kind);
	start(&b);
	assert_int_equal(0, feed(&b, line, BANNER_LINE_MAX, &e));
	assert_int_equal(-1, feed(&b, (const uint8_t *)"\rx", 2, &e));
}

static void
lines_64_are_taken_and_65_refused(void **state)
{
	struct banner b;
	struct err e;

	(void)state;
	start(&b);
	for (int i = 0; i < BANNER_LINES_MAX; i++)
		assert_int_equal(0, feed(&b, (const uint8_t *)"x\n", 2, &e));
	assert_int_equal(0, feed(&b, (const uint8_t *)"SSH-", 4, &e));
	assert_true(b.ssh);

	start(&b);
	for (int i = 0; i < BANNER_LINES_MAX; i++)
		assert_int_equal(0, feed(&b, (const uint8_t *)"x\n", 2, &e));
	assert_int_equal(-1, feed(&b, (const uint8_t *)"x\n", 2, &e));
	assert_int_equal(ERR_PEER, e.kind);
	assert_int_equal(2 * BANNER_LINES_MAX, seen.nlines);
}

static void
a_last_line_without_end_is_shown_and_counts(void **state)
{
	struct banner b;
	struct err e;

	(void)state;
	start(&b);
	assert_int_equal(0, feed(&b, (const uint8_t *)"refused: x", 10, &e));
	assert_false(b.refused);
	banner_end(&b);
	assert_true(b.refused);
	assert_string_equal("refused: x|", seen.lines);
	start(&b);
	assert_int_equal(0, feed(&b, (const uint8_t *)"SSH-", 4, &e));
	banner_end(&b);
	assert_string_equal("", seen.lines);
}

static void
http_counts_in_the_first_line_only(void **state)
{
	struct banner b;
	struct err e;

	(void)state;
	start(&b);
	assert_int_equal(0, feed(&b, (const uint8_t *)"HTTP/1.1 400 no\r\n", 17, &e));
	assert_true(b.http);
	start(&b);
	assert_int_equal(0, feed(&b, (const uint8_t *)"a\nHTTP/1.1 400 no\r\n", 19, &e));
	assert_false(b.http);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_result_is_the_same_wherever_the_stream_is_cut),
		cmocka_unit_test(a_line_of_512_bytes_is_taken_and_one_of_513_refused),
		cmocka_unit_test(lines_64_are_taken_and_65_refused),
		cmocka_unit_test(a_last_line_without_end_is_shown_and_counts),
		cmocka_unit_test(http_counts_in_the_first_line_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
