/* connect.h - the main job: files, name, connection, handshake, relay */
#ifndef CONNECT_H
#define CONNECT_H

#include "options.h"

/* Exit code: 0 the stream came to its end, 1 anything else, told on stderr. */
int connect_run(const struct options *o) __attribute__((warn_unused_result, nonnull));

#endif
