/* fuzz_crlwalk.c - a CertificateList: what is taken is found again, and is what OpenSSL reads */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/x509.h>

#include "crlwalk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Each serial number that OpenSSL finds in the list is in the index. */
static void
compare(const struct crlindex *ix, const uint8_t *data, size_t n)
{
	const unsigned char *p = data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)n);
	STACK_OF(X509_REVOKED) *all = crl == NULL ? NULL : X509_CRL_get_REVOKED(crl);

	/* it reads parts that the walk only passes over, and may refuse those */
	if (crl != NULL && (uint64_t)(all == NULL ? 0 : sk_X509_REVOKED_num(all)) != ix->nentries)
		abort();
	for (int i = 0; i < sk_X509_REVOKED_num(all); i++) {
		const ASN1_INTEGER *serial =
		    X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(all, i));
		struct crlindex_serial s;
		unsigned char *der = NULL;
		int len = i2d_ASN1_INTEGER(serial, &der);
		unsigned reason;

		if (len < 3 || crlindex_serial(der + 2, (size_t)len - 2, &s) == -1 ||
		    !crlindex_has(ix, &ix->lists[0], &s, &reason))
			abort();
		OPENSSL_free(der);
	}
	X509_CRL_free(crl);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct crldraft d = { .own = NULL };
	struct crldrafts set = { .v = NULL };
	struct crlwalk w;
	struct crlindex ix;
	struct err e = { 0 };
	struct sealed s;
	uint8_t *bytes;

	if (crlwalk(data, n, &d, &w, &e) == -1) {
		if (w.fault == CRLWALK_NONE || e.text[0] == '\0')
			abort();
		crldraft_done(&d);
		return 0;
	}
	if (w.fault != CRLWALK_NONE || w.tbs.p == NULL || w.issuer.p == NULL ||
	    d.list.next_update < d.list.this_update)
		abort();
	if (crldrafts_take(&set, &d, &e) == -1 || (bytes = crldrafts_pack(&set, &s.n, &e)) == NULL)
		abort();
	s.p = bytes;
	if (crlindex_open(&s, &ix, &e) == -1)
		abort();
	compare(&ix, data, n);
	crldrafts_done(&set);
	free(bytes);
	return 0;
}
