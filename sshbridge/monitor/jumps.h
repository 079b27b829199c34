/* jumps.h - processes that serve one connection each: jump, of which some wait ready, and pam */
#ifndef JUMPS_H
#define JUMPS_H

#include "monitor.h"

/* Ready at once: a burst of so many connections waits for no start. */
#define JUMPS_READY 8

/*
 * Has a jump process said that it can work with the candidate (host keys import, a session can be
 * made)? True also where nothing has to be tried. False: one is at it, monitor_advance() is called
 * when it has answered; or it could not, and there is no candidate any more.
 */
bool jumps_tried(struct monitor *m) __attribute__((warn_unused_result, nonnull));
/* ident has the current generation: end what is ready for another, hand out, start what lacks. */
void jumps_fill(struct monitor *m) __attribute__((nonnull));
/* READY to a generation. -1: it has to go. */
int jumps_answered(struct kid *k, uint64_t number, bool ok, const char *why, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* A started process of one of these kinds, in no list yet. NULL: *e. */
struct kid *jumps_new(struct monitor *m, enum kid_kind kind, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* It did not answer in time. */
void jumps_late(struct kid *k) __attribute__((nonnull));
/* Its channel was closed. */
void jumps_left(struct kid *k) __attribute__((nonnull));
/* It has been waited for: freed. */
void jumps_died(struct kid *k) __attribute__((nonnull));
/* ident ended: no proof, no session. */
void jumps_kill(struct monitor *m) __attribute__((nonnull));
/* Close all channels, pam's too: they end by themselves. */
void jumps_end(struct monitor *m) __attribute__((nonnull));
/* TAKEN of ident; ctx is its struct kid. */
int jumps_on_taken(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 5)));

/* pams.c: PAM of ident, a pam process is wanted; ctx is ident's struct kid */
int pams_on_pam(void *ctx, struct msg_in *in, int *fds, size_t nfds, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 2, 5)));

#endif
