/*
 * control.h - the operator's questions: LIST, SHOW, CUTS, STATS
 *
 * They come from sshbridgectl, on a socket that the monitor accepted and checked but did not read,
 * or from a newer ident that passes them on. What is not here is asked of the older ident.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <event2/event.h>
#include <sys/queue.h>

#include "sweep.h"
#include "msgq.h"

#define CLIENTS_MAX   16 /* at once */
#define INQUIRIES_MAX 64

struct newer;

/* One sshbridgectl. */
struct client {
	LIST_ENTRY(client) all;
	struct ident *id;
	struct msgq *q;
	struct msg_seen seen;
	struct inquiry *inquiry; /* that waits for its answer; NULL: none */
	struct event *timer;
};

/* One question that could not be answered at once. */
struct inquiry {
	LIST_ENTRY(inquiry) all;
	struct ident *id;
	unsigned type;
	struct client *client; /* who asks, or: */
	struct newer *newer;
	uint64_t newer_number;
	uint64_t number;     /* with the older ident; 0: it was not passed on */
	struct sweep sweep;  /* CUTS */
	struct event *timer; /* the next slice of CUTS; then how long the older ident may take */
};

struct control {
	LIST_HEAD(, client) clients;
	size_t nclients;
	LIST_HEAD(, inquiry) inquiries;
	size_t ninquiries;
};

void control_init(struct ident *id) __attribute__((nonnull));
void control_done(struct ident *id) __attribute__((nonnull));
/* ident ends, and all connections with it: CUTS that are under way are answered now. */
void control_end(struct ident *id) __attribute__((nonnull));

/* client.c: a client of control-socket; takes fd over when it succeeds. */
int control_client(struct ident *id, int fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* A question that a newer ident passes on; m->conn is its number there. -1: ERR_PEER. */
int control_newer(struct ident *id, struct newer *n, struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void control_newer_gone(struct ident *id, const struct newer *n) __attribute__((nonnull));

/* The older ident's answer to question m->conn. -1: ERR_PEER. */
int control_answered(struct ident *id, struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* It has ended, and its connections with it. */
void control_older_gone(struct ident *id) __attribute__((nonnull));

/* client.c */
void client_free(struct client *c) __attribute__((nonnull));
/* For client.c: one question; it answers and frees itself. -1: malformed, and it is freed. */
struct inquiry *inquiry_new(struct ident *id, unsigned type, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int inquiry_ask(struct inquiry *q, struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void inquiry_free(struct inquiry *q) __attribute__((nonnull));

#endif
