/*
 * idmap_local.h - what the files of the identity map share; nobody else includes it
 *
 * Patterns and account templates are byte strings in which a mark stands for a wildcard. Marks are
 * control bytes: neither a map nor a certificate's value can hold one, so that no text is taken
 * for a mark.
 */
#ifndef IDMAP_LOCAL_H
#define IDMAP_LOCAL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "dn.h"
#include "idmap.h"

#define MARK_ANY	   0x01 /* `*` */
#define MARK_CAPTURE	   0x10 /* `{name}`: plus the number of its capture */
#define MARK_END	   0x20 /* bytes below are marks */
#define CAPTURES_MAX	   16	/* of one rule: MARK_CAPTURE to MARK_END - 1 */
#define CAPTURE_NAME_MAX   32	/* as PCRE2 has it */
#define IDMAP_RULES_MAX	   1000000
#define IDMAP_REGEX_BYTES  (64U << 20) /* all compiled expressions together */
#define IDMAP_SECTIONS_MAX 32

/* Texts of the options that this map knows, as bits. */
enum idmap_term {
	TERM_TRUST = 1,
	TERM_SERVICE = 2,
	TERM_FROM = 4,
	TERM_ISSUER = 8,
	TERM_POLICY = 16,
	TERM_MAX_SESSION = 32,
	TERM_BIND = 64,
	TERM_KEY = 128, /* goes with TERM_BIND and is no term of its own */
	TERM_TO = 256,	/* opens targets, and is no term of what the account itself is for */
};
#define TERMS_END (2 * TERM_BIND) /* above every set of them */

enum idmap_bind { BIND_ANY, BIND_SAME_KEY, BIND_EXTENSION, BIND_LISTED };

/* Several strings, each with its NUL, one behind the other. */
struct idmap_list {
	const char *first;
	size_t n;
};

struct idmap_net {
	uint8_t addr[16];
	uint8_t len;  /* 4 or 16 */
	uint8_t bits; /* of the prefix */
};

/* One item of to=. */
enum idmap_to_kind { TO_NAME, TO_ADDRESS, TO_NET };
struct idmap_target {
	const char *text; /* as written */
	const char *host; /* TO_NAME: in lower case, with `*` */
	struct idmap_net net;
	enum idmap_to_kind kind;
	uint16_t port; /* 0: any */
};

struct idmap_options {
	struct idmap_list services, policies, keys;
	const struct idmap_net *nets;
	size_t nnets;
	const struct idmap_target *targets;
	size_t ntargets;
	const uint8_t *issuer; /* a name with marks */
	size_t issuer_len;
	uint32_t max_session; /* seconds; 0: without an end */
	enum idmap_bind bind;
	unsigned given; /* enum idmap_term, without TERM_TRUST, TERM_KEY, TERM_TO and bind=any */
};

struct idmap_regex {
	struct idmap_regex *next; /* all of the map, for idmap_free() */
	pcre2_code *code;
	uint32_t group[CAPTURES_MAX]; /* number of the group behind each capture */
};

enum idmap_kind { KIND_LITERAL, KIND_GLOB, KIND_DN, KIND_REGEX };

struct idmap_rule {
	const uint8_t *key; /* literal, glob with marks or name with marks */
	struct idmap_regex *regex;
	const struct idmap_options *options; /* NULL: none but trust= */
	struct idmap_list accounts;
	uint32_t line, text_at, hash;
	uint32_t next;	/* in its chain: index + 1, 0 at the end */
	uint32_t trust; /* bits of the sections that count */
	uint16_t key_len, text_len;
	uint8_t field, kind;
	bool deny;
};

struct idmap_chunk;
struct idmap_arena {
	struct idmap_chunk *chunks;
};

struct idmap {
	char *name;
	char *text; /* a copy of the map, for what rules look like */
	struct idmap_rule *rules;
	size_t nrules, room;
	struct idmap_regex *regexes;
	size_t regex_bytes;
	uint32_t *buckets;		      /* of literal rules: index + 1 */
	size_t nbuckets;		      /* a power of two */
	uint32_t others[ID_FIELD_MAX + 1][2]; /* patterns by field and deny: index + 1 */
	char *sections[IDMAP_SECTIONS_MAX];
	size_t nsections;
	uint32_t capture_min_uid;
	struct idmap_arena arena;
	pcre2_match_context *limits;
	pcre2_match_data *match;
	uint32_t max_groups;
	bool has_to, has_bind; /* a rule has to=, a bind= other than any */
};

