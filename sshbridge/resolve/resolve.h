/* resolve.h - the resolve process: getaddrinfo() for ident, and nothing else */
#ifndef RESOLVE_H
#define RESOLVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "err.h"
#include "msg.h"
#include "sandbox.h"

#define RESOLVE_HOST_MAX      256
#define RESOLVE_ADDRESSES_MAX 16

/* Letters, digits, "-._", and ":%" of IPv6 addresses with a scope; at most 255 bytes. */
bool resolve_host_is_sane(const char *host) __attribute__((nonnull));

/*
 * Look `host` up for a TCP connection to `port`. Return how many addresses there are, each once,
 * in the order in which they are to be tried; 0 and *e when there is none.
 */
size_t resolve_lookup(const char *host, uint16_t port,
    struct sockaddr_storage found[RESOLVE_ADDRESSES_MAX], struct err *e)
    __attribute__((warn_unused_result, nonnull));

/* Answer one RESOLVE on `fd`. -1: the other end broke the protocol or is gone. */
int resolve_answer(int fd, struct msg_in *m, struct err *e)
    __attribute__((warn_unused_result, nonnull));

/*
 * Load the modules that /etc/nsswitch.conf names for hosts: a confined process cannot, for it may
 * not map code. One that is not installed is left to getaddrinfo(), which skips it.
 */
void resolve_preload(void);
/* The module names of the text of an nsswitch.conf, one call each. */
void resolve_modules(const char *text, void (*module)(const char *name)) __attribute__((nonnull));

int resolve_sandbox_enter(const struct sandbox_ids *ids, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
