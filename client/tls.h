/* tls.h - the TLS side: context, what is sent, how the server is verified, the handshake */
#ifndef TLS_H
#define TLS_H

#include <stdbool.h>
#include <stdint.h>
#include <openssl/ssl.h>

#include "cred.h"
#include "endpoint.h"
#include "err.h"
#include "renew.h"
#include "wire.h"

struct tls {
	SSL_CTX *ctx;
	SSL *ssl;
	struct wire wire;	 /* what TLS has yet to put on the socket */
	int fd;			 /* not ours to close */
	bool asked;		 /* the server asked for a certificate */
	bool open;		 /* the handshake is done */
	int chain_sent;		 /* intermediates sent after the leaf */
	char refused[400];	 /* why the server's certificate was not accepted, or "" */
	const struct cred *cred; /* what we show: the caller's, later `renewed` */
	const struct endpoint *ep;
	struct renew renew;
};

/* Everything that can be wrong before the network is touched. 0, or -1 and *e; then tls_done(). */
int tls_init(struct tls *t, const struct cred *c, const struct endpoint *ep, bool tls12,
    struct err *e) __attribute__((warn_unused_result, nonnull));
void tls_done(struct tls *t) __attribute__((nonnull));

/*
 * Shake hands on the connected, non-blocking socket fd until `deadline_ms` (monotonic). 0: the
 * server is verified. In TLS 1.3 our own certificate is judged later; the server's no arrives
 * with the first read. -1 and *e, a sentence for the user.
 */
int tls_handshake(struct tls *t, int fd, int64_t deadline_ms, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
