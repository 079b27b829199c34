/* conn.h - one client connection, from accept to close */
#ifndef CONN_H
#define CONN_H

#include <sys/queue.h>
#include <sys/socket.h>
#include <event2/event_struct.h>

#include "pump.h"
#include "settings.h"
#include "verify.h"
#include "wire.h"

struct gate;

enum conn_state {
	CONN_PROXY,	/* a load balancer's header is to come */
	CONN_HANDSHAKE, /* TLS */
	CONN_ASKED,	/* OPEN is with ident */
	CONN_OPEN,	/* bytes go both ways */
	CONN_FAREWELL,	/* the refusal is on its way to the client */
	CONN_LINGER,	/* we said our last word; what still comes is thrown away */
};

/* Needed until the connection is open. */
struct conn_early {
	struct sockaddr_storage peer, local; /* the client's; ours */
	struct proof *proof;
	const char *proxy; /* listener's name where a header must come, for the log */
};

/* Whether and when an open connection's client is asked for a new certificate: renew.c */
enum renew_state {
	RENEW_NEVER,
	RENEW_WAITS, /* for the time of the next request; an answer to the last may come */
	RENEW_TOLD,  /* ident has the new certificate */
};
struct renew {
	enum renew_state state;
	int64_t at;	     /* seconds since 1970 */
	int64_t until;	     /* end of the certificate that counts now */
	struct proof *proof; /* what comes in the exchange that is under way */
};

struct conn {
	LIST_ENTRY(conn) bucket;
	struct gate *g;
	uint32_t number; /* this gate's own, never 0 */
	enum conn_state state;
	bool asked;	      /* ident knows the number: it must hear CLOSED */
	bool cut;	      /* ident ended it */
	bool uncounted;	      /* the limit was reached: it stands in no counter */
	uint64_t id;	      /* ident's; 0 before OPENED */
	uint64_t address_key; /* under which it counts; 0: not yet */
	SSL *ssl;
	struct wire wire;
	struct event io, wr, timer;
	struct conn_early *early;
	struct pump *pump;
	struct renew renew;
	uint32_t discarded;
};

#define CONN_BUCKETS 4096
struct conn_table {
	LIST_HEAD(conn_bucket, conn) bucket[CONN_BUCKETS];
	uint32_t n, last_number;
	uint32_t max; /* what the descriptors of this process allow */
};

/*
 * A new client on `fd`, which is taken over, from `peer`. With `proxy` (the name of a listener
 * that has proxy peers; it must last) a PROXY header comes first.
 */
void conn_new(struct gate *g, int fd, const struct sockaddr_storage *peer, const char *proxy)
    __attribute__((nonnull(1, 3)));
struct conn *conn_find(struct gate *g, uint32_t number) __attribute__((nonnull));

/* ident's answers; conn_opened() takes the descriptor over. */
struct conn_opening {
	uint64_t id;
	int fd;
	uint32_t idle_seconds;
	int64_t renew_at; /* seconds since 1970; 0: never */
};
void conn_opened(struct conn *c, const struct conn_opening *o) __attribute__((nonnull));
void conn_refused(struct conn *c, uint64_t id, const char *text) __attribute__((nonnull));
void conn_renewed(struct conn *c, int64_t renew_at) __attribute__((nonnull));
/* ident's word ends an open connection; `text` says why, to the user. */
void conn_cut(struct conn *c, const char *text) __attribute__((nonnull));

/* "203.0.113.9:4711" of a connection that is not open yet. */
const char *conn_from(const struct conn *c, char dst[ADDR_TEXT_SIZE]) __attribute__((nonnull));

#endif
