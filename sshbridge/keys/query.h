/* query.h - what sshd says of the key that a client offers, as WHO */
#ifndef QUERY_H
#define QUERY_H

#include <sys/types.h>

#include "addr.h"
#include "sshkey.h"

struct query {
	const char *service, *account; /* the caller's */
	bool has_uid;
	uid_t uid;
	struct sockaddr_storage client, server; /* the two ends as sshd sees them */
	struct sshkey key;
	const char *type, *base64; /* the caller's: the key as it was given */
};

/*
 * Read %C, "ADDRESS PORT ADDRESS PORT" (client, then server), %t and %k, the key's type and base64.
 * -1: ERR_FORMAT, also for an SSH certificate.
 */
int query_connection(struct query *q, const char *text, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int query_key(struct query *q, const char *type, const char *base64, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* WHO. -1: ERR_FORMAT, a name is too long. */
int query_put(const struct query *q, struct msg_out *o, void *buf, size_t size, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* 1 for a yes, 0 for a no, -1 with ERR_PEER for what is no answer. */
int query_answer(const void *buf, size_t n, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
