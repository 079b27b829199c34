/* bytes.h - how much a live connection has carried, as the kernel counts it */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * By the socket to the target: what it has sent and received, without what was sent again. The
 * gate counts the same and is not asked. False: the kernel does not say (before Linux 4.19).
 */
bool bytes_of(int fd, uint64_t *from_client, uint64_t *to_client)
    __attribute__((warn_unused_result, nonnull));

#endif
