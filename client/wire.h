/* wire.h - ciphertext on its way to the socket: many TLS records, one system call */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/bio.h>

#include "err.h"

/* A TLS record of 16 KiB with all it may carry besides (RFC 8446 section 5.2). */
#define WIRE_RECORD  (16384 + 256 + 5)
#define WIRE_RECORDS 8
/* Behind them room for alerts and handshake messages, which no back-pressure may hold up. */
#define WIRE_SIZE (WIRE_RECORDS * WIRE_RECORD + 32768)

/*
 * TLS writes into this buffer, never to the socket. So a connection that the server has closed
 * does not stop us from reading why: `error` is set, what TLS writes later vanishes.
 */
struct wire {
	uint8_t *buf;
	size_t off, len; /* buf[off..len) is to be sent */
	int fd;		 /* -1: not connected yet */
	int error;	 /* errno of the failed send, or 0 */
};

int wire_init(struct wire *w, struct err *e) __attribute__((warn_unused_result, nonnull));
void wire_done(struct wire *w) __attribute__((nonnull));
/* A BIO for SSL_set_bio(); the wire must outlive it. NULL: out of memory. */
BIO *wire_bio(struct wire *w) __attribute__((warn_unused_result, nonnull));

static inline size_t
wire_pending(const struct wire *w)
{
	return w->len - w->off;
}
/* Whether one more full record of data may be written. */
static inline bool
wire_has_room(const struct wire *w)
{
	return wire_pending(w) <= (WIRE_RECORDS - 1) * WIRE_RECORD;
}
/* Send what the socket takes now. */
void wire_flush(struct wire *w) __attribute__((nonnull));

#endif
