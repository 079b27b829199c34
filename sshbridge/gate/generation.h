/* generation.h - settings, trust, server certificate and key of one generation, taken as one set */
#ifndef GENERATION_H
#define GENERATION_H

#include <stdint.h>
#include <openssl/ssl.h>

#include "certpath.h"
#include "pathcache.h"
#include "sealed.h"
#include "settings.h"

/*
 * What handshakes work with. A handshake keeps the one that it began with by a reference; an open
 * connection needs none.
 */
struct generation {
	unsigned refs;
	uint64_t number;
	SSL_CTX *ctx;
	struct certpath_trust *trust[SECTIONS_MAX]; /* one for each section of `set` */
	struct pathcache *paths;		    /* accepted under it */
	struct settings set;
};

/* The bytes it is made of; trust holds records (sealed.h). */
struct generation_parts {
	uint64_t number;
	struct sealed settings, trust, chain;
	EVP_PKEY *key; /* stays the caller's */
};

/* All of it or nothing. NULL: ERR_FORMAT, ERR_PEER, ERR_NOMEM. */
struct generation *generation_new(const struct generation_parts *p, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The same from the descriptors of a GENERATION message: settings, trust, server chain. */
struct generation *generation_from_fds(uint64_t number, const int fds[3], EVP_PKEY *key,
    struct err *e) __attribute__((warn_unused_result, nonnull));

struct generation *generation_ref(struct generation *g) __attribute__((nonnull));
void generation_unref(struct generation *g); /* NULL does nothing */

#endif
