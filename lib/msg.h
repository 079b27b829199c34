/* msg.h - the one encoder and decoder for everything between processes (docs/PROTOCOL.md) */
#ifndef MSG_H
#define MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define MSG_MAX	    65536 /* bytes of one message, header included */
#define MSG_VERSION 1
#define MSG_HEADER  12 /* u16 type, u16 version, u64 connection id, big-endian */
#define MSG_FDS_MAX 8  /* descriptors that one message may carry */

/* docs/PROTOCOL.md lists the fields and the direction of each; a test holds the two together. */
enum msg_type {
	/* monitor and its children */
	MSG_GENERATION = 1,
	MSG_KEY = 2,
	MSG_LISTEN = 3,
	MSG_READY = 4,
	MSG_LOG = 5,
	MSG_PEER = 6,	  /* the end of a pair to another process */
	MSG_COUNTERS = 7, /* the memory in which the gates count connections */
	MSG_TRAPPED = 8,  /* a child's last word: the system call that its filter refused */
	MSG_IDLE = 9,	  /* a draining gate has no connection left */
	MSG_FILES = 10,	  /* monitor -> load: the opened files */
	MSG_EXPLAIN = 11, /* monitor -> load */
	MSG_TEXT = 12,	  /* load -> monitor: a line for the administrator */
	MSG_KEEP = 13,	  /* monitor -> load: a CRL file that is not read */
	MSG_TERMS = 14,	  /* monitor -> load: how to go about it */
	MSG_HOSTKEY = 15, /* monitor -> jump: an SSH host key of a target */
	MSG_JUMP = 16,	  /* monitor -> ident: the pair to a jump process that is ready */
	MSG_TAKEN = 17,	  /* ident -> monitor: a jump process has its connection */
	MSG_PAM = 18,	  /* ident -> monitor: a pam process is wanted; and the pair to it */
	MSG_ALONE = 19,	  /* ident -> monitor: the older ident has ended */
	/* gate and ident */
	MSG_OPEN = 20,
	MSG_OPENED = 21,
	MSG_REFUSED = 22,
	MSG_CLOSED = 23,
	MSG_RENEW = 24,
	MSG_RENEWED = 25,
	MSG_CUT = 26,
	/* pam and ident; ident and an older ident */
	MSG_WHO = 30,
	MSG_IS = 31,
	MSG_NO = 32,
	MSG_CHAIN = 33, /* older ident -> ident: whether one is before it */
	/* ident and resolve */
	MSG_RESOLVE = 40,
	MSG_RESOLVED = 41,
	/* sshbridgectl, or a new instance, and the monitor */
	MSG_RELOAD = 50,
	MSG_DRAIN = 51,
	MSG_TAKEOVER = 52,
	MSG_ANSWER = 53,
	/* sshbridgectl and ident (through older idents too), and the monitor */
	MSG_LIST = 60,
	MSG_SHOW = 61,
	MSG_CUTS = 62,
	MSG_LOCK = 63,
	MSG_UNLOCK = 64,
	MSG_LOCKS = 65,
	MSG_STATS = 66,
	MSG_STATUS = 67,
	MSG_ENDS = 68, /* load -> monitor: what ends when */
	/* jump and ident; the pam process of a jump login */
	MSG_START = 80,
	MSG_LOGIN = 81,
	MSG_LOGGED = 82,
	MSG_DIAL = 83,
	MSG_ABOUT = 84,
	MSG_PROMPT = 85,
	MSG_REPLY = 86,
	MSG_PASSED = 87,
	/* the audit trail: records on their way to the log process, and its word on each */
	MSG_AUDIT = 70,
	MSG_AUDITED = 71,
	MSG_TRAIL = 72, /* where it is written */
};

/* ---- writing: no call fails before msg_finish() ------------------------------------------- */
struct msg_out {
	uint8_t *buf;
	size_t size, len;
	bool overflow;
};
void msg_start(struct msg_out *o, void *buf, size_t size, enum msg_type type, uint64_t conn)
    __attribute__((nonnull));
void msg_put_u32(struct msg_out *o, uint32_t v) __attribute__((nonnull));
void msg_put_u64(struct msg_out *o, uint64_t v) __attribute__((nonnull));
void msg_put_bytes(struct msg_out *o, const void *p, size_t n) __attribute__((nonnull(1)));
void msg_put_str(struct msg_out *o, const char *s) __attribute__((nonnull)); /* without its NUL */
/* Append what is left of a received message, as it is; `m` is at its end then. */
struct msg_in;
void msg_put_rest(struct msg_out *o, struct msg_in *m) __attribute__((nonnull));
/* 0, or -1 with ERR_FORMAT when it did not fit in the buffer or in MSG_MAX. */
int msg_finish(const struct msg_out *o, struct err *e) __attribute__((warn_unused_result, nonnull));

/* ---- reading: every getter returns 0, or -1 and then every later one does too -------------- */
struct msg_in {
	uint16_t type;
	uint64_t conn;
	const uint8_t *p;
	size_t left;
	bool bad;
};
/* Read the header. -1 with ERR_PEER: too short, too long, another version. `buf` must outlive *m.
 */
int msg_parse(struct msg_in *m, const void *buf, size_t n, struct err *e)
    __attribute__((warn_unused_result, nonnull));
int msg_get_u32(struct msg_in *m, uint32_t *v) __attribute__((warn_unused_result, nonnull));
int msg_get_u64(struct msg_in *m, uint64_t *v) __attribute__((warn_unused_result, nonnull));
/* *p points into the message; -1 too when it is longer than `max`. */
int msg_get_bytes(struct msg_in *m, const uint8_t **p, size_t *n, size_t max)
    __attribute__((warn_unused_result, nonnull));
/* Copy into dst with a NUL; -1 too when it does not fit or holds a NUL. */
int msg_get_str(struct msg_in *m, char *dst, size_t size)
    __attribute__((warn_unused_result, nonnull));
/* 0 when every getter succeeded and nothing is left over; -1 and ERR_PEER otherwise. */
int msg_end(const struct msg_in *m, struct err *e) __attribute__((warn_unused_result, nonnull));
/* Name for logs: "OPEN"; "unknown message" for any other (static text). */
const char *msg_name(unsigned type);

/*
 * What a receiver accepts from one peer: one row a message, in which phases (bits of the
 * receiver's choosing), and how often at most (0: no limit). `ctx` is the receiver's state, fds
 * belong to the handler only where it sets them to -1; msg_dispatch() closes what is left.
 */
struct msg_rule {
	uint16_t type;
	unsigned phases;
	unsigned max_times;
	unsigned max_fds;
	int (*handle)(void *ctx, struct msg_in *m, int *fds, size_t nfds, struct err *e);
};
#define MSG_RULES_MAX 24
struct msg_seen {
	unsigned times[MSG_RULES_MAX];
};
/*
 * Run the handler of one received message. 0, or -1: the handler's error, or ERR_PEER for a
 * message that is unknown, out of phase, too frequent or carries too many descriptors.
 */
int msg_dispatch(const struct msg_rule *rules, size_t nrules, struct msg_seen *seen, unsigned phase,
    void *ctx, const void *buf, size_t n, int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 3, 6, 10)));

#endif