/* ---- idmap_index.c: memory, and finding rules ------------------------------------------- */
/* Zeroed, aligned for any type, freed with the map. NULL: out of memory. */
void *idmap_arena_alloc(struct idmap_arena *a, size_t n) __attribute__((nonnull));
void idmap_arena_free(struct idmap_arena *a) __attribute__((nonnull));
int idmap_index_build(struct idmap *m, struct err *e) __attribute__((warn_unused_result, nonnull));
struct idmap_key {
	unsigned field;
	bool deny;
	const uint8_t *p;
	size_t n;
	uint32_t hash;
};
void idmap_key_init(struct idmap_key *k, unsigned field, bool deny, const uint8_t *p, size_t n)
    __attribute__((nonnull));
/* The next literal rule with that key behind `r` (NULL: the first); NULL at the end. */
const struct idmap_rule *idmap_index_next(const struct idmap *m, const struct idmap_key *k,
    const struct idmap_rule *r) __attribute__((nonnull(1, 2)));

/* ---- idmap_pattern.c: what a pattern means ---------------------------------------------- */
struct idmap_names {
	char name[CAPTURES_MAX][CAPTURE_NAME_MAX + 1];
	size_t n;
};
/* The number of a capture; -1: there is none of that name. */
int idmap_name_find(const struct idmap_names *names, const char *name, size_t n)
    __attribute__((nonnull));
/* `{name}` at p: bytes of the name, or 0 and *e. */
size_t idmap_name_read(const char *what, const char *p, struct err *e) __attribute__((nonnull));
/* Fill kind, key and regex of `r`, whose field and deny are set, from the pattern as unquoted. */
int idmap_pattern_parse(struct idmap *m, struct idmap_rule *r, const char *text,
    struct idmap_names *names, struct err *e) __attribute__((warn_unused_result, nonnull));
/* A name with `*` in its values (option issuer=): bytes in the arena. */
int idmap_pattern_issuer(struct idmap *m, const char *text, bool deny, const uint8_t **p, size_t *n,
    struct err *e) __attribute__((warn_unused_result, nonnull));

/* ---- idmap_match.c: a pattern against one value ----------------------------------------- */
/* A value in the two forms in which patterns see it; DNs in canonical form. */
struct idmap_value {
	unsigned field;
	size_t len;
	uint8_t plain[IDENTITY_VALUE_MAX];  /* no case where the field has none */
	uint8_t folded[IDENTITY_VALUE_MAX]; /* no case at all: for deny */
};
struct idmap_captures {
	const uint8_t *p[CAPTURES_MAX]; /* into the value; NULL: took no part */
	size_t n[CAPTURES_MAX];
};
void idmap_fold(unsigned field, bool deny, uint8_t *p, size_t n) __attribute__((nonnull));
void idmap_value_init(struct idmap_value *v, const struct id_value *from) __attribute__((nonnull));
bool idmap_glob_match(const uint8_t *glob, size_t glob_len, const uint8_t *p, size_t n,
    struct idmap_captures *c) __attribute__((nonnull));
bool idmap_dn_match(const uint8_t *dn, size_t dn_len, const uint8_t *p, size_t n,
    struct idmap_captures *c) __attribute__((nonnull));
/* 1 match, 0 none, -1 a limit was hit. */
int idmap_rule_match(const struct idmap *m, const struct idmap_rule *r, const struct idmap_value *v,
    struct idmap_captures *c) __attribute__((warn_unused_result, nonnull));

/* ---- idmap_account.c -------------------------------------------------------------------- */
/* The accounts field: sets accounts or deny of `r`; regex groups become captures here. */
int idmap_accounts_parse(struct idmap *m, struct idmap_rule *r, const char *text,
    struct idmap_names *names, struct err *e) __attribute__((warn_unused_result, nonnull));
/* Whether the text is the word deny; -1 for what looks like it but is not. */
int idmap_accounts_deny(const char *text, struct err *e)
    __attribute__((warn_unused_result, nonnull));
bool idmap_account_is_literal(const char *account) __attribute__((nonnull));
/* The account that a template gives; false when it is no portable user name. */
bool idmap_account_expand(const char *account, const struct idmap_captures *c,
    char dst[IDMAP_ACCOUNT_MAX + 1]) __attribute__((nonnull));
const char *idmap_list_next(const char *item) __attribute__((nonnull));

