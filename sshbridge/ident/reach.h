/* reach.h - the target that a jump's client asks for, and whether its login may open it */
#ifndef REACH_H
#define REACH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "jumpnet.h"
#include "judge.h"

struct jump;
struct login_case;

#define REACH_TEXT_SIZE (JUMPNET_NAME_SIZE + 16)

struct reach {
	char host[JUMPNET_NAME_SIZE];	 /* as it is asked of the resolver, or shown */
	bool is_name;			 /* else: */
	struct sockaddr_storage address; /* the one that was given */
	uint16_t port;
};

/*
 * From what the client sent, which is anything. -1: no host that anybody may reach, and r->host is
 * "".
 */
int reach_parse(struct reach *r, const uint8_t *host, size_t n, uint32_t port, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* "db1.prod.example:22", "[2001:db8::1]:22". Return dst. */
char *reach_text(const struct reach *r, char dst[REACH_TEXT_SIZE]) __attribute__((nonnull));

/*
 * By what is in force now. `address` is one to which the name leads, or the one that was given;
 * NULL: not known yet, and 0 means that it is worth asking. 0, v->line, and in v->max_session and
 * v->key_to until when nothing changes by itself; or -1 and v.
 */
int reach_judge(const struct jump *j, const struct reach *r, const struct sockaddr_storage *address,
    struct verdict *v) __attribute__((warn_unused_result, nonnull(1, 2, 4)));
/* The same for a login that login_judge() has just said yes to: for many targets in a row. */
int reach_judge_for(const struct jump *j, const struct login_case *l, const struct reach *r,
    const struct sockaddr_storage *address, struct verdict *v)
    __attribute__((warn_unused_result, nonnull(1, 2, 3, 5)));

#endif
