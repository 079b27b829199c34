/* idmap.h - from identity to account: the rules of /etc/sshbridge/identity.map */
#ifndef IDMAP_H
#define IDMAP_H

#include <stdbool.h>
#include <sys/socket.h>

#include "err.h"
#include "identity.h"
#include "keyset.h"

#define IDMAP_TEXT_MAX	  (64U << 20) /* bytes of a map */
#define IDMAP_LINE_MAX	  4096
#define IDMAP_JUMP	  "jump" /* the service of a login to a jump target */
#define IDMAP_ACCOUNT_MAX 32	 /* portable user name (POSIX 3.437) */

struct idmap;

struct idmap_config {
	const char *const *sections; /* trust sections; with more than one each rule needs trust= */
	size_t nsections;
	uint32_t capture_min_uid;
};

/*
 * Parse the whole text of a map. `name` goes before errors: "NAME:LINE: FIELD: what is wrong,
 * what is allowed". NULL and *e: ERR_FORMAT, ERR_NOMEM. The text need not outlive the call. A
 * text that is not empty must end in a newline (a cut file is refused).
 */
struct idmap *idmap_parse(const char *name, const uint8_t *text, size_t n,
    const struct idmap_config *c, struct err *e) __attribute__((warn_unused_result, nonnull));
void idmap_free(struct idmap *m);
size_t idmap_nrules(const struct idmap *m) __attribute__((nonnull));

/*
 * What -t reports beside errors: accounts that one rule gives on weaker terms than another,
 * duplicate rules. Calls `line` for each, at most `max`.
 */
void idmap_check(const struct idmap *m, size_t max, void (*line)(void *arg, const char *text),
    void *arg) __attribute__((nonnull(1, 3)));

struct idmap_query {
	const struct identity *id;
	const char *const *sections; /* those that accepted the path, at least one */
	size_t nsections;
	const struct sockaddr *from; /* the client's real address */
	/* below: only for idmap_who() */
	const char *account;
	bool has_uid;
	uint32_t uid;
	const char *service;
	/* what bind= looks at */
	const struct keyset *keys; /* that the login proved; NULL: not known */
	const uint8_t *own_key;	   /* SHA-256 of the certificate's key as an SSH key, or NULL */
	bool bound_only; /* a rule without bind= grants nothing: the key is the question */
	bool name_only; /* the account is a name and no user of this machine: no uid is looked at */
	uint32_t age;	/* seconds since the connection was opened, for max-session= */
};

struct idmap_rule_info {
	unsigned line;	/* in the map */
	char text[256]; /* the rule as written, cut to fit */
	/* by what it matched: the query's own value and section; NULL where no rule is meant */
	const struct id_value *value;
	const char *section;
	uint32_t max_session; /* of a grant: seconds from opening; 0: it does not end */
};

/* Of two max-session the one that ends first; 0 is without an end. */
static inline uint32_t
idmap_first_end(uint32_t a, uint32_t b)
{
	return a - 1 < b - 1 ? a : b;
}

enum idmap_verdict {
	IDMAP_YES,
	IDMAP_DENY,	   /* a deny rule matched: `rule` is it */
	IDMAP_NO_RULE,	   /* no rule matches this identity at all */
	IDMAP_NO_ACCOUNT,  /* rules match, none grants this account (or not this uid) */
	IDMAP_NO_OPTION,   /* a rule grants it, but one of its options does not hold */
	IDMAP_NO_KEY,	   /* … all that holds, but not its bind= */
	IDMAP_KEY_UNKNOWN, /* … all that holds, and its bind= could, but the key is not known */
	IDMAP_LIMIT,	   /* a pattern hit the match limit: counts as deny */
};
/*
 * At OPEN: may this identity have a connection? IDMAP_YES unless a deny rule matches or no rule
 * could grant anything (fields, trust, from, issuer and policy looked at; account and service not).
 * A deny rule with service= waits for idmap_who(). Sections that the map does not know do not
 * count.
 */
enum idmap_verdict idmap_open(const struct idmap *m, const struct idmap_query *q,
    struct idmap_rule_info *rule) __attribute__((warn_unused_result, nonnull));
/*
 * At WHO, or a login to a jump: may it use q->account for q->service? On IDMAP_YES `rule` is the
 * one that granted it: of several the one with the longest max-session=, of those the first in the
 * map. An account without a uid (has_uid false) is never granted. With name_only uids do not count,
 * and the account root is granted only where a rule says that name literally.
 */
enum idmap_verdict idmap_who(const struct idmap *m, const struct idmap_query *q,
    struct idmap_rule_info *rule) __attribute__((warn_unused_result, nonnull));
/*
 * What a jump may open (to=): whether rules that grant q->account for q->service, all their
 * options and bind= as for idmap_who(), allow a connection to this host and port. A rule without
 * to= opens nothing.
 */
struct idmap_dial {
	const char *host; /* the name that the client gave, as jumpnet_host() writes it; NULL: an
			     address */
	const struct sockaddr *address; /* the one that it gave, or to which its name leads; NULL:
					   not known yet. Its port does not count */
	uint16_t port;
};
enum idmap_to {
	IDMAP_TO_NAME = 1,    /* a name or pattern matches the host: any address that it leads to */
	IDMAP_TO_ADDRESS = 2, /* an address or network matches the address */
	IDMAP_TO_LITERAL = 4, /* with that: the very address, which jump-networks need not have;
				 only where the client gave it */
	IDMAP_TO_MAYBE = 8,   /* no address known yet, and there are networks to match */
};
/*
 * 0: refused, which is also the answer when idmap_who() does not say yes; else bits of enum
 * idmap_to. Of the rules that allow it `rule` is the first in the map (line and text), and its
 * max_session when one of them is over: what is left may allow less.
 */
unsigned idmap_to(const struct idmap *m, const struct idmap_query *q, const struct idmap_dial *d,
    struct idmap_rule_info *rule) __attribute__((warn_unused_result, nonnull));
/*
 * The targets of those rules as the map writes them, sorted, each once, at most `max`: how many;
 * *cut when there are more. The texts are the map's.
 */
size_t idmap_targets(const struct idmap *m, const struct idmap_query *q, const char **target,
    size_t max, bool *cut) __attribute__((warn_unused_result, nonnull));
/* Whether a rule has to=, whether one has a bind= other than any. */
bool idmap_has_targets(const struct idmap *m) __attribute__((nonnull));
bool idmap_has_bind(const struct idmap *m) __attribute__((nonnull));

const char *idmap_verdict_text(enum idmap_verdict v); /* "no rule grants this account" */
/* Whether the map takes two values of a field for the same: without case where it has none. */
bool idmap_same_value(const struct id_value *a, const struct id_value *b)
    __attribute__((warn_unused_result, nonnull));

/*
 * Every rule that has a say, in order of lines, for --explain: `line` gets "map:12: grants alice
 * (…)", "map:15: matches, but service=sudo does not hold" and so on. q->account may be NULL: then
 * all accounts that could be granted are listed.
 */
void idmap_explain(const struct idmap *m, const struct idmap_query *q,
    void (*line)(void *arg, const char *text), void *arg) __attribute__((nonnull(1, 2, 3)));

#endif
