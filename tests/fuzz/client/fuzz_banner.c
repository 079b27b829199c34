/* fuzz_banner.c - a server's lines: one piece or many, the result is the same */
#include <assert.h>
#include <string.h>

#include "client/banner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t lines, bytes, sum;
};

static void
count(void *arg, const uint8_t *line, size_t n)
{
	struct seen *s = arg;

	s->lines++;
	s->bytes += n;
	for (size_t i = 0; i < n; i++)
		s->sum = s->sum * 31 + line[i];
}

/* Feed in pieces of `step` bytes; returns what banner_feed() said, and where it stopped. */
static int
scan(const uint8_t *data, size_t size, size_t step, struct seen *s, size_t *stop)
{
	struct banner b;
	struct err e;
	size_t used;

	memset(s, 0, sizeof(*s));
	banner_init(&b, count, s);
	for (*stop = 0; *stop < size && !b.ssh; *stop += used) {
		size_t n = size - *stop < step ? size - *stop : step;

		if (banner_feed(&b, data + *stop, n, &used, &e) == -1)
			return -1;
		assert(used == n || b.ssh);
	}
	banner_end(&b);
	assert(s->lines <= BANNER_LINES_MAX + 1 && b.len <= BANNER_LINE_MAX + 1);
	return b.ssh;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, pieces;
	size_t stop, stop2;
	int r;

	if (size == 0)
		return 0;
	r = scan(data, size, size, &whole, &stop);
	assert(r == scan(data, size, 1 + data[0] % 7, &pieces, &stop2));
	assert(memcmp(&whole, &pieces, sizeof(whole)) == 0);
	assert(r == -1 || stop == stop2);
	return 0;
}
