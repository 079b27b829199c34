/*
 * renew.h - what the bridge may still ask and say while the connection is open
 *
 * It asks for a certificate (RFC 8446 section 4.6.2) some time before ours ends: the files are read
 * again, and if there is a new one it is shown. And before it cuts a connection it says why, in a
 * private extension of such a request.
 */
#ifndef RENEW_H
#define RENEW_H

#include <stdbool.h>
#include <openssl/ssl.h>

#include "cred.h"
#include "err.h"

#define RENEW_EXTENSION	 65397
#define RENEW_NOTICE_MAX 400 /* bytes of what the bridge says; the rest is left out */

struct tls;

struct renew {
	struct cred renewed; /* empty until there was one */
	bool warned;	     /* that there is no new one */
	bool told;	     /* the notice was shown: once */
	size_t notice_len;
	unsigned char notice[RENEW_NOTICE_MAX];
};

/* For the context of *t, before the connection. */
int renew_init(struct tls *t, struct err *e) __attribute__((warn_unused_result, nonnull));
void renew_done(struct tls *t) __attribute__((nonnull));

/*
 * The bridge asks within the connection: have t->cred be what to show. False: nothing, and where
 * the user can do something about it he has read why.
 */
bool renew_choose(struct tls *t) __attribute__((warn_unused_result, nonnull));

/* Show what the bridge (`server`) has said, if it did. True: it has, now or before. */
bool renew_tell(struct tls *t, const char *server) __attribute__((nonnull));

#endif
