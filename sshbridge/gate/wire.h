/*
 * wire.h - the bytes of one TLS connection on their way between OpenSSL and its socket
 *
 * A BIO without memory of its own. All connections of a gate share one scratch area: what OpenSSL
 * writes is gathered there and leaves in one send() (wire_flush), what came in by one recv()
 * (wire_fill) is handed out piece by piece. Only what the socket did not take is kept with the
 * connection. One wire has the scratch area at a time, from its first byte in it until it was
 * flushed and read empty: nothing of one connection can meet another.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/bio.h>

#include "err.h"

/* Plain bytes that one turn takes from either side; what they become as records fits in OUT. */
#define WIRE_CHUNK    (64 * 1024)
#define WIRE_IN_SIZE  WIRE_CHUNK
#define WIRE_OUT_SIZE (WIRE_CHUNK + 32 * 1024)
/* The most that waits for a client that does not read (a turn's records, answers to key updates).
 */
#define WIRE_REST_MAX (2 * WIRE_OUT_SIZE)
/* Reads of OpenSSL's in one turn, two for a record: the largest ClientHello can have 130,000. */
#define WIRE_READS 64

struct wire;
struct wire_scratch {
	const struct wire *owner;
	size_t in_off, in_len, out_len;
	uint8_t in[WIRE_IN_SIZE];
	uint8_t out[WIRE_OUT_SIZE];
	/* the pump's: what `in` decrypts to, and the record that an earlier turn began */
	uint8_t plain[WIRE_IN_SIZE + 32 * 1024];
};

/* Bytes that a socket did not take. */
struct rest {
	uint8_t *p;
	size_t off, len;
};

struct wire {
	struct wire_scratch *s;
	int fd;
	/*
	 * During the handshake each read of OpenSSL's is a recv() of just that length, so that what
	 * the client sends behind it stays in the socket until there is a place for it to go.
	 */
	bool direct;
	unsigned reads;	  /* that this turn may still make, when direct; see wire_turn() */
	bool eof;	  /* the client sent its FIN */
	bool failed;	  /* reset, or the rest grew too large: nothing works any more */
	bool mute;	  /* our FIN is out: what OpenSSL still wants to say is dropped */
	int errnum;	  /* why it failed */
	uint8_t first[8]; /* of the connection, to tell SSH and HTTP from TLS */
	uint8_t nfirst;
	struct rest rest;
};

/* Once, before the sandbox. */
int wire_setup(struct err *e) __attribute__((warn_unused_result, nonnull));
void wire_init(struct wire *w, struct wire_scratch *s, int fd) __attribute__((nonnull));
void wire_done(struct wire *w) __attribute__((nonnull)); /* the fd stays the caller's */
/* A BIO over it, for SSL_set_bio(); NULL: out of memory. */
BIO *wire_bio(struct wire *w) __attribute__((nonnull));
/*
 * A direct wire's turn begins. OpenSSL goes on as long as there are records, however small: after
 * WIRE_READS it is told that there are none now, so that others have their turn. What is left is
 * in the socket, which stays readable.
 */
void wire_turn(struct wire *w) __attribute__((nonnull));
/* Nothing more is read in this turn; what wire_fill() brought is thrown away. */
void wire_stop(struct wire *w) __attribute__((nonnull));

/*
 * One recv() of at most WIRE_IN_SIZE bytes. How many; 0: nothing there now, or the end
 * (w->eof), or w->failed. All of it has to be read in this turn; w->reads is 0 afterwards when
 * that took WIRE_READS or more.
 */
size_t wire_fill(struct wire *w) __attribute__((nonnull));
/*
 * Send what waits and what was gathered; the scratch area is free afterwards. False when some of
 * it has to wait until the socket takes more (or w->failed).
 */
bool wire_flush(struct wire *w) __attribute__((nonnull));
/* Gives the scratch area back, with what a dead connection left in it. */
void wire_drop(struct wire *w) __attribute__((nonnull));

/*
 * rest_send() sends what waits, then `n` bytes of `p`; what the socket does not take is kept, at
 * most `max` bytes. 0, or an errno: EAGAIN, some waits; ENOBUFS, more than `max`; ENOMEM; or
 * the socket's.
 */
int rest_send(struct rest *r, int fd, const uint8_t *p, size_t n, size_t max)
    __attribute__((warn_unused_result, nonnull(1)));
void rest_done(struct rest *r) __attribute__((nonnull));

#endif
