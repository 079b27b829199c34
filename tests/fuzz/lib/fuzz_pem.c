/* fuzz_pem.c - files of anchors, intermediates and CRLs; first byte: which of them */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <openssl/x509.h>

#include "certpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
ignore(void *arg, const char *text)
{
	(void)arg;
	if (text[0] == '\0')
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e;
	struct certpath_trust *t;
	STACK_OF(X509_NAME) * names;
	uint8_t sha256[32];

	if (n == 0 || (t = certpath_trust_new(&e)) == NULL)
		return 0;
	/* The text as each kind: CRLs then find their issuers among what the same text held. */
	for (int i = 0; i < 3; i++)
		if (certpath_trust_add(t, (enum certpath_kind)((i + data[0]) % 3), "fuzz", data + 1,
			n - 1, &e) == 0)
			abort(); /* at least one, or an error */
	if (data[0] > 2)
		certpath_trust_drop_strangers(t, ignore, NULL);
	if (certpath_trust_check(t, 1800000000, ignore, NULL, &e) == -1 && e.kind != ERR_FORMAT &&
	    e.kind != ERR_NOMEM)
		abort();
	for (size_t i = 0; i < certpath_nanchors(t); i++)
		if (certpath_anchor_sha256(t, i, sha256) == -1)
			abort();
	names = certpath_ca_names(t, &e);
	sk_X509_NAME_pop_free(names, X509_NAME_free);
	certpath_trust_free(t);
	return 0;
}
