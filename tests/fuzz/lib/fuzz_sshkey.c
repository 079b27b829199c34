/* fuzz_sshkey.c - SSH keys: first byte 0 a blob, 1 a line of text, 2 what sshd says */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "spki.h"
#include "sshkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What was accepted is accepted again and means the same, also by way of OpenSSL. */
static void
check(const struct sshkey *k)
{
	struct sshkey again;
	struct err e;
	EVP_PKEY *pkey;

	if (sshkey_parse_blob(k->blob, k->blob_len, &again, &e) != 0 ||
	    memcmp(k, &again, sizeof(again)) != 0)
		abort();
	if ((pkey = spki_from_sshkey(k, &e)) == NULL)
		return;
	if (spki_to_sshkey(pkey, &again, &e) != 0 || memcmp(k, &again, sizeof(again)) != 0)
		abort();
	EVP_PKEY_free(pkey);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sshkey k;
	struct err e;
	int ret;

	if (n == 0)
		return 0;
	if (data[0] == 0)
		ret = sshkey_parse_blob(data + 1, n - 1, &k, &e);
	else if (data[0] == 1)
		ret = sshkey_parse_text((const char *)data + 1, n - 1, &k, &e);
	else
		ret = sshkey_parse_line((const char *)data + 1, n - 1, &k, &e);
	if (ret == 0)
		check(&k);
	return 0;
}
