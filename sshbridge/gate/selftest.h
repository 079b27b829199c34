/* selftest.h - a gate's whole work once, inside its sandbox, before it says READY */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <event2/event.h>
#include <openssl/x509.h>

#include "err.h"

/*
 * Handshakes in memory through the code that serves clients: one that is accepted, with its OPEN
 * message and a second certificate, and those without certificate, expired, revoked, from another
 * CA. Then bytes over `pair`, two ends of a stream socket made before the sandbox, which are
 * closed.
 */
int selftest_run(struct event_base *base, const int pair[2], struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* selftest_certs.c: throwaway certificates */
struct selftest_cert {
	X509 *cert;
	EVP_PKEY *key;
};
struct selftest_spec {
	const char *name;  /* its CN */
	const char *eku;   /* "clientAuth", "serverAuth"; NULL: a CA */
	const char *email; /* SAN; NULL: none */
	long from, until;  /* seconds from now */
};
/* `issuer` NULL: self-signed. -1: ERR_NOMEM. */
int selftest_cert_make(const struct selftest_spec *s, const struct selftest_cert *issuer,
    struct selftest_cert *c, struct err *e) __attribute__((warn_unused_result, nonnull(1, 3, 4)));
void selftest_cert_done(struct selftest_cert *c) __attribute__((nonnull));
/* A CRL of `issuer` with one serial number on it. NULL: ERR_NOMEM. */
X509_CRL *selftest_crl_make(const struct selftest_cert *issuer, const X509 *revoked, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
