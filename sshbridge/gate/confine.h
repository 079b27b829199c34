/* confine.h - what a gate may ask of the kernel */
#ifndef CONFINE_H
#define CONFINE_H

#include "sandbox.h"

/* sandbox_enter() with the gate's own list; `trap_fd` as there. */
int gate_sandbox_enter(const struct sandbox_ids *ids, int trap_fd, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
