/* channel.h - direct-tcpip channels (RFC 4254 section 7.2) of the one SSH connection */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <event2/event.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "jump.h"

/* DIALs that ident may owe us; further opens wait for their turn. */
#define CHANNELS_DIALLING_MAX 32
/*
 * Bytes of the client's that libssh may hold for one channel. It opens a window of 1.28 or 2 MB
 * and takes more than that; what is beyond is not meant well.
 */
#define CHANNEL_HELD_MAX (4UL * 1024 * 1024)
/* Bytes that may wait for all targets together, in libssh and here. Buffers are up to twice that.
 */
#define CHANNELS_WAITING_MAX (96UL * 1024 * 1024)

/* Bytes of a target that are read and dropped after the client has closed the channel. */
#define CHANNEL_DROP_MAX (16UL * 1024 * 1024)

enum channel_state {
	CHANNEL_WAITING,  /* the client asked; ident is not asked yet */
	CHANNEL_DIALLING, /* ident is asked */
	CHANNEL_OPEN,
	CHANNEL_CLOSED /* closed by us; the client's word is not there yet */
};

/* Bytes that wait: data[pos..len). */
struct channel_rest {
	uint8_t *data;
	size_t pos, len;
};

struct channel {
	TAILQ_ENTRY(channel) all;
	struct channels *set;
	enum channel_state state;
	uint32_t number;  /* in messages with ident; SSH has its own */
	ssh_message open; /* WAITING, DIALLING: still to be answered */
	ssh_channel ssh;  /* OPEN, CLOSED */
	struct ssh_channel_callbacks_struct callbacks;
	int target;
	struct event *ev;
	bool readable, writable; /* the target: as its edges told */
	bool peek;		 /* something came since a closed window was last looked behind */
	bool client_eof, client_closed;
	bool target_eof;  /* it says nothing more */
	bool target_deaf; /* it hears nothing more: told so, or broken */
	bool told_eof;	  /* the client knows of target_eof */
	size_t held;	  /* the client's bytes that libssh still has */
	struct channel_rest up, down;
	uint64_t from_client, to_client;
	size_t dropped;	 /* what the target said after the client closed */
	bool failed;	 /* it has to be closed whatever waits */
	const char *why; /* NULL: both sides ended as they should */
};
TAILQ_HEAD(channel_list, channel);

struct channels {
	struct jump *j;
	struct channel_list all; /* who was served last is last */
	uint32_t last_number;
	unsigned count, waiting, dialling;
	int64_t budget;	    /* bytes down that are left of this turn */
	size_t rests;	    /* channels with something in `down` */
	size_t bytes_held;  /* all `held` and `up` together */
	const char *broken; /* the client broke the rules: the connection ends */
	int64_t moved; /* when a byte of a channel last moved; seconds of the monotonic clock */
	struct event *idle;
};

/* channel_ident.c: 0, or -1 when it cannot be asked for (a host name that is too long) */
int channel_dial(struct channel *c) __attribute__((warn_unused_result, nonnull));
void channel_tell_closed(struct channel *c, const char *why) __attribute__((nonnull));

/* channel_idle.c: the target's idle-timeout, over all channels */
int channel_idle_start(struct channels *s, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void channel_idle_moved(struct channels *s) __attribute__((nonnull));
void channel_idle_stop(struct channels *s) __attribute__((nonnull));

#endif
