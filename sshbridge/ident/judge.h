/* judge.h - ident's own verdict, by the generation in force now and the time given */
#ifndef JUDGE_H
#define JUDGE_H

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
struct verdict {
	enum refusal refusal;
	unsigned line;		/* of the map; 0: none */
	enum idmap_verdict map; /* what the map said, if it was asked */
	char user[120];		/* one sentence for the user, no more than he may know */
	struct err why;		/* the reason in full, for the log */
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
/* A login that begins, or a connection that is there: a stale CRL refuses the first only. */
enum judge_mode { JUDGE_NEW, JUDGE_LIVE };
/* Times and anchors. 0, or -1 with v filled when no section is left. */
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
	const struct keyset *keys; /* SSH keys that it was proved with; NULL: not known (yet) */
	bool bound_only;	   /* only a rule whose bind= holds counts: mtls-keys asks */
};
/*
 * May it use this account for this service, with these SSH keys? 0 and v->line, or -1 and v; v->map
 * is IDMAP_KEY_UNKNOWN where some rule would say yes to the right key. Renewal and the review ask
 * the same, with the keys that the connection is known for (conn->keys).
 */
int judge_who(const struct generation *g, const struct evidence *ev, const struct identity *id,
    const struct sockaddr_storage *from, const struct login *l, int64_t now, struct verdict *v)
    __attribute__((warn_unused_result, nonnull));

#endif
