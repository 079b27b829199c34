/* fuzz_agentkind.c - an agent's signature; the first byte chooses the kind of key */
#include <stdlib.h>

#include "client/agentkind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const kinds[] = { "ssh-ed25519", "ecdsa-sha2-nistp256",
		"ecdsa-sha2-nistp384" };
	uint8_t sig[AGENTKIND_SIG_MAX];
	struct err e;
	size_t n;

	if (size == 0)
		return 0;
	if (agentkind_signature(
		agentkind_of(kinds[data[0] % 3]), data + 1, size - 1, sig, &n, &e) == 0 &&
	    (n < 8 || n > sizeof(sig)))
		abort();
	return 0;
}
