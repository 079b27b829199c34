/*
 * keys.h - those who ask about the SSH key that a client offers: mtls-keys, on keys-socket
 *
 * They run as a user that is not root, and are told yes or no. However many they are, what they
 * take from those who ask on ident-socket is bounded: few at once, few a second.
 */
#ifndef KEYS_H
#define KEYS_H

#include <event2/event.h>
#include <sys/queue.h>

#include "question.h"

#define KEYS_ASKERS_MAX 32
#define KEYS_PER_SECOND 500

struct ident;
struct keys_asker;

struct keys {
	int listener;		/* -1: none */
	struct event *readable; /* NULL: none */
	struct event *slice;	/* the clock of KEYS_PER_SECOND */
	unsigned left;		/* questions that this slice of time still takes */
	LIST_HEAD(, keys_asker) askers;
	size_t n;
};

int keys_init(struct ident *id, struct err *e) __attribute__((warn_unused_result, nonnull));
void keys_done(struct ident *id) __attribute__((nonnull));
/* The listener of keys-socket, which replaces the one before; takes fd over when it succeeds. */
int keys_listen(struct ident *id, int fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* There is a generation now to answer by. */
void keys_enable(struct ident *id) __attribute__((nonnull));
/* As ask_answered(). */
void keys_answered(struct ident *id, uint64_t number, const struct answer *a)
    __attribute__((nonnull));

#endif
