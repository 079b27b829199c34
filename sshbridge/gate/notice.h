/*
 * notice.h - one line to the user of an open connection, past the SSH in it
 *
 * It goes as a private extension of a CertificateRequest (RFC 8446 section 4.6.2), which may come
 * at any time to a client that offered post_handshake_auth. A client that does not know the
 * extension ignores it (section 4.2). To any other client, and to one that owes us an answer
 * already, nothing can be said.
 */
#ifndef NOTICE_H
#define NOTICE_H

#include <openssl/ssl.h>

#include "err.h"

#define NOTICE_EXTENSION 65397 /* of those for private use */

/* Once, before the sandbox; then for each context. */
int notice_setup(struct err *e) __attribute__((warn_unused_result, nonnull));
int notice_context(SSL_CTX *ctx, struct err *e) __attribute__((warn_unused_result, nonnull));

/* Write it, if it can be said. The answer to such a request is not waited for. */
void notice_send(SSL *ssl, const char *text) __attribute__((nonnull));

#endif
