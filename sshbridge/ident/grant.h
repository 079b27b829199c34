/* grant.h - the accounts that WHO granted on a connection, kept for as long as it lives */
#ifndef GRANT_H
#define GRANT_H

#include "judge.h"
#include "table.h"

/* One sshd connection is one login; more than a few accounts of one are no login of ours. */
#define GRANTS_MAX 8

struct grant {
	struct grant *next;
	const char *service, *account; /* behind the structure, as the value's bytes are */
	bool jump;		       /* a jump login: account and key are judged by keylogin.h */
	struct authkeys_use use;       /* with that */
	bool has_uid;
	uint32_t uid;
	unsigned line;		   /* of the rule, at the WHO */
	char section[SECTION_MAX]; /* for which the rule matched, */
	struct id_value value;	   /* and the value by which it did */
	struct keyset *keys;	   /* SSH keys that the login was proved with; NULL: not known */
	bool unbound;		   /* a rule wants a key that open_session has yet to tell */
};

/*
 * Keep what WHO granted, or a jump login: as the first of c->grants, in place of one for the same
 * service, account and uid, with the end that the rule sets. -1: ERR_NOMEM, or ERR_REFUSED for an
 * account too many; then nothing is granted.
 */
int grant_keep(struct conn *c, const struct login *l, const struct verdict *v, bool unbound,
    struct err *e) __attribute__((warn_unused_result, nonnull));
void grants_free(struct conn *c) __attribute__((nonnull));

/*
 * The map's word on a connection that is there, `age` seconds old, with the certificate `ev`: every
 * account that was granted must still be, to the SSH keys that it was granted to, and before the
 * first one it must be such that could be opened. 0 and v->max_session and v->key_to, the first
 * end of all; or -1 and v.
 */
int grants_judge(const struct generation *g, const struct conn *c, const struct evidence *ev,
    const struct accepted *a, const struct identity *id, int64_t now, struct verdict *v)
    __attribute__((warn_unused_result, nonnull));

#endif
