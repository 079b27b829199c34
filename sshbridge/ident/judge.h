/* judge.h - ident's own verdict, by the generation in force now and the time given */
#ifndef JUDGE_H
#define JUDGE_H

#include "authkeys.h"
#include "evidence.h"
#include "generation.h"

/* Why a client does not get in; the values are on the wire in REFUSED. */
enum refusal {
	REFUSED_NOT = 0,
	REFUSED_CERTIFICATE = 1, /* expired, not yet valid, or its authority is trusted no more */
	REFUSED_MAP = 2,	 /* no rule, or a deny */
	REFUSED_LIMIT = 3,
	REFUSED_TARGET = 4, /* the server behind cannot be reached */
	REFUSED_INTERNAL = 5,
};
/* Why a connection that was opened ends; the values are on the wire in CUT. */
enum cut_code {
	CUT_NOT = 0,
	CUT_EXPIRED = 1, /* a certificate is outside of its times */
	CUT_REVOKED = 2,
	CUT_DISTRUSTED = 3, /* its authority is trusted no more */
	CUT_MAP = 4,
	CUT_OPERATOR = 5, /* an operator's word, or a lock */
	CUT_IDENTITY = 6, /* a renewal by another identity */
	CUT_KEY = 7,	  /* the SSH key was not confirmed */
	CUT_MAX_SESSION = 8,
	CUT_PAM = 9, /* the PAM session of a jump login has ended */
};
struct verdict {
	enum refusal refusal;
	enum cut_code cut;	/* what a connection that is there is cut for by this refusal */
	unsigned line;		/* of the map; 0: none */
	enum idmap_verdict map; /* what the map said, if it was asked */
	char user[120];		/* one sentence for the user, no more than he may know */
	const char *ends;	/* the same where he was let in before; NULL: what `cut` says */
	struct err why;		/* the reason in full, for the log */
	/* of a grant, or where the key alone is wanting; into the identity and the generation */
	const struct id_value *value; /* by which the rule matched */
	const char *section;	      /* for which it did */
	uint32_t max_session;	      /* seconds from OPEN; 0: no end */
	int64_t key_to;		      /* the last second at which the SSH key counts; 0: no end */
};
/* Text for the user and the log; the log's may be filled already. Return -1. */
int verdict_refuse(struct verdict *v, enum refusal refusal, const char *user)
    __attribute__((nonnull));

/* Sections that still accept, in the order of the configuration. */
struct accepted {
	const char *names[SECTIONS_MAX]; /* of the generation */
	uint32_t index[SECTIONS_MAX];
	size_t n;
};
/*
 * A login that begins, or a connection that is there: a CRL that is stale or missing refuses the
 * first, and the other only with on-stale = "cut". KEEP is a connection that is there and stays
 * beyond the end of its certificate (on-expiry = "keep").
 */
enum judge_mode { JUDGE_NEW, JUDGE_LIVE, JUDGE_KEEP };
/* Times, anchors and serial numbers. 0, or -1 with v filled when no section is left. */
int judge_paths(const struct generation *g, const struct evidence *ev, enum judge_mode mode,
    int64_t now, struct accepted *a, struct verdict *v)
    __attribute__((warn_unused_result, nonnull));

/*
 * May this identity have a connection at all? 0 and its name (IDENTITY_NAME_MAX bytes), or -1 and
 * v. `from` is the client's real address.
 */
int judge_open(const struct generation *g, const struct evidence *ev, const struct identity *id,
    const struct sockaddr_storage *from, int64_t now, char *name, struct verdict *v)
    __attribute__((warn_unused_result, nonnull));

struct login {
	const char *service, *account;
	bool has_uid;
	uint32_t uid;
	uint32_t age;		   /* seconds since OPEN */
	const struct keyset *keys; /* SSH keys that it was proved with; NULL: not known (yet) */
	const uint8_t *own_key;	   /* evidence_key() of the certificate */
	bool bound_only;	   /* only a rule whose bind= holds counts */
	bool name_only;		   /* the account is a name, and no user of this machine */
	struct authkeys_use use;   /* with that */
};
/*
 * The map's word on an account, for the sections that accept; every judgement of an account goes
 * through here: WHO, the review of what is live, and RENEW. 0 and v's grant, or -1 and v; then
 * v->map is IDMAP_KEY_UNKNOWN where some rule would say yes to the right key, and v's grant is that
 * rule's.
 */
int judge_account(const struct generation *g, const struct accepted *a, const struct identity *id,
    const struct sockaddr_storage *from, const struct login *l, struct verdict *v)
    __attribute__((warn_unused_result, nonnull));
/* What judge_account() asks the map. */
void judge_query(const struct accepted *a, const struct identity *id,
    const struct sockaddr_storage *from, const struct login *l, struct idmap_query *q)
    __attribute__((nonnull));
/* The map's word on a connection through which nobody has logged in. 0, or -1 and v. */
int judge_unasked(const struct generation *g, const struct accepted *a, const struct identity *id,
    const struct sockaddr_storage *from, struct verdict *v)
    __attribute__((warn_unused_result, nonnull));
/* May it use this account for this service? 0 and v's grant, or -1 and v; l->own_key is set here.
 */
int judge_who(const struct generation *g, const struct evidence *ev, const struct identity *id,
    const struct sockaddr_storage *from, const struct login *l, int64_t now, struct verdict *v)
    __attribute__((warn_unused_result, nonnull));

#endif
