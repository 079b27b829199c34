/* crlage.h - CRLs that near their end are told of, once and daily */
#ifndef CRLAGE_H
#define CRLAGE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "crlindex.h"

/* What was said of one list. */
struct crlage_list {
	uint8_t issuer[CRLINDEX_ID];
	uint32_t section, scope;
	int64_t next_update;
	int64_t told; /* when; 0: nothing yet */
	bool ended;   /* and that it has ended */
};
struct crlage {
	struct event *timer;
	struct crlage_list *v;
	size_t n;
};

struct ident;
int crlage_init(struct ident *id, struct err *e) __attribute__((warn_unused_result, nonnull));
void crlage_done(struct ident *id) __attribute__((nonnull));
/* A generation is in force: of lists that are new in it the load process has told. */
void crlage_taken(struct ident *id, int64_t now) __attribute__((nonnull));
/* Tell of each list that is not in force any more, or has a quarter of its life left. */
void crlage_check(struct ident *id, int64_t now) __attribute__((nonnull));

#endif
