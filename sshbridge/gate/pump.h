/*
 * pump.h - bytes both ways between a TLS client and its target
 *
 * While nothing moves a pump owns no buffer: bytes pass through the gate's scratch area, and only
 * what a socket does not take is kept, less than one turn's worth. As long as some is kept for one
 * side, the other is not read (back-pressure). An end of stream is passed on after the bytes
 * before it, as close_notify and FIN to the client, as FIN to the target, and the other direction
 * goes on.
 */
#ifndef PUMP_H
#define PUMP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>

#include "wire.h"

struct pump {
	SSL *ssl;
	struct wire *wire;
	int target;
	struct event client_rd, client_wr, target_rd, target_wr, idle;
	struct rest to_target;
	uint64_t from_client, to_client; /* bytes inside TLS */
	uint32_t idle_seconds;		 /* 0: no limit */
	int64_t moved;			 /* when something last did, monotonic seconds */
	unsigned updates;		 /* key updates of the client's in this turn */
	bool client_eof;		 /* the client will send no more */
	bool target_eof;		 /* the target will send no more */
	bool target_deaf;		 /* it takes no more, or was told the client's end */
	bool client_told;		 /* close_notify is on its way */
	bool held;			 /* the target is not read: see pump.c on answers */
	bool asked;			 /* the client owes an answer: on_answer is called */
	bool running;
	const char *why; /* it has ended; static text */
	/* Called once, from the loop; the pump is stopped then and may be freed. */
	void (*on_end)(void *arg, const char *why);
	/* While `asked`, called when something came from the client; must not stop the pump. */
	void (*on_answer)(void *arg);
	void *arg;
};

/*
 * Begin. ssl has done its handshake over `wire`; both and `target` stay the caller's. 0, or -1:
 * out of memory.
 */
int pump_start(struct pump *p, struct event_base *base)
    __attribute__((warn_unused_result, nonnull));
void pump_stop(struct pump *p) __attribute__((nonnull)); /* no event, no buffer any more */
/* Both directions are open, so that the client can be asked something. */
bool pump_is_whole(const struct pump *p) __attribute__((nonnull));
/* What OpenSSL wrote outside of a turn goes out. May call on_end. */
void pump_push(struct pump *p) __attribute__((nonnull));

#endif
