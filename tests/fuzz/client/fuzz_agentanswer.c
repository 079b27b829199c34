/* fuzz_agentanswer.c - an agent's answer, behind its length */
#include <stdlib.h>

#include "client/agentanswer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[] = "key";
	uint8_t sig[AGENT_SIG_MAX];
	size_t n;
	struct err e;

	if (agentanswer_keys(data, size, key, 3, &n, &e) == 1 && (n == 0 || n > AGENT_KEYS))
		abort();
	if (agentanswer_signature(data, size, sig, &n, &e) == 0 && n > sizeof(sig))
		abort();
	return 0;
}
