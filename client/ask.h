/* ask.h - a passphrase from the terminal */
#ifndef ASK_H
#define ASK_H

#include <stddef.h>

#include "err.h"

/*
 * Show `prompt` on /dev/tty and read one line from there with echo off; never from stdin, which
 * belongs to ssh. On SIGINT, SIGTERM, SIGHUP and SIGQUIT the terminal is set right before the
 * signal takes effect. Return the length in buf (NUL-terminated; the caller cleanses it), or -1
 * and *e: ERR_SYS (no terminal), ERR_FORMAT (too long, end of file).
 */
int ask_passphrase(const char *prompt, char *buf, size_t size, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
