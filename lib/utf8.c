/* utf8.c - well-formed UTF-8 without control characters */
#include <stdint.h>

#include "utf8.h"

/* Bytes of the sequence that `first` begins, 2 to 4; 0 when none begins so. */
static size_t
sequence_len(uint8_t first)
{
	if (first < 0xc2 || first > 0xf4)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Length of the clean character beyond ASCII at `p`, or 0. */
static size_t
clean_sequence(const uint8_t *p, size_t n)
{
	size_t len = sequence_len(p[0]);
	uint32_t c;

	if (len == 0 || n < len)
		return 0;
	c = p[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	if ((len == 3 && c < 0x800) || (len == 4 && c < 0x10000) || c > 0x10ffff)
		return 0;
	if ((c >= 0xd800 && c <= 0xdfff) || c < 0xa0)
		return 0;
	return len;
}

bool
utf8_is_clean(const void *text, size_t n)
{
	const uint8_t *p = text;
	size_t i = 0, len;

	while (i < n) {
		if (p[i] < 0x80) {
			if (p[i] < 0x20 || p[i] == 0x7f)
				return false;
			i++;
			continue;
		}
		if ((len = clean_sequence(p + i, n - i)) == 0)
			return false;
		i += len;
	}
	return true;
}
