/*
 * counters.h - how many connections all gates have together, in all and from one address
 *
 * One piece of shared memory: a random key, then one part for each gate. A gate writes its own
 * part only and reads all of them; the monitor makes the memory and empties the part of a gate
 * that died. An IPv4 address counts whole, IPv6 by its /64 (with the scope of a link-local one).
 */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "err.h"

#define COUNTERS_GATES_MAX 1024

struct counters_memory; /* what the gates share */
struct counters {
	struct counters_memory *mem;
	unsigned gates, own;
};

size_t counters_size(unsigned gates);
/* A memfd of that size, which nobody can resize, with a new random key. -1: ERR_SYS. */
int counters_new(unsigned gates, struct err *e) __attribute__((warn_unused_result, nonnull));
/*
 * Map it. `own` is the gate's index; the monitor gives `gates`, which owns nothing. The fd stays
 * the caller's and may be closed. -1: ERR_SYS, ERR_PEER (not made by counters_new() for so many
 * gates, or it can be resized).
 */
int counters_map(int fd, unsigned gates, unsigned own, struct counters *c, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void counters_unmap(struct counters *c) __attribute__((nonnull));

/* The name under which an address (folded before, see addr.h) is counted; never 0. */
uint64_t counters_key(const struct counters *c, const struct sockaddr_storage *ss)
    __attribute__((nonnull));

/*
 * Count one more connection of this gate, in all or from one address; 0, or -1 when that would
 * be more than `max` over all gates, and then nothing was counted. counters_add_address() also
 * returns -1 when there is no room to remember one more address. Two gates that ask for the
 * last place at the same moment may both be refused, never both be let in.
 */
int counters_add(struct counters *c, uint32_t max) __attribute__((warn_unused_result, nonnull));
int counters_add_address(struct counters *c, uint64_t key, uint32_t max)
    __attribute__((warn_unused_result, nonnull));
void counters_drop(struct counters *c) __attribute__((nonnull));
void counters_drop_address(struct counters *c, uint64_t key) __attribute__((nonnull));

/* Over all gates. */
uint64_t counters_total(const struct counters *c) __attribute__((nonnull));
uint64_t counters_address(const struct counters *c, uint64_t key) __attribute__((nonnull));

/* The monitor's, for a gate that is dead: its part counts nothing any more. */
void counters_wipe(struct counters_memory *mem, unsigned gate) __attribute__((nonnull));

#endif
