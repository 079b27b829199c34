/* options.h - the command line */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "endpoint.h"
#include "err.h"

#define OPTIONS_TIMEOUT 15 /* seconds */

enum options_command {
	COMMAND_CONNECT,
	COMMAND_LISTEN,
	COMMAND_SETUP,
	COMMAND_HELP,
	COMMAND_VERSION
};

struct options {
	enum options_command command;
	struct endpoint bridge;
	const char *cert, *key, *ca; /* NULL: the default place */
	const char *server_name;     /* NULL: the host itself */
	unsigned timeout_s;	     /* name, connection and handshake together */
	int family;		     /* AF_UNSPEC, AF_INET, AF_INET6 */
	bool tls12;		     /* --min-version 1.2 */
	bool verbose;
	/* COMMAND_LISTEN only */
	struct sockaddr_storage listen;
	bool allow_others; /* who is not this user may connect */
	/* setup only */
	const char *targets; /* patterns of ssh_config(5) with commas between, or NULL */
	const char *user;
	const char *file; /* NULL: ~/.ssh/config */
	bool write;
};

/* Strings in *o point into argv. 0, or -1 and *e ERR_FORMAT: what is wrong, what is allowed. */
int options_parse(int argc, char **argv, struct options *o, struct err *e)
    __attribute__((warn_unused_result, nonnull));
/* The whole help text. */
const char *options_help(void);

#endif
