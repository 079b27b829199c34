/* keylogin.h - the verdict on a jump login: an account, and the SSH key that it is proved with */
#ifndef KEYLOGIN_H
#define KEYLOGIN_H

#include "authkeys.h"
#include "judge.h"

struct conn;

#define KEYLOGIN_SERVICE "jump" /* for service= of the map */

/* Who logs in, with what and from where, as far as it is the same whatever is asked. */
struct keylogin_case {
	const struct generation *gen;
	const char *target; /* of the configuration */
	const struct evidence *evidence;
	const struct accepted *accepted;
	const struct identity *identity;
	const struct sockaddr_storage *from;
	const char *account;
	const struct keyset *keys; /* the one */
	struct authkeys_use use;
	uint32_t age; /* seconds since OPEN */
	int64_t now;
};

/* The ways on which the key lets it in. */
enum keylogin_by { KEYLOGIN_BOUND = 0, KEYLOGIN_LISTED = 1, KEYLOGIN_WAYS = 2 };
struct keylogin {
	bool by[KEYLOGIN_WAYS];	       /* the certificate vouches for the key; it is listed */
	bool only_touch;	       /* the first would do, were the security key touched */
	const struct authkey *listing; /* with KEYLOGIN_LISTED; the generation's */
};
/*
 * 0: at least one of the ways that the target's ssh-keys allows; v has the grant, and key_to when
 * that ends. -1: v.
 */
int keylogin_judge(const struct keylogin_case *k, struct keylogin *by, struct verdict *v)
    __attribute__((warn_unused_result, nonnull));
/* What the map is asked for a login by this way. */
void keylogin_query(const struct keylogin_case *k, enum keylogin_by way, struct idmap_query *q)
    __attribute__((nonnull));

#endif
