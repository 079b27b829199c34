/* issue.h - one certificate: signed, checked, recorded, and only then handed out */
#ifndef CA_ISSUE_H
#define CA_ISSUE_H

#include <stdbool.h>
#include <stdint.h>
#include <openssl/x509v3.h>

#include "cmd.h"
#include "profile.h"

struct issue {
	enum profile profile; /* PROFILE_USER or PROFILE_HOST */
	const char *name;
	GENERAL_NAMES *names; /* or NULL */
	EVP_PKEY *key;	      /* somebody's public key; NULL: a pair is made here */
	bool ssh;	      /* the certificate lists this SSH key */
	uint8_t ssh_sha256[32];
	int64_t not_before, not_after;
	const char *out; /* prefix of the files */
};

/*
 * 0 when the row is committed and the files have their names. -1: ERR_REFUSED (the intermediate
 * is revoked, ends before the certificate, does not permit a name), or as ca_open(), ca_key().
 */
int issue_do(const struct issue *is, struct env *env, const char *passphrase_file, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 4)));

#endif
