/* fuzz_opensshkey.c - a key file in OpenSSH's format */
#include <openssl/evp.h>

#include "client/opensshkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e;

	EVP_PKEY_free(opensshkey_parse(data, size, &e));
	return 0;
}
