/* names.h - host names of targets, asked of the resolve process; one question a name at a time */
#ifndef NAMES_H
#define NAMES_H

#include <sys/queue.h>
#include <sys/socket.h>

#include "msgq.h"
#include "settings.h"

#define NAMES_ADDRESSES_MAX 16

struct ident;
struct dial;
struct lookup;

struct names {
	struct msgq *q; /* to resolve; NULL while there is none */
	struct msg_seen seen;
	struct lookup *now;	  /* the one that resolve works on; NULL: none */
	TAILQ_HEAD(, lookup) all; /* in the order in which they came */
};

/* The pair to resolve; takes fd over when it succeeds. Questions to the one before are lost. */
int names_peer(struct ident *id, int fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void names_done(struct ident *id) __attribute__((nonnull));

/* Ask for d's name. The answer comes by dial_found() or dial_not_found(). -1: nobody to ask. */
int names_ask(struct ident *id, struct dial *d, const char *host, uint32_t port, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* d waits for its name no more, if it did. */
void names_forget(struct dial *d) __attribute__((nonnull));

#endif
