/*
 * watchdog.h - ends a process that works and gets nowhere
 *
 * A client that asks for packets of 10 bytes makes libssh 0.10 write empty ones for ever, and no
 * accessor tells that size beforehand. So own CPU time is watched: when WATCHDOG_SECONDS of it
 * pass within one turn of the connection, the process says so in the log and ends, and the
 * connection with it. RLIMIT_DATA bounds what it may have eaten by then.
 */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdint.h>

#include "err.h"

#ifdef SANITIZED
#define WATCHDOG_SECONDS 20
#else
#define WATCHDOG_SECONDS 5
#endif

/* Before the sandbox. `channel` is the one to the monitor. -1: ERR_SYS. */
int watchdog_start(int channel, struct err *e) __attribute__((warn_unused_result, nonnull));
/* Which connection and whose the last line is about. */
void watchdog_name(uint64_t conn, const char *client) __attribute__((nonnull));
/* A turn begins. */
void watchdog_turn(void);

#endif
