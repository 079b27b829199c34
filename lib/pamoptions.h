/* pamoptions.h - the words behind pam_mtls.so on a line of pam.d */
#ifndef PAMOPTIONS_H
#define PAMOPTIONS_H

#include <stdbool.h>

#include "err.h"

#define PAMOPTIONS_SOCKET     "/run/sshbridge/ident.sock"
#define PAMOPTIONS_SOCKET_MAX 107 /* bytes: what bind(2) takes */
#define PAMOPTIONS_TIMEOUT_MS 2000

struct pamoptions {
	const char *socket; /* of the caller's argv, or the default */
	int timeout_ms;
	bool bind_session; /* open_session will tell the SSH key that account does not know yet */
	bool debug;
};

/*
 * Read all words of a line; `account` tells whether it is one of that type. 0, or -1 and
 * ERR_FORMAT: one that is unknown, given twice, of a later version, or out of its range. A line
 * with one bad word is bad as a whole: a typo must not switch a check off.
 */
int pamoptions_parse(int argc, const char **argv, bool account, struct pamoptions *o, struct err *e)
    __attribute__((warn_unused_result, nonnull(4, 5)));

#endif
