/*
 * tunnel.h - a jump process with a client of our own logged in, and its channels
 *
 * One thread and one loop: tunnel_step() plays ident, the client and (where a channel says so) the
 * targets. Bytes are patterned by their place, so a byte that is lost, doubled or out of order
 * fails the test at the place where it is.
 */
#ifndef TUNNEL_H
#define TUNNEL_H

#include "tests/unit/help/jumpplay.h"
#include "tests/unit/help/sshraw.h"

#define TUNNEL_CHANNELS 512

enum tunnel_dial { DIAL_OPENS, DIAL_REFUSES, DIAL_HANGS };
enum tunnel_state { TUN_NONE, TUN_ASKED, TUN_OPEN, TUN_REFUSED };

struct tunchan {
	enum tunnel_state state;
	uint32_t number;      /* ident's; 0: not dialled */
	uint32_t remote;      /* the server's number in SSH */
	uint32_t window, max; /* what we may send */
	bool eof, closed;     /* said by the server */
	bool sent_eof, sent_close;
	bool told; /* CLOSED came to ident, with: */
	uint64_t told_up, told_down;
	char why[128];

	int target;	   /* our end of the target's socket; -1 */
	bool target_ended; /* it read the end; its socket broke */

	/* what is still to be done: bytes up and down, and whether an end follows them */
	uint64_t up_left, down_left;
	bool up_eof, down_eof;
	/* how fast: bytes that each side reads in one step; 0 nothing */
	size_t target_reads, client_reads;

	uint64_t sent, got;		  /* by the client */
	uint64_t target_got, target_sent; /* by the target */
	uint64_t given;			  /* window given to the server beyond the first */
	uint32_t first;			  /* and the first */
};

struct tunnel {
	struct jumpplay play;
	struct sshraw *ssh;
	bool ready, ended, logged_in;
	bool deaf;	    /* the client reads nothing at all */
	char farewell[256]; /* of DISCONNECT */
	enum tunnel_dial dial;
	uint32_t replies; /* to global requests */
	uint32_t keepalives;
	unsigned dialled, dialling_now, dialling_most;
	uint64_t moved; /* bytes that moved in the last step, any way */
	struct tunchan ch[TUNNEL_CHANNELS];
};

/* Process, generation, connection, login. `channels`: the limit of the settings. */
void tunnel_start(struct tunnel *t, uint32_t channels);
/* The same with an idle-timeout, in seconds. */
void tunnel_start_idle(struct tunnel *t, uint32_t idle_timeout);
/* With a fork of the test as the process (stage_start_here()). */
void tunnel_start_here(struct tunnel *t, void (*run)(void));
/* The connection as it is is dropped; the process must end with status 0. */
void tunnel_end(struct tunnel *t);
/* The process must end by itself: its status as jumpplay_status(). */
int tunnel_status(struct tunnel *t);

/* One round; waits up to `ms` when nothing moved. */
void tunnel_step(struct tunnel *t, int ms);
/* Until the condition holds; a hang fails the test. */
#define TUNNEL_UNTIL(t, condition)                                                 \
	do                                                                         \
		for (unsigned idle_ = 0; !(condition); idle_ += (t)->moved == 0) { \
			assert_true(idle_ < 6000);                                 \
			tunnel_step((t), 10);                                      \
		}                                                                  \
	while (0)
/* So many steps in which nothing moves. */
void tunnel_quiet(struct tunnel *t, unsigned steps);

/* CHANNEL_OPEN of channel `i`, with this window and packet size. */
void tunnel_open(struct tunnel *t, unsigned i, uint32_t window, uint32_t max);
/* The same, and wait for the answer, which must be yes. Both sides read as fast as they can. */
struct tunchan *tunnel_channel(struct tunnel *t, unsigned i);
void tunnel_close(struct tunnel *t, unsigned i);
/* ident's answer to a DIAL that hung. */
void tunnel_answer(struct tunnel *t, unsigned i, bool yes);

/* kB of the process, from /proc: VmRSS or VmHWM. */
size_t tunnel_memory(const struct tunnel *t, const char *what);

uint8_t tunnel_byte(uint64_t place);

#endif
