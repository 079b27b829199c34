/* verify.h - judging a client's certificate in every trust section, within the handshake */
#ifndef VERIFY_H
#define VERIFY_H

#include <stdbool.h>
#include <openssl/ssl.h>

#include "certpath.h"
#include "logline.h"
#include "pathinfo.h"
#include "text.h"

struct generation;

/* The trust sections of a generation that accept, each with the path that it found. */
struct proof_section {
	uint32_t index;
	bool cached; /* its signatures were checked in an earlier handshake */
	struct certpath_result res;
};

/* What one handshake proved. Filled by verify_client(); of worth only after SSL_accept() == 1. */
struct proof {
	struct generation *gen; /* a reference of its own */
	/*
	 * A certificate that the client is asked for later: it is judged by the generation that is
	 * in force when it comes, and a bad one does not end the connection, whose own holds still.
	 */
	struct generation *const *latest;
	int64_t now; /* 0: the clock; tests set it */
	struct proof_section sections[SECTIONS_MAX];
	size_t nsections;
	struct err why; /* why no section accepts */
	X509 *leaf;	/* what was shown: for the log when it was refused */
};

struct proof *proof_new(struct generation *gen); /* NULL: out of memory */
struct proof *proof_renewal(struct generation *const *latest);
void proof_free(struct proof *p);

/*
 * The cert_verify_callback; finds its proof by SSL_get_app_data(). 1 yes, 0 no; for a renewal
 * always 1, since a 0 ends the connection: what was found is in the proof, and in the verify
 * result.
 */
int verify_client(X509_STORE_CTX *ctx, void *arg);

/*
 * After SSL_accept() == 1, or the end of a renewal: whether the client showed a certificate, which
 * was verified in this very exchange, and some section accepts. What was verified for it is kept in
 * the generation's cache then.
 */
bool verify_holds(const SSL *ssl, const struct proof *p) __attribute__((nonnull));

/*
 * The same certificate by another generation, which the proof refers to from then on: a reload
 * came during the handshake. False: p->why.
 */
bool verify_again(const SSL *ssl, struct proof *p, struct generation *now)
    __attribute__((warn_unused_result, nonnull));

/* The end of the certificate that was shown, seconds since 1970; 0: it cannot be read. */
int64_t proof_until(const struct proof *p) __attribute__((nonnull));

/* subject=, issuer=, serial=, fingerprint= of the certificate that was shown, if there was one. */
void verify_describe(const struct proof *p, struct logline *l) __attribute__((nonnull));

#endif
