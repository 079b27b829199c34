/* jump.h - the state of one jump process, and which file does what with it */
#ifndef JUMP_H
#define JUMP_H

#include <event2/event.h>
#include <libssh/libssh.h>
#include <libssh/callbacks.h>

#include "child.h"
#include "logline.h"
#include "msgq.h"
#include "session.h"
#include "settings.h"

/* Bits of struct msg_rule.phases: how far the one connection of this process is. */
enum jump_phase {
	PHASE_NEW = 1,	  /* the channel to ident, or a generation, is still missing */
	PHASE_READY = 2,  /* waits for START */
	PHASE_LOGIN = 4,  /* key exchange and authentication */
	PHASE_OPEN = 8,	  /* authenticated: channels */
	PHASE_ENDING = 16 /* what is still to be sent goes out, then the process ends */
};

struct auth;	 /* auth.h */
struct about;	 /* about.h */
struct channels; /* channel.c */

struct jump {
	struct event_base *base;
	struct msgq *monitor, *ident;
	struct msg_seen from_monitor, from_ident;
	unsigned phase;

	struct {
		uint64_t generation; /* 0: none came */
		struct err why;	     /* what is wrong with one of them */
	} offered;		     /* host keys that wait for their generation */
	struct hostkeys keys;
	uint64_t generation;  /* 0: none yet */
	struct settings *set; /* of that generation; until START, since they are large */

	/* from START on */
	uint64_t conn; /* the connection's id */
	struct settings_target target;
	uint32_t target_index, login_timeout, channels_max;
	char client[ADDR_TEXT_SIZE]; /* address and port, for the log */
	ssh_session ssh;
	struct ssh_counter_struct bytes, packets; /* on the connection, counted by libssh */
	struct event *gone, *again, *login_timer, *alive_timer, *end_timer;
	bool turning;		    /* within a turn */
	struct timeval alive_every; /* keepalives */
	unsigned alive_max;	    /* so many without a byte from the client end the connection */
	unsigned unanswered;
	uint64_t heard; /* bytes from the client at the last keepalive */
	struct {
		uint64_t in, out; /* packets of the client's when `out`, ours, last grew */
	} quiet;
	unsigned refused; /* lines in the log about what was refused */

	struct auth *auth;
	struct about *about;
	struct channels *channels;

	/* PHASE_ENDING */
	char *farewell; /* for the client, or NULL */
	bool done;	/* nothing is served any more */

	uint8_t out[MSG_MAX]; /* the message that is being written */
};

/* ---- jump.c: the connection and its turns -----------------------------------------------------
 */

/* Before the sandbox: libraries and the event loop. *j is zero. */
int jump_init(struct jump *j, struct err *e) __attribute__((warn_unused_result, nonnull));
/* START: serve the connection on `fd`, which is taken over in every case. */
int jump_begin(struct jump *j, int fd, struct err *e) __attribute__((warn_unused_result, nonnull));
/*
 * A turn in the next round of the event loop: the client's messages until there is none, channels,
 * then what has to be waited for. It is the only way to one: libssh's callbacks run within a turn.
 */
void jump_turn_soon(struct jump *j) __attribute__((nonnull));
/* Send what msg_start(&o, j->out, ...) began to ident; a channel that does not take it ends us. */
void jump_tell(struct jump *j, const struct msg_out *o) __attribute__((nonnull));
/* The client has authenticated. */
void jump_logged_in(struct jump *j) __attribute__((nonnull));
/*
 * End the connection: the client is told `text` (or nothing: NULL) where SSH still lets us, the log
 * gets `why`. May be called from anywhere; the process ends a little later, when what waits has
 * gone out, and nothing is served until then. The first reason counts.
 */
void jump_end(struct jump *j, const char *why, const char *text) __attribute__((nonnull(1, 2)));

/* ---- monitor.c, ident.c: messages -------------------------------------------------------------
 */

int monitor_on_message(void *jump, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 6)));
void monitor_on_end(void *jump, const struct err *why) __attribute__((nonnull));
int ident_on_message(void *jump, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 6)));
void ident_on_end(void *jump, const struct err *why) __attribute__((nonnull));

/* ---- report.c ---------------------------------------------------------------------------------
 */

/* A line with the connection's id and the client's address in it. */
void report_start(struct jump *j, struct logline *l, const char *event) __attribute__((nonnull));
void report_line(struct jump *j, enum child_level level, const struct logline *l)
    __attribute__((nonnull));
/* What a client asked for and does not get; only so many lines a connection. */
void report_refused(struct jump *j, const char *what) __attribute__((nonnull));
/* The process can go on no further. */
void jump_die(const char *why) __attribute__((noreturn, nonnull));

/* ---- selftest.c: before READY, all of it once in memory ---------------------------------------
 */

struct talk;
/* Before the sandbox, and inside it; finish frees it in every case. */
struct talk *selftest_begin(struct err *e) __attribute__((warn_unused_result, nonnull));
int selftest_finish(struct talk *t, struct err *e) __attribute__((warn_unused_result, nonnull));

/* ---- channel.c: direct-tcpip ------------------------------------------------------------------
 */

int channels_init(struct jump *j, struct err *e) __attribute__((warn_unused_result, nonnull));
/* An open of type direct-tcpip; takes the message over: refuses it, or asks ident by DIAL. */
void channels_open(struct jump *j, ssh_message msg) __attribute__((nonnull));
/* ident's answers; `fd` is taken over. -1 and ERR_PEER: no such channel waits for one. */
int channels_opened(struct jump *j, uint32_t number, int fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int channels_refused(struct jump *j, uint32_t number, uint32_t code, const char *text,
    struct err *e) __attribute__((warn_unused_result, nonnull));
/* Whether it is one of those that are open. */
bool channels_has(const struct jump *j, ssh_channel ssh) __attribute__((nonnull(1)));
/* At the end of a turn, after libssh has read all that was there: move bytes, sweep. */
void channels_turn(struct jump *j) __attribute__((nonnull));
/* The connection ends: CLOSED for each, targets closed. May be called twice. */
void channels_done(struct jump *j, const char *why) __attribute__((nonnull));

#endif
