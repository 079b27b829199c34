/* addr.h - client addresses: text, wire form, networks; IPv4-mapped addresses are always folded */
#ifndef ADDR_H
#define ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "err.h"
#include "msg.h"

/* Fold ::ffff:a.b.c.d to a.b.c.d. Family other than INET and INET6: -1. */
int addr_fold(struct sockaddr_storage *ss) __attribute__((warn_unused_result, nonnull));
socklen_t addr_len(const struct sockaddr_storage *ss) __attribute__((nonnull));
uint16_t addr_port(const struct sockaddr_storage *ss) __attribute__((nonnull));
void addr_set_port(struct sockaddr_storage *ss, uint16_t port) __attribute__((nonnull));
/* Address, port and scope id equal (both folded before). */
bool addr_equal(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
    __attribute__((nonnull));

#define ADDR_TEXT_SIZE 80
/* "192.0.2.1" or "2001:db8::1%3" ; "192.0.2.1:22" or "[2001:db8::1]:22". Return dst. */
char *addr_text(const struct sockaddr_storage *ss, char dst[ADDR_TEXT_SIZE])
    __attribute__((nonnull));
char *addr_text_port(const struct sockaddr_storage *ss, char dst[ADDR_TEXT_SIZE])
    __attribute__((nonnull));
/* A numeric address without port; folded. -1: ERR_FORMAT. */
int addr_parse(const char *text, struct sockaddr_storage *ss, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* u8 family (4, 6), 4 or 16 bytes, u16 port, for 6 also u32 scope, as one bytes field */
void addr_put(const struct sockaddr_storage *ss, struct msg_out *o) __attribute__((nonnull));
int addr_get(struct msg_in *m, struct sockaddr_storage *ss)
    __attribute__((warn_unused_result, nonnull));

struct cidr {
	uint8_t family; /* 4 or 6 */
	uint8_t prefix; /* bits */
	uint8_t bytes[16];
};
/* "10.0.0.0/8", "2001:db8::/32" or an address alone; host bits set: ERR_FORMAT. */
int cidr_parse(const char *text, struct cidr *c, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Whether the first `bits` bits are the same; of an address or network in network byte order. */
bool addr_prefix_equal(const uint8_t *a, const uint8_t *b, unsigned bits) __attribute__((nonnull));
bool cidr_contains(const struct cidr *c, const struct sockaddr_storage *ss)
    __attribute__((nonnull));

#endif
