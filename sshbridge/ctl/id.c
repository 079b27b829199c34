/* id.c - what an operator types: connection ids and serial numbers */
#include <string.h>

#include "id.h"

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
id_parse(const char *text, uint64_t *id)
{
	size_t n = strlen(text);
	uint64_t v = 0;

	if (n == 0 || n > 16)
		return false;
	for (; *text != '\0'; text++) {
		int d = hex_value(*text);

		if (d == -1)
			return false;
		v = v << 4 | (uint64_t)d;
	}
	*id = v;
	return v != 0;
}

bool
id_serial(const char *text, char *dst, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	bool colon = true; /* none may come first */
	size_t n = 0;

	for (; *text != '\0'; text++) {
		int d = hex_value(*text);

		if (*text == ':' && !colon) {
			colon = true;
			continue;
		}
		if (d == -1)
			return false;
		colon = false;
		if (n == 1 && dst[0] == '0')
			n = 0;
		if (n + 1 >= size)
			return false;
		dst[n++] = digits[d];
	}
	dst[n] = '\0';
	return n > 0 && !colon;
}
