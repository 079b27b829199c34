/* pki_local.h - between pki.c and pki_ext.c */
#ifndef TEST_PKI_LOCAL_H
#define TEST_PKI_LOCAL_H

#include "pki.h"

/* Print `what` and libcrypto's errors, and end the test, unless `ok`. */
void pki_must(int ok, const char *what);
const EVP_MD *pki_digest(const EVP_PKEY *key, const char *name);
void pki_extensions(X509 *x, const struct pki_spec *s, X509 *issuer);

#endif
