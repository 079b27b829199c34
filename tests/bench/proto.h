/*
 * proto.h - what the load client asks of the target behind a server under measurement
 *
 * A connection begins with nine bytes: a letter and a number (64 bits, big endian).
 */
#ifndef BENCH_PROTO_H
#define BENCH_PROTO_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PROTO_LEN = 9,
	PROTO_DOWN = 'D',   /* send so many bytes, then wait for the end */
	PROTO_UP = 'U',	    /* take so many bytes, then answer one */
	PROTO_SLOW = 'S',   /* the same, with a pause after each MiB */
	PROTO_ECHO = 'E',   /* send back whatever comes, to the end */
	PROTO_HOLD = 'H',   /* answer one byte, then wait for the end */
	PROTO_MESSAGE = 64, /* bytes of one round trip */
};

static inline void
proto_put(uint8_t p[PROTO_LEN], int letter, uint64_t n)
{
	p[0] = (uint8_t)letter;
	for (int i = 0; i < 8; i++)
		p[1 + i] = (uint8_t)(n >> (56 - 8 * i));
}

static inline uint64_t
proto_number(const uint8_t p[PROTO_LEN])
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | p[1 + i];
	return n;
}

/* Nothing is measured after an error: say what failed and end. */
#define die(...)                              \
	do {                                  \
		fprintf(stderr, __VA_ARGS__); \
		fputc('\n', stderr);          \
		exit(1);                      \
	} while (0)

#endif
