/* locks.h - locked identities: the monitor keeps them in a file and tells ident the whole set */
#ifndef LOCKS_H
#define LOCKS_H

#include "lockfile.h"
#include "monitor.h"

struct locks {
	char *path;
	struct lockset set;
	uint64_t number; /* of the set; grows */
};

/* Read the file that the configuration names. -1: it cannot be relied on, so nothing may start. */
int locks_open(struct monitor *m, const char *path, struct err *e)
    __attribute__((warn_unused_result, nonnull));
void locks_close(struct monitor *m) __attribute__((nonnull));
/* The set as sealed memory, the caller's. -1: ERR_SYS, ERR_NOMEM. */
int locks_seal(const struct monitor *m, struct err *e) __attribute__((warn_unused_result, nonnull));
/* Tell ident the whole set; it answers with LOCKS when it is in force. */
void locks_to_ident(struct monitor *m) __attribute__((nonnull));
/* Its answer. -1: malformed. */
int locks_in_force(struct monitor *m, struct msg_in *in, struct err *e)
    __attribute__((warn_unused_result, nonnull));

#endif
