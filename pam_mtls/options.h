/* options.h - the words behind pam_mtls.so on a line of pam.d */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

#include "err.h"

#define OPTIONS_SOCKET	   "/run/sshbridge/ident.sock"
#define OPTIONS_SOCKET_MAX 107 /* bytes: what bind(2) takes */
#define OPTIONS_TIMEOUT_MS 2000

struct options {
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
int options_parse(int argc, const char **argv, bool account, struct options *o, struct err *e)
    __attribute__((warn_unused_result, nonnull(4, 5)));

#endif
