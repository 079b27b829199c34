/*
 * ident.h - the ident process: maps identities, dials targets, knows who is behind a connection
 *
 * All state hangs on one struct ident. The parts: generation (what is in force), table (the
 * connections), gates, names and dial (reaching targets), ask and older (answering WHO), review
 * (judging those that live again) and cut (ending them).
 */
#ifndef IDENT_H
#define IDENT_H

#include <event2/event.h>

#include "ask.h"
#include "candidate.h"
#include "control.h"
#include "cut.h"
#include "gates.h"
#include "generation.h"
#include "hangup.h"
#include "locks.h"
#include "hold.h"
#include "jump.h"
#include "keys.h"
#include "msgq.h"
#include "names.h"
#include "older.h"
#include "review.h"
#include "sandbox.h"
#include "table.h"
#include "crlage.h"

/* Bytes that may wait for one peer. A gate or resolver that lets more lie is broken. */
#define IDENT_QUEUE_MAX (1U << 20)

/* Since the process began. */
struct ident_stats {
	uint64_t opened, refused, closed; /* connections */
	uint64_t granted, denied;	  /* answers to WHO, and logins to a jump */
	uint64_t channels_opened, channels_refused;
};

struct ident {
	struct event_base *base;
	struct generation *gen; /* NULL before the first one */
	struct candidate candidate;
	struct table table;
	struct hangup hangup;
	uint64_t netns; /* cookie of the own network namespace */
	struct msgq *monitor;
	struct msg_seen from_monitor;
	struct gate_list gates;
	struct names names;
	struct ask ask;
	struct jumps jumps;
	int route; /* a netlink socket: what the routing table says of an address */
	struct keys keys;
	struct older older;
	struct control control;
	struct locks locks;
	struct ident_stats stats;
	struct review review;
	struct cuts cuts;
	struct crlage crlage;
	struct holds holds;
	uint64_t log_lost;
	uint64_t audit_lost,
	    audit_number; /* records: not told of yet; the last that wants an answer */
};

/* Before the sandbox: event loop and table. Inside it: the channel to the monitor. */
int ident_init(struct ident *id, struct err *e) __attribute__((warn_unused_result, nonnull));
int ident_start(struct ident *id, int channel, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Connections are shut down, everything is freed. */
void ident_done(struct ident *id) __attribute__((nonnull));
int64_t ident_now(void);	       /* seconds since 1970-01-01 UTC */
int64_t ident_monotonic(void);	       /* seconds of a clock that nobody sets */
int64_t ident_wall(int64_t monotonic); /* when that was, by ident_now()'s clock as it stands */
int64_t ident_nanoseconds(void);       /* of the same */
/* monitor.c: READY for a generation that is in force now, or that is not taken */
void ident_ready(struct ident *id, uint64_t number, const struct err *why_not)
    __attribute__((nonnull(1)));

int ident_sandbox_enter(const struct sandbox_ids *ids, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The whole work once, in memory, inside the sandbox. */
int ident_selftest(struct ident *id, struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
