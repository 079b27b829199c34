/* fuzz_locks.c - the text of the lock file */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lockset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What was taken is written, and taken again, to the same text. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct lockset s, again;
	char *text, *text2;
	size_t len, len2;
	struct err e;

	if (lockset_parse(data, n, &s, &e) == -1)
		return 0;
	if ((text = lockset_text(&s, &len, &e)) == NULL ||
	    lockset_parse((uint8_t *)text, len, &again, &e) == -1 ||
	    (text2 = lockset_text(&again, &len2, &e)) == NULL || len != len2 ||
	    memcmp(text, text2, len) != 0)
		abort();
	free(text);
	free(text2);
	lockset_done(&s);
	lockset_done(&again);
	return 0;
}
