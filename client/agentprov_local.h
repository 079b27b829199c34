/* agentprov_local.h - between the parts of the provider */
#ifndef AGENTPROV_LOCAL_H
#define AGENTPROV_LOCAL_H

#include <openssl/core.h>

#include "agentprov.h"

#define AGENTPROV_PARAM "mtls-agent-secret" /* the octets of a struct agentprov_secret */

/* What stands in place of a private key. Plain data. */
struct agentprov_secret {
	struct agent agent;
	const struct agentkind *kind;
	struct sshkey ssh;
};

/* What the provider calls a key: a public one of OpenSSL's own, and who signs with it. */
struct agentprov_key {
	const char *type; /* "EC", "ED25519" */
	EVP_PKEY *pub;
	bool has_secret;
	struct agentprov_secret secret;
};

extern const OSSL_DISPATCH agentprov_ec[], agentprov_ed25519[]; /* keys */
extern const OSSL_DISPATCH agentprov_sign[];

#endif
