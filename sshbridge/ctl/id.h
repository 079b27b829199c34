/* id.h - what an operator types: connection ids and serial numbers */
#ifndef ID_H
#define ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1 to 16 hex digits of either case; not 0. */
bool id_parse(const char *text, uint64_t *id) __attribute__((nonnull));
/*
 * A serial number as any tool shows it, hex of either case, with or without colons between bytes,
 * into lower-case hex without leading zeros. False: it is none, or longer than `size` allows.
 */
bool id_serial(const char *text, char *dst, size_t size) __attribute__((nonnull));

#endif
