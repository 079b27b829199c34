/* gates.h - the gates: OPEN and CLOSED from them, OPENED and REFUSED to them */
#ifndef GATES_H
#define GATES_H

#include "judge.h"
#include "msgq.h"
#include "table.h"

struct gate {
	LIST_ENTRY(gate) all;
	struct ident *id;
	uint32_t index;
	struct msgq *q;
	struct event *broken; /* fires when an answer could not be sent: ends the gate */
	struct msg_seen seen;
	struct conn_list conns;
	uint32_t nconns;
	struct conn_queue cuts; /* whose CUT waits for room in q */
	uint32_t ncut;		/* cut, and not CLOSED yet */
	unsigned silent;	/* seconds in which none of them was */
};
LIST_HEAD(gate_list, gate);

/* A pair to a gate; takes fd over when it succeeds. */
int gates_add(struct ident *id, uint32_t index, int fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The gate's connections are removed, then the gate is. */
void gates_remove(struct gate *g, const char *why) __attribute__((nonnull));

/* OPENED with the socket, which passes to the queue in every case. */
void gate_send_opened(struct gate *g, const struct conn *c, int64_t renew_at, int fd)
    __attribute__((nonnull));
void gate_send_renewed(struct gate *g, const struct conn *c, int64_t renew_at)
    __attribute__((nonnull));
void gate_send_cut(struct gate *g, const struct conn *c, const char *user) __attribute__((nonnull));
void gate_send_refused(struct gate *g, const struct conn *c, const struct verdict *v)
    __attribute__((nonnull));

/* open.c: judge one OPEN and begin to dial. -1: the gate broke the protocol. */
int open_handle(struct gate *g, struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* renew.c: judge one RENEW. -1: the gate broke the protocol. */
int renew_handle(struct gate *g, struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The dial's end: connected (takes fd over), or not reached (v says why). */
void open_connected(struct ident *id, struct conn *c, int fd) __attribute__((nonnull));
void open_failed(struct ident *id, struct conn *c, const struct verdict *v)
    __attribute__((nonnull));
/*
 * It is live, and fd is the gate's: the record of it, and when that is written, or is not, OPENED
 * or REFUSED. Both take fd over.
 */
void open_report(struct ident *id, struct conn *c, int fd) __attribute__((nonnull));
void open_release(struct ident *id, struct conn *c, int fd, bool recorded) __attribute__((nonnull));

#endif
