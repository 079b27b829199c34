/* gate.h - the state of one gate process, and which file does what with it */
#ifndef GATE_H
#define GATE_H

#include <sys/queue.h>

#include "child.h"
#include "conn.h"
#include "counters.h"
#include "generation.h"
#include "listen.h"
#include "msgq.h"
#include "report.h"
#include "wire.h"

/* What the monitor has given so far: bits of struct msg_rule.phases */
enum gate_phase {
	PHASE_NEW = 1,	    /* counters, the channel to ident or a generation are still missing */
	PHASE_READY = 2,    /* all there */
	PHASE_DRAINING = 4, /* the last connections are served */
	PHASE_ANY = 7,
};

/* A key that came and waits for its generation. */
struct gate_key {
	uint64_t generation; /* 0: none */
	EVP_PKEY *key;	     /* NULL: `why` tells what was wrong with it */
	struct err why;
};

struct gate {
	struct event_base *base;
	unsigned index;
	unsigned phase;
	struct msgq *monitor, *ident;
	struct msg_seen from_monitor, from_ident;
	struct gate_key key;
	struct generation *gen;
	struct counters counters;
	struct listen listen;
	struct conn_table conns;
	struct report report;
	EVP_PKEY *nobody; /* a public key without a private one: see conn.c */
	struct wire_scratch scratch;
	uint8_t out[MSG_MAX]; /* the message that is being written */
};

/* report.c: a gate that can no longer keep its word ends, and its connections with it. */
void gate_end(struct gate *g, const char *why) __attribute__((noreturn, nonnull(1)));

/* monitor.c */
int monitor_on_message(void *gate, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 6)));
void monitor_on_end(void *gate, const struct err *why) __attribute__((nonnull));
/* The last connection of a draining gate is gone. */
void monitor_idle(struct gate *g) __attribute__((nonnull));

/* open.c: talk with ident */
int open_on_message(void *gate, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 6)));
void open_on_end(void *gate, const struct err *why) __attribute__((nonnull));
/* -1: ERR_REFUSED (nothing that can be mapped), ERR_NOMEM, ERR_FORMAT (does not fit in a message).
 */
int open_ask(struct conn *c, struct err *e) __attribute__((warn_unused_result, nonnull));
/* RENEW: the same of a certificate that came in an open connection. */
int open_renew(struct conn *c, const struct proof *p, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The last word of a number. */
void open_closed(struct conn *c, const char *why) __attribute__((nonnull));
/* The OPEN message of a proof (the self-test makes one without a connection). */
struct open_facts {
	uint32_t number;
	const char *server_name;
	const struct sockaddr_storage *client, *listener;
};
int open_write(const struct open_facts *f, const struct proof *p, X509 *leaf, struct msg_out *o,
    struct err *e) __attribute__((warn_unused_result, nonnull));

#endif
