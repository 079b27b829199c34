/* connect.h - the main job: files, name, connection, handshake, relay */
#ifndef CONNECT_H
#define CONNECT_H

#include "cred.h"
#include "options.h"
#include "relay.h"

/* Exit code: 0 the stream came to its end, 1 anything else, told on stderr. */
int connect_run(const struct options *o) __attribute__((warn_unused_result, nonnull));
/* The same with files that have been read, and what is told is told to the client too. */
int connect_with(const struct options *o, const struct cred *cred, struct relay_client *client)
    __attribute__((warn_unused_result, nonnull));

/* On stderr, and to a client at stdout that wants lines and has not seen the SSH version yet. */
void connect_tell(const struct relay_client *client, const char *text) __attribute__((nonnull));

#endif
