/* hold.h - keep signals back while several files change together */
#ifndef CA_HOLD_H
#define CA_HOLD_H

#include <signal.h>
#include <stdbool.h>

/* Block INT, TERM, HUP, QUIT; what comes meanwhile strikes at hold_end(). */
void hold_begin(sigset_t *old) __attribute__((nonnull));
bool hold_pending(void); /* one of them is waiting: stop while nothing is done yet */
void hold_end(const sigset_t *old) __attribute__((nonnull));

#endif
