/*
 * fuzz_identity_x509.c - a DER certificate as a client sends it: identity, facts, SSH key, verdict
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <openssl/x509.h>

#include "certpath.h"
#include "identity_x509.h"
#include "spki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The certificate as leaf below itself: every rule runs that does not need a signature. */
static void
verify(X509 *x, const uint8_t *data, size_t n)
{
	static const char *const hosts[] = { "login.corp.example", "192.0.2.1" };
	struct err e;
	struct certpath_trust *t = certpath_trust_new(&e);
	struct certpath_request r = { .leaf = x,
		.now = 1800000000,
		.identity_rules = true,
		.host = hosts[n % 2],
		.purpose = (enum certpath_purpose)(n % 3) };
	struct certpath_result res = { 0 };

	if (t == NULL)
		return;
	if (certpath_trust_add(t, CERTPATH_INTERMEDIATE, "fuzz", data, n, &e) == -1 ||
	    certpath_trust_add(t, CERTPATH_ANCHOR, "fuzz", data, n, &e) == -1)
		e.kind = ERR_NONE;
	if (certpath_verify(t, &r, &res, &e) == 0)
		abort(); /* no certificate leads to itself */
	certpath_result_done(&res);
	certpath_trust_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const unsigned char *p = data;
	X509 *x = d2i_X509(NULL, &p, (long)n);
	EVP_PKEY *key;
	struct identity *id;
	struct pathcert pc;
	struct sshkey k;
	struct err e;

	if (x == NULL)
		return 0;
	id = identity_from_x509(x, NULL, 0, &e);
	if (id != NULL && id->nvalues == 0)
		abort(); /* a fingerprint there is always */
	identity_free(id);
	if (pathcert_from_x509(x, "fuzz", NULL, &pc, &e) == 0 && pc.serial_len == 0)
		abort();
	if ((key = X509_get0_pubkey(x)) != NULL)
		if (spki_to_sshkey(key, &k, &e) == 0 && k.blob_len == 0)
			abort();
	verify(x, data, n);
	X509_free(x);
	return 0;
}
