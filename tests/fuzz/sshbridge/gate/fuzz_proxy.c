/* fuzz_proxy.c - the PROXY header: what was read in whole must read the same from every longer text
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sshbridge/gate/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header h, again;
	struct err e = { 0 };
	size_t used = 0, used_again = 0;
	enum proxy_answer a = proxy_parse(data, size, &h, &used, &e);

	if (a == PROXY_BAD)
		assert(e.kind == ERR_PEER);
	if (a != PROXY_OK)
		return 0;
	assert(used > 0 && used <= size && used <= PROXY_HEADER_MAX);
	/* no byte behind the header counts, and none of it can be missing */
	assert(proxy_parse(data, used, &again, &used_again, &e) == PROXY_OK);
	assert(used == used_again && memcmp(&h, &again, sizeof(h)) == 0);
	assert(proxy_parse(data, used - 1, &again, &used_again, &e) == PROXY_MORE);
	return 0;
}
