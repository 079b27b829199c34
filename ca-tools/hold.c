/* hold.c - keep signals back while several files change together */
#include <stddef.h>

#include "hold.h"

static const int held[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define NHELD (sizeof(held) / sizeof(held[0]))

void
hold_begin(sigset_t *old)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < NHELD; i++)
		(void)sigaddset(&set, held[i]);
	(void)sigprocmask(SIG_BLOCK, &set, old);
}

bool
hold_pending(void)
{
	sigset_t set;

	if (sigpending(&set) == -1)
		return false;
	for (size_t i = 0; i < NHELD; i++)
		if (sigismember(&set, held[i]) == 1)
			return true;
	return false;
}

void
hold_end(const sigset_t *old)
{
	(void)sigprocmask(SIG_SETMASK, old, NULL);
}
