/* conninfo.h - one live connection as the operator sees it: in LIST and SHOW (docs/PROTOCOL.md) */
#ifndef CONNINFO_H
#define CONNINFO_H

#include "addr.h"
#include "identity.h"
#include "msg.h"
#include "text.h"

#define CONNINFO_SERIAL_MAX  160
#define CONNINFO_ACCOUNT_MAX 256
#define CONNINFO_TARGET_MAX  64
#define CONNINFO_BYTES_MAX   3072 /* on the wire */
/* Connections of one LIST: a page is one turn of ident's loop, and must not hold up a login. */
#define CONNINFO_PAGE_MAX 16
_Static_assert(CONNINFO_PAGE_MAX *CONNINFO_BYTES_MAX < MSG_MAX, "a page fits in one message");

struct conninfo {
	uint64_t id;
	int64_t since; /* seconds since 1970-01-01 UTC */
	char identity[IDENTITY_NAME_MAX];
	struct sockaddr_storage from;
	char target[CONNINFO_TARGET_MAX];
	char account[CONNINFO_ACCOUNT_MAX]; /* granted last; "": none yet */
	char serial[CONNINFO_SERIAL_MAX];   /* lower-case hex, no leading zeros */
	char fingerprint[TEXT_SHA256_SIZE];
	int64_t not_after; /* of the leaf */
	bool has_bytes;
	uint64_t from_client, to_client;
	bool is_jump;	   /* then the bytes are those of its channels, */
	uint32_t channels; /* of which so many are open */
};

void conninfo_put(const struct conninfo *c, struct msg_out *o) __attribute__((nonnull));
/* -1: not what conninfo_put() writes. */
int conninfo_get(struct msg_in *m, struct conninfo *c) __attribute__((warn_unused_result, nonnull));

#endif
