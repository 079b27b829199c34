/* fuzz_crlindex.c - an index out of another process: whatever it is, nothing is read beyond it */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crlindex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sealed s = { .n = n };
	struct crlindex ix;
	struct err e = { 0 };
	uint8_t *copy = malloc(n + 1);
	char line[1000];

	if (copy == NULL)
		return 0;
	if (n > 0)
		memcpy(copy, data, n);
	s.p = copy;
	if (crlindex_open(&s, &ix, &e) == 0)
		for (uint32_t i = 0; i < ix.nlists; i++) {
			const struct crlindex_list *l = &ix.lists[i];
			struct crlindex_query q = {
				.section = l->section, .issuer = l->issuer, .is_ca = (i & 1) != 0
			};
			struct crlindex_answer a;

			for (int64_t at = -1; at < 4000000000; at += 1000000000) {
				memset(q.serial.magnitude, at < 0 ? 0xff : (int)at & 0xff,
				    sizeof(q.serial.magnitude));
				crlindex_ask(&ix, &q, at, &a);
				if (a.list == NULL)
					abort(); /* this one at least */
				(void)crlindex_age(l, at, line, sizeof(line));
				(void)crlindex_reason_name(a.reason);
			}
		}
	free(copy);
	return 0;
}
