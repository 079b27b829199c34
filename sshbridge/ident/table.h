/* table.h - every client connection from its OPEN to its CLOSED, and the sockets held for them */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "endpoint.h"
#include "evidence.h"
#include "hash.h"
#include "leg.h"
#include "settings.h"

struct ident;
struct gate;
struct dial;
struct unbound;
struct grant;
struct jump;
struct want;
struct event;

/* One identity's name and how many connections it has. */
struct person {
	struct hash_node node;
	uint32_t count;
	uint64_t asked; /* number of the last question to resolve for one of them (names.c) */
	char name[];
};

struct conn {
	struct hash_node by_id, by_number;
	LIST_ENTRY(conn) of_gate;
	struct gate *gate;
	uint32_t number; /* the gate's own */
	uint64_t id;
	struct evidence *evidence;
	struct person *person;	/* NULL until it is on the table */
	struct endpoint client; /* real address */
	char target[SETTINGS_NAME_MAX];
	int64_t since;	       /* monotonic seconds */
	struct dial *dial;     /* while the target is being reached */
	uint32_t idle_timeout; /* seconds, of the target; 0: none */
	bool to_jump;	       /* its target is a jump: */
	struct want *want;     /* a process is waited for */
	struct jump *jump;     /* NULL: there is none yet, or it has ended */
	/* live, from here on */
	bool live;
	bool held;	/* OPENED waits for its record: the gate does not have the socket yet */
	bool ended;	/* grants nothing any more; it still holds the port */
	struct leg leg; /* what the gate gets the other descriptor of */
	struct unbound *unbound; /* let in on the word that open_session will tell the key */
	/* grant.h: the accounts that WHO has granted, the last one first */
	struct grant *grants;
	int64_t granted; /* when the last was; seconds since 1970 */
	/* review.h */
	TAILQ_ENTRY(conn) in_review;
	uint64_t visited, judged;     /* the last pass that came by, and that judged it */
	int64_t holds_from, holds_to; /* within these seconds no certificate begins or ends */
	uint32_t max_session;	      /* seconds from `since`; 0: no end */
	int64_t key_to; /* of a jump login: until then its SSH key counts; 0: no end */
	/* candidate.h */
	TAILQ_ENTRY(conn) in_count;
	uint64_t counted;
	/* cut.h */
	uint32_t cut;		  /* enum cut_code: it was cut; it grants nothing */
	char *cut_text;		  /* for the client; NULL: the usual words */
	struct event *cut_late;	  /* the jump process has until then to tell the client */
	bool cut_told, cut_waits; /* the gate has its CUT, or will when there is room */
	TAILQ_ENTRY(conn) in_cuts;
};
LIST_HEAD(conn_list, conn);
TAILQ_HEAD(conn_queue, conn);

struct table {
	uint64_t seed;
	struct hash by_id, by_number, by_tuple, people;
	size_t n, nlive;
	uint64_t asked; /* number of the last question to resolve */
	/* all of them, each in the order of who was looked at last */
	struct conn_queue review, count;
};

int table_init(struct table *t, struct err *e) __attribute__((warn_unused_result, nonnull));
void table_done(struct table *t) __attribute__((nonnull)); /* only an empty one */

/* A connection with a fresh id, not on the table yet; takes `ev` over. NULL: ERR_NOMEM, ERR_SYS. */
struct conn *conn_new(const struct table *t, struct gate *g, uint32_t number, struct evidence *ev,
    struct err *e) __attribute__((warn_unused_result, nonnull(1, 4, 5)));
void conn_free(struct conn *c); /* one that never was on the table */

/* Put it on the table under its identity's name. -1: ERR_NOMEM. */
int table_add(struct table *t, struct conn *c, const char *name, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The same connection under another name, as a renewed certificate says. -1: ERR_NOMEM. */
int table_rename(struct table *t, struct conn *c, const char *name, struct err *e)
    __attribute__((warn_unused_result, nonnull));
uint32_t table_count(const struct table *t, const char *name) __attribute__((nonnull));
/* Its leg is there, or will be before anybody hears of it. */
void table_live(struct table *t, struct conn *c) __attribute__((nonnull));

struct conn *table_by_id(const struct table *t, uint64_t id) __attribute__((nonnull));
struct conn *table_by_number(const struct table *t, const struct gate *g, uint32_t number)
    __attribute__((nonnull(1)));
struct leg *table_by_tuple(const struct table *t, const struct tuple *tuple)
    __attribute__((nonnull));

/* The end of a connection, on every path: off the table, its legs dropped, then one log line. */
struct conn_end {
	const char *why;
	bool has_bytes;
	uint64_t from_client, to_client;
};
void table_remove(struct ident *id, struct conn *c, const struct conn_end *end)
    __attribute__((nonnull));

#endif
