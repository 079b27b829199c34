/* listen.h - a gate's listeners, made and bound by the monitor */
#ifndef LISTEN_H
#define LISTEN_H

#include <event2/event_struct.h>

#include "settings.h"

struct gate;

struct listener {
	struct gate *g;
	int fd;
	struct event ev;
	struct settings_listener conf;
};
struct listen {
	struct listener *one; /* `n` of them */
	size_t n;
	struct event pause;
	int64_t told; /* when "out of descriptors" was last logged */
};

void listen_init(struct gate *g) __attribute__((nonnull));
/*
 * Serve these from now on; index[i] tells which listener of the settings fds[i] is. What already
 * waits on the old ones is accepted first. The fds are taken over and set to -1, but not on -1:
 * ERR_PEER (not a listener), ERR_NOMEM.
 */
int listen_replace(struct gate *g, const uint32_t *index, int *fds, size_t n, struct err *e)
    __attribute__((warn_unused_result, nonnull(1, 5)));

#endif
