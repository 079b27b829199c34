/*
 * pump.h - the bytes of a channel
 *
 * Up, from the client: libssh's data callback sends straight to the target. What the target does
 * not take stays in libssh, so the channel's window closes and that channel's client waits, no
 * other. Down: a target is read only while its channel's window is open and libssh holds nothing
 * unsent, so nothing piles up however large a window the client gives.
 */
#ifndef PUMP_H
#define PUMP_H

#include "channel.h"

/* Bytes read from a target at once. */
#define PUMP_CHUNK (64UL * 1024)

/* Before the channel is accepted: libssh's callbacks. -1: out of memory. */
int pump_attach(struct channel *c) __attribute__((warn_unused_result, nonnull));
/* Drops what waits, and the callbacks. Not within a callback. */
void pump_detach(struct channel *c) __attribute__((nonnull));

/* One round of one channel; true when something moved, so that another may be worth it. */
bool pump_up(struct channel *c) __attribute__((nonnull));
bool pump_down(struct channel *c) __attribute__((nonnull));
/* Nothing more will move: the channel can be closed. */
bool pump_finished(const struct channel *c) __attribute__((nonnull));

#endif
