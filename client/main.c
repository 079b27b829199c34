/* main.c - mtls-connect: joins its user to an SSH server behind the bridge */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "connect.h"
#include "err.h"
#include "listen.h"
#include "options.h"
#include "say.h"
#include "setup.h"
#include "stream.h"

enum { EXIT_USAGE = 2 };

int
main(int argc, char **argv)
{
	struct options o;
	struct err e;

	if (stream_reserve(&e) == -1)
		return EXIT_FAILURE;
	/* A reader that went away is an errno, not the end of us before the server hears of it. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (options_parse(argc, argv, &o, &e) == -1) {
		say("%s (--help shows all)", e.text);
		return EXIT_USAGE;
	}
	switch (o.command) {
	case COMMAND_HELP:
		return fputs(options_help(), stdout) < 0 || fflush(stdout) != 0;
	case COMMAND_VERSION:
		return printf("mtls-connect %s\n", VERSION) < 0 || fflush(stdout) != 0;
	case COMMAND_SETUP:
		return setup_run(&o);
	case COMMAND_LISTEN:
		return listen_run(&o);
	case COMMAND_CONNECT:
		return connect_run(&o);
	}
	return EXIT_USAGE;
}
