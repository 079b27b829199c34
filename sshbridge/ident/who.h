/* who.h - what the kernel knows of a socket that somebody shows, and the verdict on a WHO */
#ifndef WHO_H
#define WHO_H

#include "endpoint.h"
#include "question.h"

struct ident;

struct who_facts {
	struct tuple tuple;
	uint64_t cookie, netns;
	int state; /* TCP_ESTABLISHED, … */
};
/* -1: ERR_REFUSED: it is no connected TCP socket; ERR_SYS. */
int who_facts(int fd, struct who_facts *f, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The state of a TCP socket; -1: ERR_SYS. */
int who_tcp_state(int fd, struct err *e) __attribute__((warn_unused_result, nonnull));
const char *who_state_name(int state);
/* Cookie of the own network namespace. */
int who_netns(uint64_t *cookie, struct err *e) __attribute__((warn_unused_result, nonnull));

/*
 * Judge one question about the socket `fd`. Fills *a and writes the log line; returns false, and
 * does neither, when there is no entry for it here and `pass_on` is set.
 */
bool who_judge(struct ident *id, const struct question *q, int fd, bool pass_on, int64_t now,
    struct answer *a) __attribute__((warn_unused_result, nonnull));

#endif
