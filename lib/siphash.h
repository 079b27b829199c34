/* siphash.h - SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash for tables that strangers fill
 */
#ifndef SIPHASH_H
#define SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_SIZE 16

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], const void *p, size_t n)
    __attribute__((nonnull));

#endif
