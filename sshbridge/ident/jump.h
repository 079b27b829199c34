/*
 * jump.h - the jump processes, each of which speaks SSH for one connection
 *
 * The monitor keeps a few of them ready; one is taken for a connection of a jump target (START),
 * and ends with it. What it asks is judged here: LOGIN (login.c), DIAL (channel.h), ABOUT
 * (about.c). It speaks with a stranger: whatever it sends is a claim.
 */
#ifndef JUMP_H
#define JUMP_H

#include <event2/event.h>

#include "authkeys.h"
#include "channel.h"
#include "identity.h"
#include "judge.h"
#include "msgq.h"
#include "refusals.h"

struct conn;
struct hold;
struct pamlogin;

/* Ready ones at once: what the monitor keeps is a handful. */
#define JUMPS_READY_MAX 256
#define JUMP_NAME_MAX	256 /* of an account, with its NUL */

enum jump_phase {
	JUMP_READY = 1,	  /* has no connection */
	JUMP_LOGIN = 2,	  /* the client authenticates itself */
	JUMP_WAITS = 4,	  /* its key is proven; the record of it, or PAM, has the next word */
	JUMP_IN = 8,	  /* logged in */
	JUMP_ENDING = 16, /* cut: what it still sends had crossed our CUT */
};

/* What a client logs in with. */
struct jump_key {
	char account[JUMP_NAME_MAX];
	uint8_t sha256[32]; /* of the SSH key's blob */
	struct authkeys_use use;
};

struct jump {
	LIST_ENTRY(jump) all;
	struct ident *id;
	uint32_t number;     /* the monitor's, of the process */
	uint64_t generation; /* that it has */
	struct msgq *q;
	struct event *broken; /* fires when a message could not be sent: ends the process */
	struct event *again;  /* it is read no more until then: too many opens were refused */
	struct msg_seen seen;
	unsigned phase;
	/* with a connection */
	struct conn *conn;
	uint32_t target; /* index in the settings of its generation */
	int start_fd;	 /* its end of the pair, until START */
	uint32_t channels_max;
	struct jump_key key;   /* proven; in JUMP_WAITS and later */
	unsigned rule;	       /* line of the map that let it in */
	uint32_t login_number; /* of the LOGIN that JUMP_WAITS answers */
	bool pam_asks;	       /* … and that has its answer: PASSED is the next */
	char text[512];	       /* PAM's, for the user */
	struct hold *hold;     /* the answer waits for the record of it */
	struct pamlogin *pam;
	struct channel_list channels;
	uint32_t ends_age;	      /* at that age the first of what opens a channel is over, */
	int64_t ends_at;	      /* or after that second; 0: no end */
	uint32_t nchannels, ndialing; /* those that are open or dialling; those that dial */
	uint32_t crossed;	      /* REFUSED that a CLOSED may have crossed */
	uint32_t refused;	      /* opens in the second `refused_in` (monotonic) */
	int64_t refused_in;
	uint64_t from_client, to_client; /* bytes of channels that are closed */
	struct refusals refusals;	 /* the last opens that were refused */
};
LIST_HEAD(jump_list, jump);

/* A connection that waits for a process. */
struct want;
TAILQ_HEAD(want_queue, want);

struct jumps {
	struct jump_list ready, busy;
	size_t nready;
	struct want_queue wants; /* the first to come is the first to get one */
};

void jumps_init(struct ident *id) __attribute__((nonnull));
void jumps_done(struct ident *id) __attribute__((nonnull));

/* jumps.c. JUMP: the pair to one that is ready; takes fd over when it succeeds. */
int jumps_add(struct ident *id, uint64_t generation, uint32_t number, int fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Another generation is in force: older ones go, and who waits may get a newer one. */
void jumps_renew(struct ident *id) __attribute__((nonnull));
/*
 * A process for this connection of a jump target, now or within dial-timeout; then it is live, and
 * open_report() follows. -1: v.
 */
int jumps_want(struct ident *id, struct conn *c, struct verdict *v)
    __attribute__((warn_unused_result, nonnull));
/* The gate has OPENED: from now on the process speaks with the client. -1: it has ended. */
int jump_start(struct conn *c) __attribute__((warn_unused_result, nonnull));
/* The connection ends, or the process does: channels are closed, and it has no connection more. */
void jump_forget(struct conn *c, const char *why) __attribute__((nonnull));
/* It is to end, and to tell its client why. Nothing is granted from here on. */
void jump_cut(struct jump *j, uint32_t code, const char *user) __attribute__((nonnull));
/* How many channels are open, and what all have carried. */
uint32_t jump_channels(const struct jump *j) __attribute__((nonnull));
void jump_bytes(const struct jump *j, uint64_t *from_client, uint64_t *to_client)
    __attribute__((nonnull));
/* One more open was refused: who asks for many waits, since each is a record. */
void jump_slow_down(struct jump *j) __attribute__((nonnull));
/*
 * A lost message ends the process, where it is at its end by itself when its last words are read.
 * The descriptors pass to the queue in every case.
 */
void jump_send(struct jump *j, const struct msg_out *o, const int *fds, size_t nfds)
    __attribute__((nonnull(1, 2)));

/* login.c. One LOGIN. -1: the process broke the protocol. */
int login_handle(struct jump *j, struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* PAM's word on the login that waits; `text` is for the user. */
void login_passed(struct jump *j, bool ok, const char *text, const char *why)
    __attribute__((nonnull));
/* about.c. One ABOUT. -1: the process broke the protocol. */
int about_handle(struct jump *j, struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
