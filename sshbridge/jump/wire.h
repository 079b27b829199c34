/*
 * wire.h - the descriptor of the SSH connection, between libssh and the kernel
 *
 * libssh reads 4096 bytes at a time and asks poll() before each of them; on the way up that is
 * more than half of what a byte costs. So this program defines recv(), send() and poll() itself:
 * for the one descriptor given to wire_start() they work on what was read ahead here, for any
 * other they are the kernel's (docs/decisions.md, "The jump process reads ahead of libssh").
 * There is one connection in a process, so there is one wire.
 *
 * What was read ahead wakes no epoll: whoever turns the connection goes on while wire_pending().
 */
#ifndef WIRE_H
#define WIRE_H

#include <event2/event.h>
#include <libssh/callbacks.h>
#include <stdbool.h>
#include <stdint.h>


/* Bytes read ahead at most. */
#define WIRE_AHEAD (256UL * 1024)
/*
 * What libssh holds because the client does not read, at most (and a packet); then the client is
 * not read either. Bytes of channels are not let get here (pump.h): these are answers.
 */
#define WIRE_UNSENT_MAX (512UL * 1024)

/*
 * From now on `fd`, which is libssh's, goes through here. `packets` is what libssh counts of its
 * packets (ssh_set_counters()). on_ready is called from the loop when there may be something to
 * read, or to write after wire_blocked(). Nothing is read before the first wire_settle().
 */
void wire_start(struct event_base *base, ssh_session session, int fd,
    const struct ssh_counter_struct *packets, void (*on_ready)(void *), void *arg)
    __attribute__((nonnull(1, 2, 4, 5)));
/* Before the descriptor is closed; twice does nothing. */
void wire_stop(void);

/* There is something that libssh can read without waiting. */
bool wire_pending(void);
/* libssh holds something that has not gone out. */
bool wire_unsent(void);
/* Bytes that libssh read so far. */
uint64_t wire_in(void);
/*
 * The last of each turn: read on, unless `hold`, or libssh has too much for a client that does not
 * read. Writes what can be written; -1: the loop has no memory for an event.
 */
int wire_settle(bool hold) __attribute__((warn_unused_result));

#endif
