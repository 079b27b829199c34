/*
 * touch.h - how a security key was used
 *
 * What a FIDO key signs has a byte of flags in it: somebody touched it, it has verified its user.
 * libssh verifies such signatures and tells nobody the flags, so the program stands between libssh
 * and libcrypto and remembers those of the last one. Whatever is not seen counts as not touched.
 */
#ifndef TOUCH_H
#define TOUCH_H

#include "err.h"
#include "sshkey.h"

/* Before the sandbox. -1: libcrypto's function is not found. */
int touch_init(struct err *e) __attribute__((warn_unused_result, nonnull));
/* A connection begins: nothing that was seen before it counts. */
void touch_begin(void);
/* Signatures seen so far: the self-test's must be among them. */
unsigned touch_count(void);
/* One of them was wrong. libssh answers nothing to such a one, and it comes into no queue. */
bool touch_wrong(void);
/*
 * Flags (SSHKEY_TOUCHED, SSHKEY_VERIFIED) of the last signature that was verified, if it is this
 * key's and good; else, and for keys of other types, 0.
 */
uint32_t touch_of(const struct sshkey *k) __attribute__((nonnull));

#endif