/* ---- idmap_option.c --------------------------------------------------------------------- */
/* One NAME=VALUE of a rule; `seen` holds the options before it. */
int idmap_option_parse(struct idmap *m, struct idmap_rule *r, struct idmap_options *o,
    unsigned *seen, char *text, struct err *e) __attribute__((warn_unused_result, nonnull));
/* An empty item in a list: ERR_FORMAT. */
int idmap_item_empty(const char *option, struct err *e) __attribute__((nonnull));
/* A list with commas, each item of which passes `ok`, copied; `allowed` is for the error. */
int idmap_list_parse(struct idmap *m, const char *option, const char *allowed, char *value,
    bool (*ok)(const char *), struct idmap_list *list, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The first option among `terms` that does not hold ("service"), NULL when all do. */
const char *idmap_option_unmet(const struct idmap_rule *r, const struct idmap_query *q,
    unsigned terms) __attribute__((nonnull));
/* Whether the rule has no service=, or this one in it. */
bool idmap_service_allowed(const struct idmap_rule *r, const char *service)
    __attribute__((nonnull));
const char *idmap_term_name(unsigned term);

/* ---- idmap_bind.c ----------------------------------------------------------------------- */
int idmap_bind_parse(struct idmap *m, struct idmap_rule *r, struct idmap_options *o, char *value,
    struct err *e) __attribute__((warn_unused_result, nonnull));
int idmap_key_parse(struct idmap *m, struct idmap_rule *r, struct idmap_options *o, char *value,
    struct err *e) __attribute__((warn_unused_result, nonnull));
/* What the two must be to each other; `seen` as for idmap_option_parse(). */
int idmap_bind_check(const struct idmap_options *o, unsigned seen, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* IDMAP_YES, IDMAP_NO_KEY or IDMAP_KEY_UNKNOWN, for a rule of which all else holds. */
enum idmap_verdict idmap_bind_verdict(const struct idmap_rule *r, const struct idmap_query *q)
    __attribute__((nonnull));
const char *idmap_bind_name(enum idmap_bind bind);

/* ---- idmap_net.c ------------------------------------------------------------------------ */
/* An address or network, taken apart in place; IPv4-mapped ones become IPv4. -1: ERR_FORMAT. */
int idmap_net_parse(const char *option, char *item, struct idmap_net *n, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* An address as a network of its own; false for one of another family. */
bool idmap_net_of(const struct sockaddr *sa, struct idmap_net *n) __attribute__((nonnull));
bool idmap_net_has(const struct idmap_net *net, const struct idmap_net *addr)
    __attribute__((nonnull));

/* ---- idmap_to.c ------------------------------------------------------------------------- */
int idmap_to_parse(struct idmap *m, struct idmap_rule *r, struct idmap_options *o, char *value,
    struct err *e) __attribute__((warn_unused_result, nonnull));
bool idmap_to_name_match(const char *pattern, const char *name) __attribute__((nonnull));

/* ---- idmap_line.c ----------------------------------------------------------------------- */
/*
 * The next field of a line at *p, unquoted into dst (room for IDMAP_LINE_MAX + 1): 1, 0 at the end
 * of the line or at a comment, -1 with *e.
 */
int idmap_line_field(const char **p, const char *end, char *dst, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Split at commas in place; NULL at the end. `*rest` starts at the text. */
char *idmap_line_item(char **rest) __attribute__((nonnull));
/* A word for an error text: escaped, cut. */
#define SHOW_SIZE 100
char *idmap_show(char dst[SHOW_SIZE], const char *word) __attribute__((nonnull));

/* ---- idmap.c ---------------------------------------------------------------------------- */
/* The sections of a query as bits of the map's own; 0 when it knows none of them. */
uint32_t idmap_section_bits(const struct idmap *m, const struct idmap_query *q)
    __attribute__((nonnull));
/* Whether one of the rule's accounts, with these captures, is q->account and may be given. */
bool idmap_rule_grants(const struct idmap *m, const struct idmap_rule *r,
    const struct idmap_captures *c, const struct idmap_query *q) __attribute__((nonnull));
/* The verdict of idmap_who(); before it, `see` gets every rule that grants, maybe more than once.
 */
enum idmap_verdict idmap_granting(const struct idmap *m, const struct idmap_query *q,
    void (*see)(void *arg, const struct idmap_rule *r), void *arg)
    __attribute__((warn_unused_result, nonnull(1, 2, 3)));
/* Its line, text and max-session=. */
void idmap_rule_tell(const struct idmap *m, const struct idmap_rule *r,
    struct idmap_rule_info *info) __attribute__((nonnull));

#endif
