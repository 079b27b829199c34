/* conf_local.h - the table of options, and what the files of the parser share */
#ifndef CONF_LOCAL_H
#define CONF_LOCAL_H

#include <stdbool.h>
#include <stddef.h>

#include "conf.h"

enum conf_section {
	CONF_TOP,
	CONF_LISTEN,
	CONF_TLS,
	CONF_TRUST,
	CONF_TARGET,
	CONF_LIMITS,
	CONF_AUDIT,
};
#define CONF_NSECTIONS 7

struct conf_section_info {
	const char *name;
	const char *title; /* what its title is, for errors; NULL: it has none and stands once */
	uint32_t max;	   /* how many */
};
extern const struct conf_section_info conf_sections[CONF_NSECTIONS];

/* A type says how a value is read and printed (conf_value.c, conf_print.c). */
enum conf_type {
	CONF_NUMBER,
	CONF_WORD, /* one of `words`, stored as its number */
	CONF_PATH,
	CONF_SOCKET, /* a path of at most CONF_SOCKET_MAX bytes */
	CONF_LOG,    /* "stderr", "syslog" or a path */
	CONF_TRAIL,  /* the same, or "" */
	CONF_USER,
	CONF_PORTS,   /* "FIRST-LAST", into struct settings */
	CONF_ADDRESS, /* HOST:PORT, into struct settings_target */
	CONF_FOLDER,  /* a path whose last component is %u; stored without it */
	CONF_SERVICE, /* a name of a PAM service, into SETTINGS_NAME_MAX bytes */
	/* lists from here on */
	CONF_PATHS,
	CONF_SERVICES, /* names of PAM services */
	CONF_FIELDS,   /* identity fields, into struct settings_section */
	CONF_PEERS,    /* addresses and networks, into struct settings_listener */
	CONF_NAMES,    /* server names, into struct settings_target */
	CONF_NETWORKS, /* networks, into struct settings */
	CONF_LINES,    /* lines of text, into SETTINGS_BANNER_MAX bytes */
};
#define CONF_NTYPES	18
#define CONF_IS_LIST(t) ((t) >= CONF_PATHS)

struct conf_word {
	const char *word; /* NULL ends the list */
	uint32_t value;
};

struct conf_row {
	enum conf_section section;
	const char *name;
	enum conf_type type;
	const char *def; /* as written, a list with blanks between; NULL: none */
	bool required;
	int64_t min, max; /* of the number; of a list: how many values */
	const struct conf_word *words;
	const char *later; /* words of a later version, blanks between; or NULL */
	unsigned modes;	   /* of a target: bits 1 << mode in which it stands; 0: all */
	size_t at, stride; /* in struct conf: of the first instance, and between two */
	const char *help;  /* one line for -T and the manual */
};
#define CONF_NROWS 46
extern const struct conf_row conf_rows[CONF_NROWS];

/* Value of `revocation` until its section is complete: it depends on `crl`. */
#define CONF_REVOCATION_UNSET UINT32_MAX

/* Whether the row belongs to this instance: to targets of its mode. */
bool conf_row_applies(const struct conf *c, const struct conf_row *r, uint32_t instance)
    __attribute__((nonnull));
/* The row's index, or -1. */
int conf_row_find(enum conf_section section, const char *name, size_t n) __attribute__((nonnull));
/* The section of that name, or CONF_TOP. */
enum conf_section conf_section_find(const char *name, size_t n) __attribute__((nonnull));
/* Whether a later version knows this keyword here. */
bool conf_is_later(enum conf_section section, const char *name, size_t n) __attribute__((nonnull));
/* "FILE:LINE: unknown …, allowed: …" for a keyword that the table does not have; returns -1. */
int conf_unknown(enum conf_section section, const char *name, size_t n, struct err *e)
    __attribute__((nonnull));
void *conf_at(struct conf *c, const struct conf_row *r, uint32_t instance) __attribute__((nonnull));
const void *conf_at_const(const struct conf *c, const struct conf_row *r, uint32_t instance)
    __attribute__((nonnull));
/* How many instances of `section` there are (1 for those without a title). */
uint32_t conf_count(const struct conf *c, enum conf_section section) __attribute__((nonnull));

/*
 * What must hold before libconfuse may see the text: a lexical form without its surprises, every
 * keyword known and given once. Return the text with blanks for comments, which the caller frees
 * and which has `room` bytes left behind it; or NULL and *e (with FILE:LINE).
 */
char *conf_scan(const char *file, const uint8_t *text, size_t n, size_t room, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 5)));

/*
 * Store one value (of a list: append it) at `dst`. `dir` is the configuration's folder. -1 and
 * *e: "what is wrong, what is allowed", without file and option.
 */
int conf_value_set(const struct conf_row *r, void *dst, const char *dir, const char *value,
    struct err *e) __attribute__((warn_unused_result, nonnull));
/* The title of a section: add an instance to `c`, *instance its index. -1: as above. */
int conf_title_add(struct conf *c, enum conf_section section, const char *title, uint32_t *instance,
    struct err *e) __attribute__((warn_unused_result, nonnull(1, 4, 5)));
/* Addresses and names (conf_addr.c); errors as above. */
int conf_listen_parse(const char *text, struct sockaddr_storage *ss, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int conf_address_parse(const char *text, struct settings_target *t, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int conf_hostname_parse(const char *text, char dst[SETTINGS_HOST_MAX], struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Digits without sign, leading zero or tail; false too when out of range. */
bool conf_number_parse(const char *text, int64_t min, int64_t max, uint32_t *v)
    __attribute__((warn_unused_result, nonnull));

/* What the options of one complete section, and of the whole, must be to each other. */
int conf_check_section(struct conf *c, enum conf_section section, uint32_t instance, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int conf_check_all(const struct conf *c, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
