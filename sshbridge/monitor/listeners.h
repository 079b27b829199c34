/* listeners.h - the TCP listeners: one for each address and gate; and the Unix sockets by path */
#ifndef LISTENERS_H
#define LISTENERS_H

#include <sys/socket.h>
#include <sys/stat.h>

#include "err.h"
#include "settings.h"

/*
 * The monitor keeps a copy of every listener, so that the queue outlives a gate, and no gate can
 * shut another's. A set is counted: sets share the descriptors of addresses that they have in
 * common, so that a reload drops nobody who waits in a queue.
 */
struct listeners {
	uint64_t number; /* of the set; grows */
	size_t naddrs, ngates;
	struct sockaddr_storage addrs[SETTINGS_LISTENERS_MAX];
	int *fds; /* naddrs x ngates; -1 for none */
};
/*
 * Open what `addrs` names and `old` (may be NULL) does not have yet; the rest is duplicated from
 * `old`. NULL and *e: ERR_SYS, naming the address.
 */
struct listeners *listeners_new(const struct sockaddr_storage *addrs, size_t n, size_t ngates,
    const struct listeners *old, struct err *e) __attribute__((warn_unused_result, nonnull(1, 5)));
void listeners_free(struct listeners *l);
int listeners_fd(const struct listeners *l, size_t addr, size_t gate) __attribute__((nonnull));

/* A SOCK_SEQPACKET listener, 0600 (or a group's, 0660), that appears under its path only when it is
 * published. */
struct unixsock {
	int fd;
	char path[108], temp[108];
	struct stat before; /* what had the path when this was made; st_ino 0: nothing */
	bool published;
	dev_t dev;
	ino_t ino;
};
struct unixsock *unixsock_new(const char *path, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Let this group connect too. -1: ERR_SYS. */
int unixsock_group(const struct unixsock *u, gid_t gid, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/*
 * Take the path over from what had it when unixsock_new() looked. -1: ERR_REFUSED (another has
 * taken it since), ERR_SYS.
 */
int unixsock_publish(struct unixsock *u, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* Closes; removes the path if it is still ours. */
void unixsock_free(struct unixsock *u);

#endif
