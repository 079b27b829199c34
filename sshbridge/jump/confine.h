/* confine.h - locking the jump process in */
#ifndef CONFINE_H
#define CONFINE_H

#include "sandbox.h"

/* Before the sandbox: ceilings on the memory and on the CPU time of one SSH connection. */
int jump_limits(struct err *e) __attribute__((warn_unused_result, nonnull));
/* For good; see lib/sandbox.h. */
int jump_sandbox_enter(const struct sandbox_ids *ids, int trap_fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
