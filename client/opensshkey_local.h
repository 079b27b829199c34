/* opensshkey_local.h - between the container of a key file and the kinds of key in it */
#ifndef OPENSSHKEY_LOCAL_H
#define OPENSSHKEY_LOCAL_H

#include <openssl/evp.h>

#include "sshread.h"

/*
 * One kind of key. `make` reads its private part behind the type's name and takes nothing from the
 * file on trust: NULL, when public and private half do not belong together.
 */
struct opensshkey_kind {
	const char *ssh;
	EVP_PKEY *(*make)(const struct opensshkey_kind *, struct sshread *);
	bool agent;		   /* ssh-agent can sign TLS with it */
	const char *group, *curve; /* ECDSA: OpenSSL's name and SSH's */
	size_t coordinate;	   /* bytes */
};

/* NULL: none that TLS takes. */
const struct opensshkey_kind *opensshkey_kind_of(const struct sshread *type)
    __attribute__((nonnull));

#endif
