/*
 * fuzz_keyset.c - SSH_AUTH_INFO_0 (first byte 0) and a certificate's list of SSH keys (any other):
 * what is taken is within limits, and a list is the only spelling of its keys
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "keyset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_list(const struct keyset *k, const uint8_t *der, size_t n)
{
	size_t head = n - k->n * 34;

	assert(n >= k->n * 34 && head >= 2 && head <= 4);
	for (uint32_t i = 0; i < k->n; i++)
		assert(memcmp(der + head + i * 34 + 2, k->sha256[i], 32) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct keyset k = { .n = KEYSET_MAX + 1 }, *copy;
	struct err e;
	int r;

	if (n == 0)
		return 0;
	if (data[0] == 0)
		r = keyset_from_auth_info((const char *)data + 1, n - 1, &k, &e);
	else if ((r = keyset_from_extension(data + 1, n - 1, &k, &e)) == 0)
		check_list(&k, data + 1, n - 1);
	if (r == -1) {
		assert(k.n == KEYSET_MAX + 1 && e.kind == ERR_FORMAT);
		return 0;
	}
	assert(k.n <= KEYSET_MAX && (r == 0 || k.n == 0));
	if ((copy = keyset_copy(&k)) == NULL)
		abort();
	for (uint32_t i = 0; i < k.n; i++)
		assert(keyset_has(copy, k.sha256[i]));
	free(copy);
	return 0;
}
