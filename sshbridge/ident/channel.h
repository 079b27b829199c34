/*
 * channel.h - the connections that a jump's client opens to targets (direct-tcpip, RFC 4254
 * section 7.2): DIAL, judged, resolved, dialled and held here; OPENED or REFUSED; CLOSED
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <sys/queue.h>

#include "judge.h"
#include "leg.h"
#include "msg.h"
#include "reach.h"

/* DIALs of one connection without an answer. */
#define CHANNELS_DIALING_MAX 32

struct dial;
struct hold;
struct jump;

struct channel {
	LIST_ENTRY(channel) of_jump;
	struct jump *jump;
	uint32_t number; /* the jump process' own */
	struct reach to;
	char originator[64]; /* as the client says; anything, escaped */
	struct dial *dial;
	struct hold *hold; /* OPENED waits for the record of it */
	int held_fd;	   /* its socket meanwhile */
	struct leg leg;
	unsigned rule; /* line of the map by which it was opened */
	bool open;     /* the process has the socket */
	int64_t since; /* monotonic seconds */
	char why[400]; /* why it was ended here; "": it was not */
};
LIST_HEAD(channel_list, channel);

/* One DIAL, one CLOSED. -1: the process broke the protocol. */
int channel_dial(struct jump *j, struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int channel_closed(struct jump *j, struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* All are at their end, since the connection or the process is. */
void channels_close(struct jump *j, const char *why) __attribute__((nonnull));
/* The connection is cut: they grant nothing any more, and those that are not open are freed. */
void channels_end(struct jump *j) __attribute__((nonnull));
/* Their sockets are shut down: nothing comes through any more. They stay until CLOSED. */
void channels_shut(struct jump *j) __attribute__((nonnull));
/* What is in force has changed: those that it does not grant any more are shut down. */
void channels_review(struct jump *j) __attribute__((nonnull));
/* What opened them has not ended since they were judged, at this age of the connection. */
bool channels_hold(const struct jump *j, int64_t age, int64_t now) __attribute__((nonnull));
/* Add what those that are open have carried, as the kernel counts it. */
void channels_bytes(const struct jump *j, uint64_t *from_client, uint64_t *to_client)
    __attribute__((nonnull));

#endif
