/* fuzz_dn.c - names as bytes and as text: what is taken reads back as the same name */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dn.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct dn_writer parsed, again;
static char text[4 * DN_MAX];

static bool
is_clean(const uint8_t *dn, size_t n)
{
	struct dn_ava avas[DN_AVAS_MAX];
	size_t pos = 0, count;

	while ((count = dn_next(dn, n, &pos, avas)) > 0)
		for (size_t i = 0; i < count; i++)
			if (!utf8_is_clean(avas[i].value, avas[i].value_len))
				return false;
	assert(pos == n);
	return true;
}

/* Canonical bytes that passed dn_check(): to text and back. */
static void
round_trip(const uint8_t *dn, size_t n)
{
	struct err e;
	char small[20];

	dn_text(dn, n, small, sizeof(small));
	assert(strlen(small) < sizeof(small));
	dn_text(dn, n, text, sizeof(text));
	assert(strlen(text) == dn_text_len(dn, n));
	if (!is_clean(dn, n)) {
		assert(dn_parse(text, &again, &e) == -1);
		return;
	}
	assert(dn_parse(text, &again, &e) == 0);
	assert(again.len == n && memcmp(again.buf, dn, n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *s = malloc(n + 1);
	struct err e;

	if (s == NULL)
		return 0;
	if (n > 0)
		memcpy(s, data, n);
	s[n] = '\0';
	if (n > 0 && dn_check(data, n, &e) == 0)
		round_trip(data, n);
	if (dn_parse(s, &parsed, &e) == 0) {
		assert(dn_check(parsed.buf, parsed.len, &e) == 0);
		assert(is_clean(parsed.buf, parsed.len));
		round_trip(parsed.buf, parsed.len);
	}
	if (dn_parse_marked(s, &parsed, &e) == 0)
		assert(dn_check(parsed.buf, parsed.len, &e) == 0);
	(void)dn_is_oid(s, n);
	free(s);
	return 0;
}
